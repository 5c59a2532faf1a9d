//! One connection: reads a request's head, passes over its body, answers.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::checksum::{self, CHECKSUMMED};
use super::listing::Listing;

/// What is read and written at a time.
const BUFFER: usize = 256 << 10;

/// What S3 answers with besides; a client reads it, so it belongs to the figures.
const USUAL_HEADERS: &str = "\
    x-amz-id-2: Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7/C1NPcfTWAtRPfTaOFg==\r\n\
    x-amz-request-id: 656c76696e6727732072657175657374\r\n\
    Date: Fri, 14 Mar 2025 09:26:53 GMT\r\n\
    Server: null\r\n";

const OBJECT_HEADERS: &str = "\
    ETag: \"9b2cf535f27731c974343645a3985328\"\r\n\
    Last-Modified: Thu, 13 Mar 2025 17:05:41 GMT\r\n\
    Accept-Ranges: bytes\r\n\
    Content-Type: application/octet-stream\r\n";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Put,
    Delete,
}

struct Request<'a> {
    method: Method,
    target: &'a str,
    body_length: usize,
    /// The client waits for leave to send the body, as large uploads do.
    expects_consent: bool,
}

/// Serves requests until the client closes the connection.
pub async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, listing: &Listing) -> io::Result<()> {
    let (mut buffer, mut filled, mut answer) = (vec![0; BUFFER], 0, Vec::new());
    loop {
        let Some(end) = read_head(&mut stream, &mut buffer, &mut filled).await? else { return Ok(()) };
        let request = parse(&buffer[..end]).ok_or_else(|| io::Error::other("this is no request"))?;
        let content = write_answer(&request, listing, &mut answer);
        let request_end = end + request.body_length;
        if request.expects_consent {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            stream.flush().await?;
        }
        skip_body(&mut stream, &mut buffer, &mut filled, request_end).await?;
        stream.write_all(&answer).await?;
        write_content(&mut stream, &mut buffer, filled, content).await?;
        stream.flush().await?;
    }
}

/// Reads until a head is there; returns where it ends, `None` if there is no further request.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    filled: &mut usize,
) -> io::Result<Option<usize>> {
    loop {
        if let Some(start) = buffer[..*filled].windows(4).position(|window| window == b"\r\n\r\n") {
            return Ok(Some(start + 4));
        }
        match stream.read(&mut buffer[*filled..]).await? {
            0 => return Ok(None),
            count => *filled += count,
        }
    }
}

fn parse(head: &[u8]) -> Option<Request<'_>> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let method = match words.next()? {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return None,
    };
    let target = words.next()?;
    let mut request = Request { method, target, body_length: 0, expects_consent: false };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            request.body_length = value.trim().parse().ok()?;
        }
        request.expects_consent |= name.eq_ignore_ascii_case("expect");
    }
    Some(request)
}

/// Passes over the rest of a request and keeps what follows it.
async fn skip_body(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    filled: &mut usize,
    end: usize,
) -> io::Result<()> {
    if end <= *filled {
        buffer.copy_within(end..*filled, 0);
        *filled -= end;
        return Ok(());
    }
    let mut remaining = end - *filled;
    *filled = 0;
    while remaining > 0 {
        let room = remaining.min(buffer.len());
        match stream.read(&mut buffer[..room]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => remaining -= count,
        }
    }
    Ok(())
}

/// Writes the answer, small contents with it; returns how many bytes are still to be sent.
fn write_answer(request: &Request<'_>, listing: &Listing, out: &mut Vec<u8>) -> usize {
    out.clear();
    match request.method {
        Method::Delete => write_head(out, "204 No Content", "", 0),
        Method::Put => write_head(out, "200 OK", OBJECT_HEADERS, 0),
        Method::Get | Method::Head => match request.target.split_once('?') {
            Some((_, query)) if query.contains("list-type=2") => {
                let page = listing.page(query);
                write_head(out, "200 OK", "Content-Type: application/xml\r\n", page.len());
                out.extend_from_slice(page);
            }
            _ => return write_object(out, request),
        },
    }
    0
}

fn write_object(out: &mut Vec<u8>, request: &Request<'_>) -> usize {
    let mut path = request.target.rsplit('/');
    let size = path.next().and_then(|size| size.parse().ok()).unwrap_or_default();
    if path.next() == Some(CHECKSUMMED) {
        write_head(out, "200 OK", &format!("{OBJECT_HEADERS}{}", checksum::headers(size)), size);
    } else {
        write_head(out, "200 OK", OBJECT_HEADERS, size);
    }
    match request.method {
        Method::Get if size <= BUFFER => {
            out.resize(out.len() + size, b'x');
            0
        }
        Method::Get => size,
        _ => 0,
    }
}

fn write_head(out: &mut Vec<u8>, status: &str, headers: &str, length: usize) {
    for text in ["HTTP/1.1 ", status, "\r\n", USUAL_HEADERS, headers, "Content-Length: ", &length.to_string()] {
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// The same bytes as small objects have: some have a checksum.
async fn write_content(
    stream: &mut (impl AsyncWrite + Unpin),
    buffer: &mut [u8],
    filled: usize,
    mut length: usize,
) -> io::Result<()> {
    if length > 0 {
        buffer[filled..].fill(b'x');
    }
    while length > 0 {
        let room = length.min(buffer.len() - filled);
        stream.write_all(&buffer[filled..filled + room]).await?;
        length -= room;
    }
    Ok(())
}
