//! T14a: a refusal that comes while the body is still going up, over real sockets: the server closes with bytes unread, the
//! kernel answers what still comes with a reset, and the refusal lies in this side's buffer all the while. As versitygw and
//! Garage do it. A write that breaks is not the end: what was answered is read first.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload, PutObject, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::covers;
use crate::rig::{answer, config};
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;

/// How often each upload is tried: the race was lost by 5 to 30 of 40.
const TRIES: usize = 40;

/// How a server refuses.
#[derive(Clone, Debug)]
struct Refusal {
    status: &'static str,
    code: &'static str,
    /// So much of the body is read before, or at any point up to there.
    reads: Range<usize>,
    /// How long it thinks before it answers, and before it closes.
    pause: Duration,
}

impl Refusal {
    fn new(status: &'static str, code: &'static str, reads: Range<usize>) -> Self {
        Self { status, code, reads, pause: Duration::ZERO }
    }

    fn paused(self) -> Self {
        Self { pause: Duration::from_millis(2), ..self }
    }

    fn answer(&self) -> Vec<u8> {
        let document = format!("<Error><Code>{}</Code><Message>no</Message></Error>", self.code);
        answer(self.status, "x-amz-request-id: R\r\nConnection: close\r\n", &document)
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Listens, and refuses every request so.
async fn refusing(refusal: Refusal) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let Range { start, end } = refusal.reads;
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let reads = start + number * 37_777 % (end - start);
            tokio::spawn(refuse(stream, refusal.clone(), reads));
        }
    });
    address
}

/// Reads the head and some of the body, answers, and closes with the rest unread.
async fn refuse(mut stream: TcpStream, refusal: Refusal, reads: usize) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if head.to_ascii_lowercase().windows(20).any(|line| line == b"expect: 100-continue") && reads > 0 {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = vec![0; reads];
    stream.read_exact(&mut body).await?;
    tokio::time::sleep(refusal.pause).await;
    stream.write_all(&refusal.answer()).await?;
    stream.flush().await?;
    tokio::time::sleep(refusal.pause).await;
    Ok(())
}

fn open(address: SocketAddr, expect: &str) -> Store {
    let config = config().set("endpoint", format!("http://{address}")).set("expect-continue", expect);
    // Nothing here takes long, unless something waits for what never comes.
    let config = config.set("timeout", "5s").set("idle-timeout", "5s");
    Store::new(config.build().expect("valid")).expect("a store")
}

/// Below the threshold for asking, above it with a server that consents first, and where nothing is ever asked.
const UPLOADS: [(usize, &str); 3] = [(900 << 10, "1MiB"), (1100 << 10, "1MiB"), (1100 << 10, "off")];

/// A body as bytes, as a file, and as a reader that can be sent once.
struct Bodies {
    bytes: Bytes,
    path: PathBuf,
    _folder: Folder,
}

impl Bodies {
    fn new(size: usize) -> Self {
        let (bytes, folder) = (Bytes::from(vec![7; size]), Folder::new());
        Self { path: folder.file("body", &bytes), bytes, _folder: folder }
    }

    async fn payload(&self, number: usize) -> Payload {
        match number % 4 {
            0 => Payload::bytes(self.bytes.clone()),
            1 => Payload::file(&self.path).await.expect("a file"),
            _ => Payload::reader(std::io::Cursor::new(self.bytes.clone()), self.bytes.len() as u64),
        }
    }
}

/// Refuses each kind of body as often as it takes.
async fn assert_is_heard(refusal: Refusal, size: usize, expect: &str, kind: ErrorKind) {
    let (store, bodies) = (open(refusing(refusal.clone()).await, expect), Bodies::new(size));
    for number in 0..TRIES {
        let put = if number % 8 < 4 { PutObject::new("k") } else { PutObject::new("k").if_none_match("*") };
        let error = store.put(put, bodies.payload(number).await).await.expect_err("refused");
        let what = format!("{number}: {size}, {expect}, {refusal:?}");
        assert_eq!((error.kind(), error.code(), error.attempts()), (kind, Some(refusal.code), 1), "{what}: {error}");
        assert!(!error.is_outcome_unknown(), "{what}: {error}");
    }
}

#[apply(in_every_runtime)]
async fn t14a_a_condition_that_fails_early_is_heard() {
    covers(&["T14a"]);
    for (size, expect) in UPLOADS {
        for reads in [0..1, 1..2, 64 << 10..800 << 10] {
            let refusal = Refusal::new("412 Precondition Failed", "PreconditionFailed", reads);
            assert_is_heard(refusal, size, expect, ErrorKind::Precondition).await;
        }
    }
}

/// A wrong secret is told as what it is, also where the server thinks before it answers, or before it closes.
#[apply(in_every_runtime)]
async fn t14a_an_early_refusal_of_access_is_heard() {
    covers(&["T14a"]);
    for (size, expect) in UPLOADS {
        for code in ["AccessDenied", "SignatureDoesNotMatch"] {
            let refusal = Refusal::new("403 Forbidden", code, 1000..800 << 10);
            assert_is_heard(refusal.clone(), size, expect, ErrorKind::AccessDenied).await;
            assert_is_heard(refusal.paused(), size, expect, ErrorKind::AccessDenied).await;
        }
    }
}

/// Other refusals that come early: a body that is too large, a bucket that is not there; and a throttle, after which what can
/// be sent once is not sent again.
#[apply(in_every_runtime)]
async fn t14a_other_early_refusals_are_heard() {
    covers(&["T14a"]);
    for (status, code, kind) in [
        ("400 Bad Request", "EntityTooLarge", ErrorKind::Other),
        ("404 Not Found", "NoSuchBucket", ErrorKind::NoSuchBucket),
    ] {
        assert_is_heard(Refusal::new(status, code, 1..800 << 10), 900 << 10, "off", kind).await;
    }
    let refusal = Refusal::new("503 Slow Down", "SlowDown", 1..800 << 10);
    let (store, bodies) = (open(refusing(refusal).await, "off"), Bodies::new(900 << 10));
    for number in 0..TRIES {
        let error = store.put("k", bodies.payload(3).await).await.expect_err("throttled");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Throttled, 1), "{number}: {error}");
        assert!(!error.is_outcome_unknown(), "{number}: {error}");
    }
}

/// Where nothing was answered before the reset, nothing is known; an early success is none, however it ends.
#[apply(in_every_runtime)]
async fn t14a_a_reset_without_an_answer_stays_unknown() {
    covers(&["T14a"]);
    for answered in
        ["", "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nx-amz-request-id: R\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 4"]
    {
        let (listener, address) = listen().await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut some = vec![0; 64 << 10];
                let _ = stream.read_exact(&mut some).await;
                let _ = stream.write_all(answered.as_bytes()).await;
            }
        });
        let config = config().set("endpoint", format!("http://{address}")).set("expect-continue", "off");
        let store = Store::new(config.set("max-retries", 0).build().expect("valid")).expect("a store");
        for _ in 0..4 {
            // More than both sides' kernels take unread.
            let error = store.put("k", vec![7; 16 << 20]).await.expect_err("not stored");
            assert!(matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Protocol), "{answered:?}: {error}");
            assert!(error.is_outcome_unknown(), "{answered:?}: {error}");
        }
    }
}
