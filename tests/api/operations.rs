//! What each operation asks, option by option: the request as the S3 API reference has it.

use std::ops::Bound;
use std::time::{Duration, SystemTime};

use http::Method;
use s3lite::{
    ByteRange, DeleteObject, ErrorKind, GetObject, HeadObject, KeyPrefix, ListObjectsV2, Operation, PutObject, Raw,
};

use crate::{head, read};

/// `METHOD key?query [header: value] body`, the key with the store's prefix.
fn written(operation: &impl Operation) -> String {
    let request = operation.request(&KeyPrefix::new("p/")).expect("a request");
    let mut text = format!("{} {}", request.method(), request.key().unwrap_or("(bucket)"));
    for (index, (name, value)) in request.query().iter().enumerate() {
        text += &format!("{}{name}={value}", if index == 0 { '?' } else { '&' });
    }
    for (name, value) in request.headers() {
        text += &format!(" [{name}: {}]", value.to_str().expect("text"));
    }
    if !request.body().is_empty() {
        text += &format!(" {}", String::from_utf8_lossy(request.body()));
    }
    text
}

fn assert_written(rows: &[(String, &str)]) {
    for (found, expected) in rows {
        assert_eq!(found, expected);
    }
}

/// Sun, 06 Nov 1994 08:49:37 GMT: the example of RFC 9110 section 5.6.7.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

#[test]
fn get_object() {
    let get = || GetObject::new("k");
    assert_written(&[
        (written(&get()), "GET p/k"),
        (written(&get().version_id("v")), "GET p/k?versionId=v"),
        (written(&get().response_content_type("a/b")), "GET p/k?response-content-type=a/b"),
        (written(&get().response_content_disposition("inline")), "GET p/k?response-content-disposition=inline"),
        (written(&get().if_match("\"a\"")), "GET p/k [if-match: \"a\"]"),
        (written(&get().if_none_match("\"a\"")), "GET p/k [if-none-match: \"a\"]"),
        (written(&get().if_modified_since(time())), "GET p/k [if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT]"),
        (written(&get().if_unmodified_since(time())), "GET p/k [if-unmodified-since: Sun, 06 Nov 1994 08:49:37 GMT]"),
        (written(&get().checksum_mode()), "GET p/k [x-amz-checksum-mode: ENABLED]"),
        (written(&get().header("x-amz-request-payer", "requester")), "GET p/k [x-amz-request-payer: requester]"),
        (written(&get().verify_checksum(true)), "GET p/k"),
        (written(&get().range(1..3)), "GET p/k [range: bytes=1-2]"),
        (written(&get().range(1..=3)), "GET p/k [range: bytes=1-3]"),
        (written(&get().range(1..)), "GET p/k [range: bytes=1-]"),
        (written(&get().range(..3)), "GET p/k [range: bytes=0-2]"),
        (written(&get().range(..=3)), "GET p/k [range: bytes=0-3]"),
        (written(&get().range(..)), "GET p/k [range: bytes=0-]"),
        (written(&get().range((Bound::Excluded(1), Bound::Unbounded))), "GET p/k [range: bytes=2-]"),
        (written(&get().range(5..=u64::MAX)), "GET p/k [range: bytes=5-]"),
        (written(&get().last(7)), "GET p/k [range: bytes=-7]"),
        (written(&get().range(1..3).as_head()), "HEAD p/k"),
    ]);
    assert_eq!(get().range(1..3).byte_range(), Some(ByteRange::Part { start: 1, end: 3 }));
    assert_eq!((get().byte_range(), get().key()), (None, "k"));
}

/// HTTP cannot ask for no bytes, and a client of one's own is told so.
#[test]
fn ranges_without_bytes() {
    for (get, expected) in [
        (GetObject::new("k").range(3..3), "3..3"),
        (GetObject::new("k").range((Bound::Included(3), Bound::Excluded(2))), "3..2"),
        (GetObject::new("k").last(0), "empty"),
    ] {
        let error = get.request(&KeyPrefix::default()).map(drop).expect_err("nothing can be asked for");
        assert!(error.kind() == ErrorKind::BadInput && error.to_string().contains(expected), "{error}");
    }
    let asks_for_none = |get: GetObject| get.asks_for_no_bytes();
    assert!(asks_for_none(GetObject::new("k").range(3..3)) && asks_for_none(GetObject::new("k").last(0)));
    assert!(!asks_for_none(GetObject::new("k")) && !asks_for_none(GetObject::new("k").range(3..)));
    assert!(
        !asks_for_none(GetObject::new("k").range((Bound::Included(3), Bound::Excluded(2))))
            && !asks_for_none(GetObject::new("k").last(1))
    );
}

