//! The shell: a [`Store`]. It does the I/O and decides nothing; `call` has the attempt loop.

mod body;
mod buffers;
mod call;
mod connect;
mod file;
mod incoming;
mod load;
mod object;
mod observe;
mod outgoing;
mod pages;
mod payload;
mod pool;
mod runtime;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod wire;

use std::fmt;
use std::future::Future;
use std::io;
#[cfg(feature = "tls")]
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep};

use self::call::Call;
use self::connect::{Connector, Tls};
use self::incoming::IncomingBody;
pub use self::object::{Object, ObjectReader};
pub use self::observe::{Attempt, AttemptEnd, Observer};
use self::outgoing::Address;
pub use self::pages::Pages;
pub use self::payload::Payload;
use self::runtime::demand_runtime;
use self::transport::Transport;
use crate::config::StoreConfig;
use crate::consent::Consent;
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::operation::{
    Answer, DeleteObject, DeleteObjectOutput, GetObject, HeadObject, ListObjectsV2, Operation, PutObject,
    PutObjectOutput, read_answer,
};
use crate::request::Request;
use crate::response::ObjectMeta;
use crate::retry::{Decision, LATE_VISIBILITY, Moment, Outcome, Retry, RetryQuota};
use crate::sign::{KeyCache, PresignedUrl, Signer, SigningTime};
use crate::skew::ClockSkew;
use crate::target::Scheme;

/// One bucket, or a prefix of one: everything that is done with it goes through here.
///
/// Cheap to clone: clones share the connections. One store belongs to one runtime of Tokio, with its timers and its I/O driver
/// (`enable_all`); the runtime's end closes the store's connections.
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
pub struct Store {
    inner: Arc<Inner>,
    observer: Option<Arc<dyn Observer>>,
}

/// What all clones of a store share.
struct Inner {
    config: StoreConfig,
    credentials: Option<Credentials>,
    transport: Transport,
    signing_keys: KeyCache,
    opened: Instant,
    learned: Learned,
}

