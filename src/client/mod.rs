//! The shell: a [`Store`] and the attempt loop. It does the I/O and decides nothing.
//!
//! Per attempt: sign anew, open the body anew, send, read the outcome, let [`Retry`] decide. No other code retries.

mod body;
mod connect;
mod file;
mod incoming;
mod load;
mod object;
mod pages;
mod payload;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod wire;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderValue, Uri};
use tokio::time::Instant;

use self::body::{SIGNED_CHUNK, SendBody};
use self::connect::Connector;
use self::incoming::IncomingBody;
use self::object::ErrorContext;
pub use self::object::{Object, ObjectReader};
pub use self::pages::Pages;
pub use self::payload::Payload;
use self::transport::{Failure, Route, Transport};
use crate::config::StoreConfig;
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::operation::{
    Answer, DeleteObject, DeleteObjectOutput, GetObject, HeadObject, ListObjectsV2, Operation, PutObject,
    PutObjectOutput, read_answer,
};
use crate::request::{Request, headers_to_sign};
use crate::response::{ObjectMeta, ResponseHead};
use crate::retry::{Decision, Outcome, Retry};
use crate::sign::{KeyCache, PayloadForm, PayloadHash, PresignedUrl, Signer, encoded_length};
use crate::target::{Scheme, Target};
use crate::xml;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("s3lite/", env!("CARGO_PKG_VERSION")));
const X_AMZ_DECODED_CONTENT_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");

/// How much of an error's body is read.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// One bucket, or a prefix of one: everything that is done with it goes through here.
///
/// Cheap to clone: clones share the connections. One store belongs to one runtime, whose end closes its connections.
///
/// ```no_run
/// # async fn example() -> s3lite::Result<()> {
/// use s3lite::{GetObject, Store};
///
/// let store = Store::open("config.toml", "s3")?;
/// store.put("a.txt", "hello").await?;
/// let part = store.get(GetObject::new("a.txt").range(1..3)).await?.bytes().await?;
/// assert_eq!(part, "el");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    config: StoreConfig,
    credentials: Option<Credentials>,
    transport: Transport,
    signing_keys: KeyCache,
    scheme: UriScheme,
    authority: Authority,
    host: HeaderValue,
}

impl Store {
    /// Opens the store that a section `[store.<name>]` of a TOML file describes.
    ///
    /// Reads the file, what it refers to, the shared credentials files and the environment; sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with file, line, column and key; [`ErrorKind::Credentials`] if there are none.
    pub fn open(path: impl AsRef<Path>, name: &str) -> Result<Self> {
        Self::new(load::config(path.as_ref(), name)?)
    }

