//! T48: whole calls with the core alone, over somebody's own HTTP: a TCP connection, and the text that goes over it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3lite::{
    Answer, CredentialSource, Decision, DeleteObject, Error, ErrorKind, GetObject, HeadObject, KeyPrefix, Moment,
    Operation, Outcome, PayloadHash, Phase, PutObject, Raw, RawAnswer, Request, ResponseHead, Result, Retry,
    RetryPolicy, RetryQuota, Signer, SigningTime, StoreConfig, headers_to_sign, read_answer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::strict::{Act, StrictConfig, StrictServer};

/// Plans an operation and carries it out: request, address, signature, exchange, reading. What an object's bytes are is left
/// to whoever streams them, here the second part of the result.
async fn call<O: Operation>(config: &StoreConfig, operation: &O, body: &[u8]) -> Result<(O::Output, Vec<u8>)> {
    let request = operation.request(config.key_prefix())?;
    let (head, answer) = exchange(config, &request, body).await?;
    let read = if O::STREAMS && head.status.is_success() { &[][..] } else { &answer };
    let signed_for = config.endpoint().signing_region();
    let output = read_answer(operation, Answer { head, body: read, prefix: config.key_prefix(), signed_for });
    Ok((output.map_err(|error| error.with_context(O::NAME, config.bucket(), request.key()))?, answer))
}

async fn exchange(config: &StoreConfig, request: &Request, body: &[u8]) -> Result<(ResponseHead, Vec<u8>)> {
    let CredentialSource::Given(credentials) = config.credentials() else { panic!("they stand in the configuration") };
    let body = if body.is_empty() { &request.body()[..] } else { body };
    let (endpoint, hash) = (config.endpoint(), PayloadHash::of(body));
    let target = endpoint.target(request);
    let signer = Signer::new(credentials, endpoint.region(), "s3")?;
    let time = SigningTime::from_system_time(SystemTime::now())?;
    let add = signer.sign(time, request.method().as_str(), &target, headers_to_sign(request.headers()), &hash);
    let mut text = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method(), target.path_and_query(), target.host());
    for (name, value) in request.headers().chain(add.headers().iter().map(|(name, value)| (name, value))) {
        text += &format!("{name}: {}\r\n", value.to_str().expect("text"));
    }
    if request.takes_payload() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    let address: SocketAddr = target.host().parse().expect("the server is an address");
    let mut stream = TcpStream::connect(address).await.map_err(Error::connect)?;
    stream
        .write_all(&[text.as_bytes(), b"Connection: close\r\n\r\n", body].concat())
        .await
        .map_err(Error::connection_lost)?;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(Duration::from_millis(500), stream.read_to_end(&mut answer));
    reading.await.map_err(|late| Error::timeout(Phase::Head, late))?.map_err(Error::connection_lost)?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> Result<(ResponseHead, Vec<u8>)> {
    let lost = || Error::connection_lost(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(lost)?;
    let text = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let status = StatusCode::from_bytes(status.as_bytes()).expect("a status");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"));
    }
    Ok((ResponseHead { status, headers }, answer[end + 4..].to_vec()))
}

fn config(address: SocketAddr) -> StoreConfig {
    let config = crate::support::store::config(format!("http://{address}")).set("key-prefix", "p/");
    config.build().expect("a configuration")
}

#[tokio::test]
async fn t48_whole_calls_with_the_core_alone() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let config = config(server.address());
    let put = PutObject::new("a b/ü").content_type("text/plain").metadata("Note", "two  blanks");
    let (stored, _) = call(&config, &put, b"mail").await.expect("stored");
    let (meta, bytes) = call(&config, &GetObject::new("a b/ü"), b"").await.expect("an object");
    assert_eq!((meta.size(), meta.etag(), &bytes[..]), (Some(4), Some(stored.etag), &b"mail"[..]));
    assert_eq!((meta.content_type(), meta.metadata("note")), (Some("text/plain"), Some("two  blanks")));
    let (_, part) = call(&config, &GetObject::new("a b/ü").range(1..3), b"").await.expect("a range");
    assert_eq!(part, b"ai");
    let (meta, _) = call(&config, &HeadObject::new("a b/ü"), b"").await.expect("its metadata");
    assert_eq!(meta.size(), Some(4));
    call(&config, &DeleteObject::new("a b/ü"), b"").await.expect("deleted");
    let error = call(&config, &GetObject::new("a b/ü"), b"").await.map(drop).expect_err("it is gone");
    assert!(error.is_not_found(), "{error}");
    assert_eq!((error.operation(), error.bucket(), error.key()), (Some("GetObject"), Some("bucket"), Some("p/a b/ü")));
    for seen in server.requests() {
        assert!(seen.refusal.is_none_or(|refusal| refusal.contains("NoSuchKey")), "{}", seen.method);
    }
}

