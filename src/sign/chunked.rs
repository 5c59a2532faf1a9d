//! aws-chunked bodies: a signature for every chunk, each over the one before, with or without signed trailing headers.
//!
//! Framing as in the S3 API reference, "Signature calculations for the Authorization header: transferring payload in
//! multiple chunks" and "… including trailing headers".

use std::fmt::Write;

use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::gather::Sink;
use super::key::{Signature, SigningKey};
use super::payload::PayloadHash;
use super::scope::{CredentialScope, SigningTime};
use crate::error::{Error, Result};

/// The size of a signed chunk; S3 takes none below 8 KiB but the last.
pub(crate) const CHUNK_SIZE: u64 = 64 << 10;
const _: () = assert!(CHUNK_SIZE >= 8 << 10);

const CHUNK_SIGNATURE: &str = ";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature:";
const SIGNATURE_DIGITS: u128 = 64;
/// A CRLF behind the head of a chunk, and one behind its bytes.
const LINE_ENDS: u128 = 4;

/// Signs the chunks of one body, in order, from the signature of its request on.
///
/// Each frame is `head`, the chunk's bytes, CRLF; [`end`](Self::end) closes the body.
#[derive(Clone)]
pub struct ChunkSigner {
    key: SigningKey,
    time: SigningTime,
    scope: String,
    previous: Signature,
}

impl ChunkSigner {
    pub(crate) fn new(key: SigningKey, time: SigningTime, scope: &CredentialScope<'_>, seed: Signature) -> Self {
        Self { key, time, scope: scope.to_string(), previous: seed }
    }

    /// Returns what precedes a chunk of the body; its bytes and a CRLF follow. Of an empty chunk it is nothing, and nothing is to
    /// follow: an empty chunk would end the body.
    pub fn head(&mut self, chunk: &[u8]) -> String {
        self.head_of(chunk.len() as u64, &PayloadHash::of(chunk))
    }

    /// As [`head`](Self::head), of a chunk that was hashed while it was gathered.
    pub fn head_of(&mut self, length: u64, hash: &PayloadHash) -> String {
        if length == 0 { String::new() } else { self.frame_head(length, hash) }
    }

    fn frame_head(&mut self, length: u64, hash: &PayloadHash) -> String {
        let signature = self.sign_chunk(hash);
        format!("{length:x}{CHUNK_SIGNATURE}{}\r\n", signature.as_str())
    }

    /// Returns the last frame of a body without trailing headers.
    pub fn end(&mut self) -> String {
        self.frame_head(0, &PayloadHash::EMPTY) + "\r\n"
    }

    /// Returns the last frame of a body that ends with one trailing header, for example a checksum. The name is written in lower
    /// case, as it is signed.
    ///
    /// # Errors
    ///
    /// A name that is none, or a value that no header can have.
    pub fn end_with_trailer(&mut self, name: &str, value: &str) -> Result<String> {
        let name = check_trailer(name, value)?;
        let mut frame = self.frame_head(0, &PayloadHash::EMPTY);
        let signature = self.sign_trailer(name.as_str(), value);
        write!(frame, "{name}:{value}\r\n{TRAILER_SIGNATURE}{}\r\n\r\n", signature.as_str())
            .expect("a String takes every text");
        Ok(frame)
    }

    /// Signs one chunk: the request's time and scope, the previous signature, the hash of nothing, the chunk's hash.
    pub(crate) fn sign_chunk(&mut self, hash: &PayloadHash) -> Signature {
        self.sign_next("AWS4-HMAC-SHA256-PAYLOAD", &[&PayloadHash::EMPTY, hash])
    }

    /// Signs the trailing header; its line ends in a bare LF here and in CRLF on the wire.
    pub(crate) fn sign_trailer(&mut self, name: &str, value: &str) -> Signature {
        let line = Sha256::new().chain_update(name).chain_update(":").chain_update(value).chain_update("\n");
        let hash = PayloadHash::Sha256(line.finalize().into());
        self.sign_next("AWS4-HMAC-SHA256-TRAILER", &[&hash])
    }

    fn sign_next(&mut self, algorithm: &str, hashes: &[&PayloadHash]) -> Signature {
        let Self { time, scope, previous, .. } = &*self;
        self.previous = self.key.sign_with(|mac| {
            mac.put(algorithm.as_bytes());
            for line in [time.as_bytes(), scope.as_bytes(), previous.as_bytes()] {
                mac.put(b"\n");
                mac.put(line);
            }
            for hash in hashes {
                mac.put(b"\n");
                mac.put(hash.text(&mut [0; 64]));
            }
        });
        self.previous
    }
}

impl std::fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChunkSigner(***)")
    }
}

/// Frames an aws-chunked body whose chunks are not signed (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`): what precedes a chunk. Of an empty
/// one it is nothing, as of [`ChunkSigner::head`].
pub fn unsigned_chunk_head(chunk: &[u8]) -> String {
    if chunk.is_empty() { String::new() } else { format!("{:x}\r\n", chunk.len()) }
}

/// Closes an aws-chunked body whose chunks are not signed, with its trailing header.
///
/// # Errors
///
/// As [`ChunkSigner::end_with_trailer`].
pub fn unsigned_end(name: &str, value: &str) -> Result<String> {
    let name = check_trailer(name, value)?;
    Ok(format!("0\r\n{name}:{value}\r\n\r\n"))
}

/// Demands a header that can stand behind a body (RFC 9110 section 6.5): another line would be another header.
fn check_trailer(name: &str, value: &str) -> Result<HeaderName> {
    let name: HeaderName =
        name.parse().map_err(|_| Error::bad_input(format!("{name:?} is no name for a trailing header")))?;
    let is_plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value;
    match HeaderValue::from_str(value) {
        Ok(_) if is_plain && !value.is_empty() => Ok(name),
        _ => Err(Error::bad_input(format!(
            "the trailing header {name} must have printable ASCII without blanks around it"
        ))),
    }
}

/// Returns the Content-Length of an aws-chunked body without trailing headers: its bytes, cut into chunks of
/// `chunk_size`, each framed and signed, and the closing frame.
///
/// Returns `None` for a chunk size of 0 and where the sum exceeds a `u64`.
pub fn encoded_length(decoded_length: u64, chunk_size: u64) -> Option<u64> {
    let full = decoded_length.checked_div(chunk_size)?;
    let rest = decoded_length % chunk_size;
    let rest_frame = if rest == 0 { 0 } else { frame_length(rest) };
    u64::try_from(u128::from(full) * frame_length(chunk_size) + rest_frame + frame_length(0)).ok()
}

/// `size` in hexadecimal, `;chunk-signature=`, signature, CRLF, bytes, CRLF.
fn frame_length(size: u64) -> u128 {
    let digits = size.checked_ilog(16).unwrap_or(0) + 1;
    u128::from(size) + u128::from(digits) + CHUNK_SIGNATURE.len() as u128 + SIGNATURE_DIGITS + LINE_ENDS
}
