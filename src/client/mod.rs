//! The shell: a [`Store`] and the attempt loop. It does the I/O and decides nothing.
//!
//! Per attempt: sign anew, open the body anew, send, read the outcome, let [`Retry`] decide. No other code retries.

mod body;
mod connect;
mod file;
mod incoming;
mod load;
mod object;
mod outgoing;
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
use tokio::time::Instant;

use self::connect::Connector;
use self::incoming::IncomingBody;
use self::object::ErrorContext;
pub use self::object::{Object, ObjectReader};
use self::outgoing::{Address, Outgoing};
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
use crate::request::Request;
use crate::response::{ObjectMeta, ResponseHead};
use crate::retry::{Decision, Outcome, Retry};
use crate::sign::{KeyCache, PayloadForm, PresignedUrl, Signer};
use crate::target::Scheme;
use crate::xml;

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
    address: Address,
}

impl Store {
    /// Opens the store that a section `[store.<name>]` of a TOML file describes.
    ///
    /// Reads the file, what it refers to, the shared credentials files and the environment; sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with file, line, column and key; [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) if there are none.
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
        let address = Address::new(endpoint)?;
        let inner = Inner {
            transport: Transport::new(connector, config.timeouts(), config.max_connections, endpoint.host()),
            credentials,
            signing_keys: KeyCache::default(),
            address,
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
    /// The service's refusal; [`ErrorKind::Source`](crate::ErrorKind::Source) if the payload fails, or is longer or shorter than announced, in which
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
    /// The service's refusal, [`Error::is_not_found`] among them; [`ErrorKind::InvalidRange`](crate::ErrorKind::InvalidRange) for a range outside.
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
        let outgoing = self.outgoing(&request, &mut payload).await.map_err(in_request)?;
        let mut retry = Retry::new(request.is_repeatable(), payload.is_replayable());
        let (started, mut attempts, mut route) = (Instant::now(), 0, Route::Pooled);
        loop {
            attempts += 1;
            let failure = match self.attempt(operation, &outgoing, &mut payload, route).await {
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
        outgoing: &Outgoing,
        payload: &mut Payload,
        route: Route,
    ) -> std::result::Result<Success<O>, Failure> {
        let request = outgoing.attempt(self.signer(), payload).await?;
        let exchange = self.0.transport.exchange(request, route).await?;
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

    async fn outgoing(&self, request: &Request, payload: &mut Payload) -> Result<Outgoing> {
        let endpoint = self.0.config.endpoint();
        let form = match self.0.credentials {
            Some(_) => self.0.config.payload_signing.form(payload.is_replayable(), endpoint.scheme())?,
            None => PayloadForm::Unsigned,
        };
        Outgoing::new(&self.0.address, request, endpoint.target(request), payload, form).await
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
