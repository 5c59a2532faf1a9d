//! Acts in the middle of an upload.

use std::io::ErrorKind;
use std::time::Duration;

use macro_rules_attribute::apply;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::client::{Ask, Line, eventually};
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, AfterEarlyReply, StrictConfig, StrictServer};

const SHORT: Duration = Duration::from_millis(300);

async fn server() -> StrictServer {
    StrictServer::start(StrictConfig::default()).await
}

fn put() -> Ask {
    Ask::put("/bucket/b", b"content")
}

/// Sends the head and a little of a large body, reads the answer, then sends more until the
/// server's end is felt.
async fn early(server: &StrictServer, then: AfterEarlyReply) -> (u16, Option<ErrorKind>) {
    let raw = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec();
    server.next(Act::ReplyEarly { raw, then });
    let mut line = Line::to(server).await;
    let whole = Ask::put("/bucket/b", &vec![b'y'; 300_000]).bytes(&server.address().to_string(), &[]);
    let (first, rest) = whole.split_at(1000);
    let answer = line.ask_raw(first, "PUT").await.expect("the early answer");
    let mut failure = None;
    for piece in rest.chunks(30_000) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Err(error) = line.stream.write_all(piece).await {
            failure = failure.or(Some(error.kind()));
        }
    }
    (answer.status, failure)
}

#[apply(in_every_runtime)]
async fn early_answers() {
    let server = server().await;
    assert_eq!(early(&server, AfterEarlyReply::KeepReading).await, (403, None));
    assert_eq!(early(&server, AfterEarlyReply::HalfClose).await, (403, None));
    for then in [AfterEarlyReply::Close, AfterEarlyReply::Reset] {
        let (status, failure) = early(&server, then).await;
        assert_eq!(status, 403);
        assert!(failure.is_some(), "{then:?}");
    }
    eventually("the half-closed body was read", || server.requests()[1].complete).await;
    let complete: Vec<_> = server.requests().iter().map(|seen| (seen.complete, seen.body.len())).collect();
    assert_eq!(complete, [(true, 300_000), (true, 300_000), (false, 0), (false, 0)]);
    assert_eq!(server.bucket().content("b"), None);
}

#[apply(in_every_runtime)]
async fn a_body_that_is_never_read() {
    let server = server().await;
    server.next(Act::StallReading);
    let mut line = Line::to(&server).await;
    let big = Ask::put("/bucket/b", &vec![0; 32 << 20]);
    assert!(timeout(SHORT, line.ask(&big)).await.is_err());
    let seen = server.requests().pop().expect("the head was seen");
    assert_eq!((seen.body.len(), seen.status, seen.refusal), (0, None, None));
}

#[apply(in_every_runtime)]
async fn a_body_that_breaks_off_is_logged() {
    let server = server().await;
    let mut line = Line::to(&server).await;
    let raw = put().bytes(&server.address().to_string(), &[]);
    line.stream.write_all(&raw[..raw.len() - 3]).await.expect("written");
    line.stream.shutdown().await.expect("ended");
    assert!(line.answer("PUT").await.is_err());
    let seen = server.requests().pop().expect("the head was seen");
    assert_eq!((&seen.body[..], seen.complete), (&b"cont"[..], false));
    assert_eq!(server.bucket().content("b"), None);
}

#[apply(in_every_runtime)]
async fn expecting_clients_are_told_to_go_on() {
    let server = server().await;
    let raw = put().header("expect", "100-continue").bytes(&server.address().to_string(), &[]);
    let (head, body) = raw.split_at(raw.len() - 7);
    let mut line = Line::to(&server).await;
    assert_eq!(line.ask_raw(head, "PUT").await.expect("an answer").status, 100);
    assert_eq!(line.ask_raw(body, "PUT").await.expect("an answer").status, 200);
}
