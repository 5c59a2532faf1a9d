//! T40, T51 and words that lead astray: a call sends what it says or is refused with all that it is about, and the error says
//! whose doing it was.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{
    Error, ErrorKind, GetObject, HeadObject, KeyPrefix, ListObjectsV2, Method, Operation, PutObject, Raw, Store,
};

use super::MARK;
use crate::covers;
use crate::rig::{Rig, config, content, everywhere, refusal, reply};
use crate::support::strict::Act;

const MINUTE: Duration = Duration::from_secs(60);

/// A range whose end stands before its start.
fn backwards() -> GetObject {
    GetObject::new("k").range(std::ops::Range { start: 5, end: 3 })
}

/// Sending an operation without what belongs to it does not compile; the doc tests of `SelfContained` hold that.
#[test]
fn t40_what_is_not_whole_cannot_be_sent() {
    covers(&["T40"]);
    let source = include_str!("../../../src/operation/mod.rs");
    for operation in ["PutObject", "GetObject"] {
        let example = source.split("```compile_fail").skip(1).any(|rest| {
            let example = rest.split("```").next().unwrap_or_default();
            example.contains(&format!("store.send(s3lite::{operation}::new(")) && !example.contains("use ")
        });
        assert!(example, "an example shows that {operation} cannot be sent");
    }
    // The same lines with an operation that is whole do compile: they fail for no other reason.
    fn is_whole<O: s3lite::SelfContained>(_: &O) {}
    is_whole(&HeadObject::new("mail/1"));
    is_whole(&Raw::get("mail/1"));
    is_whole(&ListObjectsV2::new());
}

/// A URL has no body, so one that would need one is refused; a Raw of the same kind without one is signed.
#[apply(everywhere)]
async fn t40_a_presigned_url_drops_no_body() {
    covers(&["T40", "T51"]);
    let rig = Rig::new();
    let store = rig.open(config().set("key-prefix", "p/"));
    for raw in [
        Raw::put("k").body("x"),
        Raw::post("k").query("uploadId", "u").body("<CompleteMultipartUpload/>"),
        Raw::bucket(Method::PUT).query("versioning", "").body("<VersioningConfiguration/>"),
    ] {
        let error = store.presign(&raw, MINUTE).expect_err("a URL carries none");
        assert_eq!(
            (error.kind(), error.operation(), error.bucket()),
            (ErrorKind::BadInput, Some("Raw"), Some("bucket"))
        );
        assert_eq!(error.key(), raw.key().map(|_| "p/k"), "{error}");
        assert!(error.to_string().contains("body"), "{error}");
    }
    store.presign(&Raw::put("k"), MINUTE).expect("without a body");
    store.presign(&PutObject::new("k"), MINUTE).expect("whoever uses it sends one");
    assert!(rig.requests().is_empty());
}

/// A Raw's body is sent, whatever its method.
#[apply(everywhere)]
async fn t40_a_raw_sends_its_body() {
    covers(&["T40"]);
    let rig = Rig::new();
    for method in [Method::PUT, Method::POST] {
        rig.server.next(reply("200 OK", MARK, ""));
        rig.store().send(Raw::object(method.clone(), "k").body("mail")).await.expect("sent");
        let seen = rig.requests().pop().expect("it was sent");
        assert_eq!((seen.method.as_str(), &seen.body[..]), (method.as_str(), &b"mail"[..]));
    }
    rig.assert_manners();
}

