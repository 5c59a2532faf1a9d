//! S15, S46, S47: what a HEAD after a write tells. Ours is there: success. The old object is still there: it was not applied.
//! Anything else may have come over ours, and tells nothing.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, PutObject, Store};

use crate::covers;
use crate::rig::{Rig, config, everywhere, refusal};
use crate::support::strict::{Act, Seen, StoredObject};

const CUSTOMER: &str = "x-amz-server-side-encryption-customer-";

fn create() -> PutObject {
    PutObject::new("k").if_none_match("*")
}

/// Somebody else's object, with an id of its own or none.
fn rival(id: Option<&str>) -> StoredObject {
    let mut object = StoredObject::new("rival", 0);
    object.headers.extend(id.map(|id| ("x-amz-meta-s3lite-put-id".to_owned(), id.to_owned())));
    object
}

fn heads(rig: &Rig) -> Vec<Seen> {
    rig.requests().into_iter().filter(|seen| seen.method == "HEAD").collect()
}

/// Ours may have been stored and replaced since, so the outcome is unknown; an object without an id may even be ours.
#[apply(everywhere)]
async fn a_rivals_object_does_not_tell_what_became_of_ours() {
    covers(&["S15", "R20"]);
    for (id, kind) in
        [(None, ErrorKind::Ambiguous), (Some("00000000000000000000000000000000"), ErrorKind::Precondition)]
    {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.bucket().objects.insert(b"k".to_vec(), rival(id));
        rig.server.next_for("PUT", Act::CloseBeforeReply);
        let error = store.put(create(), "hello").await.expect_err("it cannot be known");
        assert_eq!((error.kind(), error.is_outcome_unknown()), (kind, true), "{id:?}: {error}");
        let methods: Vec<_> = rig.requests().into_iter().map(|seen| seen.method).collect();
        assert_eq!(methods, ["PUT", "PUT", "HEAD"], "{id:?}");
        assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"rival"[..]));
        rig.assert_sound(store).await;
    }
}

/// Metadata that leaves no room for an id: nothing tells such a write from another's, which has none either.
#[apply(everywhere)]
async fn a_write_without_an_id_is_not_taken_for_ours() {
    covers(&["S15"]);
    for (found, kind) in [("rival", ErrorKind::Precondition), ("hello", ErrorKind::Ambiguous)] {
        let rig = Rig::new();
        let store = rig.store();
        rig.server.bucket().objects.insert(b"k".to_vec(), StoredObject::new(found, 0));
        rig.server.next_for("PUT", Act::CloseBeforeReply);
        let put = create().metadata("full", "x".repeat(2_000));
        let error = store.put(put, if found == "hello" { "other" } else { "hello!" }).await.expect_err("not ours");
        assert_eq!((error.kind(), error.is_outcome_unknown()), (kind, true), "{found}: {error}");
        assert_eq!(rig.requests()[0].header_count("x-amz-meta-s3lite-put-id"), 0, "there is no room");
        assert_eq!(rig.server.bucket().content("k").as_deref(), Some(found.as_bytes()));
        rig.assert_sound(store).await;
    }
}

/// A first attempt that is refused was not applied, whoever's object is there.
#[apply(everywhere)]
async fn a_refusal_without_a_lost_answer_is_not_looked_into() {
    covers(&["S15"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().objects.insert(b"k".to_vec(), rival(None));
    let error = store.put(create(), "hello").await.expect_err("somebody was faster");
    assert!(error.is_precondition_failed() && !error.is_outcome_unknown(), "{error}");
    assert!(heads(&rig).is_empty(), "one answer is enough");
    rig.assert_sound(store).await;
}

/// The object that the condition named is still there. Where the service refused the last copy, ours did not take its place; a copy
/// whose answer was lost may still do so.
#[apply(everywhere)]
async fn the_old_object_tells_that_ours_was_not_stored() {
    covers(&["N12", "S15"]);
    let refused = refusal("412 Precondition Failed", "PreconditionFailed");
    for (last, kind, unknown) in
        [(Act::CloseBeforeReply, ErrorKind::Interrupted, true), (refused, ErrorKind::Precondition, false)]
    {
        let rig = Rig::new();
        let store = rig.open(config().set("retry-timeout", "1ms"));
        rig.server.bucket().seed("k", "old");
        for act in [Act::CloseBeforeReply, Act::CloseBeforeReply, Act::CloseBeforeReply, last] {
            rig.server.next_for("PUT", act);
        }
        let tag = rig.server.bucket().objects[&b"k"[..]].etag.clone();
        let error = store.put(PutObject::new("k").if_match(tag), "new").await.expect_err("no copy was applied");
        assert_eq!((error.kind(), error.attempts()), (kind, 4), "{error}");
        assert_eq!(error.is_outcome_unknown(), unknown, "{error}");
        assert_eq!(error.to_string().contains("is not known"), unknown, "{error}");
        assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"old"[..]));
        rig.assert_sound(store).await;
    }
}

