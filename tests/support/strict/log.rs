//! The record of what arrived.

use bytes::Bytes;

use super::canonical::lossy;

/// One request as the server saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Number of the connection, from 1 in the order of acceptance.
    pub connection: usize,
    /// Number of the request on that connection, from 1.
    pub on_connection: usize,
    /// Method; empty when the bytes were no HTTP request.
    pub method: String,
    /// Raw request target, or the raw bytes that were no HTTP request.
    pub target: Vec<u8>,
    /// Header names and raw values in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes of the body that were received, framing of aws-chunked included. Filled in once
    /// reading has ended.
    pub body: Bytes,
    /// Whether the whole body came.
    pub complete: bool,
    /// Status of the answer that was written, nothing while or when there is none.
    pub status: Option<u16>,
    /// Why the request was refused, or would have been had no act come before.
    pub refusal: Option<String>,
}

impl Seen {
    /// The raw target as text.
    pub fn target_text(&self) -> String {
        lossy(&self.target)
    }

    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        found.map(|(_, value)| lossy(value))
    }

    /// How often a header was sent.
    pub fn header_count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).count()
    }
}