/// What a store learns from the service's answers.
struct Learned {
    quota: Mutex<RetryQuota>,
    /// Seconds by which the service's clock is ahead.
    skew: AtomicI64,
    /// Where the bucket lives; another region's endpoint once `follow-region` has found it.
    address: Mutex<Arc<Address>>,
    /// Whether the service is asked before a large body is sent.
    consent: Mutex<Consent>,
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
        let connector = Connector::new(config.timeouts().connect, tls_of(&config)?);
        Self::over(config, connector)
    }

    /// Opens the store that a configuration describes, over connections that `dial` makes: through a proxy or a tunnel, to a
    /// Unix socket, in memory. TLS is spoken over them if the endpoint is https.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn dialed_by<F, R, S>(config: StoreConfig, dial: F) -> Result<Self>
    where
        F: Fn(http::Uri) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connector = Connector::dialed_by(dial, config.timeouts().connect, tls_of(&config)?);
        Self::over(config, connector)
    }

    fn over(config: StoreConfig, connector: Connector) -> Result<Self> {
        let credentials = load::credentials(&config)?;
        let endpoint = config.endpoint();
        let transport = Transport::new(connector, config.timeouts(), config.max_connections);
        let learned = Learned {
            quota: Mutex::default(),
            skew: AtomicI64::new(0),
            address: Mutex::new(Arc::new(Address::new(endpoint.clone())?)),
            consent: Mutex::default(),
        };
        let (signing_keys, opened) = (KeyCache::default(), Instant::now());
        let inner = Inner { config, credentials, transport, signing_keys, opened, learned };
        Ok(Self { inner: Arc::new(inner), observer: None })
    }

    /// Returns a store that tells of its attempts; it shares the connections of this one.
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Returns the store's configuration.
    pub fn config(&self) -> &StoreConfig {
        &self.inner.config
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
        self.put_object(operation.into(), payload.into()).await
    }

    /// As [`put`](Self::put), compiled once: in this crate, not in those that call it.
    async fn put_object(&self, mut operation: PutObject, payload: Payload) -> Result<PutObjectOutput> {
        let length = payload.length();
        if operation.is_conditional() {
            operation = operation.put_id(load::id());
        }
        let stored = match self.run(&operation, payload).await {
            Err(error) if operation.is_conditional() && error.is_outcome_unknown() => {
                self.settle(&operation, length, error).await?
            }
            stored => stored?.0,
        };
        if self.inner.config.verify_after_write() {
            self.verify(&operation, &stored, length).await?;
        }
        Ok(stored)
    }

    /// Looks whether a conditional write took effect whose answer was lost, or whose second copy was refused.
    async fn settle(&self, operation: &PutObject, length: u64, error: Error) -> Result<PutObjectOutput> {
        match self.head_object(operation.as_head()).await {
            Ok(found) => operation.settle(length, &found, error),
            Err(_) => Err(error.into_ambiguous()),
        }
    }

    /// Looks at an object that was just stored, a few times for services that show new objects late.
    async fn verify(&self, operation: &PutObject, stored: &PutObjectOutput, length: u64) -> Result<()> {
        let mut waits = LATE_VISIBILITY.iter();
        loop {
            let found = self.head_object(operation.as_head_of(stored)).await;
            match (found, waits.next()) {
                (Ok(found), _) => {
                    let (bucket, key) =
                        (self.inner.config.bucket(), self.inner.config.key_prefix().join(operation.key()));
                    return PutObject::verify(stored, length, &found)
                        .map_err(|error| error.with_context(PutObject::NAME, bucket, Some(&key)));
                }
                (Err(error), Some(wait)) if error.is_not_found() => sleep(*wait).await,
                (Err(error), _) => return Err(error.into_unverified()),
            }
        }
    }

    /// Reads an object, or a range of it (GetObject). The bytes follow as they are asked for.
    ///
    /// An empty range, and `0..` of an empty object, give no bytes.
    ///
    /// # Errors
    ///
    /// The service's refusal, [`Error::is_not_found`] among them;
    /// [`ErrorKind::InvalidRange`](crate::ErrorKind::InvalidRange) for a range outside.
    pub async fn get(&self, operation: impl Into<GetObject>) -> Result<Object> {
        self.get_object(operation.into()).await
    }

    async fn get_object(&self, mut operation: GetObject) -> Result<Object> {
        if operation.asks_for_no_bytes() {
            // HTTP cannot ask for none; whether the object exists is asked all the same.
            let meta = self.head_object(operation.as_head()).await?;
            return Ok(Object::empty(self, operation, meta));
        }
        if operation.byte_range().is_none() {
            operation = operation.checksum_mode();
        }
        match self.stream(&operation).await {
            Ok((meta, body)) => Object::new(self, operation, meta, body),
            Err(refusal) if operation.may_be_of_empty_object(&refusal) => {
                let meta = self.head_object(operation.as_head()).await?;
                if meta.size() == Some(0) { Ok(Object::empty(self, operation, meta)) } else { Err(refusal) }
            }
            Err(error) => Err(error),
        }
    }

    /// Reads an object's metadata (HeadObject).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get). A HEAD's refusal has no body, so it often has no code.
    pub async fn head(&self, operation: impl Into<HeadObject>) -> Result<ObjectMeta> {
        self.head_object(operation.into()).await
    }

    async fn head_object(&self, operation: HeadObject) -> Result<ObjectMeta> {
        self.send(operation).await
    }

    /// Deletes an object (DeleteObject). One that does not exist is success.
    ///
    /// # Errors
    ///
    /// The service's refusal.
    pub async fn delete(&self, operation: impl Into<DeleteObject>) -> Result<DeleteObjectOutput> {
        self.delete_object(operation.into()).await
    }

    async fn delete_object(&self, operation: DeleteObject) -> Result<DeleteObjectOutput> {
        self.send(operation).await
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
        Ok(self.run(&operation, Payload::bytes(Bytes::new())).await?.0)
    }

    /// Makes a URL that anyone may use for this operation until it expires. Sends nothing.
    ///
    /// # Errors
    ///
    /// `expires` outside 1 to 604,800 s, an anonymous store, and what the operation itself refuses.
    pub fn presign<O: Operation>(&self, operation: &O, expires: Duration) -> Result<PresignedUrl> {
        let request = self.request(operation)?;
        let address = self.inner.address();
        let presign = || {
            let Some(signer) = self.inner.signer(&address) else {
                return Err(Error::config("an anonymous store has no credentials to presign with"));
            };
            let target = address.endpoint().target(&request);
            // A skewed clock is not corrected here: whoever uses the URL compares with the service's own.
            let time = SigningTime::from_system_time(load::now())?;
            signer.presign(time, request.method().as_str(), &target, request.headers(), expires)
        };
        presign().map_err(|error| self.about(error, O::NAME, Some(&request)))
    }

    /// Makes an operation's request, which this store must take.
    fn request<O: Operation>(&self, operation: &O) -> Result<Request> {
        let config = &self.inner.config;
        let request = operation.request(config.key_prefix()).map_err(|error| self.about(error, O::NAME, None))?;
        let checked = request.key().map_or(Ok(()), |key| config.check_key(key));
        checked.map_err(|error| self.about(error, O::NAME, Some(&request)))?;
        Ok(request)
    }

    /// Carries an operation out. Returns the answer that is still coming with the output, for operations that stream it.
    async fn run<O: Operation>(&self, operation: &O, payload: Payload) -> Result<(O::Output, Option<IncomingBody>)> {
        demand_runtime().map_err(|error| self.about(error, O::NAME, None))?;
        let request = self.request(operation)?;
        let mut output = None;
        let mut read = |answer: Answer<'_>| read_answer(operation, answer).map(|read| output = Some(read));
        let stream = Call::new(self, request, O::STREAMS, payload).await?.run(&mut read).await?;
        Ok((output.expect("a success was read"), stream))
    }

    /// Asks for an object's bytes without an [`Object`] around them.
    async fn stream(&self, operation: &GetObject) -> Result<(ObjectMeta, IncomingBody)> {
        let (meta, body) = self.run(operation, Payload::bytes(Bytes::new())).await?;
        Ok((meta, body.expect("a GetObject streams")))
    }

    /// Decides whether a broken download goes on, and after which wait.
    fn after_break(&self, retry: &mut Retry, error: &Error) -> Option<Duration> {
        let outcome = Outcome { error, stale_connection: false, correction: None, replayable: true, retry_after: None };
        let moment = Moment { now: self.inner.opened.elapsed(), remaining: None, jitter: load::jitter() };
        match retry.after(&outcome, moment, &mut self.inner.quota()) {
            Decision::Again { wait } => Some(wait),
            Decision::Stop => None,
        }
    }

    fn about(&self, error: Error, operation: &'static str, request: Option<&Request>) -> Error {
        error.with_context(operation, self.inner.config.bucket(), request.and_then(Request::key))
    }
}