/// An operation that this crate does not have, made of one that it has.
struct GetTagging(String);

impl Operation for GetTagging {
    type Output = String;
    const NAME: &'static str = "GetObjectTagging";

    fn key(&self) -> Option<&str> {
        Some(&self.0)
    }

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        Raw::get(&self.0).query("tagging", "").request(prefix)
    }

    fn read(&self, answer: Answer<'_>) -> Result<String> {
        let RawAnswer { body, .. } = Raw::get(&self.0).query("tagging", "").read(answer)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test]
async fn t48_an_operation_of_ones_own() {
    let server = StrictServer::start(StrictConfig::default()).await;
    let config = config(server.address());
    call(&config, &PutObject::new("k"), b"mail").await.expect("stored");
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let put = Raw::put("k").query("tagging", "").body(tags);
    call(&config, &put, b"").await.expect("tagged");
    let (read, _) = call(&config, &GetTagging("k".to_owned()), b"").await.expect("its tags");
    assert!(read.contains("<Key>a</Key>"), "{read}");
    let seen = server.requests().pop().expect("it was asked");
    assert_eq!((seen.target_text(), seen.refusal), ("/bucket/p/k?tagging=".to_owned(), None));
    let refusal = "<Error><Code>AccessDenied</Code></Error>";
    let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{refusal}", refusal.len());
    server.next(Act::ReplyThenClose(answer.into_bytes()));
    let error = call(&config, &GetTagging("k".to_owned()), b"").await.expect_err("refused");
    assert_eq!((error.is_access_denied(), error.operation()), (true, Some("GetObjectTagging")), "{error}");
}

/// What `Retry` says to the first failure of a call.
fn decide(error: &Error, idempotent: bool, stale_connection: bool) -> Decision {
    let outcome = Outcome { error, stale_connection, correction: None, replayable: true, retry_after: None };
    let moment = Moment { now: Duration::ZERO, elapsed: Duration::ZERO, remaining: None, jitter: 0.5 };
    Retry::new(RetryPolicy::default(), idempotent).after(&outcome, moment, &mut RetryQuota::default())
}

/// Failures of somebody's own connection are told apart as those of the crate's own are.
#[tokio::test]
async fn t48_failures_of_ones_own_connection_are_judged() {
    let again = |decision| matches!(decision, Decision::Again { .. });
    let nobody = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("a port");
    let refused = call(&config(nobody), &GetObject::new("k"), b"").await.map(drop).expect_err("nobody is there");
    assert_eq!(refused.kind(), ErrorKind::Connect, "{refused}");
    assert!(again(decide(&refused, true, false)) && again(decide(&refused, false, false)), "nothing was sent");
    let server = StrictServer::start(StrictConfig::default()).await;
    for (act, kind) in [(Act::CloseBeforeReply, ErrorKind::Interrupted), (Act::Stall, ErrorKind::Timeout(Phase::Head))]
    {
        server.next(act);
        let error = call(&config(server.address()), &PutObject::new("k"), b"x").await.map(drop).expect_err("no answer");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(std::error::Error::source(&error).is_some(), "the cause is kept: {error}");
        assert!(again(decide(&error, true, false)), "{error}");
        assert_eq!(decide(&error, false, false), Decision::Stop, "it may have taken effect: {error}");
    }
    let stale = Error::connection_lost(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert_eq!(decide(&stale, true, true), Decision::Again { wait: Duration::ZERO });
}

/// The loop that a caller writes: plan, send, ask, wait, until it is done.
#[tokio::test]
async fn t48_a_call_with_its_retries() {
    let server = StrictServer::start(StrictConfig::default()).await;
    server.bucket().seed("p/k", "mail");
    server.next(Act::CloseBeforeReply);
    server.next(Act::Reply(b"HTTP/1.1 503 Slow Down\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n".to_vec()));
    let (config, mut quota) = (config(server.address()), RetryQuota::default());
    let mut retry = Retry::new(RetryPolicy::default(), true);
    let bytes = loop {
        let error = match call(&config, &GetObject::new("k"), b"").await {
            Ok((_, bytes)) => break bytes,
            Err(error) => error,
        };
        let retry_after = error.head().and_then(ResponseHead::retry_after);
        let outcome =
            Outcome { error: &error, stale_connection: false, correction: None, replayable: true, retry_after };
        let moment = Moment { now: Duration::ZERO, elapsed: Duration::ZERO, remaining: None, jitter: 0.0 };
        let decision = retry.after(&outcome, moment, &mut quota);
        let Decision::Again { wait } = decision else { panic!("{decision:?}: {error}") };
        assert!(wait <= Duration::from_millis(1), "{wait:?}");
    };
    retry.succeeded(&mut quota);
    assert_eq!((bytes, server.requests().len()), (b"mail".to_vec(), 3));
}
