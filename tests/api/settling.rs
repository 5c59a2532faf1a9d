//! Whose object it is that a HEAD found after a put whose answer was lost.

use s3lite::{DeleteObject, Error, ErrorKind, GetObject, HeadObject, ObjectMeta, Operation, PutObject, Raw};

use crate::{answer, head, read};

const ID: &str = "x-amz-meta-s3lite-put-id";

fn found(headers: &[(&'static str, &'static str)]) -> ObjectMeta {
    read(&HeadObject::new("k"), head(200, headers), b"").expect("an object")
}

fn refusal(status: u16, code: &str) -> Error {
    let body = format!("<Error><Code>{code}</Code></Error>");
    read(&Raw::get("k"), head(status, &[]), body.as_bytes()).map(drop).expect_err("a refusal")
}

/// What becomes of a put of five bytes.
#[derive(Debug, PartialEq)]
enum Settled {
    Stored,
    /// The error's outcome is known, or not.
    Failed {
        unknown: bool,
    },
    Ambiguous,
}

fn settle(put: &PutObject, found: &ObjectMeta) -> Settled {
    let lost = refusal(412, "PreconditionFailed").with_unknown_outcome(true);
    match put.settle(5, found, lost) {
        Ok(_) => Settled::Stored,
        Err(error) if error.kind() == ErrorKind::Ambiguous => Settled::Ambiguous,
        Err(error) => Settled::Failed { unknown: error.is_outcome_unknown() },
    }
}

#[test]
fn whose_object_was_found() {
    const TAG: (&str, &str) = ("etag", "\"a\"");
    const FIVE: (&str, &str) = ("content-length", "5");
    const REQUEST: (&str, &str) = ("x-amz-request-id", "1");
    let new = || PutObject::new("k").if_none_match("*");
    let over = |tag: &str| PutObject::new("k").if_match(tag);
    let unknown = || Settled::Failed { unknown: true };
    for (put, headers, settled) in [
        (new().put_id("1"), &[TAG, FIVE, (ID, "1")][..], Settled::Stored),
        (new().put_id("1"), &[REQUEST, FIVE, (ID, "1")], unknown()),
        (new().put_id("1"), &[TAG, FIVE, (ID, "2")], unknown()),
        (new().put_id("1"), &[TAG, FIVE], Settled::Ambiguous),
        (new().put_id("1"), &[TAG, ("content-length", "6")], unknown()),
        (new().put_id("1"), &[TAG], Settled::Ambiguous),
        (new(), &[TAG, FIVE], Settled::Ambiguous),
        (new(), &[TAG, FIVE, (ID, "1")], unknown()),
        (new(), &[TAG, ("content-length", "4")], unknown()),
        (over("\"a\"").put_id("1"), &[TAG, FIVE], Settled::Failed { unknown: false }),
        (over("\"a\"").put_id("1"), &[TAG, FIVE, (ID, "2")], Settled::Failed { unknown: false }),
        (over("\"a\""), &[TAG, FIVE], unknown()),
        (over("\"a\""), &[TAG, ("content-length", "6")], unknown()),
        (over("\"b\"").put_id("1"), &[TAG, FIVE], Settled::Ambiguous),
        (over("\"b\"").put_id("1"), &[TAG, FIVE, (ID, "2")], unknown()),
        (over("\"b\"").put_id("1"), &[TAG, FIVE, (ID, "1")], Settled::Stored),
        (PutObject::new("k").put_id("1"), &[REQUEST, FIVE], Settled::Ambiguous),
    ] {
        assert_eq!(settle(&put, &found(headers)), settled, "{put:?} {headers:?}");
    }
    let stored =
        new().put_id("1").settle(5, &found(&[TAG, FIVE, (ID, "1"), ("x-amz-version-id", "v")]), refusal(412, ""));
    let stored = stored.expect("it is this write's");
    assert_eq!((stored.etag.as_str(), stored.version_id.as_deref()), ("\"a\"", Some("v")));
}

/// To an overwrite under a condition a missing object is a condition that does not hold; to a deletion it is success.
#[test]
fn refusals_that_mean_something_else() {
    let kind = |put: PutObject, refusal| put.recover(refusal).map(drop).expect_err("a refusal").kind();
    assert_eq!(kind(PutObject::new("k").if_match("a"), refusal(404, "NoSuchKey")), ErrorKind::Precondition);
    assert_eq!(kind(PutObject::new("k").if_none_match("*"), refusal(404, "NoSuchKey")), ErrorKind::NotFound);
    assert_eq!(kind(PutObject::new("k"), refusal(404, "NoSuchKey")), ErrorKind::NotFound);
    assert_eq!(kind(PutObject::new("k").if_match("a"), refusal(403, "AccessDenied")), ErrorKind::AccessDenied);
    assert!(DeleteObject::new("k").recover(refusal(404, "NoSuchKey")).is_ok());
    assert!(DeleteObject::new("k").recover(refusal(403, "AccessDenied")).is_err());
    assert!(HeadObject::new("k").recover(refusal(404, "NoSuchKey")).is_err());
}

