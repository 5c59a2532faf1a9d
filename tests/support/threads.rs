//! A server on threads of its own, as little of HTTP as a test of time or memory needs: what disturbs its figures is not here.

use std::io::BufRead;
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Starts a server that serves each connection so, and returns its port; it ends with the process.
pub fn start(serve: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Reads the headers of a request and returns its Content-Length.
pub fn head(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    Ok(length)
}
