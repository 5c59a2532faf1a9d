//! T14, T16, T23, T26d: what an answer to a write says of its outcome. Success has S3's head and no body but a result; what a
//! gateway says without S3's code says nothing; a 412 after anything was sent may be our own object's doing.

use macro_rules_attribute::apply;
use s3lite::{DeleteObject, ErrorKind, PutObject, Raw};

use super::{MARK, TAG};
use crate::covers;
use crate::memory::Plan;
use crate::rig::{Rig, answer, config, everywhere, parrot, refusal, reply};
use crate::support::strict::{Act, Filter, StoredObject};

/// Bodies that S3 never gives with a PUT's success: a portal's page, the old object of a cache, a listing.
const FOREIGN: [&str; 6] = [
    "<!DOCTYPE html><html><body>Welcome</body></html>",
    "the old object",
    "{\"status\":\"ok\"}",
    "OK",
    "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
    "0",
];

#[apply(everywhere)]
async fn t14_a_put_with_a_foreign_body_is_not_stored() {
    covers(&["T14"]);
    for body in FOREIGN {
        for headers in [TAG.to_owned(), format!("{MARK}{TAG}"), format!("{TAG}Content-Type: text/html\r\n")] {
            let (store, _) = parrot(answer("200 OK", &headers, body));
            let error = store.put("k", "x").await.expect_err(body);
            assert!(error.kind() == ErrorKind::Protocol && error.is_outcome_unknown(), "{body}: {error}");
        }
        let head = format!("HTTP/1.1 200 OK\r\n{TAG}");
        for framed in [
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
            format!("{head}Content-Length: 1000\r\n\r\n{body}"),
            format!("{head}Connection: close\r\n\r\n{body}"),
        ] {
            let (store, _) = super::closing(framed);
            assert!(store.put("k", "x").await.expect_err(body).is_outcome_unknown(), "{body}");
        }
    }
}

