//! Decodes an `aws-chunked` body and verifies the signature of every chunk and of the trailer.

use super::canonical::lossy;
use super::digest::{hmac, is_lower_hex, sha256_hex};
use super::error::S3Error;
use super::http::{RequestHead, find};

/// S3 refuses signed chunks below this size, but for the last one with data.
const SMALLEST_CHUNK: usize = 8 * 1024;

/// Which of the framings a body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Each chunk is signed.
    Signed,
    /// Each chunk and the trailer are signed.
    SignedWithTrailer,
    /// Nothing is signed; a trailer carries a checksum.
    UnsignedWithTrailer,
}

/// What chunk signatures are computed with. The first chunk continues the signature of the head.
#[derive(Clone, Debug)]
pub struct Seal {
    /// The signing key.
    pub key: Vec<u8>,
    /// `x-amz-date` of the request.
    pub date: String,
    /// Credential scope.
    pub scope: String,
    /// The signature that the next one continues.
    pub seed: String,
}

impl Seal {
    /// Verifies the next signature of the chain over hashes of its content.
    fn verify(&mut self, kind: &str, hashes: &str, signature: &str, what: &str) -> Result<(), S3Error> {
        let text = format!("{kind}\n{}\n{}\n{}\n{hashes}", self.date, self.scope, self.seed);
        let computed = hex::encode(hmac(&self.key, text.as_bytes()));
        if computed != signature {
            return Err(S3Error::signature_mismatch(format!("wrong signature of {what}")));
        }
        self.seed = computed;
        Ok(())
    }

    fn verify_chunk(&mut self, data: &[u8], signature: &str, number: usize) -> Result<(), S3Error> {
        let hashes = format!("{}\n{}", sha256_hex(b""), sha256_hex(data));
        self.verify("AWS4-HMAC-SHA256-PAYLOAD", &hashes, signature, &format!("chunk {number}"))
    }

    fn verify_trailer(&mut self, trailers: &Trailers, signature: &str) -> Result<(), S3Error> {
        let canonical: String = trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        self.verify("AWS4-HMAC-SHA256-TRAILER", &sha256_hex(canonical.as_bytes()), signature, "the trailer")
    }
}

type Trailers = Vec<(String, String)>;

/// Payload and trailers of a framed body.
pub fn decode(head: &RequestHead, body: &[u8], framed: Framed, seal: Seal) -> Result<(Vec<u8>, Trailers), S3Error> {
    let declared = declared_length(head)?;
    let mut decoder = Decoder { rest: body, framed, seal, chunks: Vec::new() };
    let mut payload = Vec::new();
    while let Some(data) = decoder.next_chunk()? {
        payload.extend_from_slice(data);
    }
    if payload.len() as u64 != declared {
        let message = format!("x-amz-decoded-content-length is {declared}, the chunks hold {}", payload.len());
        return Err(S3Error::new(400, "IncompleteBody", message));
    }
    let trailers = decoder.end(head)?;
    Ok((payload, trailers))
}

/// The length of the payload; also demands the `aws-chunked` content coding, without which S3 would
/// not know the framing.
fn declared_length(head: &RequestHead) -> Result<u64, S3Error> {
    let coding = head.only("content-encoding").map_err(S3Error::invalid_request)?.unwrap_or_default();
    if !coding.split(',').any(|coding| coding.trim() == "aws-chunked") {
        return Err(S3Error::invalid_request("streaming payload without Content-Encoding: aws-chunked"));
    }
    let declared = head.only("x-amz-decoded-content-length").map_err(S3Error::invalid_request)?;
    declared.and_then(|text| text.parse().ok()).ok_or_else(|| {
        S3Error::new(411, "MissingContentLength", "streaming payload without x-amz-decoded-content-length")
    })
}

struct Decoder<'a> {
    rest: &'a [u8],
    framed: Framed,
    seal: Seal,
    /// Sizes of the chunks so far, the empty last one included.
    chunks: Vec<usize>,
}