/// Calls that are refused, by what is wrong, with the key that they are about.
async fn refused(store: &Store) -> Vec<(&'static str, Option<Error>, &'static str, &'static str)> {
    let (nul, long) = ("a\0b", "k".repeat(1_025));
    let long_key: &'static str = Box::leak(format!("p/{long}").into_boxed_str());
    vec![
        ("a range", store.get(backwards()).await.err(), "GetObject", "p/k"),
        ("a header", store.get(GetObject::new("k").header("host", "h")).await.err(), "GetObject", "p/k"),
        ("a blank", store.head(HeadObject::new("k").header("x-a", " ")).await.err(), "HeadObject", "p/k"),
        ("metadata", store.put(PutObject::new("k").metadata("a", "ü"), "x").await.err(), "PutObject", "p/k"),
        ("a name", store.put(PutObject::new("k").metadata("", "a"), "x").await.err(), "PutObject", "p/k"),
        (
            "twice",
            store.put(PutObject::new("k").metadata("a", "").metadata("A", ""), "x").await.err(),
            "PutObject",
            "p/k",
        ),
        ("much", store.put(PutObject::new("k").metadata("a", "b".repeat(2_048)), "x").await.err(), "PutObject", "p/k"),
        ("a header", store.send(Raw::get("k").header("x amz", "a")).await.err(), "Raw", "p/k"),
        ("NUL", store.get(nul).await.err(), "GetObject", "p/a\0b"),
        ("NUL", store.head(nul).await.err(), "HeadObject", "p/a\0b"),
        ("NUL", store.put(nul, "x").await.err(), "PutObject", "p/a\0b"),
        ("NUL", store.delete(nul).await.err(), "DeleteObject", "p/a\0b"),
        ("NUL", store.send(Raw::get(nul)).await.err(), "Raw", "p/a\0b"),
        ("length", store.delete(long.clone()).await.err(), "DeleteObject", long_key),
        ("presign", store.presign(&backwards(), MINUTE).err(), "GetObject", "p/k"),
        ("presign", store.presign(&GetObject::new(nul), MINUTE).err(), "GetObject", "p/a\0b"),
        ("presign", store.presign(&GetObject::new("k"), Duration::ZERO).err(), "GetObject", "p/k"),
        ("presign", store.presign(&PutObject::new("k").metadata("a", "\n"), MINUTE).err(), "PutObject", "p/k"),
    ]
}

fn assert_is_about(error: Option<Error>, what: &str, operation: &str, key: &str) {
    let error = error.unwrap_or_else(|| panic!("{operation}, {what}: taken"));
    let what = format!("{operation}, {what}: {error}");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::BadInput, 0), "{what}");
    assert_eq!(
        (error.operation(), error.bucket(), error.key()),
        (Some(operation), Some("bucket"), Some(key)),
        "{what}"
    );
    let text = error.to_string();
    assert!(text.starts_with(&format!("{operation} {key:?} in bucket \"bucket\": ")), "{text}");
}

#[apply(everywhere)]
async fn t51_what_is_refused_names_operation_bucket_and_key() {
    covers(&["T51"]);
    let rig = Rig::new();
    let store = rig.open(config().set("key-prefix", "p/"));
    for (what, error, operation, key) in refused(&store).await {
        assert_is_about(error, what, operation, key);
    }
    assert!(rig.requests().is_empty());
}

#[apply(everywhere)]
async fn t51_an_empty_key_is_named_too() {
    covers(&["T51"]);
    let rig = Rig::new();
    let store = rig.store();
    for (error, operation) in [
        (store.get("").await.err(), "GetObject"),
        (store.head("").await.err(), "HeadObject"),
        (store.put("", "x").await.err(), "PutObject"),
        (store.delete("").await.err(), "DeleteObject"),
        (store.send(Raw::delete("")).await.err(), "Raw"),
        (store.presign(&GetObject::new(""), MINUTE).err(), "GetObject"),
        (store.presign(&Raw::put("").body("x"), MINUTE).err(), "Raw"),
    ] {
        assert_is_about(error, "an empty key", operation, "");
    }
    let strict = rig.open(config().set("strict-keys", true));
    for (error, operation) in [
        (strict.get("a/../b").await.err(), "GetObject"),
        (strict.put("a/../b", "x").await.err(), "PutObject"),
        (strict.presign(&HeadObject::new("a/../b"), MINUTE).err(), "HeadObject"),
    ] {
        assert_is_about(error, "strict-keys", operation, "a/../b");
    }
    assert!(rig.requests().is_empty());
}

