//! T14c to T14f: the form in which a body goes up. Signed chunks are for what has bytes and cannot be read beforehand; some
//! servers refuse them (Swift), some refuse empty ones (radosgw), some store their framing (s3rver).

use macro_rules_attribute::apply;
use std::io::{self, Cursor};
use std::pin::Pin;
use std::task::{Context, Poll};

use s3lite::{ErrorKind, Method, Payload, Raw};
use tokio::io::{AsyncRead, ReadBuf};

use super::MARK;
use crate::covers;
use crate::rig::{Rig, config, content, everywhere, refusal, reply};
use crate::support::strict::digest::sha256_hex;
use crate::support::strict::{Act, Filter, Seen};

/// What is read before it is sent, at most.
const SMALL: usize = 256 << 10;

/// A body that is streamed over plain http.
const LARGE: usize = 300_000;

const HASH: &str = "x-amz-content-sha256";

fn reader(content: Vec<u8>) -> Payload {
    let length = content.len() as u64;
    Payload::reader(Cursor::new(content), length)
}

/// Demands a body that is signed as a whole, in no chunks.
fn assert_is_plain(seen: &Seen, body: &[u8], what: &str) {
    assert_eq!(seen.header(HASH), Some(sha256_hex(body)), "{what}");
    assert_eq!(seen.header_count("content-encoding"), 0, "{what}");
    assert_eq!(seen.header_count("x-amz-decoded-content-length"), 0, "{what}");
    assert!(seen.body == body, "{what}");
    if matches!(seen.method.as_str(), "PUT" | "POST") {
        assert_eq!(seen.header("content-length"), Some(body.len().to_string()), "{what}");
    }
}

fn is_chunked(seen: &Seen) -> bool {
    seen.header(HASH).is_some_and(|hash| hash.starts_with("STREAMING-"))
}

/// A server that refuses signed chunks: all of them, or those around nothing.
fn refuse_chunks(rig: &Rig, status: &str, code: &str) {
    let chunked = Filter::Where(std::sync::Arc::new(|head| head.has("x-amz-decoded-content-length")));
    rig.server.script().always(chunked, refusal(status, code));
}