impl<'a> Decoder<'a> {
    /// The next chunk's data, or nothing after the empty chunk that ends the payload.
    fn next_chunk(&mut self) -> Result<Option<&'a [u8]>, S3Error> {
        let (size, signature) = self.chunk_line()?;
        let data = self.take(size)?;
        if let Some(signature) = signature {
            self.check_size(size)?;
            self.seal.verify_chunk(data, signature, self.chunks.len())?;
        }
        self.chunks.push(size);
        if size == 0 {
            return Ok(None);
        }
        self.take_line_end()?;
        Ok(Some(data))
    }

    /// `size` or `size;chunk-signature=hex`.
    fn chunk_line(&mut self) -> Result<(usize, Option<&'a str>), S3Error> {
        let line = self.line()?;
        let (size, extension) = match line.split_once(';') {
            Some((size, extension)) => (size, Some(extension)),
            None => (line, None),
        };
        let signature = extension.map(|text| text.strip_prefix("chunk-signature=").unwrap_or_default());
        let wanted = self.framed != Framed::UnsignedWithTrailer;
        if signature.is_some() != wanted || !signature.is_none_or(is_lower_hex) {
            return Err(S3Error::invalid_request(format!("chunk line does not fit the framing: {line}")));
        }
        let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        match usize::from_str_radix(size, 16) {
            Ok(size) if digits => Ok((size, signature)),
            _ => Err(S3Error::invalid_request(format!("chunk size is not hex: {line}"))),
        }
    }

    /// Only the last chunk with data may be small, so a further chunk tells that the one before was
    /// too small.
    fn check_size(&self, size: usize) -> Result<(), S3Error> {
        match self.chunks.last() {
            Some(&before) if size > 0 && before < SMALLEST_CHUNK => {
                let message = format!("chunk {} has {before} bytes and is not the last", self.chunks.len() - 1);
                Err(S3Error::new(403, "InvalidChunkSizeError", message))
            }
            _ => Ok(()),
        }
    }

    /// The trailers after the empty chunk, and nothing after them.
    fn end(mut self, head: &RequestHead) -> Result<Trailers, S3Error> {
        let mut trailers: Trailers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let pair = line.split_once(':').ok_or_else(|| S3Error::invalid_request(format!("trailer {line:?}")))?;
            trailers.push((pair.0.to_ascii_lowercase(), pair.1.trim().to_owned()));
        }
        if !self.rest.is_empty() {
            return Err(S3Error::invalid_request(format!("{} bytes after the body's end", self.rest.len())));
        }
        if self.framed == Framed::SignedWithTrailer {
            self.check_trailer_signature(&mut trailers)?;
        }
        check_announced(head, self.framed, &trailers)?;
        Ok(trailers)
    }

    fn check_trailer_signature(&mut self, trailers: &mut Trailers) -> Result<(), S3Error> {
        match trailers.pop() {
            Some((name, signature)) if name == "x-amz-trailer-signature" => {
                self.seal.verify_trailer(trailers, &signature)
            }
            _ => Err(S3Error::invalid_request("the trailer does not end in x-amz-trailer-signature")),
        }
    }

    fn line(&mut self) -> Result<&'a str, S3Error> {
        let end = find(self.rest, b"\r\n").ok_or_else(|| incomplete("line without end in the chunk framing"))?;
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 2..];
        std::str::from_utf8(line).map_err(|_| S3Error::invalid_request(format!("chunk line {:?}", lossy(line))))
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], S3Error> {
        let (data, rest) = self.rest.split_at_checked(size).ok_or_else(|| incomplete("chunk ends too early"))?;
        self.rest = rest;
        Ok(data)
    }

    fn take_line_end(&mut self) -> Result<(), S3Error> {
        match self.take(2)? {
            b"\r\n" => Ok(()),
            _ => Err(S3Error::invalid_request("no CRLF after a chunk's data")),
        }
    }
}

/// The trailers must be those that the signed header announced, and a framing with trailer must
/// have one.
fn check_announced(head: &RequestHead, framed: Framed, trailers: &Trailers) -> Result<(), S3Error> {
    let announced = head.only("x-amz-trailer").map_err(S3Error::invalid_request)?.unwrap_or_default();
    let mut announced: Vec<String> =
        announced.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
    let mut sent: Vec<String> = trailers.iter().map(|(name, _)| name.clone()).collect();
    announced.sort();
    sent.sort();
    let due = framed != Framed::Signed;
    if announced == sent && due != sent.is_empty() {
        return Ok(());
    }
    let message = format!("x-amz-trailer announces {announced:?}, the trailer has {sent:?}");
    Err(S3Error::new(400, "MalformedTrailerError", message))
}

fn incomplete(message: &str) -> S3Error {
    S3Error::new(400, "IncompleteBody", message)
}
