//! A request on its way to hyper: what stays the same from attempt to attempt, and one attempt of it, signed and with a
//! body.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderValue, Method, Uri};

use super::body::{SIGNED_CHUNK, SendBody};
use super::load;
use super::payload::Payload;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::request::{Request, headers_to_sign};
use crate::sign::{PayloadForm, PayloadHash, Signer, encoded_length};
use crate::target::{Scheme, Target};

const AGENT: HeaderValue = HeaderValue::from_static(concat!("s3lite/", env!("CARGO_PKG_VERSION")));
const X_AMZ_DECODED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");

/// A store's endpoint in hyper's types, made once.
pub(super) struct Address {
    scheme: UriScheme,
    authority: Authority,
    host: HeaderValue,
}

impl Address {
    pub fn new(endpoint: &Endpoint) -> Result<Self> {
        let host = endpoint.host();
        let unusable = || Error::config(format!("endpoint: {host} cannot be a host"));
        Ok(Self {
            scheme: match endpoint.scheme() {
                Scheme::Http => UriScheme::HTTP,
                Scheme::Https => UriScheme::HTTPS,
            },
            authority: host.parse().map_err(|error: http::uri::InvalidUri| unusable().with_source(error))?,
            host: HeaderValue::from_str(host).map_err(|error| unusable().with_source(error))?,
        })
    }

    /// The target as hyper takes it: the path goes in byte for byte, past every parser that would tidy it up.
    fn uri(&self, target: &Target) -> Result<Uri> {
        let unusable = || Error::bad_input("key and query make a URL that is too long");
        let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(target.path_and_query().as_bytes()));
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.map_err(|error| unusable().with_source(error))?);
        Uri::from_parts(parts).map_err(|error| unusable().with_source(error))
    }
}

/// All of a request that stays the same from attempt to attempt.
pub(super) struct Outgoing {
    method: Method,
    uri: Uri,
    target: Target,
    headers: HeaderMap,
    hash: PayloadHash,
    /// The Content-Length: the payload's own, or with the framing of its signed chunks.
    wire_length: u64,
}

impl Outgoing {
    /// Addresses a request; its payload is hashed if `form` says so.
    pub async fn new(
        address: &Address,
        request: &Request,
        target: Target,
        payload: &mut Payload,
        form: PayloadForm,
    ) -> Result<Self> {
        let length = payload.length();
        let hash = match form {
            _ if !request.takes_payload() => PayloadHash::EMPTY,
            PayloadForm::Hashed => payload.hash().await?,
            PayloadForm::Unsigned => PayloadHash::Unsigned,
            PayloadForm::Streaming => PayloadHash::Streaming,
        };
        let mut headers = request.headers().clone();
        headers.insert(HOST, address.host.clone());
        headers.insert(USER_AGENT, AGENT);
        let mut wire_length = length;
        if hash == PayloadHash::Streaming {
            let too_long = || Error::bad_input("the payload is too long");
            wire_length = encoded_length(length, SIGNED_CHUNK).ok_or_else(too_long)?;
            announce_chunks(&mut headers, length)?;
        }
        if request.takes_payload() {
            // hyper sends no Content-Length with an empty body, which S3 refuses.
            headers.insert(CONTENT_LENGTH, HeaderValue::from(wire_length));
        }
        let uri = address.uri(&target)?;
        Ok(Self { method: request.method().clone(), uri, target, headers, hash, wire_length })
    }

    /// Makes one attempt of it: signed with the time that it is now, its body opened anew.
    pub async fn attempt(&self, signer: Option<Signer<'_>>, payload: &mut Payload) -> Result<http::Request<SendBody>> {
        let mut headers = self.headers.clone();
        let mut chunks = None;
        if let Some(signer) = signer {
            let (time, to_sign) = (load::now()?, headers_to_sign(&headers));
            let signed = signer.sign(time, self.method.as_str(), &self.target, to_sign, &self.hash);
            chunks = (self.hash == PayloadHash::Streaming).then(|| signer.chunk_signer(time, &signed));
            headers.extend(signed.into_headers());
        }
        let body = SendBody::new(payload.open().await?, payload.length(), chunks, self.wire_length);
        let mut outgoing = http::Request::new(body);
        *outgoing.method_mut() = self.method.clone();
        *outgoing.uri_mut() = self.uri.clone();
        *outgoing.headers_mut() = headers;
        Ok(outgoing)
    }
}

/// Says that the body comes in signed chunks. The object keeps its own encoding behind `aws-chunked`.
fn announce_chunks(headers: &mut HeaderMap, length: u64) -> Result<()> {
    headers.insert(X_AMZ_DECODED_CONTENT_LENGTH, HeaderValue::from(length));
    let encoding = match headers.get(CONTENT_ENCODING) {
        Some(own) => HeaderValue::from_bytes(&[b"aws-chunked,", own.as_bytes()].concat()),
        None => Ok(HeaderValue::from_static("aws-chunked")),
    };
    let unusable = |error| Error::bad_input("the content encoding cannot be sent").with_source(error);
    headers.insert(CONTENT_ENCODING, encoding.map_err(unusable)?);
    Ok(())
}
