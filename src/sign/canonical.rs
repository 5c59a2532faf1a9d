//! The first step: a request in the one form that both sides compute.

use std::fmt;

use sha2::{Digest, Sha256};

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
    /// Writes the text; into a string to read it, into a hash to sign it.
    pub fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for part in [self.method, "\n", self.uri, "\n", self.query, "\n"] {
            out.write_str(part)?;
        }
        self.headers.write_lines(out)?;
        out.write_char('\n')?;
        self.headers.write_names(out)?;
        out.write_char('\n')?;
        out.write_str(self.payload.text(&mut [0; 64]))
    }

    /// Hashes the text without holding it.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = HashWriter(Sha256::new());
        self.write_to(&mut hash).expect("a hash takes every text");
        hash.0.finalize().into()
    }
}

struct HashWriter(Sha256);

impl fmt::Write for HashWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// The headers that are signed, in the order of their names; several of one name stay in the order of the request.
pub(super) struct SignedHeaders<'a>(Vec<(&'a str, &'a str)>);

impl<'a> SignedHeaders<'a> {
    /// Sorts headers given with lower-case names.
    pub fn new(mut headers: Vec<(&'a str, &'a str)>) -> Self {
        headers.sort_by_key(|(name, _)| *name);
        Self(headers)
    }

    /// Writes `name;name;name`.
    pub fn write_names(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                out.write_char(';')?;
            }
            out.write_str(name)?;
        }
        Ok(())
    }

    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.groups().map(|group| group[0].0)
    }

    /// Writes `name:value,value` lines.
    fn write_lines(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for group in self.groups() {
            out.write_str(group[0].0)?;
            for (index, (_, value)) in group.iter().enumerate() {
                out.write_char(if index == 0 { ':' } else { ',' })?;
                write_collapsed(out, value)?;
            }
            out.write_char('\n')?;
        }
        Ok(())
    }

    fn groups(&self) -> impl Iterator<Item = &[(&'a str, &'a str)]> {
        self.0.chunk_by(|(left, _), (right, _)| left == right)
    }
}

/// Writes a value trimmed, with each inner run of white space as one blank. Most have none.
fn write_collapsed(out: &mut impl fmt::Write, value: &str) -> fmt::Result {
    if !value.bytes().any(|b| b.is_ascii_whitespace()) {
        return out.write_str(value);
    }
    for (index, word) in value.split_ascii_whitespace().enumerate() {
        if index > 0 {
            out.write_char(' ')?;
        }
        out.write_str(word)?;
    }
    Ok(())
}
