//! T26a, and what T21, T26 and T27 add to the API: the head of every answer stays at hand, whatever became of it.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, GetObject, HeadObject, ListObjectsV2, PutObject, Raw};

use super::{MARK, TAG};
use crate::covers;
use crate::memory::Plan;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, read, refusal, reply};
use crate::support::strict::Act;

/// A header of an error's answer.
fn header<'a>(error: &'a Error, name: &str) -> Option<&'a str> {
    error.head().expect("an answer's head").headers.get(name).and_then(|value| value.to_str().ok())
}

/// What AWS says beside its refusals: of a delete marker, of what has not changed, of when to come back.
#[apply(everywhere)]
async fn t26a_the_head_of_a_refusal_is_at_hand() {
    covers(&["T26a"]);
    for (status, headers, name, value) in [
        ("404 Not Found", "x-amz-delete-marker: true\r\nx-amz-version-id: v7\r\n", "x-amz-delete-marker", "true"),
        ("404 Not Found", "x-amz-delete-marker: true\r\nx-amz-version-id: v7\r\n", "x-amz-version-id", "v7"),
        ("405 Method Not Allowed", "x-amz-delete-marker: true\r\nAllow: DELETE\r\n", "allow", "DELETE"),
        ("412 Precondition Failed", "ETag: \"now\"\r\n", "etag", "\"now\""),
        ("403 Forbidden", "x-amz-bucket-region: eu-west-1\r\n", "x-amz-bucket-region", "eu-west-1"),
        ("503 Slow Down", "Retry-After: 1\r\n", "retry-after", "1"),
        ("416 X", "Content-Range: bytes */5\r\n", "content-range", "bytes */5"),
        ("307 X", "Location: https://h/\r\n", "location", "https://h/"),
        ("500 X", "x-own: a\r\n", "X-Own", "a"),
    ] {
        let rig = Rig::new();
        rig.server.always(reply(status, &format!("{MARK}{headers}"), "<Error><Code>Strange</Code></Error>"));
        let store = rig.open(config().set("max-retries", 0));
        for error in [
            store.get("k").await.err(),
            store.put("k", "x").await.err(),
            store.list(ListObjectsV2::new()).next().await.err(),
            store.send(Raw::get("k").query("acl", "")).await.err(),
        ] {
            let error = error.expect("refused");
            assert_eq!(header(&error, name), Some(value), "{status} {name}: {error}");
            assert_eq!(error.head().map(|head| head.status), error.status(), "{status}");
        }
        rig.assert_sound(store).await;
    }
}

