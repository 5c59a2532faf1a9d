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
mod gather;
mod instructions;
mod key;
mod payload;
mod presign;
mod scope;
#[cfg(test)]
mod vectors;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::region::Region;
use crate::request::headers_to_sign;
use crate::target::Target;

pub use self::cache::KeyCache;
use self::canonical::{CanonicalRequest, SignedHeaders};
pub(crate) use self::chunked::CHUNK_SIZE;
pub use self::chunked::{ChunkSigner, encoded_length, unsigned_chunk_head, unsigned_end};
use self::gather::Sink;
pub use self::instructions::{Explanation, SigningInstructions};
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
/// use s3lite::{Credentials, PayloadHash, Region, Scheme, Signer, SigningTime, Target};
///
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")?;
/// let target = Target::new(Scheme::Https, "examplebucket.s3.amazonaws.com", "/test.txt", [])?;
/// let (time, region) = (SigningTime::from_unix_seconds(1_369_353_600)?, Region::new("us-east-1")?);
/// let signer = Signer::new(&credentials, &region, "s3")?;
/// let add = signer.sign(time, "GET", &target, &http::HeaderMap::new(), &PayloadHash::EMPTY);
/// for (name, value) in add.headers() {
///     println!("{name}: {} bytes", value.len());
/// }
/// # Ok::<(), s3lite::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    credentials: &'a Credentials,
    region: &'a Region,
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

