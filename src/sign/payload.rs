//! What a signature says of the body: its SHA-256, nothing, or that it is signed chunk by chunk.

use std::fmt;

use http::HeaderValue;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::target::Scheme;

/// The value of `x-amz-content-sha256`, which is also the last line of the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadHash {
    /// The SHA-256 of the whole body.
    Sha256([u8; 32]),
    /// `UNSIGNED-PAYLOAD`: the body is not covered. Only for connections that protect it themselves.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: each chunk carries a signature.
    Streaming,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: each chunk and the trailing headers carry one.
    StreamingTrailer,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: aws-chunked with trailing headers, unsigned.
    StreamingUnsignedTrailer,
}

impl PayloadHash {
    /// The hash of no bytes at all.
    pub const EMPTY: Self = Self::Sha256([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae,
        0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// Reads what a header says: a hash in hexadecimal digits, or that there is none.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        if text == "UNSIGNED-PAYLOAD" {
            return Some(Self::Unsigned);
        }
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self::Sha256(hash))
    }

    /// Hashes a body held in memory.
    pub fn of(body: &[u8]) -> Self {
        if body.is_empty() { Self::EMPTY } else { Self::Sha256(Sha256::digest(body).into()) }
    }
}

/// The hash of no bytes at all, as it is written.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl PayloadHash {
    /// Returns the value of `x-amz-content-sha256`.
    pub(super) fn header_value(&self) -> HeaderValue {
        match self {
            &Self::EMPTY => const { HeaderValue::from_static(EMPTY) },
            Self::Unsigned => const { HeaderValue::from_static("UNSIGNED-PAYLOAD") },
            others => super::header_value(others.text(&mut [0; 64])),
        }
    }

    /// Returns the text; `digits` is where it stands if it is not one of a few.
    pub(super) fn text<'a>(&self, digits: &'a mut [u8; 64]) -> &'a [u8] {
        match self {
            &Self::EMPTY => EMPTY.as_bytes(),
            Self::Sha256(hash) => {
                *digits = super::hex_digits(hash);
                digits
            }
            Self::Unsigned => b"UNSIGNED-PAYLOAD",
            Self::Streaming => b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Self::StreamingTrailer => b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            Self::StreamingUnsignedTrailer => b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(self.text(&mut [0; 64])).expect("only ASCII is written"))
    }
}

/// What the signature of an upload is to cover: `payload-signing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadSigning {
    /// Bytes and files by their SHA-256; a reader unsigned over TLS, and chunk by chunk over plain http.
    #[default]
    Auto,
    /// Everything by its SHA-256; readers are refused, as they can be read only once.
    Signed,
    /// Everything chunk by chunk (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
    Streaming,
    /// Nothing, which TLS makes up for.
    Unsigned,
}

/// How one body is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadForm {
    /// By the SHA-256 of the whole, for which it is read once before it is sent.
    Hashed,
    /// Not at all.
    Unsigned,
    /// Chunk by chunk, as it is sent.
    Streaming,
}

impl PayloadSigning {
    /// Chooses the form for a body that can be read twice, or only once.
    ///
    /// # Errors
    ///
    /// `Signed` for a body that can be read only once.
    pub fn form(self, readable_twice: bool, scheme: Scheme) -> Result<PayloadForm> {
        match (self, readable_twice, scheme) {
            (Self::Auto | Self::Signed, true, _) => Ok(PayloadForm::Hashed),
            (Self::Auto, false, Scheme::Https) | (Self::Unsigned, ..) => Ok(PayloadForm::Unsigned),
            (Self::Auto, false, Scheme::Http) | (Self::Streaming, ..) => Ok(PayloadForm::Streaming),
            (Self::Signed, false, _) => Err(Error::bad_input(
                "payload-signing = \"signed\" needs the SHA-256 of the whole body first, and a reader can be read only once: \
                 put bytes or a file, or set payload-signing = \"auto\"",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_body_and_scheme() {
        use PayloadForm::{Hashed, Streaming, Unsigned};
        for (signing, twice, scheme, form) in [
            (PayloadSigning::Auto, true, Scheme::Http, Some(Hashed)),
            (PayloadSigning::Auto, false, Scheme::Https, Some(Unsigned)),
            (PayloadSigning::Auto, false, Scheme::Http, Some(Streaming)),
            (PayloadSigning::Signed, true, Scheme::Https, Some(Hashed)),
            (PayloadSigning::Signed, false, Scheme::Https, None),
            (PayloadSigning::Streaming, true, Scheme::Https, Some(Streaming)),
            (PayloadSigning::Unsigned, true, Scheme::Https, Some(Unsigned)),
        ] {
            assert_eq!(signing.form(twice, scheme).ok(), form, "{signing:?} {twice} {scheme:?}");
        }
    }

    #[test]
    fn each_is_written_as_the_header_has_it() {
        for (hash, text) in [
            (PayloadHash::EMPTY, EMPTY),
            (PayloadHash::of(b"a"), "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
            (PayloadHash::Unsigned, "UNSIGNED-PAYLOAD"),
            (PayloadHash::Streaming, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            (PayloadHash::StreamingTrailer, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            (PayloadHash::StreamingUnsignedTrailer, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ] {
            assert_eq!((hash.to_string().as_str(), hash.header_value().as_bytes()), (text, text.as_bytes()));
        }
    }

    #[test]
    fn a_header_is_read_as_what_it_says() {
        let digits = |digit: &str| digit.repeat(64);
        for (text, hash) in [
            ("UNSIGNED-PAYLOAD", Some(PayloadHash::Unsigned)),
            (EMPTY, Some(PayloadHash::EMPTY)),
            (&EMPTY.to_ascii_uppercase(), Some(PayloadHash::EMPTY)),
            ("", None),
            (&EMPTY[1..], None),
            (&EMPTY[2..], None),
            (&digits("x"), None),
            (&digits("é")[..64], None),
            (&format!("a{}b", "é".repeat(31)), None),
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", None),
        ] {
            assert_eq!(PayloadHash::of_text(text), hash, "{text}");
        }
    }

    #[test]
    fn the_empty_hash_is_the_hash_of_nothing() {
        assert_eq!(PayloadHash::EMPTY, PayloadHash::Sha256(Sha256::digest(b"").into()));
        assert_eq!(EMPTY, hex::encode(Sha256::digest(b"")));
    }
}
