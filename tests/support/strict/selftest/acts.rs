//! Each act is seen by a client as it is meant.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use macro_rules_attribute::apply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::client::{Ask, Line, eventually};
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, Filter, Framing, StrictConfig, StrictServer};

const SHORT: Duration = Duration::from_millis(300);

async fn server() -> StrictServer {
    let server = StrictServer::start(StrictConfig::default()).await;
    server.bucket().seed("a", vec![b'x'; 1000]);
    server
}

fn get() -> Ask {
    Ask::new("GET", "/bucket/a")
}

fn put() -> Ask {
    Ask::put("/bucket/b", b"content")
}

/// How a body that should have 1000 bytes ends.
async fn end_of_body(server: &StrictServer, act: Act) -> ErrorKind {
    server.next(act);
    let mut line = Line::to(server).await;
    let ended = line.ask(&get()).await;
    ended.expect_err("the body is not whole").kind()
}

/// Whether nothing more comes for a while.
async fn stalls(server: &StrictServer, act: Act) -> bool {
    timeout(SHORT, end_of_body(server, act)).await.is_err()
}

#[apply(in_every_runtime)]
async fn bodies_that_end_early() {
    let server = server().await;
    assert_eq!(end_of_body(&server, Act::CutBody { after: 10 }).await, ErrorKind::UnexpectedEof);
    assert_eq!(end_of_body(&server, Act::ResetBody { after: 10 }).await, ErrorKind::ConnectionReset);
    assert!(stalls(&server, Act::StallBody { after: 10 }).await);
    assert!(stalls(&server, Act::Stall).await);
    assert_eq!(end_of_body(&server, Act::CloseBeforeReply).await, ErrorKind::UnexpectedEof);
    let statuses: Vec<_> = server.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(200), Some(200), Some(200), None, None]);
    assert_eq!(get().of(&server).await.body.len(), 1000);
}

#[apply(in_every_runtime)]
async fn bytes_before_the_end_arrive() {
    let server = server().await;
    for (act, reset) in [(Act::CutBody { after: 10 }, false), (Act::ResetBody { after: 10 }, true)] {
        server.next(act);
        let mut line = Line::to(&server).await;
        let raw = get().bytes(&server.address().to_string(), &[]);
        let head = line.ask_raw(&raw, "HEAD").await.expect("a head");
        assert_eq!(head.header("content-length").as_deref(), Some("1000"));
        let mut body = Vec::new();
        assert_eq!(line.stream.read_to_end(&mut body).await.is_err(), reset);
        assert_eq!(body, b"xxxxxxxxxx");
    }
}

#[apply(in_every_runtime)]
async fn applied_or_not() {
    let server = server().await;
    for (act, stored) in [(Act::CloseBeforeReply, false), (Act::ApplyThenClose, true)] {
        server.next_for("PUT", act);
        assert_eq!(get().of(&server).await.status, 200);
        assert!(Line::to(&server).await.ask(&put()).await.is_err());
        assert_eq!(server.bucket().content("b").is_some(), stored);
        let seen = server.requests().pop().expect("seen");
        assert_eq!((&seen.body[..], seen.complete, seen.refusal), (&b"content"[..], true, None));
    }
}

#[apply(in_every_runtime)]
async fn a_reused_connection_is_swallowed() {
    let server = server().await;
    server.next(Act::Swallow);
    let mut line = Line::to(&server).await;
    assert_eq!(line.ask(&get()).await.expect("the first is answered").status, 200);
    assert_eq!(server.script().remaining(), 1);
    assert!(line.ask(&get()).await.is_err());
    assert_eq!(get().of(&server).await.status, 200);
    let places: Vec<_> = server.requests().iter().map(|seen| (seen.connection, seen.on_connection)).collect();
    assert_eq!(places, [(1, 1), (1, 2), (2, 1)]);
    assert_eq!(server.connections(), 2);
}

#[apply(in_every_runtime)]
async fn raw_answers() {
    let server = server().await;
    let raw = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 2\r\n\r\nno".to_vec();
    server.next(Act::Reply(raw.clone()));
    server.next(Act::ReplyThenClose(raw));
    let mut line = Line::to(&server).await;
    for _ in 0..2 {
        let answer = line.ask(&put()).await.expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (503, "no"));
    }
    assert!(line.ask(&put()).await.is_err());
    assert_eq!(server.bucket().content("b"), None);
    server.script().always(Filter::Any, Act::Reply(b"garbage\r\n\r\n".to_vec()));
    assert!(Line::to(&server).await.ask(&put()).await.is_err());
    assert!(Line::to(&server).await.ask(&put()).await.is_err());
    server.script().clear();
    assert_eq!(put().of(&server).await.status, 200);
}

#[apply(in_every_runtime)]
async fn acts_wait_for_their_request() {
    let server = server().await;
    let no = |status: u16| Act::Reply(format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n").into_bytes());
    let for_b = Filter::Where(Arc::new(|head| head.path().ends_with(b"/b")));
    server.script().once(for_b, no(500));
    server.next_for("GET", no(501));
    server.always(no(502));
    let mut statuses = Vec::new();
    for ask in [put(), get(), get(), put()] {
        statuses.push(ask.of(&server).await.status);
    }
    assert_eq!(statuses, [500, 501, 502, 502]);
}

#[apply(in_every_runtime)]
async fn slow_answers() {
    let server = server().await;
    let began = Instant::now();
    server.next(Act::Trickle { chunk: 100, pause: Duration::from_millis(10) });
    assert_eq!(get().of(&server).await.body.len(), 1000);
    assert!(began.elapsed() >= Duration::from_millis(100));
    server.next(Act::Delay(Duration::from_millis(100)));
    assert_eq!(get().of(&server).await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[apply(in_every_runtime)]
async fn changed_answers() {
    let server = server().await;
    server.next(Act::mutate(|answer| {
        answer.status = 299;
        answer.set_header("ETag", "\"other\"");
        answer.body[0] = b'y';
    }));
    let answer = get().of(&server).await;
    assert_eq!((answer.status, answer.body[0], answer.header("etag").as_deref()), (299, b'y', Some("\"other\"")));
    server.next(Act::mutate(|answer| answer.set_header("Content-Length", "1001")));
    assert!(timeout(SHORT, Line::to(&server).await.ask(&get())).await.is_err());
    server.next(Act::mutate(|answer| answer.framing = Framing::Chunked));
    let mut line = Line::to(&server).await;
    let answer = line.ask(&get()).await.expect("a head");
    assert_eq!(answer.header("transfer-encoding").as_deref(), Some("chunked"));
}

#[apply(in_every_runtime)]
async fn connections_end_with_their_server() {
    let server = server().await;
    let mut line = Line::to(&server).await;
    line.ask(&get()).await.expect("an answer");
    let other = Line::to(&server).await;
    eventually("two are open", || server.open_connections() == 2).await;
    drop(other);
    eventually("one was closed", || server.open_connections() == 1).await;
    assert_eq!(server.connections(), 2);
    drop(server);
    assert!(line.answer("GET").await.is_err());
}

#[apply(in_every_runtime)]
async fn over_tls_and_ipv6() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
    let tls = Some(Arc::new(tls.expect("a TLS configuration")));
    let server = StrictServer::start(StrictConfig { tls, ipv6: true, ..StrictConfig::default() }).await;
    assert!(server.address().is_ipv6());
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect(server.address()).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    server.next_for("PUT", Act::CutBody { after: 0 });
    stream.write_all(&put().bytes(&server.address().to_string(), &[])).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a clean end");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(server.bucket().content("b").as_deref(), Some(&b"content"[..]));
}