impl<'a> Signer<'a> {
    /// Makes a signer; `service` is `s3` for S3.
    ///
    /// # Errors
    ///
    /// A service that is no name: it has lower-case letters, digits and hyphens.
    pub fn new(credentials: &'a Credentials, region: &'a Region, service: &'a str) -> Result<Self> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if service.is_empty() || !service.bytes().all(is_name) {
            return Err(Error::bad_input(format!("{service:?} is no name of a service, as s3 is one")));
        }
        Ok(Self { credentials, region, service, cache: None, rules: S3 })
    }

    /// Lets the signer take the day's key from a cache instead of deriving it for every request.
    pub fn with_cache(self, cache: &'a KeyCache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// Signs a request in its headers: `host`, every header given, and those that are to be added.
    ///
    /// `headers` are the request's headers that are to be signed; the rest may change on the way. All `x-amz-*` headers
    /// must be among them (S3 refuses them unsigned). `host` is taken from the target. What is returned replaces headers of the
    /// same names; of a request that was signed before, take off an `x-amz-security-token` that is of other credentials, or use
    /// [`sign_in_place`](Self::sign_in_place), which does.
    pub fn sign<'h>(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        payload: &PayloadHash,
    ) -> SigningInstructions {
        let mut add = Vec::with_capacity(4);
        add.extend(self.headers_to_add(&time, payload));
        let signed = self.signed_headers(target, headers, &add);
        let (authorization, signature) = self.authorize(time, method, target, &signed, payload);
        add.push((AUTHORIZATION, authorization));
        if !self.rules.sign_session_token {
            add.extend(self.session_token_header());
        }
        SigningInstructions { headers: add, signature }
    }

    /// As [`sign`](Self::sign), of a request whose headers are in a map, to which the signature's are added. Of those that are
    /// there, the ones that [`headers_to_sign`] chooses are signed.
    pub fn sign_in_place(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: &mut HeaderMap,
        payload: &PayloadHash,
    ) -> Signature {
        // Of credentials that signed it before.
        headers.remove(X_AMZ_SECURITY_TOKEN);
        for (name, value) in self.headers_to_add(&time, payload) {
            headers.insert(name, value);
        }
        let signed = self.signed_headers(target, headers_to_sign(&*headers), &[]);
        let (authorization, signature) = self.authorize(time, method, target, &signed, payload);
        headers.insert(AUTHORIZATION, authorization);
        signature
    }

    /// The four steps: the Authorization header, and the signature in it.
    fn authorize(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        signed: &SignedHeaders<'_>,
        payload: &PayloadHash,
    ) -> (HeaderValue, Signature) {
        let canonical = canonical_request(method, target, signed, payload);
        let to_sign = self.string_to_sign(&time, canonical.hash());
        let signature = self.key(&to_sign.scope).sign(&to_sign);
        (sensitive(self.authorization(&to_sign.scope, signed, &signature)), signature)
    }

    /// Returns what signs the chunks of a body whose request [`sign`](Self::sign) has signed.
    pub fn chunk_signer(&self, time: SigningTime, signed: &SigningInstructions) -> ChunkSigner {
        self.chunk_signer_after(time, signed.signature)
    }

    pub(crate) fn chunk_signer_after(&self, time: SigningTime, seed: Signature) -> ChunkSigner {
        let scope = self.scope(&time);
        ChunkSigner::new(self.key(&scope), time, &scope, seed)
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
        let add: Vec<_> = self.headers_to_add(&time, payload).collect();
        let signed = self.signed_headers(target, headers, &add);
        self.explain_canonical(&time, &canonical_request(method, target, &signed, payload))
    }

    fn explain_canonical(&self, time: &SigningTime, canonical: &CanonicalRequest<'_>) -> Explanation {
        let (mut canonical_request, mut string_to_sign) = (Vec::new(), Vec::new());
        canonical.write_to(&mut canonical_request);
        self.string_to_sign(time, canonical.hash()).write_to(&mut string_to_sign);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Explanation { canonical_request: text(canonical_request), string_to_sign: text(string_to_sign) }
    }

    /// The headers that are added before the request is signed.
    fn headers_to_add(
        &self,
        time: &SigningTime,
        payload: &PayloadHash,
    ) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let hash = self.rules.content_sha256_header.then(|| (X_AMZ_CONTENT_SHA256, payload.header_value()));
        let token = if self.rules.sign_session_token { self.session_token_header() } else { None };
        let date = (X_AMZ_DATE, header_value(time.as_bytes()));
        hash.into_iter().chain([date]).chain(token)
    }

    fn session_token_header(&self) -> Option<(HeaderName, HeaderValue)> {
        let token = self.credentials.session_token()?;
        Some((X_AMZ_SECURITY_TOKEN, sensitive(header_value(token.as_bytes()))))
    }

    fn signed_headers<'s, 'h: 's>(
        &self,
        target: &'s Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        add: &'s [(HeaderName, HeaderValue)],
    ) -> SignedHeaders<'s> {
        // What another signature added to the same request is replaced.
        let given = headers.into_iter().filter(|(name, _)| {
            **name != http::header::HOST && **name != AUTHORIZATION && !add.iter().any(|(own, _)| own == *name)
        });
        let mut signed = Vec::with_capacity(8);
        signed.push(("host", target.host().as_bytes()));
        signed.extend(given.map(|(name, value)| (name.as_str(), value.as_bytes())));
        signed.extend(add.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        SignedHeaders::new(signed)
    }

    fn scope(&self, time: &'a SigningTime) -> CredentialScope<'a> {
        CredentialScope { date: time.date(), region: self.region.as_str(), service: self.service }
    }

    fn string_to_sign(&self, time: &'a SigningTime, canonical_request_hash: [u8; 32]) -> StringToSign<'a> {
        StringToSign { time, scope: self.scope(time), canonical_request_hash }
    }

    fn key(&self, scope: &CredentialScope<'_>) -> SigningKey {
        let secret = self.credentials.secret_access_key();
        match self.cache {
            Some(cache) => cache.key(secret, scope),
            None => SigningKey::derive(secret, scope),
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
        let fixed = "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=".len() + signature.as_bytes().len();
        // Of the exact length, it becomes a header's value without another allocation.
        let length = fixed + self.credentials.access_key_id().len() + scope_length + names_length - 1;
        let mut text = Vec::with_capacity(length);
        for part in [ALGORITHM, " Credential=", self.credentials.access_key_id(), "/"] {
            text.put(part.as_bytes());
        }
        scope.write_to(&mut text);
        text.put(b", SignedHeaders=");
        signed.write_names(&mut text);
        text.put(b", Signature=");
        text.put(signature.as_bytes());
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
fn hex_digits(bytes: &[u8; 32]) -> [u8; 64] {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut digits = [0; 64];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        (pair[0], pair[1]) = (digit(byte >> 4), digit(byte & 0x0f));
    }
    digits
}

fn header_value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("credentials and dates are checked to be printable ASCII")
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