#[test]
fn head_object() {
    let head = || HeadObject::new("k");
    assert_written(&[
        (written(&head()), "HEAD p/k"),
        (written(&head().version_id("v")), "HEAD p/k?versionId=v"),
        (written(&head().if_match("\"a\"")), "HEAD p/k [if-match: \"a\"]"),
        (written(&head().if_none_match("\"a\"")), "HEAD p/k [if-none-match: \"a\"]"),
        (written(&head().header("x-amz-expected-bucket-owner", "1")), "HEAD p/k [x-amz-expected-bucket-owner: 1]"),
    ]);
}

#[test]
fn put_object() {
    let put = || PutObject::new("k");
    assert_written(&[
        (written(&put()), "PUT p/k"),
        (written(&put().content_type("a/b")), "PUT p/k [content-type: a/b]"),
        (written(&put().content_encoding("gzip")), "PUT p/k [content-encoding: gzip]"),
        (written(&put().content_disposition("inline")), "PUT p/k [content-disposition: inline]"),
        (written(&put().cache_control("no-store")), "PUT p/k [cache-control: no-store]"),
        (written(&put().storage_class("GLACIER")), "PUT p/k [x-amz-storage-class: GLACIER]"),
        (written(&put().metadata("Note", "a  b")), "PUT p/k [x-amz-meta-note: a  b]"),
        (written(&put().if_none_match("*")), "PUT p/k [if-none-match: *]"),
        (written(&put().if_match("\"a\"")), "PUT p/k [if-match: \"a\"]"),
        (written(&put().header("x-amz-tagging", "a=b")), "PUT p/k [x-amz-tagging: a=b]"),
        (written(&put().put_id("1").put_id("2")), "PUT p/k [x-amz-meta-s3lite-put-id: 2]"),
        (
            written(&put().header("x-amz-request-payer", "requester").header("x-amz-tagging", "a=b").as_head()),
            "HEAD p/k [x-amz-request-payer: requester]",
        ),
        (
            written(&put().header("X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256").as_head()),
            "HEAD p/k [x-amz-server-side-encryption-customer-algorithm: AES256]",
        ),
        (
            written(&put().header("x-amz-expected-bucket-owner", "1").as_head()),
            "HEAD p/k [x-amz-expected-bucket-owner: 1]",
        ),
    ]);
    assert_eq!(put().key(), "k");
    assert!(put().if_match("\"a\"").is_conditional() && put().if_none_match("*").is_conditional());
    assert!(!put().is_conditional() && !put().content_type("a/b").is_conditional());
}

