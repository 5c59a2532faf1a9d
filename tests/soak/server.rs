//! A server that keeps nothing: each kind of request has one answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::threads::{self, head};

/// The bytes of the object that is always there.
pub const OBJECT: &str = "hello";

/// Starts the server and returns its port; it ends with the process.
pub fn start() -> u16 {
    threads::start(serve)
}

/// Answers requests until the client leaves.
fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket option");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
        let Ok(length) = head(&mut reader) else { return };
        let body = std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink());
        if body.is_err() || stream.write_all(answer(&line).as_bytes()).is_err() {
            return;
        }
        line.clear();
    }
}

fn answer(request_line: &str) -> String {
    let (method, target) = request_line.split_once(' ').expect("a request line");
    let listing = format!(
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>{}</Size></Contents></ListBucketResult>",
        OBJECT.len()
    );
    let tags = "<Tagging><TagSet></TagSet></Tagging>";
    match method {
        "GET" if target.contains("list-type") => framed("200 OK", &listing),
        "GET" if target.contains("tagging") => framed("200 OK", tags),
        "GET" if target.contains("chunked") => chunked(OBJECT),
        "GET" if target.contains("empty") => framed("200 OK", ""),
        "GET" if target.contains("refused") => framed("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>"),
        "GET" => framed("200 OK", OBJECT),
        "HEAD" => format!("HTTP/1.1 200 OK\r\n{MARKS}Content-Length: {}\r\n\r\n", OBJECT.len()),
        "DELETE" => format!("HTTP/1.1 204 No Content\r\n{MARKS}\r\n"),
        // A blank line is no result, and no page either.
        "PUT" if target.contains("with-body") => framed("200 OK", "\n"),
        _ => framed("200 OK", ""),
    }
}

const MARKS: &str = "x-amz-request-id: 1\r\nETag: \"e\"\r\n";

fn framed(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{MARKS}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{MARKS}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}