/// A HEAD's refusal has nothing else; a 304 neither.
#[apply(everywhere)]
async fn t26a_the_head_of_a_heads_refusal_is_at_hand() {
    covers(&["T26a"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    let tag = store.head("k").await.expect("it is there").etag().expect("a tag");
    for error in [
        store.head(HeadObject::new("k").if_none_match(tag.clone())).await.expect_err("unchanged"),
        store.get(GetObject::new("k").if_none_match(tag.clone())).await.expect_err("unchanged"),
    ] {
        assert!(error.is_not_modified(), "{error}");
        assert_eq!(header(&error, "etag"), Some(tag.as_str()));
    }
    let marker = format!("HTTP/1.1 404 Not Found\r\n{MARK}x-amz-delete-marker: true\r\nx-amz-version-id: v7\r\n\r\n");
    rig.server.next(Act::Reply(marker.into_bytes()));
    let error = store.head("k").await.expect_err("a marker stands for it");
    assert!(error.is_not_found(), "{error}");
    assert_eq!((header(&error, "x-amz-delete-marker"), header(&error, "x-amz-version-id")), (Some("true"), Some("v7")));
    rig.assert_sound(store).await;
}

/// Also where the status said success, or where somebody else answered; the last answer's is the one that is kept.
#[apply(everywhere)]
async fn t26a_the_head_of_what_was_no_answer_is_at_hand() {
    covers(&["T26a"]);
    let (store, _) =
        parrot(answer("200 OK", &format!("{MARK}x-own: a\r\n"), "<Error><Code>InternalError</Code></Error>"));
    let error = store.list(ListObjectsV2::new()).next().await.expect_err("a failure");
    assert_eq!((header(&error, "x-own"), error.kind()), (Some("a"), ErrorKind::Server));
    let (store, _) = parrot(answer("404 Not Found", "Server: nginx\r\n", "<html>no</html>"));
    assert_eq!(header(&store.get("k").await.expect_err("a page"), "server"), Some("nginx"));
    let rig = Rig::new();
    for number in ["1", "2", "3", "4"] {
        rig.server.next(reply("500 X", &format!("x-number: {number}\r\n"), ""));
    }
    let store = rig.store();
    assert_eq!(header(&store.get("k").await.expect_err("four times"), "x-number"), Some("4"));
    rig.assert_sound(store).await;
}

/// Where nothing was answered there is no head.
#[tokio::test(start_paused = true)]
async fn t26a_without_an_answer_there_is_no_head() {
    covers(&["T26a"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.network.next(Plan::refused());
    assert!(store.get("k").await.expect_err("refused").head().is_none());
    rig.server.next(Act::CloseBeforeReply);
    assert!(store.put("k", "x").await.expect_err("closed").head().is_none());
    rig.server.next(Act::Stall);
    assert!(store.get("k").await.expect_err("silence").head().is_none());
    assert!(store.get("").await.expect_err("no key").head().is_none());
    rig.assert_sound(store).await;
}

/// What a service says of a stored object is more than its tag.
#[apply(everywhere)]
async fn t26a_the_head_of_a_stored_object_is_at_hand() {
    covers(&["T26a"]);
    let headers = "x-amz-server-side-encryption: aws:kms\r\nx-amz-checksum-crc32: NhCmhg==\r\nx-amz-version-id: v\r\n\
                   x-amz-expiration: expiry-date=\"Fri, 21 Dec 2026 00:00:00 GMT\", rule-id=\"r\"\r\n";
    let (store, _) = parrot(answer("200 OK", &format!("{MARK}{TAG}{headers}"), ""));
    let stored = store.put("k", "hello").await.expect("stored");
    let header = |name: &str| stored.head().headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(header("x-amz-checksum-crc32"), Some("NhCmhg=="));
    assert!(header("x-amz-expiration").is_some_and(|text| text.contains("rule-id")));
    assert_eq!((stored.head().status.as_u16(), header("etag")), (200, Some(stored.etag.as_str())));
    assert_eq!(stored.version_id.as_deref(), Some("v"));
}

/// One that was settled by looking has the head of what was looked at.
#[apply(everywhere)]
async fn t26a_a_settled_write_has_a_head() {
    covers(&["T26a", "T16"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.next_for("PUT", Act::ApplyThenClose);
    let stored = store.put(PutObject::new("k").if_none_match("*"), "hello").await.expect("it is ours");
    assert_eq!(stored.head().headers.get("etag").map(|tag| tag.as_bytes()), Some(stored.etag.as_str().as_bytes()));
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn t26_a_redirects_goal_is_in_the_error() {
    covers(&["T26"]);
    for status in ["301 X", "302 X", "303 X", "307 X", "308 X"] {
        let (store, _) = parrot(answer(status, "Location: https://s3.example.com/bucket/k\r\n", ""));
        let error = store.put("k", "x").await.expect_err("a redirect");
        let location = error.service().and_then(|service| service.location.as_deref());
        assert_eq!(location, Some("https://s3.example.com/bucket/k"), "{status}");
    }
    let (store, _) = parrot(answer("307 X", "", ""));
    assert_eq!(
        store.get("k").await.expect_err("a redirect").service().and_then(|service| service.location.clone()),
        None
    );
}

/// A full store has a kind of its own, by whichever name; what only sounds like it has not.
#[tokio::test(start_paused = true)]
async fn t26_a_full_store_has_its_kind() {
    covers(&["T26"]);
    for (status, code, is_full) in [
        ("403 Forbidden", "QuotaExceeded", true),
        ("507 Insufficient Storage", "QuotaExceeded", true),
        ("413 X", "QuotaExceeded", true),
        ("507 Insufficient Storage", "XMinioStorageFull", true),
        ("400 Bad Request", "XMinioAdminBucketQuotaExceeded", true),
        ("403 Forbidden", "AccessDenied", false),
        ("503 Slow Down", "SlowDown", false),
        ("429 X", "TooManyRequests", false),
        ("400 Bad Request", "TooManyBuckets", false),
        ("400 Bad Request", "EntityTooLarge", false),
    ] {
        let rig = Rig::new();
        rig.server.always(refusal(status, code));
        let store = rig.open(config().set("max-retries", 0));
        let error = store.put("k", "x").await.expect_err(code);
        assert_eq!(error.kind() == ErrorKind::QuotaExceeded, is_full, "{status} {code}: {error}");
        rig.assert_sound(store).await;
    }
}

/// A size that a listing does not give is unknown, and not nothing.
#[apply(everywhere)]
async fn t21_a_size_that_is_missing_is_unknown() {
    covers(&["T21"]);
    let entry = |key: &str, size: &str| format!("<Contents><Key>{key}</Key>{size}</Contents>");
    let entries =
        [("a", ""), ("b", "<Size/>"), ("c", "<Size></Size>"), ("d", "<Size>0</Size>"), ("e", "<Size>7</Size>")];
    let entries: String = entries.iter().map(|(key, size)| entry(key, size)).collect();
    let page = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>");
    let (store, _) = parrot(answer("200 OK", MARK, &page));
    let page = store.list(ListObjectsV2::new()).next().await.expect("a page").expect("the first");
    let sizes: Vec<_> = page.contents.iter().map(|object| object.size).collect();
    assert_eq!(sizes, [None, None, None, Some(0), Some(7)]);
}

/// Per call as for the store, and the call wins.
#[apply(everywhere)]
async fn t27_a_call_says_whether_it_verifies() {
    covers(&["T27"]);
    for (of_store, of_call, verified) in
        [(true, Some(false), false), (false, Some(true), true), (true, None, true), (false, None, false)]
    {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(1000));
        let wrong = vec![("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())];
        rig.server.bucket().objects.get_mut(&b"k"[..]).expect("it is there").checksums = wrong;
        let store = rig.open(config().set("verify-checksum", of_store));
        let get = of_call.map_or(GetObject::new("k"), |verify| GetObject::new("k").verify_checksum(verify));
        match read(&store, get).await {
            Ok(bytes) => assert!(!verified && bytes == content(1000), "{of_store} {of_call:?}"),
            Err(error) => assert!(verified && error.kind() == ErrorKind::Integrity, "{of_store} {of_call:?}: {error}"),
        }
        rig.assert_sound(store).await;
    }
}