    /// Opens the store that a configuration describes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn new(config: StoreConfig) -> Result<Self> {
        let credentials = load::credentials(&config)?;
        let endpoint = config.endpoint();
        let connector = connector(&config)?;
        let host = endpoint.host();
        let unusable = |_| Error::config(format!("endpoint: {host} cannot be a host"));
        let inner = Inner {
            transport: Transport::new(connector, config.timeouts(), config.max_connections, host),
            credentials,
            signing_keys: KeyCache::default(),
            scheme: match endpoint.scheme() {
                Scheme::Http => UriScheme::HTTP,
                Scheme::Https => UriScheme::HTTPS,
            },
            authority: host.parse().map_err(unusable)?,
            host: HeaderValue::from_str(host).map_err(|_| Error::config("endpoint: the host is not ASCII"))?,
            config,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Returns the store's configuration.
    pub fn config(&self) -> &StoreConfig {
        &self.0.config
    }

    /// Stores an object in one request (PutObject).
    ///
    /// # Errors
    ///
    /// The service's refusal; [`ErrorKind::Source`] if the payload fails, or is longer or shorter than announced, in which
    /// case nothing is stored.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection; whether the object was stored is then not known.
    pub async fn put(&self, operation: impl Into<PutObject>, payload: impl Into<Payload>) -> Result<PutObjectOutput> {
        Ok(self.run(&operation.into(), payload.into()).await?.output)
    }

    /// Reads an object, or a range of it (GetObject). The bytes follow as they are asked for.
    ///
    /// An empty range, and `0..` of an empty object, give no bytes.
    ///
    /// # Errors
    ///
    /// The service's refusal, [`Error::is_not_found`] among them; [`ErrorKind::InvalidRange`] for a range outside.
    pub async fn get(&self, operation: impl Into<GetObject>) -> Result<Object> {
        let operation = operation.into();
        let key = self.0.config.key_prefix().join(operation.key());
        let context = ErrorContext { bucket: self.0.config.bucket().to_owned(), key };
        if operation.asks_for_no_bytes() {
            // HTTP cannot ask for none; whether the object exists is asked all the same.
            return Ok(Object::empty(self.head(operation.as_head()).await?, context));
        }
        let success = match self.run(&operation, Payload::bytes(Bytes::new())).await {
            Err(refusal) if operation.may_be_of_empty_object(&refusal) => {
                let meta = self.head(operation.as_head()).await?;
                return if meta.size() == 0 { Ok(Object::empty(meta, context)) } else { Err(refusal) };
            }
            answer => answer?,
        };
        match success.stream {
            Some((head, body)) => Object::new(&head, success.output, body, context),
            None => Ok(Object::empty(success.output, context)),
        }
    }

    /// Reads an object's metadata (HeadObject).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). A HEAD's refusal has no body, so it often has no code.
    pub async fn head(&self, operation: impl Into<HeadObject>) -> Result<ObjectMeta> {
        self.send(operation.into()).await
    }

    /// Deletes an object (DeleteObject). One that does not exist is success.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn delete(&self, operation: impl Into<DeleteObject>) -> Result<DeleteObjectOutput> {
        self.send(operation.into()).await
    }

    /// Lists keys (ListObjectsV2), page by page.
    pub fn list(&self, operation: impl Into<ListObjectsV2>) -> Pages {
        Pages::new(self.clone(), operation.into())
    }

