//! A signature in the query: a URL that anyone may use until it expires.

use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::canonical::{CanonicalRequest, SignedHeaders};
use super::gather::Sink;
use super::key::Signature;
use super::payload::PayloadHash;
use super::scope::{ALGORITHM, SigningTime};
use super::{Explanation, Signer, X_AMZ_CONTENT_SHA256};
use crate::encode;
use crate::error::{Error, Result};
use crate::target::Target;

/// The longest a presigned URL may count: seven days (S3 API reference, `X-Amz-Expires`).
const MAX_EXPIRES_SECONDS: u64 = 604_800;

/// A URL that carries its own signature: whoever has it, has the right it grants.
///
/// `Debug` and `Display` leave out the query; [`as_str`](Self::as_str) gives the whole.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl PresignedUrl {
    /// Returns the URL with its signature. Treat it as a password until it expires.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the headers that the request must carry as they are here, because they are signed. `host` is not among
    /// them: every client sends it.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

impl fmt::Display for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, _) = self.url.split_once('?').unwrap_or((&self.url, ""));
        write!(f, "{address}?***")
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresignedUrl({self})")
    }
}

impl<'a> Signer<'a> {
    /// Signs a request in its query, for somebody else to send within `expires`.
    ///
    /// The body is covered if its hash is among the headers (`x-amz-content-sha256`). Every header given is signed and must be sent
    /// as it is.
    ///
    /// # Errors
    ///
    /// `expires` must be 1 to 604,800 whole seconds; the query must have no parameter of a signature.
    pub fn presign<'h>(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        expires: Duration,
    ) -> Result<PresignedUrl> {
        let headers = given_headers(headers);
        let presigning = Presigning::new(self, time, target, &headers, expires)?;
        let signature = presigning.signature(method);
        Ok(PresignedUrl { url: presigning.url(&signature), headers })
    }

    /// Shows the texts that [`presign`](Self::presign) hashes, from the same code.
    ///
    /// # Errors
    ///
    /// As [`presign`](Self::presign).
    pub fn explain_presign<'h>(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        expires: Duration,
    ) -> Result<Explanation> {
        let headers = given_headers(headers);
        let presigning = Presigning::new(self, time, target, &headers, expires)?;
        Ok(self.explain_canonical(&time, &presigning.canonical(method)))
    }
}

/// Takes over the caller's headers. Every client sends Host by itself.
fn given_headers<'h>(
    headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
) -> Vec<(HeaderName, HeaderValue)> {
    let given = headers.into_iter().filter(|(name, _)| **name != http::header::HOST);
    given.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A presigned request but for its signature.
struct Presigning<'a> {
    signer: &'a Signer<'a>,
    time: SigningTime,
    target: &'a Target,
    signed: SignedHeaders<'a>,
    /// Up to the signature.
    url: String,
    query_start: usize,
    payload: PayloadHash,
}

impl<'a> Presigning<'a> {
    fn new(
        signer: &'a Signer<'a>,
        time: SigningTime,
        target: &'a Target,
        headers: &'a [(HeaderName, HeaderValue)],
        expires: Duration,
    ) -> Result<Self> {
        let seconds = expires.as_secs();
        if !(1..=MAX_EXPIRES_SECONDS).contains(&seconds) || expires.subsec_nanos() != 0 {
            return Err(Error::bad_input(format!(
                "a presigned URL counts for 1 to {MAX_EXPIRES_SECONDS} whole seconds (seven days), not {expires:?}"
            )));
        }
        if let Some(name) = target.query().split('&').find_map(own_name) {
            return Err(Error::bad_input(format!(
                "the query has {name}, which the signature adds itself; leave it out"
            )));
        }
        let signed = signer.signed_headers(target, headers.iter().map(|(name, value)| (name, value)), &[]);
        let mut url = String::with_capacity(signer.url_capacity(target));
        for part in [target.scheme().as_str(), "://", target.host(), target.path(), "?"] {
            url.push_str(part);
        }
        let query_start = url.len();
        let given =
            headers.iter().find(|(name, _)| *name == X_AMZ_CONTENT_SHA256).and_then(|(_, value)| value.to_str().ok());
        let payload = given.and_then(PayloadHash::of_text).unwrap_or(signer.rules.presign_payload);
        signer.push_query(&mut url, &time, target, &signed, seconds);
        Ok(Self { signer, time, target, signed, url, query_start, payload })
    }

