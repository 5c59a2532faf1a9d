//! A signature in the query: a URL that anyone may use until it expires.

use std::fmt::{self, Write};
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::canonical::{CanonicalRequest, SignedHeaders};
use super::key::Signature;
use super::payload::PayloadHash;
use super::scope::{ALGORITHM, SigningTime};
use super::{Explanation, Signer};
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
    /// The body is not covered. Every header given is signed and must be sent as it is.
    ///
    /// # Errors
    ///
    /// `expires` must be 1 to 604,800 seconds.
    pub fn presign<'h>(
        &self,
        time: SigningTime,
        method: &str,
        target: &Target,
        headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
        expires: Duration,
    ) -> Result<PresignedUrl> {
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
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
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let presigning = Presigning::new(self, time, target, &headers, expires)?;
        Ok(self.explain_canonical(&time, &presigning.canonical(method)))
    }
}

/// A presigned request but for its signature.
struct Presigning<'a> {
    signer: &'a Signer<'a>,
    time: SigningTime,
    target: &'a Target,
    signed: SignedHeaders<'a>,
    query: String,
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
        if !(1..=MAX_EXPIRES_SECONDS).contains(&seconds) {
            return Err(Error::bad_input(format!(
                "a presigned URL counts for 1 to {MAX_EXPIRES_SECONDS} seconds (seven days), not {seconds}"
            )));
        }
        let names = target.query().split('&').filter_map(|pair| pair.get(..6));
        if names.into_iter().any(|name| name.eq_ignore_ascii_case("x-amz-")) {
            return Err(Error::bad_input(
                "the query has parameters of a signature already; leave out those that begin with X-Amz-",
            ));
        }
        let signed = signer.signed_headers(target, headers.iter().map(|(name, value)| (name, value)), &[]);
        let query = signer.presigned_query(&time, target, &signed, seconds);
        Ok(Self { signer, time, target, signed, query, payload: signer.rules.presign_payload })
    }

    fn canonical<'c>(&'c self, method: &'c str) -> CanonicalRequest<'c> {
        let (uri, query) = (self.target.path(), self.query.as_str());
        CanonicalRequest { method, uri, query, headers: &self.signed, payload: &self.payload }
    }

    fn signature(&self, method: &str) -> Signature {
        let hash = self.canonical(method).hash();
        let to_sign = self.signer.string_to_sign(&self.time, hash);
        self.signer.key(&self.time).sign(&to_sign)
    }

    fn url(&self, signature: &Signature) -> String {
        let mut url = format!("{}?{}", self.target, self.query);
        if let Some(token) = self.signer.credentials.session_token().filter(|_| !self.signer.rules.sign_session_token) {
            url.push('&');
            push_pair(&mut url, "X-Amz-Security-Token", token);
        }
        url + "&X-Amz-Signature=" + signature.as_str()
    }
}

impl Signer<'_> {
    /// The target's own pairs and those of the signature, encoded and in canonical order.
    fn presigned_query(&self, time: &SigningTime, target: &Target, signed: &SignedHeaders<'_>, seconds: u64) -> String {
        let mut names = String::new();
        signed.write_names(&mut names).expect("a String takes every text");
        let credential = format!("{}/{}", self.credentials.access_key_id(), self.scope(time));
        let seconds = seconds.to_string();
        let token = self.credentials.session_token().filter(|_| self.rules.sign_session_token);
        let own = [
            ("X-Amz-Algorithm", Some(ALGORITHM)),
            ("X-Amz-Credential", Some(credential.as_str())),
            ("X-Amz-Date", Some(time.as_str())),
            ("X-Amz-Expires", Some(seconds.as_str())),
            ("X-Amz-Security-Token", token),
            ("X-Amz-SignedHeaders", Some(names.as_str())),
        ];
        let mut pairs: Vec<String> =
            target.query().split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let mut pair = String::new();
            push_pair(&mut pair, name, value);
            pairs.push(pair);
        }
        pairs.sort_by(|left, right| left.split('=').cmp(right.split('=')));
        pairs.join("&")
    }
}

fn push_pair(out: &mut String, name: &str, value: &str) {
    out.write_str(name).expect("a String takes every text");
    out.push('=');
    encode::push_query(out, value.as_bytes());
}