/// Whoever wrote the body, the object itself tells where there was a condition.
#[apply(everywhere)]
async fn t14_a_conditional_put_with_a_foreign_body_is_looked_up() {
    covers(&["T14"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.next_for("PUT", Act::mutate(|answer| answer.body = b"<html>stored, perhaps</html>".to_vec()));
    store.put(PutObject::new("k").if_none_match("*"), "hello").await.expect("it is there");
    rig.server.next_for("PUT", reply("200 OK", TAG, "<html>not stored</html>"));
    let error = store.put(PutObject::new("l").if_none_match("*"), "hello").await.expect_err("it is not there");
    assert!(error.is_outcome_unknown(), "{error}");
    rig.assert_sound(store).await;
}

/// No body, or blanks, in whatever framing: what AWS, MinIO, radosgw, Swift and gateways of HTTP/1.0 answer.
#[apply(everywhere)]
async fn t14_a_put_with_an_empty_body_is_stored() {
    covers(&["T14"]);
    for rest in [
        "Content-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Connection: close\r\n\r\n",
        "Content-Type: application/xml\r\nContent-Length: 0\r\n\r\n",
        "Content-Type: text/html; charset=UTF-8\r\nContent-Length: 0\r\nX-Trans-Id: tx1\r\n\r\n",
        "Content-Length: 2\r\n\r\n\r\n",
        "Content-Length: 1\r\n\r\n\n",
    ] {
        for version in ["1.1", "1.0"] {
            if version == "1.0" && rest.contains("chunked") {
                continue;
            }
            for mark in ["", MARK] {
                let (store, _) = super::closing(format!("HTTP/{version} 200 OK\r\n{mark}{TAG}{rest}"));
                let stored = store.put("k", "x").await.unwrap_or_else(|error| panic!("{version} {rest:?}: {error}"));
                assert_eq!(stored.etag.as_str(), "\"e\"");
            }
        }
    }
    let (store, _) = parrot(answer("200 OK", TAG, "<Error><Code>AccessDenied</Code></Error>"));
    assert_eq!(store.put("k", "x").await.expect_err("refused").code(), Some("AccessDenied"));
}

/// An answer that S3 had no part in, to a request that was applied.
fn gateway(status: u16, body: &'static str) -> Act {
    Act::mutate(move |answer| {
        answer.headers.retain(|(name, _)| name == "Date");
        answer.set_header("Content-Type", "text/plain");
        (answer.status, answer.body) = (status, body.as_bytes().to_vec());
        answer.framing = crate::support::strict::Framing::Length;
    })
}

const GATEWAYS: [(u16, &str); 9] = [
    (500, "<html><h1>Internal Server Error</h1></html>"),
    (502, "error code: 502"),
    (503, "upstream connect error or disconnect/reset before headers"),
    (503, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
    (503, ""),
    (504, "The upstream server is timing out"),
    (520, "{\"error\":1}"),
    (429, "slow down"),
    (408, "Request Timeout"),
];

#[apply(everywhere)]
async fn t16_a_gateways_answer_says_nothing_of_the_outcome() {
    covers(&["T16"]);
    for (status, body) in GATEWAYS {
        let rig = Rig::new();
        let store = rig.open(config().set("max-retries", 0));
        rig.server.next(gateway(status, body));
        let error = store.put("k", "hello").await.expect_err(body);
        assert!(error.is_outcome_unknown() && rig.server.bucket().content("k").is_some(), "{status} {body}: {error}");
        rig.server.next(gateway(status, body));
        let error = store.delete("k").await.expect_err(body);
        assert!(error.is_outcome_unknown() && rig.server.bucket().content("k").is_none(), "{status} {body}: {error}");
        rig.server.next(gateway(status, body));
        let raw = Raw::put("r").body("hello");
        assert!(store.send(raw).await.expect_err(body).is_outcome_unknown(), "{status} {body}: of a raw call");
        rig.server.next(gateway(status, body));
        assert!(!store.head("k").await.expect_err(body).is_outcome_unknown(), "nothing can come of a HEAD");
        // Once known to be unknown, a later answer of the service itself does not make it known.
        let store = rig.store();
        rig.server.next(gateway(status, body));
        rig.server.next(refusal("403 Forbidden", "AccessDenied"));
        let error = store.put("k", "hello").await.expect_err(body);
        assert!(error.is_access_denied() && error.is_outcome_unknown(), "{status} {body}: {error}");
        rig.assert_sound(store).await;
    }
}

/// What the service itself refuses with a code of its own was not applied.
#[apply(everywhere)]
async fn t16_a_services_refusal_is_known() {
    covers(&["T16"]);
    for (status, code) in [
        ("503 Slow Down", "SlowDown"),
        ("503 Service Unavailable", "ServiceUnavailable"),
        ("429 Too Many Requests", "TooManyRequests"),
        ("400 Bad Request", "RequestTimeout"),
        ("409 Conflict", "OperationAborted"),
        ("403 Forbidden", "AccessDenied"),
        ("400 Bad Request", "InvalidArgument"),
    ] {
        let rig = Rig::new();
        let store = rig.open(config().set("max-retries", 0));
        rig.server.always(refusal(status, code));
        let error = store.put("k", "hello").await.expect_err(code);
        assert!(!error.is_outcome_unknown(), "{code}: {error}");
        assert!(!store.delete("k").await.expect_err(code).is_outcome_unknown(), "{code}");
        rig.assert_sound(store).await;
    }
}

/// Applied, then answered with something else than success.
fn applied(status: u16, code: &'static str) -> Act {
    Act::mutate(move |answer| {
        answer.remove_header("ETag");
        let document = format!("<Error><Code>{code}</Code></Error>");
        (answer.status, answer.body) = (status, document.into_bytes());
    })
}

/// The retry of a conditional write meets our own object, whatever the first answer was: looking tells.
#[apply(everywhere)]
async fn t16_a_412_after_an_attempt_that_was_sent_is_looked_into() {
    covers(&["T16"]);
    let acts = [
        gateway(502, "bad"),
        gateway(503, "busy"),
        gateway(504, "late"),
        gateway(429, "often"),
        applied(503, "SlowDown"),
        applied(503, "ServiceUnavailable"),
        applied(500, "InternalError"),
        applied(409, "ConditionalRequestConflict"),
        applied(400, "RequestTimeout"),
        Act::ApplyThenClose,
    ];
    for (number, act) in acts.into_iter().enumerate() {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.next_for("PUT", act.clone());
        let stored = store.put(PutObject::new("k").if_none_match("*"), "hello").await;
        let stored = stored.unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(stored.etag.as_str(), rig.server.bucket().objects[&b"k"[..]].etag, "{number}");
        rig.server.next_for("PUT", act);
        let again = store.put(PutObject::new("k").if_match(stored.etag), "world").await;
        assert!(again.is_ok(), "{number}: {again:?}");
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// A refusal of access stays one where looking is refused, too: the keys are wrong, whatever became of the first attempt.
#[apply(everywhere)]
async fn t14a_settling_keeps_a_refusal_of_access() {
    covers(&["T14a"]);
    for (status, code) in [("403 Forbidden", "AccessDenied"), ("403 Forbidden", "SignatureDoesNotMatch")] {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.next_for("PUT", Act::CloseBeforeReply);
        rig.server.script().always(Filter::Any, refusal(status, code));
        let error = store.put(PutObject::new("k").if_none_match("*"), "hello").await.expect_err("refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::AccessDenied, Some(code)), "{error}");
        rig.assert_sound(store).await;
    }
}

/// Another's object is another's; and where nothing had been sent before, a 412 is certain without a look.
#[tokio::test(start_paused = true)]
async fn t16_a_rivals_object_stays_a_412() {
    covers(&["T16"]);
    for before in [refusal("503 Slow Down", "SlowDown"), refusal("409 Conflict", "ConditionalRequestConflict")] {
        let rig = Rig::new();
        let store = rig.store();
        let mut rival = StoredObject::new("rival", 0);
        rival.headers.push(("x-amz-meta-s3lite-put-id".to_owned(), "0".repeat(32)));
        rig.server.bucket().objects.insert(b"k".to_vec(), rival);
        rig.server.next_for("PUT", before);
        let error = store.put(PutObject::new("k").if_none_match("*"), "hello").await.expect_err("a rival's");
        assert!(error.is_precondition_failed(), "{error}");
        rig.assert_sound(store).await;
    }
    let rig = Rig::new();
    rig.server.bucket().seed("k", "rival");
    rig.network.next(Plan::refused());
    let error = rig.store().put(PutObject::new("k").if_none_match("*"), "hello").await.expect_err("a rival's");
    assert!(error.is_precondition_failed() && !error.is_outcome_unknown(), "{error}");
    assert_eq!(rig.requests().len(), 1, "nothing had been sent, so there is nothing to look for");
}

/// Some services say more than nothing of a deletion.
#[apply(everywhere)]
async fn t23_a_deletion_may_be_confirmed_in_words() {
    covers(&["T23"]);
    for body in ["OK", "{}", "ok\n", "\r\n", "true", "null", "{\"deleted\":true}", "<DeleteObjectResult/>"] {
        let rig = Rig::new();
        let store = rig.store();
        let versions = "x-amz-version-id: v\r\nx-amz-delete-marker: true\r\n";
        rig.server.next(reply("200 OK", &format!("{MARK}{versions}"), body));
        let gone = store.delete("k").await.unwrap_or_else(|error| panic!("{body:?}: {error}"));
        assert!(gone.delete_marker && gone.version_id.as_deref() == Some("v"), "{body:?}");
        rig.server.next(reply("200 OK", MARK, body));
        store.delete(DeleteObject::new("k").version_id("v")).await.expect(body);
        assert_eq!(rig.requests().len(), 2, "{body:?}: each once");
        rig.assert_sound(store).await;
    }
}

/// The same words from somebody else, with or without an ETag; and a failure in S3's own words.
#[apply(everywhere)]
async fn t23_a_deletion_is_confirmed_by_the_service_alone() {
    covers(&["T23", "T13a"]);
    for headers in ["", TAG, "Content-Type: application/json\r\nX-Request-Id: 7\r\n"] {
        for body in ["OK", "{}", "<html>please log in</html>"] {
            let (store, _) = parrot(answer("200 OK", headers, body));
            let error = store.delete("k").await.expect_err(body);
            assert!(error.kind() == ErrorKind::Protocol && error.is_outcome_unknown(), "{headers}{body}: {error}");
        }
    }
    let (store, _) = parrot(answer("200 OK", MARK, "<Error><Code>AccessDenied</Code></Error>"));
    assert_eq!(store.delete("k").await.expect_err("refused").code(), Some("AccessDenied"));
    // Not every service writes UTF-8.
    let refusal = answer("200 OK", MARK, "<Error><Code>AccessDenied</Code><Message>refus~</Message></Error>");
    let latin: Vec<u8> = refusal.iter().map(|byte| if *byte == b'~' { 0xe9 } else { *byte }).collect();
    let (store, _) = parrot(latin);
    assert_eq!(store.delete("k").await.expect_err("refused").code(), Some("AccessDenied"));
}

/// Whoever may write and not look has stored the object, which is acknowledged; only that it was verified cannot be said.
#[apply(everywhere)]
async fn t26d_a_write_that_may_not_be_looked_at_is_stored() {
    covers(&["T26d"]);
    for refused in [
        refusal("403 Forbidden", "AccessDenied"),
        Act::Reply(format!("HTTP/1.1 403 Forbidden\r\n{MARK}\r\n").into_bytes()),
        Act::Reply(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec()),
    ] {
        for put in [PutObject::new("k"), PutObject::new("c").if_none_match("*")] {
            let rig = Rig::new();
            rig.server.script().always(Filter::Method("HEAD"), refused.clone());
            let store = rig.open(config().set("verify-after-write", true));
            let error = store.put(put, "hello").await.expect_err("nobody could verify it");
            assert!(error.kind() != ErrorKind::Ambiguous && !error.is_outcome_unknown(), "{:?}: {error}", error.kind());
            let text = error.to_string();
            assert!(text.contains("stored") && text.contains("verif"), "{text}");
            let puts = rig.requests().iter().filter(|seen| seen.method == "PUT").count();
            assert!(puts == 1 && rig.server.bucket().objects.len() == 1, "once, and for good");
        }
    }
}
