//! A server that keeps nothing: it reads what is put, and gives zeros.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::threads::{self, head};
use crate::transfer::SIZE;

const BLOCK: usize = 256 << 10;

/// Starts the server and returns its port; it ends with the process.
pub fn start() -> u16 {
    threads::start(serve)
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
            // Of how many bytes it had it knows nothing.
            "HEAD" => head(&mut reader).and_then(|_| stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\n\r\n")),
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

fn zeros(stream: &mut TcpStream) -> std::io::Result<()> {
    let block = vec![0; BLOCK];
    (0..SIZE / BLOCK as u64).try_for_each(|_| stream.write_all(&block))
}
