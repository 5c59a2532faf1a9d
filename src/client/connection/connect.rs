//! Makes connections: resolves, connects, shakes hands over TLS, all within `connect-timeout`.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use tower_service::Service;

use crate::client::connection::resolver::{Resolver, Suspects};
use crate::client::connection::wire::{Metered, Wire};

/// TCP keepalive finds a peer that vanished while a connection was idle.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;

pub(in crate::client) type BoxError = Box<dyn StdError + Send + Sync>;
type Dialing<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// What a connection runs over.
pub(in crate::client) trait Io: Connection + Read + Write + Send + Unpin {}
impl<T: Connection + Read + Write + Send + Unpin> Io for T {}

/// How a connection to an address is made.
type Dial = Arc<dyn Fn(Uri) -> Dialing<Box<dyn Io>> + Send + Sync>;

/// Makes the connections of the pool.
#[derive(Clone)]
pub(in crate::client) struct Connector {
    dial: Dial,
    limit: Duration,
    suspects: Suspects,
}

impl Connector {
    /// Makes connections by TCP, and by TLS over it where a configuration is given.
    pub fn new(limit: Duration, tls: Tls) -> Self {
        let suspects = Suspects::default();
        let http = http_connector(Resolver(suspects.clone()), limit);
        let connect = move |uri| {
            let connecting = http.clone().call(uri);
            async move { Ok(Metered::tcp(connecting.await?)) }
        };
        Self { dial: over_tls(FnConnector(connect), tls), limit, suspects }
    }

    /// Makes connections by a function, and speaks TLS over them where a configuration is given.
    pub fn dialed_by<F, R, S>(dial: F, limit: Duration, tls: Tls) -> Self
    where
        F: Fn(Uri) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connect = move |uri| {
            let dialing = dial(uri);
            async move { Ok(Metered::other(dialing.await?)) }
        };
        Self { dial: over_tls(FnConnector(connect), tls), limit, suspects: Suspects::default() }
    }
}

/// TLS over a connection, or none for plain http.
#[cfg(feature = "tls")]
pub(in crate::client) type Tls = Option<rustls::ClientConfig>;
#[cfg(not(feature = "tls"))]
pub(in crate::client) type Tls = ();

#[cfg(feature = "tls")]
fn over_tls<F, R, S>(connector: FnConnector<F>, tls: Tls) -> Dial
where
    F: Fn(Uri) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<S, BoxError>> + Send + 'static,
    S: Io + 'static,
{
    let Some(config) = tls else { return dial_with(connector) };
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1();
    dial_with(builder.wrap_connector(connector))
}

#[cfg(not(feature = "tls"))]
fn over_tls<F, R, S>(connector: FnConnector<F>, (): Tls) -> Dial
where
    F: Fn(Uri) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<S, BoxError>> + Send + 'static,
    S: Io + 'static,
{
    dial_with(connector)
}

/// A function as hyper-util's and hyper-rustls's kind of connector.
#[derive(Clone)]
struct FnConnector<F>(F);

impl<F, R, S> Service<Uri> for FnConnector<F>
where
    F: Fn(Uri) -> R,
    R: Future<Output = Result<S, BoxError>> + Send + 'static,
{
    type Response = S;
    type Error = BoxError;
    type Future = Dialing<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin((self.0)(uri))
    }
}

fn http_connector(resolver: Resolver, limit: Duration) -> HttpConnector<Resolver> {
    let mut http = HttpConnector::new_with_resolver(resolver);
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEPALIVE));
    http.set_keepalive_interval(Some(KEEPALIVE));
    http.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    // It divides this among the addresses of a name, so that a dead one leaves time for the next.
    http.set_connect_timeout(Some(limit));
    http
}

fn dial_with<C>(connector: C) -> Dial
where
    C: Service<Uri, Error: Into<BoxError>, Future: Send + 'static> + Clone + Send + Sync + 'static,
    C::Response: Io + 'static,
{
    Arc::new(move |uri| {
        let dialing = connector.clone().call(uri);
        Box::pin(async move {
            let io = dialing.await.map_err(Into::into)?;
            Ok(Box::new(io) as Box<dyn Io>)
        })
    })
}

impl Connector {
    /// Connects to the host of a URL.
    pub async fn connect(&self, origin: Uri) -> Result<Stream, BoxError> {
        let io = timeout(self.limit, (self.dial)(origin)).await.map_err(|_| ConnectTimeout(self.limit))??;
        let stream = Stream::new(io);
        if let Some(peer) = stream.wire.peer() {
            self.suspects.passed_over(peer, Instant::now());
        }
        Ok(stream)
    }

    /// Lets the next connection go to another address of the name than the one that failed, if there is one.
    pub fn avoid(&self, peer: IpAddr) {
        self.suspects.add(peer, Instant::now());
    }
}

/// Resolving, connecting and shaking hands took too long.
#[derive(Debug)]
pub(in crate::client) struct ConnectTimeout(pub Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {:?}", self.0)
    }
}

impl StdError for ConnectTimeout {}

/// A connection as hyper uses it.
pub(in crate::client) struct Stream {
    io: Box<dyn Io>,
    wire: Arc<Wire>,
}

impl Stream {
    fn new(io: Box<dyn Io>) -> Self {
        let wire = Wire::of(&io.connected());
        Self { io, wire }
    }

    pub fn wire(&self) -> Arc<Wire> {
        self.wire.clone()
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.wire.flushed();
        }
        flushed
    }

    /// An aborted connection says no goodbye: TLS would send a close_notify, which reads like the end of a body.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.ends_in_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
