//! An upload that ends in its middle ends in a reset, over real sockets, plain and over TLS.
//!
//! There are servers that store the beginning of a body as the object when its connection ends in order: after a FIN, over
//! TLS after a close_notify. So whoever takes an upload must never see such an end before the body is whole. The network in
//! memory cannot show it, because it resets whatever is dropped.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload, Store, StoreConfig, StoreConfigBuilder};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::authority::Authority;
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;

/// What a source has, and what is announced of it: more than is read before anything is sent.
const FIRST: usize = 64 << 10;
const ANNOUNCED: u64 = 400_000;

/// Bytes of a small buffer.
const NARROW: usize = 4 << 10;

/// How a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
    /// By the caller's own function.
    Dialed,
    DialedTls,
}

const WAYS: [Way; 4] = [Way::Plain, Way::Tls, Way::Dialed, Way::DialedTls];

impl Way {
    fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::DialedTls)
    }
}

/// How a server sees a connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A FIN; over TLS a close_notify before it.
    Orderly,
    Error(io::ErrorKind),
}

const RESET: End = End::Error(io::ErrorKind::ConnectionReset);

/// A server of one connection, and the store that leads to it.
struct Rig {
    store: Store,
    /// Done once the first part of the body has arrived, and the answer, if there is one, was written.
    arrived: oneshot::Receiver<()>,
    end: JoinHandle<End>,
    _folder: Folder,
}

/// What a server says to the beginning of an upload.
#[derive(Clone, Default)]
struct Answer {
    text: String,
    /// With this it ends its half of the connection.
    last: Option<&'static str>,
}

impl Answer {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), last: None }
    }
}

/// A server that reads the beginning of an upload, gives this answer, and reads on to the end of the connection.
async fn rig(way: Way, answer: Answer) -> Rig {
    let (folder, authority) = (Folder::new(), Authority::new());
    let path = folder.file("ca.pem", authority.pem());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let scheme = if way.is_tls() { "https" } else { "http" };
    let config = config().set("endpoint", format!("{scheme}://localhost:{}", address.port()));
    let config = config.set("tls.ca-file", path.to_str().expect("UTF-8")).build().expect("a valid configuration");
    let store = match way {
        Way::Plain | Way::Tls => Store::new(config),
        Way::Dialed | Way::DialedTls => Store::dialed_by(config, move |_| narrow(address)),
    };
    let acceptor = TlsAcceptor::from(authority.server_config(&["localhost"]));
    let (says, arrived) = oneshot::channel();
    let end = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        SockRef::from(&stream).set_send_buffer_size(NARROW).expect("a small buffer");
        match way.is_tls() {
            true => serve(acceptor.accept(stream).await.expect("a handshake"), answer, says).await,
            false => serve(stream, answer, says).await,
        }
    });
    Rig { store: store.expect("a store"), arrived, end, _folder: folder }
}

fn config() -> StoreConfigBuilder {
    StoreConfig::builder()
        .set("region", "eu-central-1")
        .set("bucket", "bucket")
        .set("anonymous", true)
        .set("tls.roots", "bundled")
        .set("max-retries", 0)
        // The server gives no consent, and would be waited for in each case.
        .set("expect-continue", "off")
}