#[apply(everywhere)]
async fn t14c_an_empty_reader_has_the_empty_hash() {
    covers(&["T14c"]);
    for signing in ["auto", "streaming"] {
        let rig = Rig::new();
        refuse_chunks(&rig, "400 Bad Request", "XAmzContentSHA256Mismatch");
        let store = rig.open(config().set("payload-signing", signing));
        store.put("reader", reader(Vec::new())).await.expect("as radosgw takes it");
        store.put("bytes", "").await.expect("as radosgw takes it");
        for seen in rig.requests() {
            assert_is_plain(&seen, b"", signing);
        }
        assert_eq!(rig.server.bucket().content("reader").as_deref(), Some(&b""[..]));
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// Chunks are for PutObject and UploadPart. CreateMultipartUpload, copies, CreateBucket and the like have no body to put there.
#[apply(everywhere)]
async fn t14c_what_has_no_body_has_no_chunks() {
    covers(&["T14c"]);
    for signing in ["auto", "signed", "streaming"] {
        let rig = Rig::new();
        let store = rig.open(config().set("payload-signing", signing));
        for raw in [
            Raw::post("k").query("uploads", ""),
            Raw::put("k").header("x-amz-copy-source", "/bucket/other"),
            Raw::put("k").query("partNumber", "1").query("uploadId", "u").header("x-amz-copy-source", "/bucket/other"),
            Raw::bucket(Method::PUT),
            Raw::put("k"),
            Raw::get("k").query("tagging", ""),
            Raw::object(Method::HEAD, "k"),
            Raw::delete("k").query("uploadId", "u"),
        ] {
            rig.server.next(reply("200 OK", MARK, ""));
            store.send(raw.clone()).await.unwrap_or_else(|error| panic!("{signing} {raw:?}: {error}"));
            assert_is_plain(rig.requests().last().expect("it was sent"), b"", &format!("{signing} {raw:?}"));
        }
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// A document of parameters is signed as a whole; an object's bytes go up in the form that was asked for.
#[apply(everywhere)]
async fn t14c_what_has_a_body_keeps_its_form() {
    covers(&["T14c", "T14d"]);
    let rig = Rig::new();
    let store = rig.open(config().set("payload-signing", "streaming"));
    for raw in [
        Raw::post("k").query("uploadId", "u").body("<CompleteMultipartUpload/>"),
        Raw::bucket(Method::POST).query("delete", "").body("<Delete/>"),
        Raw::put("k").query("tagging", "").body("<Tagging/>"),
    ] {
        rig.server.next(reply("200 OK", MARK, ""));
        store.send(raw.clone()).await.expect("taken");
        assert!(!is_chunked(rig.requests().last().expect("it was sent")), "{raw:?}");
    }
    store.put("k", "hello").await.expect("stored");
    store.put("k", reader(b"hello".to_vec())).await.expect("stored");
    let puts: Vec<_> = rig.requests().into_iter().filter(|seen| seen.target_text() == "/bucket/k").collect();
    assert!(puts.iter().filter(|seen| seen.method == "PUT").all(is_chunked), "a form that is pinned");
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// Up to 256 KiB a reader is read first: signed as a whole, taken by servers without chunks, and sent again like bytes.
#[apply(everywhere)]
async fn t14d_a_small_reader_is_signed_as_a_whole() {
    covers(&["T14d"]);
    for size in [1, 1000, 65_536, SMALL - 1, SMALL] {
        let rig = Rig::new();
        refuse_chunks(&rig, "501 Not Implemented", "NotImplemented");
        let store = rig.store();
        for act in [Act::Normal, refusal("503 Slow Down", "SlowDown"), Act::CloseBeforeReply, Act::ApplyThenClose] {
            rig.server.next_for("PUT", act.clone());
            let stored = store.put("k", reader(content(size))).await;
            stored.unwrap_or_else(|error| panic!("{size} {act:?}: {error}"));
        }
        for seen in rig.requests() {
            assert_is_plain(&seen, &content(size), &format!("{size}"));
        }
        assert_eq!(rig.requests().len(), 7, "{size}: three were sent again");
        assert!(rig.server.bucket().content("k").expect("stored") == content(size));
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// Above, it is streamed as before; where the server takes no chunks, the error says what to do.
#[apply(everywhere)]
async fn t14d_a_large_reader_is_streamed() {
    covers(&["T14d"]);
    for size in [SMALL + 1, LARGE] {
        let rig = Rig::new();
        rig.store().put("k", reader(content(size))).await.expect("stored");
        assert!(is_chunked(&rig.requests()[0]), "{size}");
        assert!(rig.server.bucket().content("k").expect("stored") == content(size));
        rig.assert_manners();
        let rig = Rig::new();
        refuse_chunks(&rig, "501 Not Implemented", "NotImplemented");
        let error = rig.store().put("k", reader(content(size))).await.expect_err("as Swift answers");
        let text = error.to_string();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unsupported, 1), "{text}");
        assert!(["payload-signing", "https", "file", "bytes"].iter().any(|way| text.contains(way)), "{text}");
    }
    let rig = Rig::new();
    rig.server.always(refusal("501 Not Implemented", "NotImplemented"));
    let text = rig.store().put("k", "hello").await.expect_err("not for its form").to_string();
    assert!(!text.contains("payload-signing") && !text.contains("chunk"), "{text}");
}

/// A small reader that is not what was announced is found out before anything is sent.
#[apply(everywhere)]
async fn t14d_a_small_reader_that_fails_sends_nothing() {
    covers(&["T14d", "T14f"]);
    let rig = Rig::new();
    let store = rig.store();
    for payload in [
        Payload::reader(Cursor::new(content(999)), 1000),
        Payload::reader(Cursor::new(content(1001)), 1000),
        Payload::reader(Failing(500), 1000),
        Payload::reader(Failing(0), 1),
        Payload::reader(Cursor::new(content(1)), 0),
    ] {
        let error = store.put("k", payload).await.expect_err("not what was announced");
        assert!(error.kind() == ErrorKind::Source && !error.is_outcome_unknown(), "{error}");
    }
    assert!(rig.server.bucket().objects.is_empty());
    rig.assert_sound(store).await;
}

/// The length on the wire of a body in signed chunks.
async fn wire_length(size: usize) -> String {
    let rig = Rig::new();
    rig.store().put("k", reader(content(size))).await.expect("stored");
    rig.requests()[0].header("content-length").expect("a length")
}

fn methods(rig: &Rig) -> Vec<String> {
    rig.requests().into_iter().map(|seen| seen.method).collect()
}

/// The first upload in chunks is looked at, and no other: one HEAD tells whether the server undoes the framing.
#[apply(everywhere)]
async fn t14e_the_first_upload_in_chunks_is_looked_at() {
    covers(&["T14e"]);
    let rig = Rig::new();
    let store = rig.store();
    store.put("bytes", content(LARGE)).await.expect("stored");
    for key in ["a", "b", "c"] {
        store.clone().put(key, reader(content(LARGE))).await.expect("stored");
    }
    assert_eq!(methods(&rig), ["PUT", "PUT", "HEAD", "PUT", "PUT"]);
    assert_eq!(rig.requests()[2].target_text(), "/bucket/a");
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// The stored size is that of the wire: the object is framing and all, which is neither success nor nothing.
#[apply(everywhere)]
async fn t14e_framing_that_was_stored_is_told() {
    covers(&["T14e", "T19"]);
    let wire = wire_length(LARGE).await;
    for verify in [false, true] {
        let rig = Rig::new();
        let wire = wire.clone();
        let framed = Act::mutate(move |answer| answer.set_header("Content-Length", wire.clone()));
        rig.server.script().always(Filter::Method("HEAD"), framed);
        let store = rig.open(config().set("verify-after-write", verify));
        for _ in 0..2 {
            let error = store.put("k", reader(content(LARGE))).await.expect_err("framing and all");
            assert!(error.to_string().contains("aws-chunked"), "{error}");
            assert!(error.is_outcome_unknown(), "{error}");
        }
        rig.assert_sound(store).await;
    }
}

/// Nor is one that a service stored too short, under the tag that it acknowledged.
#[apply(everywhere)]
async fn t14e_an_object_that_was_stored_too_short_is_told() {
    covers(&["T14e"]);
    for size in [0, LARGE - 1] {
        let rig = Rig::new();
        let short = Act::mutate(move |answer| answer.set_header("Content-Length", size.to_string()));
        rig.server.script().always(Filter::Method("HEAD"), short);
        let store = rig.store();
        let error = store.put("k", reader(content(LARGE))).await.expect_err("a part of it");
        assert!(error.kind() == ErrorKind::Integrity && error.is_outcome_unknown(), "{size}: {error}");
        rig.assert_sound(store).await;
    }
}

/// Looking is an extra: whoever may not look, or cannot, has stored the object all the same.
#[tokio::test(start_paused = true)]
async fn t14e_a_look_that_is_refused_is_no_failure() {
    covers(&["T14e", "T26d"]);
    for refused in [
        refusal("403 Forbidden", "AccessDenied"),
        Act::Reply(format!("HTTP/1.1 403 Forbidden\r\n{MARK}\r\n").into_bytes()),
        Act::Reply(b"HTTP/1.1 503 Service Unavailable\r\n\r\n".to_vec()),
        Act::CloseBeforeReply,
        // A server that shows new objects late.
        Act::Reply(format!("HTTP/1.1 404 Not Found\r\n{MARK}\r\n").into_bytes()),
        // One that keeps the word of the framing and not the framing: versitygw, radosgw.
        Act::mutate(|answer| answer.set_header("Content-Encoding", "aws-chunked")),
    ] {
        let rig = Rig::new();
        rig.server.script().always(Filter::Method("HEAD"), refused.clone());
        let store = rig.store();
        let stored = store.put("k", reader(content(LARGE))).await;
        assert!(stored.is_ok(), "{refused:?}: {stored:?}");
        rig.assert_sound(store).await;
    }
}

/// A reader that fails after some bytes.
struct Failing(usize);

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = self.0.min(buffer.remaining()).min(10_000);
        if count == 0 {
            return Poll::Ready(Err(io::Error::other("the disk is on fire")));
        }
        buffer.put_slice(&vec![b'x'; count]);
        self.0 -= count;
        Poll::Ready(Ok(()))
    }
}

/// Bytes had gone up when the source failed, and some server keeps them: nobody knows that nothing was stored.
#[apply(everywhere)]
async fn t14f_nothing_is_promised_of_what_was_half_sent() {
    covers(&["T14f"]);
    for setting in ["1MiB", "off"] {
        let rig = Rig::new();
        let store = rig.open(config().set("expect-continue", setting));
        for payload in [
            Payload::reader(Failing(2_000_000), 3_000_000),
            Payload::reader(Cursor::new(content(2_000_000)), 3_000_000),
            Payload::reader(Cursor::new(content(3_000_001)), 3_000_000),
        ] {
            let error = store.put("k", payload).await.expect_err("not what was announced");
            assert_eq!(error.kind(), ErrorKind::Source, "{error}");
            assert!(!error.to_string().contains("nothing was stored"), "{error}");
        }
        assert!(rig.server.bucket().objects.is_empty(), "this server keeps none");
        rig.assert_sound(store).await;
    }
}
