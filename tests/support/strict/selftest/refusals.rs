//! What must be refused is refused, each for its own reason.

use std::time::{Duration, Instant};

use macro_rules_attribute::apply;

use super::client::{Answer, Ask, Line};
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{StrictConfig, StrictServer};

async fn server() -> StrictServer {
    StrictServer::start(StrictConfig::default()).await
}

/// The answer, after a check that the log has a reason holding `reason`.
async fn refused(ask: Ask, status: u16, code: &str, reason: &str) -> Answer {
    let server = server().await;
    server.bucket().seed("a", "x");
    let answer = ask.of(&server).await;
    expect(&server, &answer, status, code, reason);
    answer
}

fn expect(server: &StrictServer, answer: &Answer, status: u16, code: &str, reason: &str) {
    let seen = server.requests().pop().expect("the request was seen");
    let refusal = seen.refusal.unwrap_or_default();
    assert!(refusal.contains(reason), "reason is {refusal:?}, not {reason:?}");
    assert_eq!((answer.status, seen.status), (status, Some(status)), "{refusal}");
    assert_eq!(answer.element("Code").as_deref(), Some(code));
    assert_eq!(answer.element("RequestId"), answer.header("x-amz-request-id").map(|id| id.to_uppercase()));
}

#[apply(in_every_runtime)]
async fn headers_that_do_not_belong() {
    let get = || Ask::new("GET", "/bucket/a");
    refused(get().header("content-type", "a/b"), 400, "InvalidRequest", "GET with Content-Type").await;
    refused(get().header("content-length", 0), 400, "InvalidRequest", "GET with Content-Length").await;
    refused(get().header("host", "other"), 400, "InvalidRequest", "host is there more than once").await;
    let delete = Ask::new("DELETE", "/bucket/a").header("content-type", "a/b");
    refused(delete, 400, "InvalidRequest", "DELETE with Content-Type").await;
    refused(get().header("x-amz-meta-a", " b"), 403, "SignatureDoesNotMatch", "blanks").await;
    // Signed as it is on the wire; the signature has one blank.
    refused(get().header("x-amz-meta-a", "b  c"), 403, "SignatureDoesNotMatch", "").await;
    refused(get().header("x-amz-security-token", ""), 400, "InvalidToken", "session token").await;
    refused(Ask::new("PUT", "/bucket/a"), 411, "MissingContentLength", "PUT without").await;
}

#[apply(in_every_runtime)]
async fn spelling_that_is_not_canonical() {
    for path in ["/bucket/a%2fb", "/bucket/%61", "/bucket/a+b", "/bucket/a*", "/bucket/%2F", "/bucket/%4"] {
        refused(Ask::new("GET", path), 403, "SignatureDoesNotMatch", "").await;
    }
    for query in ["list-type=2&prefix=a/b", "list-type=2&prefix=%7e", "list-type=2&prefix=a+b", "&list-type=2"] {
        let path = format!("/bucket?{query}");
        refused(Ask::new("GET", &path), 403, "SignatureDoesNotMatch", "query").await;
    }
}

#[apply(in_every_runtime)]
async fn signatures_of_something_else() {
    let mut ask = Ask::new("GET", "/bucket/a");
    ask.config.secret_key = "other".into();
    let answer = refused(ask.clone(), 403, "SignatureDoesNotMatch", "not that of the request").await;
    assert!(answer.element("StringToSign").is_some());
    ask.config.access_key = "nobody".into();
    refused(ask.clone(), 403, "InvalidAccessKeyId", "nobody").await;
    ask.config = StrictConfig { region: "us-east-1".into(), ..StrictConfig::default() };
    let answer = refused(ask, 400, "AuthorizationHeaderMalformed", "us-east-1").await;
    assert_eq!(answer.element("Region").as_deref(), Some("eu-central-1"));
    let mut put = Ask::put("/bucket/a", b"one");
    put = put.header("x-amz-content-sha256", "0".repeat(64));
    refused(put, 400, "XAmzContentSHA256Mismatch", "declared hash").await;
}