    fn canonical<'c>(&'c self, method: &'c str) -> CanonicalRequest<'c> {
        let (uri, query) = (self.target.path(), &self.url[self.query_start..]);
        CanonicalRequest { method, uri, query, headers: &self.signed, payload: &self.payload }
    }

    fn signature(&self, method: &str) -> Signature {
        let hash = self.canonical(method).hash();
        let to_sign = self.signer.string_to_sign(&self.time, hash);
        self.signer.key(&to_sign.scope).sign(&to_sign)
    }

    fn url(self, signature: &Signature) -> String {
        let mut url = self.url;
        if let Some(token) = self.signer.credentials.session_token().filter(|_| !self.signer.rules.sign_session_token) {
            url.push('&');
            url.push_str("X-Amz-Security-Token=");
            encode::push_query(&mut url, token.as_bytes());
        }
        url + "&X-Amz-Signature=" + signature.as_str()
    }
}

impl Signer<'_> {
    /// Enough for one allocation: what the signature adds has some 300 characters, and some that are encoded.
    fn url_capacity(&self, target: &Target) -> usize {
        let token = self.credentials.session_token().map_or(0, |token| 3 * token.len());
        target.host().len() + target.path_and_query().len() + token + 512
    }

    /// Appends the target's own pairs and those of the signature, encoded and in canonical order. Both come in order, so they
    /// are merged.
    fn push_query(
        &self,
        url: &mut String,
        time: &SigningTime,
        target: &Target,
        signed: &SignedHeaders<'_>,
        seconds: u64,
    ) {
        let mut given = target.query().split('&').filter(|pair| !pair.is_empty()).peekable();
        let start = url.len();
        for name in OWN {
            while let Some(pair) = given.next_if(|pair| pair.split('=').next() < Some(name)) {
                push_pair(url, start, pair);
            }
            if name == X_AMZ_SECURITY_TOKEN && self.query_token().is_none() {
                continue;
            }
            push_pair(url, start, name);
            url.push('=');
            self.push_own(&mut Encoded(url), name, time, signed, seconds);
        }
        for pair in given {
            push_pair(url, start, pair);
        }
    }

    fn push_own(
        &self,
        out: &mut Encoded<'_>,
        name: &str,
        time: &SigningTime,
        signed: &SignedHeaders<'_>,
        seconds: u64,
    ) {
        match name {
            X_AMZ_ALGORITHM => out.put(ALGORITHM.as_bytes()),
            X_AMZ_CREDENTIAL => {
                out.put(self.credentials.access_key_id().as_bytes());
                out.put(b"/");
                self.scope(time).write_to(out);
            }
            X_AMZ_DATE => out.put(time.as_bytes()),
            X_AMZ_EXPIRES => out.put(seconds.to_string().as_bytes()),
            X_AMZ_SECURITY_TOKEN => out.put(self.query_token().unwrap_or_default().as_bytes()),
            _ => signed.write_names(out),
        }
    }

    fn query_token(&self) -> Option<&str> {
        self.credentials.session_token().filter(|_| self.rules.sign_session_token)
    }
}

const X_AMZ_ALGORITHM: &str = "X-Amz-Algorithm";
const X_AMZ_CREDENTIAL: &str = "X-Amz-Credential";
const X_AMZ_DATE: &str = "X-Amz-Date";
const X_AMZ_EXPIRES: &str = "X-Amz-Expires";
const X_AMZ_SECURITY_TOKEN: &str = "X-Amz-Security-Token";
const X_AMZ_SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";
const X_AMZ_SIGNATURE: &str = "X-Amz-Signature";

/// The parameters of a signature in the order of their names.
const OWN: [&str; 6] =
    [X_AMZ_ALGORITHM, X_AMZ_CREDENTIAL, X_AMZ_DATE, X_AMZ_EXPIRES, X_AMZ_SECURITY_TOKEN, X_AMZ_SIGNED_HEADERS];

/// The name of a pair that the signature itself adds.
fn own_name(pair: &str) -> Option<&'static str> {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    OWN.into_iter().chain([X_AMZ_SIGNATURE]).find(|own| own.eq_ignore_ascii_case(name))
}

/// Appends a pair, or the beginning of one, to the query that starts at a place.
fn push_pair(url: &mut String, start: usize, pair: &str) {
    if url.len() > start {
        url.push('&');
    }
    url.push_str(pair);
}

/// Encodes what is written as the value of a query parameter.
struct Encoded<'a>(&'a mut String);

impl Sink for Encoded<'_> {
    fn put(&mut self, bytes: &[u8]) {
        encode::push_query(self.0, bytes);
    }
}