/// What a store's connections trust; nothing for plain http.
#[cfg(feature = "tls")]
fn tls_of(config: &StoreConfig) -> Result<Tls> {
    if config.endpoint().scheme() == Scheme::Http {
        return Ok(None);
    }
    if config.tls().allow_invalid_certs {
        warn_of_invalid_certs(config);
    }
    tls::client_config(config.tls()).map(Some)
}

#[cfg(not(feature = "tls"))]
fn tls_of(config: &StoreConfig) -> Result<Tls> {
    match config.endpoint().scheme() {
        Scheme::Http => Ok(()),
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
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "s3lite: warning: {text}");
}

impl Inner {
    /// Where the bucket lives, as far as it is known.
    fn address(&self) -> Arc<Address> {
        self.learned.address.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn quota(&self) -> MutexGuard<'_, RetryQuota> {
        // Plain numbers are never half-written.
        self.learned.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn consent(&self) -> MutexGuard<'_, Consent> {
        self.learned.consent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn skew(&self) -> ClockSkew {
        ClockSkew::from_seconds(self.learned.skew.load(Ordering::Relaxed))
    }

    fn signer<'a>(&'a self, address: &'a Address) -> Option<Signer<'a>> {
        let credentials = self.credentials.as_ref()?;
        let region = address.endpoint().signing_region();
        Some(Signer::new(credentials, region, "s3").with_cache(&self.signing_keys))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.inner.config).finish()
    }
}
