//! AWS Signature Version 4: what to add to a request so that S3 believes who sent it.
//!
//! In come credentials, a time, a method, a [`Target`] and the headers to sign; out come [`SigningInstructions`] (headers)
//! or a [`PresignedUrl`] (query). The caller's request is never changed. The four steps, each in a file of its own and
//! all in [`Signer::sign`]:
//!
//! ```text
//! canonical   method, target, headers, payload hash  -> CanonicalRequest
//! scope       time, region, service                  -> CredentialScope; with the request's hash -> StringToSign
//! key         secret, scope                          -> SigningKey
//! key         SigningKey, StringToSign               -> Signature
//! ```
//!
//! Left to others: encoding ([`Target`]), which headers are worth signing ([`Request`](crate::Request)), the clock.
//! Specification: S3 API reference, "Authenticating Requests (AWS Signature Version 4)".

mod cache;
mod canonical;
mod chunked;
mod key;
mod payload;
mod presign;
mod scope;
#[cfg(test)]
mod vectors;

use std::fmt::Write;

use http::{HeaderName, HeaderValue};

use crate::credentials::Credentials;
use crate::target::Target;

pub use self::cache::KeyCache;
use self::canonical::{CanonicalRequest, SignedHeaders};
pub use self::chunked::{ChunkSigner, encoded_length, unsigned_chunk_head, unsigned_end};
pub use self::key::Signature;
use self::key::SigningKey;
pub use self::payload::{PayloadForm, PayloadHash, PayloadSigning};
pub use self::presign::PresignedUrl;
pub use self::scope::SigningTime;
use self::scope::{ALGORITHM, CredentialScope, StringToSign};

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs requests for one service in one region with one set of credentials.
///
/// ```
/// use s3lite::{Credentials, PayloadHash, Scheme, Signer, SigningTime, Target};
///
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?;
/// let target = Target::new(Scheme::Https, "examplebucket.s3.amazonaws.com", "/test.txt", []);
/// let time = SigningTime::from_unix_seconds(1_369_353_600)?;
/// let signer = Signer::new(&credentials, "us-east-1", "s3");
/// let add = signer.sign(time, "GET", &target, &http::HeaderMap::new(), &PayloadHash::EMPTY);
/// for (name, value) in add.headers() {
///     println!("{name}: {} bytes", value.len());
/// }
/// # Ok::<(), s3lite::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    credentials: &'a Credentials,
    region: &'a str,
    service: &'a str,
    cache: Option<&'a KeyCache>,
    rules: Rules,
}

/// Where services differ. S3's rules are the only ones outside the tests.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// S3 wants the payload hash as a header; the official suite signs it only where a case says so.
    content_sha256_header: bool,
    /// The suite has services that add the session token after signing.
    sign_session_token: bool,
    /// S3 presigns without a look at the body; the suite's service hashes it.
    presign_payload: PayloadHash,
}

const S3: Rules =
    Rules { content_sha256_header: true, sign_session_token: true, presign_payload: PayloadHash::Unsigned };

/// The headers to add to a request, and what a chunked body needs to go on from.
#[derive(Clone, Debug)]
pub struct SigningInstructions {
    headers: Vec<(HeaderName, HeaderValue)>,
    signature: Signature,
}

impl SigningInstructions {
    /// Returns the headers to add: `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` for temporary
    /// credentials, `authorization`. Token and authorization are marked sensitive.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Takes the headers to add.
    pub fn into_headers(self) -> Vec<(HeaderName, HeaderValue)> {
        self.headers
    }

    /// Returns the signature, for example to compare it with what a server computed.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// The texts of the signing steps, for comparing them with a service's (`SignatureDoesNotMatch` answers carry its own).
#[derive(Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The canonical request. It holds every signed header, session token and SSE-C key included: never log it.
    pub canonical_request: String,
    /// The string to sign, which is safe to show.
    pub string_to_sign: String,
}

impl std::fmt::Debug for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explanation").field("string_to_sign", &self.string_to_sign).finish_non_exhaustive()
    }
}

impl<'a> Signer<'a> {
    /// Makes a signer; `service` is `s3` for S3.
    pub fn new(credentials: &'a Credentials, region: &'a str, service: &'a str) -> Self {
        Self { credentials, region, service, cache: None, rules: S3 }
    }

    /// Lets the signer take the day's key from a cache instead of deriving it for every request.
    pub fn with_cache(self, cache: &'a KeyCache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// Signs a request in its headers: `host`, every header given, and those that are to be added.
    ///
    /// `headers` are the request's headers that are to be signed; the rest may change on the way. All `x-amz-*` headers
    /// must be among them (S3 refuses them unsigned). `host` is taken from the target.
    pub fn sign<'h>(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        payload: &PayloadHash,
    ) -> SigningInstructions {
        let mut add = self.headers_to_add(&time, payload);
        let signed = self.signed_headers(target, headers, &add);
        let canonical = canonical_request(method, target, &signed, payload);
        let to_sign = self.string_to_sign(&time, canonical.hash());
        let signature = self.key(&time).sign(&to_sign);
        let authorization = self.authorization(&to_sign.scope, &signed, &signature);
        add.push((http::header::AUTHORIZATION, sensitive(authorization)));
        if !self.rules.sign_session_token {
            add.extend(self.session_token_header());
        }
        SigningInstructions { headers: add, signature }
    }