/// The bytes of an object may be anything, an error document too; without a tag they are S3's own word.
#[test]
fn what_a_raw_get_accepts() {
    const ERROR: &str = "<Error><Code>SlowDown</Code></Error>";
    const TAG: (&str, &str) = ("etag", "\"a\"");
    for (raw, headers, body, accepted) in [
        (Raw::get("k"), &[TAG][..], ERROR, true),
        (Raw::get("k"), &[("etag", "\"\"")], ERROR, false),
        (Raw::get("k"), &[], ERROR, false),
        (Raw::get("k"), &[], "<ListBucketResult/>", false),
        (Raw::get("k"), &[], "hello", true),
        (Raw::get("k").query("versionId", "v").query("response-content-type", "a/b"), &[], ERROR, false),
        (Raw::get("k").query("partNumber", "1"), &[], ERROR, false),
        (Raw::get("k").query("tagging", ""), &[], ERROR, true),
        (Raw::put("k"), &[], ERROR, true),
        (Raw::bucket(http::Method::GET), &[], ERROR, true),
    ] {
        let framed = [headers, &[("transfer-encoding", "chunked")]].concat();
        let found = raw.accept(&answer(head(200, &framed), body.as_bytes()));
        assert_eq!(found.is_ok(), accepted, "{raw:?} {headers:?} {body}");
    }
    // As many bytes as the answer says, and all of the object unless a part was asked for.
    let range = |raw: Raw| raw.header("range", "bytes=0-4");
    let part = Raw::get("k").query("partNumber", "1");
    for (raw, status, headers, accepted) in [
        (Raw::get("k"), 200, &[("content-length", "5")][..], true),
        (Raw::get("k"), 200, &[], false),
        (Raw::get("k"), 206, &[("content-length", "5"), ("content-range", "bytes 0-4/10")], false),
        (range(Raw::get("k")), 206, &[("content-length", "5"), ("content-range", "bytes 0-4/10")], true),
        (range(Raw::get("k")), 206, &[("transfer-encoding", "chunked"), ("content-range", "bytes 0-5/10")], false),
        (part, 206, &[("content-length", "5"), ("content-range", "bytes 0-4/10")], true),
        (Raw::put("k"), 200, &[], true),
    ] {
        let found = raw.accept(&answer(head(status, &[headers, &[TAG]].concat()), b"hello"));
        assert_eq!(found.is_ok(), accepted, "{raw:?} {status} {headers:?}");
    }
    // What it answers is then read: a sub-resource's error is one, an object's bytes are its bytes.
    for (raw, body, headers, is_read) in [
        (Raw::get("k"), ERROR, &[TAG][..], true),
        (Raw::get("k").query("tagging", ""), ERROR, &[], false),
        (Raw::put("k").query("acl", ""), ERROR, &[], false),
        (Raw::get("k"), "x", &[("content-encoding", "gzip"), ("etag", "W/\"a\"")], false),
        (Raw::put("k").query("acl", ""), "x", &[("content-encoding", "gzip"), ("etag", "W/\"a\"")], true),
    ] {
        let found = raw.read(answer(head(200, headers), body.as_bytes()));
        assert_eq!(found.is_ok(), is_read, "{raw:?} {headers:?} {body}");
    }
}

/// Each operation says which object it is about, and a bucket's says none.
#[test]
fn operations_name_their_keys() {
    assert_eq!(Operation::key(&GetObject::new("k")), Some("k"));
    assert_eq!(Operation::key(&HeadObject::new("k")), Some("k"));
    assert_eq!(Operation::key(&PutObject::new("k")), Some("k"));
    assert_eq!(Operation::key(&DeleteObject::new("k")), Some("k"));
}

/// What a head says of an object, name by name.
#[test]
fn what_a_head_says() {
    let meta = found(&[("etag", "\"a\""), ("content-length", "5"), ("x-amz-meta-note", "n"), ("content-type", "a/b")]);
    assert_eq!(meta.etag().map(|etag| etag.to_string()).as_deref(), Some("\"a\""));
    assert_eq!(meta.headers().len(), 4);
    for (range, expected) in [
        ("bytes 0-4/10", Some((0, 4, Some(10)))),
        ("bytes 3-3/4", Some((3, 3, Some(4)))),
        ("bytes 0-4/*", Some((0, 4, None))),
        ("bytes 4-3/10", None),
        ("bytes 0-10/10", None),
        ("bytes 0-18446744073709551615/*", None),
        ("bytes 0-18446744073709551614/*", Some((0, u64::MAX - 1, None))),
        ("bytes 0-4", None),
        ("bytes 0/10", None),
        ("bytes a-4/10", None),
        ("bytes 0-a/10", None),
        ("bytes 0-4/a", None),
        ("items 0-4/10", None),
        ("bytes 0-18446744073709551616/*", None),
    ] {
        let found = head(206, &[("content-range", range)]).content_range();
        assert_eq!(found.map(|range| (range.first, range.last, range.size)), expected, "{range}");
    }
}