/// 2,048 bytes of names and values (S3 User Guide, "Working with object metadata"); an id of the write takes what is left.
#[test]
fn metadata_has_a_limit() {
    let of = |bytes: usize| PutObject::new("k").metadata("name", "x".repeat(bytes - 4));
    let has_id = |put: PutObject| {
        put.put_id("0123456789")
            .request(&KeyPrefix::default())
            .map(|request| request.header("x-amz-meta-s3lite-put-id").is_some())
    };
    let own = "s3lite-put-id0123456789".len();
    assert!(has_id(of(2048 - own)).expect("a request"));
    assert!(!has_id(of(2048 - own + 1)).expect("a request"));
    assert!(of(2048).request(&KeyPrefix::default()).is_ok());
    for (put, expected) in [
        (of(2049), "2049 bytes"),
        (PutObject::new("k").metadata("", "a"), "has no name"),
        (PutObject::new("k").metadata("a", "1").metadata("A", "2"), "twice"),
    ] {
        let error = put.request(&KeyPrefix::default()).map(drop).expect_err("S3 does not keep that");
        assert!(error.kind() == ErrorKind::BadInput && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn delete_object() {
    let delete = || DeleteObject::new("k");
    assert_written(&[
        (written(&delete()), "DELETE p/k"),
        (written(&delete().version_id("v")), "DELETE p/k?versionId=v"),
        (written(&delete().if_match("\"a\"")), "DELETE p/k [if-match: \"a\"]"),
        (written(&delete().header("x-amz-mfa", "1 2")), "DELETE p/k [x-amz-mfa: 1 2]"),
    ]);
    assert!(delete().if_match("a\nb").request(&KeyPrefix::default()).is_err());
}

#[test]
fn list_objects_v2() {
    let list = ListObjectsV2::new;
    let empty = list().request(&KeyPrefix::default()).expect("a request");
    assert!(empty.query().iter().all(|(name, _)| name != "prefix"), "{empty:?}");
    const ALWAYS: &str = "GET (bucket)?list-type=2&encoding-type=url&prefix=p/";
    for (found, expected) in [
        (written(&list()), ""),
        (written(&list().prefix("a")), "a"),
        (written(&list().delimiter("/")), "&delimiter=/"),
        (written(&list().start_after("a")), "&start-after=p/a"),
        (written(&list().max_keys(7)), "&max-keys=7"),
        (written(&list().continuation_token("t")), "&continuation-token=t"),
    ] {
        assert_eq!(found, [ALWAYS, expected].concat());
    }
    assert_eq!(list().key(), None);
}

#[test]
fn raw() {
    assert_written(&[
        (written(&Raw::get("k").query("tagging", "")), "GET p/k?tagging="),
        (written(&Raw::put("k").query("acl", "").body("<x/>")), "PUT p/k?acl= <x/>"),
        (written(&Raw::post("k").query("restore", "")), "POST p/k?restore="),
        (written(&Raw::delete("k").query("tagging", "")), "DELETE p/k?tagging="),
        (written(&Raw::bucket(Method::GET).query("location", "")), "GET (bucket)?location="),
        (
            written(&Raw::object(Method::HEAD, "k").header("x-amz-request-payer", "requester")),
            "HEAD p/k [x-amz-request-payer: requester]",
        ),
    ]);
    assert_eq!((Raw::get("k").key(), Raw::bucket(Method::GET).key()), (Some("k"), None));
    assert!(Raw::put("k").body("x").check_presignable().is_err() && Raw::put("k").check_presignable().is_ok());
}

/// What may be sent twice, only reads, or has a body: RFC 9110 section 9.2.
#[test]
fn what_methods_are() {
    for (operation, idempotent, safe, payload) in [
        (Raw::get("k"), true, true, false),
        (Raw::object(Method::HEAD, "k"), true, true, false),
        (Raw::put("k"), true, false, true),
        (Raw::delete("k"), true, false, false),
        (Raw::post("k"), false, false, true),
        (Raw::object(Method::PATCH, "k"), false, false, true),
    ] {
        let request = operation.request(&KeyPrefix::default()).expect("a request");
        let found = (request.is_idempotent(), request.is_safe(), request.takes_payload());
        assert_eq!(found, (idempotent, safe, payload), "{}", request.method());
        assert_eq!(request.operation(), "Raw");
    }
}

/// A header once more beside its method, or where there is a method for it.
#[test]
fn a_header_has_one_source() {
    for (request, expected) in [
        (GetObject::new("k").if_match("\"a\"").header("If-Match", "b").request(&KeyPrefix::default()), "given twice"),
        (GetObject::new("k").header("Range", "bytes=1-2").request(&KeyPrefix::default()), "the method range alone"),
        (
            PutObject::new("k").content_type("a/b").header("Content-Type", "c/d").request(&KeyPrefix::default()),
            "given twice",
        ),
        (DeleteObject::new("k").header("if-none-match", "*").request(&KeyPrefix::default()), "if_none_match alone"),
        (Raw::get("k").header("no name", "x").request(&KeyPrefix::default()), "no name for a header"),
    ] {
        let error = request.map(drop).expect_err("it would be sent twice");
        assert!(error.kind() == ErrorKind::BadInput && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn prefixes_are_taken_off_as_they_were_put_on() {
    let prefix = KeyPrefix::new("p/");
    assert_eq!((prefix.join("k").as_str(), prefix.strip("p/k"), prefix.strip("q/k")), ("p/k", Some("k"), None));
}

/// Reads the answer to an operation that has no body.
fn answered<O: Operation>(operation: &O, headers: &[(&'static str, &'static str)]) -> O::Output {
    read(operation, head(200, headers), b"").expect("a success")
}

/// What was stored is compared with what a HEAD finds: tag, version, size.
#[test]
fn a_write_is_verified_by_a_look() {
    const TAG: (&str, &str) = ("etag", "\"a\"");
    const OTHER: (&str, &str) = ("etag", "\"b\"");
    const VERSION: (&str, &str) = ("x-amz-version-id", "v");
    const SIZE: (&str, &str) = ("content-length", "4");
    const ID: (&str, &str) = ("x-amz-request-id", "1");
    for (stored, found, kind) in [
        (&[TAG][..], &[TAG, SIZE][..], None),
        (&[TAG], &[ID, SIZE], None),
        (&[TAG], &[OTHER, SIZE], Some(ErrorKind::Changed)),
        (&[TAG, VERSION], &[OTHER, VERSION, SIZE], Some(ErrorKind::Integrity)),
        (&[TAG, VERSION], &[OTHER, ("x-amz-version-id", "w"), SIZE], Some(ErrorKind::Changed)),
        (&[TAG], &[TAG, ("content-length", "5")], Some(ErrorKind::Integrity)),
        (&[TAG], &[TAG], Some(ErrorKind::Protocol)),
    ] {
        let (stored, found) = (answered(&PutObject::new("k"), stored), answered(&HeadObject::new("k"), found));
        assert_eq!(PutObject::verify(&stored, 4, &found).err().map(|error| error.kind()), kind, "{stored:?} {found:?}");
    }
    let of = |version| answered(&PutObject::new("k"), &[TAG, ("x-amz-version-id", version)]);
    assert_eq!(written(&PutObject::new("k").as_head_of(&of("v"))), "HEAD p/k?versionId=v");
    assert_eq!(written(&PutObject::new("k").as_head_of(&of("null"))), "HEAD p/k");
    assert_eq!(of("v").head().headers["x-amz-version-id"], "v");
}