    /// Sends an operation whose answer is small; [`Raw`](crate::Raw) is any S3 call at all.
    ///
    /// # Errors
    ///
    /// The service's refusal, or an answer that S3 does not give.
    pub async fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        Ok(self.run(&operation, Payload::bytes(Bytes::new())).await?.output)
    }

    /// Makes a URL that anyone may use for this operation until it expires. Sends nothing.
    ///
    /// # Errors
    ///
    /// `expires` outside 1 to 604,800 s, an anonymous store, and what the operation itself refuses.
    pub fn presign<O: Operation>(&self, operation: &O, expires: Duration) -> Result<PresignedUrl> {
        let request =
            operation.request(self.0.config.key_prefix()).map_err(|error| self.in_request::<O>(error, None))?;
        let presign = || {
            let Some(signer) = self.signer() else {
                return Err(Error::config("an anonymous store has no credentials to presign with"));
            };
            let target = self.0.config.endpoint().target(&request);
            signer.presign(load::now()?, request.method().as_str(), &target, request.headers(), expires)
        };
        presign().map_err(|error| self.in_request::<O>(error, Some(&request)))
    }

    /// The attempt loop.
    async fn run<O: Operation>(&self, operation: &O, mut payload: Payload) -> Result<Success<O>> {
        let request =
            operation.request(self.0.config.key_prefix()).map_err(|error| self.in_request::<O>(error, None))?;
        let in_request = |error| self.in_request::<O>(error, Some(&request));
        if !request.body().is_empty() {
            payload = Payload::bytes(request.body().clone());
        }
        demand_runtime().map_err(in_request)?;
        let plan = self.plan(&request, &mut payload).await.map_err(in_request)?;
        let mut retry = Retry::new(request.is_repeatable(), payload.is_replayable());
        let (started, mut attempts, mut route) = (Instant::now(), 0, Route::Pooled);
        loop {
            attempts += 1;
            let failure = match self.attempt(operation, &request, &plan, &mut payload, route).await {
                Ok(success) => return Ok(success),
                Err(failure) => failure,
            };
            match retry.after(failure.outcome) {
                Decision::AgainOnNewConnection => route = Route::New,
                Decision::Stop => return Err(in_request(failure.error).with_attempts(attempts, started.elapsed())),
            }
        }
    }

    /// One attempt: signed anew, its body opened anew, its answer read.
    async fn attempt<O: Operation>(
        &self,
        operation: &O,
        request: &Request,
        plan: &Plan,
        payload: &mut Payload,
        route: Route,
    ) -> std::result::Result<Success<O>, Failure> {
        let outgoing = self.sign(request, plan, payload).await?;
        let exchange = self.0.transport.exchange(outgoing, route).await?;
        let (parts, body) = exchange.response.into_parts();
        let head = ResponseHead { status: parts.status, headers: parts.headers };
        let body = IncomingBody::new(body, self.0.transport.idle_timeout(), exchange.permit);
        if head.status.is_success() && !exchange.body_sent {
            return Err(Error::protocol("the service reported success before it had read the whole body").into());
        }
        Ok(self.read(operation, head, body).await?)
    }

    async fn read<O: Operation>(
        &self,
        operation: &O,
        head: ResponseHead,
        mut body: IncomingBody,
    ) -> Result<Success<O>> {
        let (success, streams) = (head.status.is_success(), head.status.is_success() && O::STREAMS);
        let bytes = match (success, streams) {
            (_, true) => Bytes::new(),
            (true, false) => body.whole(xml::MAX_BYTES).await?,
            // A refusal counts by its status, even if its body breaks.
            (false, false) => body.beginning(MAX_ERROR_BYTES).await.map(|(bytes, _)| bytes).unwrap_or_default(),
        };
        let config = &self.0.config;
        let (prefix, signed_for) = (config.key_prefix(), config.endpoint().signing_region());
        let output = read_answer(operation, &Answer { head: &head, body: &bytes, prefix, signed_for })?;
        Ok(Success { output, stream: streams.then_some((head, body)) })
    }

    /// Decides all that stays the same from attempt to attempt.
    async fn plan(&self, request: &Request, payload: &mut Payload) -> Result<Plan> {
        let scheme = self.0.config.endpoint().scheme();
        let form = self.0.config.payload_signing.form(payload.is_replayable(), scheme)?;
        let form = if self.0.credentials.is_some() { form } else { PayloadForm::Unsigned };
        let length = payload.length();
        let streaming = form == PayloadForm::Streaming && request.takes_payload();
        let hash = match form {
            _ if !request.takes_payload() => PayloadHash::EMPTY,
            PayloadForm::Hashed => payload.hash().await?,
            PayloadForm::Unsigned => PayloadHash::Unsigned,
            PayloadForm::Streaming => PayloadHash::Streaming,
        };
        let too_long = || Error::bad_input("the payload is too long");
        let wire_length = if streaming { encoded_length(length, SIGNED_CHUNK).ok_or_else(too_long)? } else { length };
        let target = self.0.config.endpoint().target(request);
        Ok(Plan {
            headers: outgoing_headers(request, &self.0.host, length, wire_length, streaming)?,
            target,
            hash,
            wire_length,
        })
    }

    async fn sign(&self, request: &Request, plan: &Plan, payload: &mut Payload) -> Result<http::Request<SendBody>> {
        let mut headers = plan.headers.clone();
        let mut chunks = None;
        if let Some(signer) = self.signer() {
            let (time, method) = (load::now()?, request.method().as_str());
            let signed = signer.sign(time, method, &plan.target, headers_to_sign(&headers), &plan.hash);
            chunks = (plan.hash == PayloadHash::Streaming).then(|| signer.chunk_signer(time, &signed));
            headers.extend(signed.into_headers());
        }
        let body = SendBody::new(payload.open().await?, payload.length(), chunks, plan.wire_length);
        let mut outgoing = http::Request::new(body);
        *outgoing.method_mut() = request.method().clone();
        *outgoing.uri_mut() = self.uri(&plan.target)?;
        *outgoing.headers_mut() = headers;
        Ok(outgoing)
    }

    /// The target as hyper takes it: the path goes in byte for byte, past every parser that would tidy it up.
    fn uri(&self, target: &Target) -> Result<Uri> {
        let unusable = || Error::bad_input("the key makes a URL that is too long");
        let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(target.path_and_query().as_bytes()));
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.0.scheme.clone());
        parts.authority = Some(self.0.authority.clone());
        parts.path_and_query = Some(path.map_err(|error| unusable().with_source(error))?);
        Uri::from_parts(parts).map_err(|error| unusable().with_source(error))
    }

    fn signer(&self) -> Option<Signer<'_>> {
        let credentials = self.0.credentials.as_ref()?;
        let region = self.0.config.endpoint().signing_region();
        Some(Signer::new(credentials, region, "s3").with_cache(&self.0.signing_keys))
    }

    fn in_request<O: Operation>(&self, error: Error, request: Option<&Request>) -> Error {
        error.with_context(O::NAME, self.0.config.bucket(), request.and_then(Request::key))
    }
}

