//! The first step: a request in the one form that both sides compute.

use sha2::{Digest, Sha256};

use super::gather::{Gathering, Sink};
use super::payload::PayloadHash;

/// A request in canonical form: method, URI, query, headers, the names of the headers, payload hash.
pub(super) struct CanonicalRequest<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    pub query: &'a str,
    pub headers: &'a SignedHeaders<'a>,
    pub payload: &'a PayloadHash,
}

impl CanonicalRequest<'_> {
    /// Writes the text; into a buffer to read it, into a hash to sign it.
    pub fn write_to(&self, out: &mut impl Sink) {
        for part in [self.method, "\n", self.uri, "\n", self.query, "\n"] {
            out.put(part.as_bytes());
        }
        self.headers.write_lines(out);
        out.put(b"\n");
        self.headers.write_names(out);
        out.put(b"\n");
        out.put(self.payload.text(&mut [0; 64]));
    }

    /// Hashes the text without holding it.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Gathering::new(Sha256::new());
        self.write_to(&mut hash);
        hash.hand_on();
        hash.digest.finalize().into()
    }
}

/// A header's name and value.
type Pair<'a> = (&'a str, &'a [u8]);

/// The headers that are signed, in the order of their names; several of one name stay in the order of the request.
pub(super) struct SignedHeaders<'a>(Vec<Pair<'a>>);

impl<'a> SignedHeaders<'a> {
    /// Sorts headers given with lower-case names.
    pub fn new(mut headers: Vec<Pair<'a>>) -> Self {
        headers.sort_by_key(|(name, _)| *name);
        Self(headers)
    }

    /// Writes `name;name;name`.
    pub fn write_names(&self, out: &mut impl Sink) {
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                out.put(b";");
            }
            out.put(name.as_bytes());
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.groups().map(|group| group[0].0)
    }

    /// Writes `name:value,value` lines.
    fn write_lines(&self, out: &mut impl Sink) {
        for group in self.groups() {
            out.put(group[0].0.as_bytes());
            for (index, (_, value)) in group.iter().enumerate() {
                out.put(if index == 0 { b":" } else { b"," });
                write_collapsed(out, value);
            }
            out.put(b"\n");
        }
    }

    fn groups(&self) -> impl Iterator<Item = &[Pair<'a>]> {
        self.0.chunk_by(|(left, _), (right, _)| left == right)
    }
}

/// Writes a value trimmed, with each inner run of white space as one blank. Most have none.
fn write_collapsed(out: &mut impl Sink, value: &[u8]) {
    // Looks at all bytes, which is faster than to stop at one: the processor does it in blocks.
    if !value.iter().fold(false, |found, byte| found | (*byte <= b' ')) {
        return out.put(value);
    }
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.put(b" ");
        }
        out.put(word);
    }
}