/// A connection that has hardly any bytes on the way: what its other end could write, this end has read.
async fn narrow(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(NARROW as u32)?;
    socket.connect(address).await
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer, arrived: oneshot::Sender<()>) -> End {
    let (mut buffer, mut read) = (vec![0; FIRST], 0);
    let mut arrived = Some(arrived);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return End::Orderly,
            Ok(count) => read += count,
            Err(error) => return End::Error(error.kind()),
        }
        if let Some(arrived) = arrived.take_if(|_| read >= FIRST) {
            // A reset is told once, to whoever comes first.
            if let Err(error) = say(&mut stream, &answer).await
                && error.kind() == io::ErrorKind::ConnectionReset
            {
                return RESET;
            }
            let _ = arrived.send(());
        }
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    stream.write_all(answer.text.as_bytes()).await?;
    stream.flush().await?;
    if let Some(last) = answer.last {
        stream.write_all(last.as_bytes()).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

/// Gives its first part, and does what is said once that has arrived.
struct Source {
    left: usize,
    arrived: oneshot::Receiver<()>,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Waits,
    Fails,
    Ends,
    GoesOn,
    Panics,
}

impl AsyncRead for Source {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 && !self.arrived.is_terminated() {
            ready!(Pin::new(&mut self.arrived).poll(cx)).expect("it arrives");
            self.left = if self.then == Then::GoesOn { 2 * ANNOUNCED as usize } else { 0 };
        }
        let count = self.left.min(buffer.remaining());
        buffer.initialize_unfilled_to(count).fill(7);
        buffer.advance(count);
        self.left -= count;
        match self.then {
            Then::Waits if count == 0 => Poll::Pending,
            Then::Panics if count == 0 => panic!("the caller's reader has a bug"),
            Then::Fails if count == 0 => Poll::Ready(Err(io::Error::other("the disk is gone"))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

fn source(arrived: oneshot::Receiver<()>, then: Then) -> Payload {
    Payload::reader(Source { left: FIRST, arrived, then }, ANNOUNCED)
}

#[apply(in_every_runtime)]
async fn an_upload_that_is_given_up_is_reset() {
    for way in WAYS {
        let Rig { store, arrived, end, _folder } = rig(way, Answer::default()).await;
        let (_never, never) = oneshot::channel();
        let putting = tokio::spawn(async move { store.put("k", source(never, Then::Waits)).await.map(drop) });
        arrived.await.expect("the beginning arrives");
        putting.abort();
        assert!(putting.await.expect_err("it was given up").is_cancelled());
        assert_eq!(end.await.expect("the server"), RESET, "{way:?}");
    }
}

/// hyper closes a connection in order as soon as its body fails, before anybody else hears of it.
#[apply(in_every_runtime)]
async fn an_upload_whose_source_is_not_as_announced_is_reset() {
    for (way, then) in WAYS.into_iter().flat_map(|way| [Then::Fails, Then::Ends, Then::GoesOn].map(|then| (way, then)))
    {
        let Rig { store, arrived, end, _folder } = rig(way, Answer::default()).await;
        let error = store.put("k", source(arrived, then)).await.expect_err("it is not as announced");
        assert_eq!(error.kind(), ErrorKind::Source, "{way:?} {then:?}: {error}");
        assert_eq!(end.await.expect("the server"), RESET, "{way:?} {then:?}");
    }
}

const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
const REASONED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\nConnection: close\r\n\r\n\
                        <Error><Code>AccessDenied</Code></Error>";
const STORED: &str = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";

/// An answer that comes before the body is whole ends the upload; above all, one that says that something was stored.
#[apply(in_every_runtime)]
async fn an_upload_that_is_answered_early_is_reset() {
    for way in WAYS {
        for (text, kind) in
            [(REFUSED, ErrorKind::AccessDenied), (REASONED, ErrorKind::AccessDenied), (STORED, ErrorKind::Protocol)]
        {
            let Rig { store, arrived, end, _folder } = rig(way, Answer::of(text)).await;
            let error = store.put("k", source(arrived, Then::Waits)).await.expect_err("not all was read");
            assert_eq!(error.kind(), kind, "{way:?} {text:?}: {error}");
            assert_eq!(end.await.expect("the server"), RESET, "{way:?} {text:?}");
        }
    }
}

/// A refusal that is read while the service ends its half, whole or cut: hyper closes the connection by itself then, in order
/// if it may.
#[apply(in_every_runtime)]
async fn an_upload_is_reset_though_the_service_has_ended_its_half() {
    for (way, last) in [Way::Dialed, Way::DialedTls].into_iter().flat_map(|way| [" ", ""].map(|last| (way, last))) {
        let (head, size) = ("HTTP/1.1 403 Forbidden\r\nContent-Length: ", 60_000);
        let text = format!("{head}{size}\r\n\r\n{}", " ".repeat(size - 1));
        let Rig { store, arrived, end, _folder } = rig(way, Answer { text, last: Some(last) }).await;
        let error = store.put("k", source(arrived, Then::Waits)).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{way:?} {last:?}: {error}");
        assert_eq!(end.await.expect("the server"), RESET, "{way:?} {last:?}");
    }
}

/// Whatever makes hyper end the connection by itself, before anybody hears of it: an end where an answer is due, a whole answer
/// and an end behind it, an answer that is none.
#[apply(in_every_runtime)]
async fn an_upload_is_reset_however_the_service_breaks_it_off() {
    let breaks = [
        ("", Some("")),
        (REFUSED, Some("")),
        (REASONED, Some("")),
        (STORED, Some("")),
        ("220 mail.example.com ESMTP\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None),
    ];
    for (way, (text, last)) in WAYS.into_iter().flat_map(|way| breaks.map(|said| (way, said))) {
        let Rig { store, arrived, end, _folder } = rig(way, Answer { text: text.to_owned(), last }).await;
        store.put("k", source(arrived, Then::Waits)).await.expect_err("not all was read");
        assert_eq!(end.await.expect("the server"), RESET, "{way:?} {text:?} {last:?}");
    }
}

/// A panic takes the connection's task with it.
#[apply(in_every_runtime)]
async fn an_upload_whose_source_panics_is_reset() {
    for way in WAYS {
        let Rig { store, arrived, end, _folder } = rig(way, Answer::default()).await;
        store.put("k", source(arrived, Then::Panics)).await.expect_err("it panics");
        assert_eq!(end.await.expect("the server"), RESET, "{way:?}");
    }
}

/// A program that ends drops its runtime, and with it the connections' tasks before or after those that use them.
#[test]
fn an_upload_whose_runtime_ends_is_reset() {
    let multi = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let single = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let server = multi().expect("a runtime");
    for (way, client) in WAYS.into_iter().flat_map(|way| [multi(), single()].map(|client| (way, client))) {
        let (client, (_never, never)) = (client.expect("a runtime"), oneshot::channel());
        let Rig { store, arrived, end, _folder } = server.block_on(rig(way, Answer::default()));
        client.block_on(async {
            tokio::spawn(async move { store.put("k", source(never, Then::Waits)).await.map(drop) });
            arrived.await.expect("the beginning arrives");
        });
        drop(client);
        assert_eq!(server.block_on(end).expect("the server"), RESET, "{way:?}");
    }
}