/// What stays the same from attempt to attempt.
struct Plan {
    target: Target,
    headers: HeaderMap,
    hash: PayloadHash,
    /// The Content-Length: the payload's own, or with the framing of its signed chunks.
    wire_length: u64,
}

/// A success, and for operations that stream it, the answer that is still coming.
struct Success<O: Operation> {
    output: O::Output,
    stream: Option<(ResponseHead, IncomingBody)>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, outcome: Outcome::default() }
    }
}

/// The request's own headers, and those of its framing.
fn outgoing_headers(
    request: &Request,
    host: &HeaderValue,
    length: u64,
    wire_length: u64,
    streaming: bool,
) -> Result<HeaderMap> {
    let mut headers = request.headers().clone();
    headers.insert(HOST, host.clone());
    headers.insert(USER_AGENT, AGENT);
    if request.takes_payload() {
        // hyper sends no Content-Length with an empty body, which S3 refuses.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(wire_length));
    }
    if streaming {
        headers.insert(X_AMZ_DECODED_CONTENT_LENGTH, HeaderValue::from(length));
        let encoding = match headers.get(CONTENT_ENCODING) {
            Some(own) => [b"aws-chunked,", own.as_bytes()].concat(),
            None => b"aws-chunked".to_vec(),
        };
        let encoding = HeaderValue::from_bytes(&encoding);
        headers
            .insert(CONTENT_ENCODING, encoding.map_err(|_| Error::bad_input("the content encoding cannot be sent"))?);
    }
    Ok(headers)
}

/// Without a runtime hyper would panic somewhere deep inside.
fn demand_runtime() -> Result<()> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Error::config("a store works inside a Tokio runtime, and there is none here").with_source(error))
        }
    }
}

fn connector(config: &StoreConfig) -> Result<Connector> {
    let limit = config.timeouts().connect;
    #[cfg(feature = "tls")]
    {
        let https = config.endpoint().scheme() == Scheme::Https;
        let tls = if https { Some(tls::client_config(config.tls())?) } else { None };
        if https && config.tls().allow_invalid_certs {
            warn_of_invalid_certs(config);
        }
        Ok(Connector::new(limit, tls))
    }
    #[cfg(not(feature = "tls"))]
    match config.endpoint().scheme() {
        Scheme::Http => Ok(Connector::new(limit)),
        Scheme::Https => Err(Error::config("endpoint: is https, and this program was built without the feature tls")),
    }
}

/// An operator must find this in the log, whatever the program logs with.
#[cfg(feature = "tls")]
fn warn_of_invalid_certs(config: &StoreConfig) {
    let host = config.endpoint().host();
    let text = format!(
        "tls.allow-invalid-certs = true: no certificate of {host} is checked, and anybody on the way can read and change \
         what is stored there"
    );
    #[cfg(feature = "tracing")]
    tracing::warn!(host, "{text}");
    eprintln!("s3lite: warning: {text}");
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.config).finish()
    }
}
