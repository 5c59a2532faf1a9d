//! Answers as raw bytes: written without checking, so that a test can make them as wrong as it
//! likes.

/// How the end of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By a Content-Length header, added unless the headers already hold one.
    Length,
    /// By chunked transfer coding, in one chunk.
    Chunked,
    /// By closing the connection.
    UntilClose,
    /// Not at all: nothing is added, as for HEAD, 204 and 304.
    Bare,
}

/// An answer before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: String,
    /// Headers without those of the framing.
    pub headers: Vec<(String, String)>,
    /// Body without transfer coding.
    pub body: Vec<u8>,
    /// How the body's end is told.
    pub framing: Framing,
}

impl RawResponse {
    /// An empty answer with Content-Length 0, or none where a status forbids it.
    pub fn new(status: u16) -> Self {
        let framing = if matches!(status, 204 | 304) { Framing::Bare } else { Framing::Length };
        Self { status, reason: reason(status).into(), headers: Vec::new(), body: Vec::new(), framing }
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Replaces a header, or adds it.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.remove_header(name);
        self.headers.push((name.into(), value.into()));
    }

    /// Takes a header out.
    pub fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(sent, _)| !sent.eq_ignore_ascii_case(name));
    }

    /// The answer to HEAD: the length of the body a GET would get, no body. An error has no length
    /// either, as on AWS.
    pub fn without_body(mut self) -> Self {
        if self.framing == Framing::Length && self.status < 300 {
            self.set_header("Content-Length", self.body.len().to_string());
        }
        self.body = Vec::new();
        self.framing = Framing::Bare;
        self
    }

    /// Status line and headers as bytes, up to and with the blank line.
    pub fn head_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        match self.framing {
            Framing::Length if self.header("content-length").is_none() => {
                head += &format!("Content-Length: {}\r\n", self.body.len());
            }
            Framing::Chunked => head += "Transfer-Encoding: chunked\r\n",
            Framing::UntilClose => head += "Connection: close\r\n",
            Framing::Length | Framing::Bare => {}
        }
        (head + "\r\n").into_bytes()
    }

    /// The body as bytes on the wire.
    pub fn body_bytes(&self) -> Vec<u8> {
        if self.framing != Framing::Chunked {
            return self.body.clone();
        }
        let mut coded = Vec::new();
        if !self.body.is_empty() {
            coded.extend_from_slice(format!("{:x}\r\n", self.body.len()).as_bytes());
            coded.extend_from_slice(&self.body);
            coded.extend_from_slice(b"\r\n");
        }
        coded.extend_from_slice(b"0\r\n\r\n");
        coded
    }
}

/// The status code of raw answer bytes, if they begin as HTTP does.
pub fn status_of(raw: &[u8]) -> Option<u16> {
    let after = raw.strip_prefix(b"HTTP/1.1 ").or_else(|| raw.strip_prefix(b"HTTP/1.0 "))?;
    std::str::from_utf8(after.get(..3)?).ok()?.parse().ok()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        501 => "Not Implemented",
        _ => "Unknown",
    }
}
