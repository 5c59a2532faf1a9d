//! A request on its way to hyper: what is known of its body, and one attempt of it, signed and with a body.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, USER_AGENT,
};
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use tokio::time::Instant;

use crate::client::connection::address::Address;
use crate::client::connection::body::SendBody;
use crate::client::payload::framer::Framer;
use crate::client::payload::source::Source;
use crate::client::payload::{Payload, hash_bytes};
use crate::error::{Error, Result};
use crate::request::Request;
use crate::sign::{CHUNK_SIZE, PayloadForm, PayloadHash, Signer, SigningTime, encoded_length};
use crate::target::Target;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("s3lite/", env!("CARGO_PKG_VERSION")));
/// Some proxies compress whatever a client does not forbid. It is not signed, because others rewrite it.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const CONTINUE: HeaderValue = HeaderValue::from_static("100-continue");
const X_AMZ_DECODED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");

/// The target as hyper takes it: the path goes in byte for byte, past every parser that would tidy it up.
fn uri(target: &Target) -> Result<Uri> {
    let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(target.path_and_query().as_bytes()));
    let unusable = |error| Error::bad_input("key and query make a URL that is too long").with_source(error);
    path.map(Uri::from).map_err(unusable)
}

/// What is known of a body before it is sent.
#[derive(Clone, Copy)]
pub(in crate::client) struct BodyPlan {
    pub hash: PayloadHash,
    length: u64,
    /// The Content-Length: the payload's own, or with the framing of its signed chunks.
    pub wire_length: u64,
}

impl BodyPlan {
    /// Looks at a payload, which was read if it is small, and is read to be hashed if `form` says so.
    pub async fn new(request: &Request, payload: &mut Payload, form: PayloadForm) -> Result<Self> {
        let length = payload.length();
        let hash = match form {
            // Chunks of nothing are refused (radosgw), and so are chunks of what is no object (501, Swift).
            _ if length == 0 || !request.takes_payload() => PayloadHash::EMPTY,
            _ if !request.body().is_empty() => hash_bytes(request.body().clone()).await?,
            PayloadForm::Hashed => payload.hash().await?,
            PayloadForm::Unsigned => PayloadHash::Unsigned,
            PayloadForm::Streaming => PayloadHash::Streaming,
        };
        let too_long = || Error::bad_input("the payload is too long");
        let wire_length = match hash {
            PayloadHash::Streaming => encoded_length(length, CHUNK_SIZE).ok_or_else(too_long)?,
            _ => length,
        };
        Ok(Self { hash, length, wire_length })
    }
}

/// One attempt of a request: what it is made of.
pub(in crate::client) struct Attempting<'a> {
    pub request: &'a Request,
    pub address: &'a Address,
    /// Where it goes at this address.
    pub target: &'a Target,
    pub body: BodyPlan,
    /// The body waits for the service's consent.
    pub expect: bool,
    /// When the attempt began.
    pub began: Instant,
}

impl Attempting<'_> {
    /// Makes the request as hyper takes it, signed for a time. It is made where it stays: hyper moves it often enough.
    pub fn fill(
        &self,
        outgoing: &mut http::Request<SendBody>,
        source: Source,
        signer: Option<Signer<'_>>,
        time: SigningTime,
    ) -> Result<()> {
        let (mut headers, mut framer) = (self.headers()?, None);
        if let Some(signer) = signer {
            let method = self.request.method().as_str();
            let seed = signer.sign_in_place(time, method, self.target, &mut headers, &self.body.hash);
            if self.body.hash == PayloadHash::Streaming {
                framer = Some(Box::new(Framer::new(signer.chunk_signer_after(time, seed))));
            }
        }
        let body = SendBody::new(source, self.body.length, framer, self.body.wire_length, self.began);
        *outgoing.body_mut() = if self.expect { body.gated() } else { body };
        *outgoing.method_mut() = self.request.method().clone();
        *outgoing.uri_mut() = uri(self.target)?;
        *outgoing.headers_mut() = headers;
        Ok(())
    }

    /// The headers but for those of the signature, with room for these and more: hyper reads the answer's into the same map.
    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::with_capacity(self.request.headers().len() + 9);
        headers.insert(HOST, self.address.host_header().clone());
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT_ENCODING, IDENTITY);
        for (name, value) in self.request.headers() {
            headers.append(name, value.clone());
        }
        if self.body.hash == PayloadHash::Streaming {
            announce_chunks(&mut headers, self.body.length)?;
        }
        if self.request.takes_payload() {
            // hyper sends no Content-Length with an empty body, which S3 refuses.
            headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.wire_length));
        }
        if self.expect {
            headers.insert(EXPECT, CONTINUE);
        }
        Ok(headers)
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
