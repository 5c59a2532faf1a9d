//! A server that keeps nothing: it reads what is put, and gives zeros.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::transfer::SIZE;

const BLOCK: usize = 256 << 10;

/// Starts the server and returns its port; it ends with the process.
pub fn start() -> u16 {
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

/// Serves requests until the client leaves. A line `SOURCE` or `SINK` turns the connection into a plain socket.
fn serve(mut stream: TcpStream) {
    let mut reader = BufReader::with_capacity(BLOCK, stream.try_clone().expect("a second handle"));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let served = match line.split(' ').next().unwrap_or_default().trim() {
            "SOURCE" => zeros(&mut stream),
            "SINK" => std::io::copy(&mut reader, &mut std::io::sink()).map(drop),
            "GET" => head(&mut reader).and_then(|_| {
                write!(stream, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: {SIZE}\r\n\r\n")?;
                zeros(&mut stream)
            }),
            _ => head(&mut reader).and_then(|length| {
                std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n")
            }),
        };
        if served.is_err() || line.starts_with('S') {
            return;
        }
    }
}

/// Reads the headers of a request and returns its Content-Length.
fn head(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let mut length = 0;
    for line in reader.lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    Ok(length)
}

fn zeros(stream: &mut TcpStream) -> std::io::Result<()> {
    let block = vec![0; BLOCK];
    (0..SIZE / BLOCK as u64).try_for_each(|_| stream.write_all(&block))
}
