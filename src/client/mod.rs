//! The shell: a [`Store`]. It does the I/O and decides nothing; `call` has the attempt loop.

mod call;
mod connection;
mod exchange;
mod load;
mod object;
mod operations;
mod pages;
mod payload;
mod runtime;

use std::fmt;
use std::future::Future;
use std::io;
#[cfg(feature = "tls")]
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

pub use self::call::observe::{Attempt, AttemptEnd, Observer};
use self::connection::address::Address;
use self::connection::connect::{Connector, Tls};
#[cfg(feature = "tls")]
use self::connection::tls;
use self::exchange::transport::Transport;
pub use self::object::Object;
pub use self::object::reader::ObjectReader;
pub use self::pages::Pages;
pub use self::payload::Payload;
use crate::config::StoreConfig;
use crate::consent::Consent;
use crate::credentials::Credentials;
use crate::error::Result;
use crate::response::Marks;
use crate::retry::RetryQuota;
use crate::sign::{KeyCache, Signer};
use crate::skew::ClockSkew;
use crate::target::Scheme;

/// One bucket, or a prefix of one: everything that is done with it goes through here.
///
/// Cheap to clone: clones share the connections and the limits. A store works inside a runtime of Tokio with timers and an I/O
/// driver (`enable_all`). Several runtimes may use one store: each has connections of its own, which its end closes, and what is
/// begun in one is finished there.
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
    /// In which second after the store was opened that was last measured.
    measured: AtomicU64,
    /// Where the bucket lives; another region's endpoint once `follow-region` has found it.
    address: Mutex<Arc<Address>>,
    /// Whether the service is asked before a large body is sent.
    consent: Mutex<Consent>,
    /// Whether it has marked an answer as its own.
    marked: AtomicBool,
    /// Whether what the service made of a body in signed chunks was looked at.
    chunks_checked: AtomicBool,
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
        let path = path.as_ref();
        load::config(path, name).and_then(Self::new).map_err(|error| error.within(path.display()))
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
        let credentials = load::credentials(&config).map_err(|error| match config.store() {
            Some(name) => error.within(format_args!("store.{name}")),
            None => error,
        })?;
        let endpoint = config.endpoint();
        let transport = Transport::new(connector, config.timeouts(), config.max_connections);
        let learned = Learned {
            quota: Mutex::new(RetryQuota::for_connections(config.max_connections)),
            skew: AtomicI64::new(0),
            measured: AtomicU64::new(u64::MAX),
            address: Mutex::new(Arc::new(Address::new(endpoint.clone())?)),
            consent: Mutex::default(),
            marked: AtomicBool::new(false),
            chunks_checked: AtomicBool::new(false),
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
}

impl Learned {
    /// True if the clocks were compared in this second already.
    fn was_measured(&self, second: u64) -> bool {
        self.measured.load(Ordering::Relaxed) == second
    }

    /// What the service has shown of itself so far.
    fn marks(&self) -> Marks {
        if self.marked.load(Ordering::Relaxed) { Marks::Marked } else { Marks::Unknown }
    }

    fn take_marks(&self, marks: Marks) {
        if marks == Marks::Marked && !self.marked.load(Ordering::Relaxed) {
            self.marked.store(true, Ordering::Relaxed);
        }
    }

    /// Takes what comparing them gave.
    fn take(&self, skew: ClockSkew, second: u64) {
        self.skew.store(skew.as_seconds(), Ordering::Relaxed);
        self.measured.store(second, Ordering::Relaxed);
    }
}

/// What a store's connections trust; nothing for plain http.
#[cfg(feature = "tls")]
fn tls_of(config: &StoreConfig) -> Result<Tls> {
    // Over http it has no use, but a file that is missing is a mistake in any case.
    let listed = tls::listed(config)?;
    if config.endpoint().scheme() == Scheme::Http {
        return Ok(None);
    }
    if config.tls().allow_invalid_certs {
        warn_of_invalid_certs(config);
    }
    tls::client_config(config.tls(), listed).map(Some)
}

#[cfg(not(feature = "tls"))]
fn tls_of(config: &StoreConfig) -> Result<Tls> {
    match config.endpoint().scheme() {
        Scheme::Http => Ok(()),
        Scheme::Https => {
            Err(crate::error::Error::config("endpoint: is https, and this program was built without the feature tls"))
        }
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

    /// Takes note of where the bucket really lives.
    fn moved_to(&self, address: Arc<Address>) {
        *self.learned.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
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
        let signer = Signer::new(credentials, address.endpoint().region(), "s3").expect("s3 is a service");
        Some(signer.with_cache(&self.signing_keys))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.inner.config).finish()
    }
}