/// An operation's own check has the same words where there is no store.
#[test]
fn t51_the_core_has_no_bucket_to_name() {
    covers(&["T51"]);
    let error = backwards().request(&KeyPrefix::default()).expect_err("no range");
    assert!(error.to_string().contains("5..3"), "{error}");
    assert_eq!((error.operation(), error.bucket(), error.key()), (None, None, None));
}

/// A proxy that rewrites Host makes every signature wrong: the error names the one that was signed.
#[apply(everywhere)]
async fn a_wrong_signature_names_the_host_that_was_signed() {
    let rig = Rig::new();
    let store = rig.store();
    let host = store.config().endpoint().host().to_owned();
    for _ in 0..2 {
        rig.server.next(refusal("403 Forbidden", "SignatureDoesNotMatch"));
    }
    for error in [store.put("k", "x").await.err(), store.send(Raw::get("k")).await.err()] {
        let error = error.expect("refused");
        let text = error.to_string();
        assert!(error.is_access_denied() && text.contains(&host), "{text}");
        assert!(text.contains("Host") && text.contains("proxy") && text.contains("secret"), "{text}");
    }
    // Other refusals have nothing to do with it.
    rig.server.next(refusal("403 Forbidden", "AccessDenied"));
    let text = store.put("k", "x").await.expect_err("refused").to_string();
    assert!(!text.contains("Host"), "{text}");
}

/// A body that is too large for a proxy is too large for it alone; one that is for the service has S3's code.
#[apply(everywhere)]
async fn a_413_says_whose_limit_it_is() {
    let rig = Rig::new();
    let store = rig.store();
    let page = "<html><h1>413 Request Entity Too Large</h1>nginx</html>";
    for (headers, body) in [("Content-Type: text/html\r\n", page), ("", ""), ("Server: nginx\r\n", "too large")] {
        rig.server.next(reply("413 Payload Too Large", headers, body));
        let error = store.put("k", content(1_000)).await.expect_err("too large");
        let text = error.to_string();
        assert_eq!(
            (error.attempts(), error.code(), error.status().map(|it| it.as_u16())),
            (1, None, Some(413)),
            "{text}"
        );
        assert!(text.contains("proxy") && text.contains("limit"), "{text}");
        assert!(!error.is_outcome_unknown(), "{text}");
    }
    rig.server.next(refusal("413 Payload Too Large", "EntityTooLarge"));
    let error = store.put("k", "x").await.expect_err("too large");
    assert_eq!(error.code(), Some("EntityTooLarge"), "{error}");
    assert!(!error.to_string().contains("proxy"), "{error}");
}

/// Whoever says 200 and no ETag will say so again: the body goes up twice at most.
#[tokio::test(start_paused = true)]
async fn a_200_without_an_etag_costs_two_uploads_at_most() {
    for put in [PutObject::new("k"), PutObject::new("k").if_none_match("*")] {
        for headers in [MARK.to_owned(), String::new(), format!("{MARK}ETag: \r\n"), format!("{MARK}ETag: \"\"\r\n")] {
            let rig = Rig::new();
            rig.server.script().always(crate::support::strict::Filter::Method("PUT"), reply("200 OK", &headers, ""));
            let store = rig.open(config().set("max-retries", 9));
            let error = store.put(put.clone(), content(300_000)).await.expect_err("no tag, no success");
            let uploads = rig.requests().iter().filter(|seen| seen.method == "PUT").count();
            assert!((1..=2).contains(&uploads), "{headers:?}: {uploads} uploads: {error}");
            assert!(error.is_outcome_unknown() && !error.is_precondition_failed(), "{headers:?}: {error}");
            rig.assert_sound(store).await;
        }
    }
    // The second try counts if it has one.
    let rig = Rig::new();
    rig.server.next_for("PUT", Act::mutate(|answer| answer.remove_header("ETag")));
    let store = rig.store();
    store.put("k", "x").await.expect("stored");
    assert_eq!(rig.requests().len(), 2);
    rig.assert_sound(store).await;
}
