//! Writes whose answer is lost: settled by looking, and never called done or failed where that is not known.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, PutObject};

use crate::covers;
use crate::rig::{Rig, config, everywhere, refusal, reply};
use crate::support::strict::{Act, StoredObject};

fn create() -> PutObject {
    PutObject::new("k").if_none_match("*")
}

/// The first copy was applied, its answer lost; the second meets the first and is refused.
#[apply(everywhere)]
async fn a_refusal_by_our_own_object_is_success() {
    covers(&["N11", "S15"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.next_for("PUT", Act::ApplyThenClose);
    let stored = store.put(create(), "hello").await.expect("it is ours");
    assert_eq!(stored.etag.as_str(), rig.server.bucket().objects[&b"k"[..]].etag);
    let methods: Vec<_> = rig.requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["PUT", "PUT", "HEAD"]);

    rig.server.next_for("PUT", Act::ApplyThenClose);
    let again = store.put(PutObject::new("k").if_match(stored.etag), "world").await.expect("it is ours, too");
    assert_eq!(again.etag.as_str(), rig.server.bucket().objects[&b"k"[..]].etag);
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// The last writer wins where nobody asks.
#[apply(everywhere)]
async fn the_last_writer_wins() {
    covers(&["R20"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().seed("k", "rival");
    store.put("k", "later").await.expect("unconditional");
    assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"later"[..]));
    rig.assert_sound(store).await;
}

/// The same number of bytes without a put id may be ours, where a service keeps no metadata: nobody can tell.
#[apply(everywhere)]
async fn a_rivals_equal_object_may_be_ours() {
    covers(&["S15"]);
    let rig = Rig::new();
    rig.server.bucket().objects.insert(b"k".to_vec(), StoredObject::new("hello", 0));
    rig.server.next_for("PUT", Act::CloseBeforeReply);
    let error = rig.store().put(create(), "hello").await.expect_err("it is somebody else's");
    assert!(error.kind() == ErrorKind::Ambiguous && error.is_outcome_unknown(), "{error}");
}

#[apply(everywhere)]
async fn what_cannot_be_looked_at_stays_unknown() {
    covers(&["N12", "S15"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.next_for("PUT", Act::ApplyThenClose);
    rig.server.next_for("HEAD", refusal("403 Forbidden", "AccessDenied"));
    let error = store.put(create(), "hello").await.expect_err("it cannot be known");
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert!(error.is_outcome_unknown() && error.may_have_acted(), "{error}");
    rig.assert_sound(store).await;
}

/// With no retry left, looking still tells.
#[apply(everywhere)]
async fn a_lost_answer_at_the_last_attempt_is_looked_up() {
    covers(&["N12"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.next_for("PUT", Act::ApplyThenClose);
    store.put(create(), "hello").await.expect("it is there");
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn a_server_error_after_which_the_object_is_there() {
    covers(&["N11", "S8"]);
    let rig = Rig::new();
    let store = rig.store();
    let failed = Act::mutate(|answer| (answer.status, answer.body) = (500, b"oops".to_vec()));
    rig.server.next_for("PUT", failed.clone());
    store.put(create(), "hello").await.expect("it is ours");
    rig.server.next_for("PUT", failed);
    store.put("u", "hello").await.expect("the second copy");
    rig.assert_sound(store).await;
}

/// An answer that is no HTTP says nothing of whether the request was applied.
#[apply(everywhere)]
async fn an_unreadable_answer_to_a_write_leaves_the_outcome_unknown() {
    covers(&["H12"]);
    for garbage in ["Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: -1\r\n", "Content-Length: x\r\n"] {
        let rig = Rig::new();
        let store = rig.open(config().set("max-retries", 0));
        let raw = format!("HTTP/1.1 200 OK\r\nETag: \"e\"\r\n{garbage}\r\nabc");
        rig.server.next_for("PUT", Act::ReplyThenClose(raw.into_bytes()));
        let error = store.put("k", "hello").await.expect_err(garbage);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{garbage}: {error}");
        assert!(error.is_outcome_unknown(), "{garbage}: {error}");
        rig.assert_sound(store).await;
    }
}

#[apply(everywhere)]
async fn conditions_are_refused_as_what_they_are() {
    covers(&["S16", "S18", "S20", "H29"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.next_for("PUT", refusal("409 Conflict", "ConditionalRequestConflict"));
    store.put(create(), "hello").await.expect("the second try");
    let error = store.put(PutObject::new("absent").if_match("\"e\""), "x").await.expect_err("nothing to match");
    assert!(error.is_precondition_failed() && !error.is_not_found(), "404 is a condition that does not hold: {error}");
    let error = store.put(create(), "x").await.expect_err("it is there");
    assert!(error.is_precondition_failed() && !error.is_outcome_unknown(), "{error}");
    let before = rig.requests().len();
    rig.server.next_for("PUT", refusal("501 Not Implemented", "NotImplemented"));
    let error = store.put(PutObject::new("n").if_none_match("*"), "x").await.expect_err("not offered");
    assert_eq!((error.kind(), rig.requests().len()), (ErrorKind::Unsupported, before + 1), "{error}");
    let get = s3lite::GetObject::new("k");
    let tag = store.head("k").await.expect("it is there").etag().expect("a tag");
    assert!(store.get(get.clone().if_none_match(tag)).await.expect_err("unchanged").is_not_modified());
    assert!(store.get(get.if_match("\"other\"")).await.expect_err("another").is_precondition_failed());
    rig.assert_sound(store).await;
}

/// A store that shows new objects late: looked at a few times.
#[apply(everywhere)]
async fn a_new_object_may_show_late() {
    covers(&["S46", "S47"]);
    let rig = Rig::new();
    let store = rig.open(config().set("verify-after-write", true));
    for late in 0..=4 {
        for _ in 0..late {
            rig.server.next_for("HEAD", Act::Reply(b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec()));
        }
        let stored = store.put("k", "hello").await;
        match late {
            0..=3 => drop(stored.expect("it shows in the end")),
            _ => {
                let error = stored.expect_err("it never shows");
                assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
                assert!(error.is_outcome_unknown(), "{error}");
            }
        }
    }
    rig.assert_sound(store).await;
}

/// A deletion that was applied and whose answer was lost finds nothing at its second try, which is what was asked for.
#[apply(everywhere)]
async fn a_deletion_whose_answer_was_lost_is_done() {
    covers(&["N11", "S49"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().seed("k", "hello");
    rig.server.next_for("DELETE", Act::ApplyThenClose);
    rig.server.next_for("DELETE", refusal("404 Not Found", "NoSuchKey"));
    store.delete("k").await.expect("it is gone");
    let marker = "x-amz-delete-marker: true\r\nx-amz-version-id: v1\r\n";
    rig.server.next_for("DELETE", reply("200 OK", marker, ""));
    let output = store.delete("k").await.expect("a marker");
    assert!(output.delete_marker && output.version_id.as_deref() == Some("v1"));
    rig.server.next_for("GET", reply("404 Not Found", marker, "<Error><Code>NoSuchKey</Code></Error>"));
    assert!(store.get("k").await.expect_err("a marker").is_not_found());
    rig.assert_sound(store).await;
}

/// What a conditional write is recognised by is its own alone.
#[tokio::test(start_paused = true)]
async fn no_two_writes_have_the_same_id() {
    covers(&["X23"]);
    let rig = Rig::new();
    let store = rig.store();
    for number in 0..500 {
        store.put(PutObject::new(format!("{number}")).if_none_match("*"), "x").await.expect("stored");
    }
    let ids: std::collections::BTreeSet<_> =
        rig.requests().iter().map(|seen| seen.header("x-amz-meta-s3lite-put-id").expect("an id")).collect();
    assert!(ids.len() == 500 && ids.iter().all(|id| id.len() == 32), "{} ids", ids.len());
}