/// Neither the old object nor ours: ours may have been in between.
#[apply(everywhere)]
async fn a_third_object_after_a_conditional_overwrite_tells_nothing() {
    covers(&["N12"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().objects.insert(b"k".to_vec(), rival(None));
    rig.server.next_for("PUT", Act::CloseBeforeReply);
    let put = PutObject::new("k").if_match("\"another\"");
    let error = store.put(put, "new").await.expect_err("it cannot be known");
    assert!(error.is_outcome_unknown(), "{error}");
    rig.assert_sound(store).await;
}

/// A write with everything that a HEAD needs, too, and with more.
fn encrypted(key: &str) -> PutObject {
    PutObject::new(key)
        .header(format!("{CUSTOMER}algorithm"), "AES256")
        .header(format!("{CUSTOMER}key"), "a2V5")
        .header(format!("{CUSTOMER}key-md5"), "bWQ1")
        .header("X-Amz-Expected-Bucket-Owner", "123456789012")
        .header("x-amz-request-payer", "requester")
        .header("x-amz-tagging", "a=b")
        .header("x-amz-storage-class", "STANDARD_IA")
        .content_type("text/plain")
        .metadata("a", "b")
}

fn assert_repeats_what_it_must(head: &Seen) {
    for (name, value) in [("algorithm", "AES256"), ("key", "a2V5"), ("key-md5", "bWQ1")] {
        assert_eq!(head.header(&format!("{CUSTOMER}{name}")).as_deref(), Some(value), "{name}");
    }
    assert_eq!(head.header("x-amz-expected-bucket-owner").as_deref(), Some("123456789012"));
    assert_eq!(head.header("x-amz-request-payer").as_deref(), Some("requester"));
    let signed = head.header("authorization").expect("a signature");
    assert!(signed.contains(CUSTOMER) && signed.contains("x-amz-request-payer"), "{signed}");
    for name in ["x-amz-tagging", "x-amz-storage-class", "content-type", "x-amz-meta-a", "if-none-match", "if-match"] {
        assert_eq!(head.header_count(name), 0, "{name} is the write's alone");
    }
}

/// Without the customer's key a HEAD is refused, without the owner it may look into another bucket.
#[apply(everywhere)]
async fn a_look_at_a_write_repeats_what_gives_access() {
    covers(&["S15", "S46", "X25", "X26"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.next_for("PUT", Act::ApplyThenClose);
    store.put(encrypted("k").if_none_match("*"), "hello").await.expect("it is ours");
    let verifying: Store = rig.open(config().set("verify-after-write", true));
    verifying.put(encrypted("v"), "hello").await.expect("it is there");
    let looks = heads(&rig);
    assert_eq!(looks.len(), 2, "one for each");
    looks.iter().for_each(assert_repeats_what_it_must);
    rig.assert_manners();
    drop(verifying);
    rig.assert_sound(store).await;
}

/// In a bucket with versions it is the version just written that is looked at, not a later one.
#[apply(everywhere)]
async fn the_version_that_was_written_is_looked_at() {
    covers(&["S46", "S47"]);
    let rig = Rig::new();
    rig.server.bucket().versioned = true;
    let store = rig.open(config().set("verify-after-write", true));
    let version = store.put("k", "hello").await.expect("stored").version_id.expect("a version");
    let target = heads(&rig)[0].target_text();
    assert!(target.ends_with(&format!("?versionId={version}")), "{target}");
    for (name, value) in [("ETag", "\"other\""), ("Content-Length", "4")] {
        rig.server.next_for("HEAD", Act::mutate(move |answer| answer.set_header(name, value)));
        let error = store.put("k", "hello").await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Integrity, "a version never changes, {name}: {error}");
    }
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// Without versions another tag is another write, which says nothing against this one.
#[apply(everywhere)]
async fn another_write_is_told_from_damage() {
    covers(&["S47"]);
    let rig = Rig::new();
    let store = rig.open(config().set("verify-after-write", true));
    for (tag, length, kind) in [
        (Some("\"other\""), "5", ErrorKind::Changed),
        (Some("\"other\""), "4", ErrorKind::Changed),
        (Some("\"other\""), "500", ErrorKind::Changed),
        (None, "4", ErrorKind::Integrity),
        (None, "6", ErrorKind::Integrity),
    ] {
        let change = Act::mutate(move |answer| {
            answer.set_header("Content-Length", length);
            if let Some(tag) = tag {
                answer.set_header("ETag", tag);
            }
        });
        rig.server.next_for("HEAD", change);
        let error = store.put("k", "hello").await.expect_err("not what was written");
        assert_eq!(error.kind(), kind, "{tag:?} {length}: {error}");
    }
    assert!(heads(&rig)[0].target_text().ends_with("/k"), "no version is asked for");
    rig.assert_sound(store).await;
}