#[apply(in_every_runtime)]
async fn headers_signed_or_not() {
    let server = server().await;
    let host = server.address().to_string();
    let ask = Ask::new("GET", "/bucket/a").header("range", "bytes=0-0");
    let mut line = Line::to(&server).await;
    let answer = line.ask_raw(&ask.bytes(&host, &["range"]), "GET").await.expect("an answer");
    expect(&server, &answer, 403, "SignatureDoesNotMatch", "range is signed");
    let raw = String::from_utf8(ask.bytes(&host, &[])).expect("ASCII");
    let added = raw.replacen("\r\n", "\r\nX-Amz-Meta-A: b\r\n", 1);
    let answer = line.ask_raw(added.as_bytes(), "GET").await.expect("an answer");
    expect(&server, &answer, 403, "AccessDenied", "x-amz-meta-a was sent but is not signed");
    let anonymous: String =
        raw.lines().filter(|line| !line.starts_with("auth")).map(|l| l.to_owned() + "\r\n").collect();
    let answer = line.ask_raw(anonymous.as_bytes(), "GET").await.expect("an answer");
    expect(&server, &answer, 403, "AccessDenied", "not signed");
}

#[apply(in_every_runtime)]
async fn default_port_in_host() {
    let server = server().await;
    let raw = Ask::new("GET", "/bucket/a").bytes("localhost:80", &[]);
    let answer = Line::to(&server).await.ask_raw(&raw, "GET").await.expect("an answer");
    expect(&server, &answer, 400, "InvalidRequest", "default port");
}

#[apply(in_every_runtime)]
async fn a_clock_that_is_off() {
    let server = server().await;
    server.bucket().seed("a", "x");
    let ask = Ask::new("GET", "/bucket/a");
    for (offset, status) in [(890, 200), (-890, 200), (910, 403), (-910, 403)] {
        server.set_clock_offset(offset);
        let answer = ask.of(&server).await;
        assert_eq!(answer.status, status, "{offset}");
    }
    assert_eq!(Ask { skew: -910, ..ask }.of(&server).await.status, 200);
}

#[apply(in_every_runtime)]
async fn session_tokens() {
    let server = server().await;
    server.bucket().seed("a", "x");
    server.set_credentials("access", "secret", Some("token"));
    let ask = Ask::new("GET", "/bucket/a");
    expect(&server, &ask.of(&server).await, 403, "InvalidAccessKeyId", "without its token");
    let wrong = ask.clone().header("x-amz-security-token", "other").of(&server).await;
    expect(&server, &wrong, 400, "InvalidToken", "session token");
    assert_eq!(ask.header("x-amz-security-token", "token").of(&server).await.status, 200);
}

#[apply(in_every_runtime)]
async fn transfer_encoding_is_answered_before_the_connection_ends() {
    let server = server().await;
    let began = Instant::now();
    let raw = b"PUT /bucket/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    let mut line = Line::to(&server).await;
    let answer = line.ask_raw(raw, "PUT").await.expect("an answer");
    expect(&server, &answer, 501, "NotImplemented", "Transfer-Encoding");
    assert_eq!(answer.header("connection").as_deref(), Some("close"));
    assert!(line.answer("PUT").await.is_err());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[apply(in_every_runtime)]
async fn bytes_that_are_no_request() {
    let server = server().await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000));
    for raw in [
        "GET a HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\n\r\n",
        &long,
    ] {
        let answer = Line::to(&server).await.ask_raw(raw.as_bytes(), "GET").await.expect("an answer");
        assert_eq!(answer.status, 400, "{}", &raw[..20.min(raw.len())]);
        let seen = server.requests().pop().expect("it was seen");
        assert!(seen.method.is_empty() && seen.refusal.is_some());
    }
}