    /// Returns what signs the chunks of a body whose request [`sign`](Self::sign) has signed.
    pub fn chunk_signer(&self, time: SigningTime, signed: &SigningInstructions) -> ChunkSigner {
        ChunkSigner::new(self.key(&time), time, &self.scope(&time), signed.signature)
    }

    /// Shows the texts that [`sign`](Self::sign) hashes, from the same code.
    pub fn explain<'h>(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        payload: &PayloadHash,
    ) -> Explanation {
        let add = self.headers_to_add(&time, payload);
        let signed = self.signed_headers(target, headers, &add);
        self.explain_canonical(&time, &canonical_request(method, target, &signed, payload))
    }

    fn explain_canonical(&self, time: &SigningTime, canonical: &CanonicalRequest<'_>) -> Explanation {
        let (mut canonical_request, mut string_to_sign) = (String::new(), String::new());
        canonical.write_to(&mut canonical_request).expect("a String takes every text");
        self.string_to_sign(time, canonical.hash()).write_to(&mut string_to_sign).expect("a String takes every text");
        Explanation { canonical_request, string_to_sign }
    }

    fn headers_to_add(&self, time: &SigningTime, payload: &PayloadHash) -> Vec<(HeaderName, HeaderValue)> {
        let mut add = Vec::with_capacity(4);
        if self.rules.content_sha256_header {
            let value = payload.as_static().map(HeaderValue::from_static);
            add.push((X_AMZ_CONTENT_SHA256, value.unwrap_or_else(|| header_value(payload.text(&mut [0; 64])))));
        }
        add.push((X_AMZ_DATE, header_value(time.as_str())));
        if self.rules.sign_session_token {
            add.extend(self.session_token_header());
        }
        add
    }

    fn session_token_header(&self) -> Option<(HeaderName, HeaderValue)> {
        let token = self.credentials.session_token()?;
        Some((X_AMZ_SECURITY_TOKEN, sensitive(header_value(token))))
    }

    fn signed_headers<'s, 'h: 's>(
        &self,
        target: &'s Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        add: &'s [(HeaderName, HeaderValue)],
    ) -> SignedHeaders<'s> {
        let given = headers.into_iter().filter(|(name, _)| **name != http::header::HOST);
        let mut signed = Vec::with_capacity(8);
        signed.push(("host", target.host()));
        signed.extend(given.map(|(name, value)| (name.as_str(), text_of(value))));
        signed.extend(add.iter().map(|(name, value)| (name.as_str(), text_of(value))));
        SignedHeaders::new(signed)
    }

    fn scope(&self, time: &'a SigningTime) -> CredentialScope<'a> {
        CredentialScope { date: time.date(), region: self.region, service: self.service }
    }

    fn string_to_sign(&self, time: &'a SigningTime, canonical_request_hash: [u8; 32]) -> StringToSign<'a> {
        StringToSign { time, scope: self.scope(time), canonical_request_hash }
    }

    fn key(&self, time: &SigningTime) -> SigningKey {
        let scope = CredentialScope { date: time.date(), region: self.region, service: self.service };
        let secret = self.credentials.secret_access_key();
        match self.cache {
            Some(cache) => cache.key(secret, &scope),
            None => SigningKey::derive(secret, &scope),
        }
    }

    fn authorization(
        &self,
        scope: &CredentialScope<'_>,
        signed: &SignedHeaders<'_>,
        signature: &Signature,
    ) -> HeaderValue {
        let scope_length = scope.derivation().iter().map(|part| part.len() + 1).sum::<usize>();
        let names_length = signed.names().map(|name| name.len() + 1).sum::<usize>();
        let fixed = "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=".len() + signature.as_str().len();
        // Of the exact length, it becomes a header's value without another allocation.
        let length = fixed + self.credentials.access_key_id().len() + scope_length + names_length - 1;
        let mut text = String::with_capacity(length);
        let mut write = || {
            for part in [ALGORITHM, " Credential=", self.credentials.access_key_id(), "/"] {
                text.write_str(part)?;
            }
            scope.write_to(&mut text)?;
            text.write_str(", SignedHeaders=")?;
            signed.write_names(&mut text)?;
            text.write_str(", Signature=")?;
            text.write_str(signature.as_str())
        };
        write().expect("a String takes every text");
        debug_assert_eq!(text.len(), length);
        HeaderValue::try_from(text).expect("credentials are checked to be printable ASCII")
    }
}

fn canonical_request<'a>(
    method: &'a str,
    target: &'a Target,
    headers: &'a SignedHeaders<'a>,
    payload: &'a PayloadHash,
) -> CanonicalRequest<'a> {
    CanonicalRequest { method, uri: target.path(), query: target.query(), headers, payload }
}

/// Writes 32 bytes as 64 hexadecimal digits.
fn hex_text<'a>(bytes: &[u8; 32], digits: &'a mut [u8; 64]) -> &'a str {
    hex::encode_to_slice(bytes, digits).expect("64 digits hold 32 bytes");
    std::str::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("credentials and dates are checked to be printable ASCII")
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// Requests of this crate hold ASCII values only; a foreign value with other bytes has no canonical form.
fn text_of(value: &HeaderValue) -> &str {
    std::str::from_utf8(value.as_bytes()).unwrap_or_default()
}
