//! HTTP/1.1 requests as raw bytes: read without repairing anything.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::canonical::lossy;

/// A request head above this size is refused.
pub const HEAD_LIMIT: usize = 64 * 1024;

/// The head of a request as it was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method, as sent.
    pub method: String,
    /// Request target: raw path and, after `?`, raw query.
    pub target: Vec<u8>,
    /// Header names in their case and raw values in their order. Only the one space after the colon
    /// is taken off.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl RequestHead {
    /// Reads a head without the blank line that ends it.
    pub fn parse(raw: &[u8]) -> Result<Self, String> {
        let mut lines = split_lines(raw).into_iter();
        let (method, target) = parse_request_line(lines.next().unwrap_or_default())?;
        let headers = lines.map(parse_header).collect::<Result<_, _>>()?;
        Ok(Self { method, target, headers })
    }

    /// All values of a header, by its name in any case.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let same = |(sent, _): &&(String, Vec<u8>)| sent.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_slice()).collect()
    }

    /// Whether a header was sent at all.
    pub fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    /// The one value of a header as text, nothing when it was not sent, an error when it was
    /// repeated.
    pub fn only(&self, name: &str) -> Result<Option<&str>, String> {
        match self.values(name)[..] {
            [] => Ok(None),
            [value] => match std::str::from_utf8(value) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(format!("header {name} is not UTF-8: {}", lossy(value))),
            },
            _ => Err(format!("header {name} is there more than once")),
        }
    }

    /// The raw path.
    pub fn path(&self) -> &[u8] {
        self.split_target().0
    }

    /// The raw query, empty when there is none.
    pub fn query(&self) -> &[u8] {
        self.split_target().1
    }

    /// The declared length of the body.
    pub fn content_length(&self) -> Result<Option<u64>, String> {
        let Some(text) = self.only("content-length")? else {
            return Ok(None);
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(length) if digits => Ok(Some(length)),
            _ => Err(format!("Content-Length is not a number: {text:?}")),
        }
    }

    fn split_target(&self) -> (&[u8], &[u8]) {
        match self.target.iter().position(|&byte| byte == b'?') {
            Some(mark) => (&self.target[..mark], &self.target[mark + 1..]),
            None => (&self.target, b""),
        }
    }
}

/// Splits at CRLF only: a bare CR or LF stays in its line, where it is found and refused.
fn split_lines(raw: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = raw;
    while let Some(end) = find(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    lines
}

/// Where `needle` begins in `haystack`.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn parse_request_line(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = parts[..] else {
        return Err(format!("not `METHOD target HTTP/1.1`: {}", lossy(line)));
    };
    if method.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
        return Err(format!("not a method: {}", lossy(method)));
    }
    if !target.starts_with(b"/") || !target.iter().all(u8::is_ascii_graphic) || target.contains(&b'#') {
        return Err(format!("not a request target in origin form: {}", lossy(target)));
    }
    Ok((lossy(method), target.to_vec()))
}

fn parse_header(line: &[u8]) -> Result<(String, Vec<u8>), String> {
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = match colon {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => return Err(format!("header line without a colon: {}", lossy(line))),
    };
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if name.is_empty() || !name.iter().all(token) {
        return Err(format!("not a header name: {:?}", lossy(name)));
    }
    let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if value.iter().any(control) {
        return Err(format!("control character in the value of {}", lossy(name)));
    }
    Ok((lossy(name), value.strip_prefix(b" ").unwrap_or(value).to_vec()))
}

/// What may come instead of a request head.
#[derive(Debug)]
pub enum HeadError {
    /// The connection failed, or ended inside a head.
    Io(io::Error),
    /// The bytes are no acceptable head: they are here, with the reason.
    Malformed(Vec<u8>, String),
}

impl From<io::Error> for HeadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The reading side of a connection; keeps what was read beyond the current request.
#[derive(Debug)]
pub struct Wire<S> {
    /// The connection itself, for writing and closing.
    pub stream: S,
    pending: BytesMut,
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Nothing read yet.
    pub fn new(stream: S) -> Self {
        Self { stream, pending: BytesMut::new() }
    }

    /// The next request head, or nothing when the peer closed between requests.
    pub async fn read_head(&mut self) -> Result<Option<RequestHead>, HeadError> {
        let end = loop {
            let end = find(&self.pending, b"\r\n\r\n");
            if end.unwrap_or(self.pending.len()) > HEAD_LIMIT {
                return Err(HeadError::Malformed(self.pending.to_vec(), "request head above 64 KiB".into()));
            }
            if let Some(end) = end {
                break end;
            }
            if self.stream.read_buf(&mut self.pending).await? == 0 {
                return if self.pending.is_empty() { Ok(None) } else { Err(HeadError::Io(cut_short())) };
            }
        };
        let raw = self.pending.split_to(end + 4).freeze();
        match RequestHead::parse(&raw[..end]) {
            Ok(head) => Ok(Some(head)),
            Err(reason) => Err(HeadError::Malformed(raw.to_vec(), reason)),
        }
    }

    /// Reads `length` bytes of body onto `body`; what came before a failure is in there too.
    pub async fn read_body(&mut self, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
        let at_hand = usize::try_from(length).unwrap_or(usize::MAX).min(self.pending.len());
        body.extend_from_slice(&self.pending.split_to(at_hand));
        let missing = length - at_hand as u64;
        let read = (&mut self.stream).take(missing).read_to_end(body).await?;
        if (read as u64) < missing { Err(cut_short()) } else { Ok(()) }
    }

    /// Reads and drops everything until the peer closes or the connection fails.
    pub async fn drain(&mut self) {
        self.pending.clear();
        let mut sink = vec![0; 64 * 1024];
        while matches!(self.stream.read(&mut sink).await, Ok(1..)) {}
    }
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed in the middle of a request")
}
