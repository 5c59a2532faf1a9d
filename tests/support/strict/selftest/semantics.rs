//! The bucket behaves as AWS does.

use macro_rules_attribute::apply;

use super::client::{Ask, Line};
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::checksum::compute;
use crate::support::strict::{StrictConfig, StrictServer, canonical_uri};

async fn server() -> StrictServer {
    StrictServer::start(StrictConfig::default()).await
}

fn of_key(method: &'static str, key: &[u8]) -> Ask {
    Ask::new(method, &canonical_uri(&[b"bucket/", key].concat()))
}

#[apply(in_every_runtime)]
async fn keys_of_any_bytes() {
    let server = server().await;
    let all: Vec<u8> = (0..=255).collect();
    let keys: [&[u8]; 8] = [&all, b"/", b"//", b"/lead", b"a/../b", b"..", b"%2F", b"trail/"];
    for key in keys {
        let put = Ask { path: of_key("PUT", key).path, ..Ask::put("", key) };
        assert_eq!(put.of(&server).await.status, 200, "{key:?}");
    }
    assert_eq!(server.bucket().objects.len(), keys.len());
    for key in keys {
        assert_eq!(of_key("GET", key).of(&server).await.body, key);
        assert_eq!(of_key("DELETE", key).of(&server).await.status, 204);
        assert_eq!(of_key("DELETE", key).of(&server).await.status, 204);
    }
    let gone = of_key("GET", b"//").of(&server).await;
    assert_eq!((gone.status, gone.element("Code").as_deref()), (404, Some("NoSuchKey")));
    let gone = of_key("HEAD", b"//").of(&server).await;
    assert_eq!((gone.status, gone.header("content-length")), (404, None));
}

#[apply(in_every_runtime)]
async fn headers_come_back() {
    let server = server().await;
    let put = Ask::put("/bucket/a", b"text")
        .header("content-type", "text/plain")
        .header("cache-control", "no-cache")
        .header("x-amz-meta-one", "1")
        .header("x-amz-checksum-crc32c", compute("crc32c", b"text").expect("modelled"));
    let etag = put.of(&server).await.header("etag").expect("PUT answers the ETag");
    for method in ["GET", "HEAD"] {
        let answer = Ask::new(method, "/bucket/a").header("x-amz-checksum-mode", "ENABLED").of(&server).await;
        assert_eq!(answer.header("content-length").as_deref(), Some("4"), "{method}");
        assert_eq!(answer.header("content-type").as_deref(), Some("text/plain"));
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-cache"));
        assert_eq!(answer.header("x-amz-meta-one").as_deref(), Some("1"));
        assert_eq!(answer.header("etag").as_ref(), Some(&etag));
        assert!(answer.header("last-modified").is_some() && answer.header("x-amz-checksum-crc32c").is_some());
    }
    let wrong = Ask::put("/bucket/a", b"test").header("x-amz-checksum-crc32", "AAAAAA==").of(&server).await;
    assert_eq!(wrong.element("Code").as_deref(), Some("BadDigest"));
    assert_eq!(server.bucket().content("a").as_deref(), Some(&b"text"[..]));
}

#[apply(in_every_runtime)]
async fn ranges() {
    let server = server().await;
    server.bucket().seed("a", "0123456789");
    server.bucket().seed("empty", "");
    let get = |key: &str, range: &str| Ask::new("GET", &format!("/bucket/{key}")).header("range", range);
    for (range, status, body, content_range) in [
        ("bytes=0-3", 206, "0123", Some("bytes 0-3/10")),
        ("bytes=8-", 206, "89", Some("bytes 8-9/10")),
        ("bytes=8-99", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-99", 206, "0123456789", Some("bytes 0-9/10")),
        ("bytes=3-2", 200, "0123456789", None),
        ("bytes=0-1,3-4", 200, "0123456789", None),
    ] {
        let answer = get("a", range).of(&server).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, body), "{range}");
        assert_eq!(answer.header("content-range").as_deref(), content_range, "{range}");
    }
    for (key, range, size) in
        [("a", "bytes=10-", "10"), ("a", "bytes=-0", "10"), ("empty", "bytes=0-", "0"), ("empty", "bytes=-5", "0")]
    {
        let answer = get(key, range).of(&server).await;
        assert_eq!((answer.status, answer.element("ActualObjectSize").as_deref()), (416, Some(size)), "{range}");
    }
}

#[apply(in_every_runtime)]
async fn conditions() {
    let server = server().await;
    let get = || Ask::new("GET", "/bucket/a");
    let put = || Ask::put("/bucket/a", b"x");
    let missing = put().header("if-match", "\"x\"").of(&server).await;
    assert_eq!((missing.status, missing.element("Code").as_deref()), (404, Some("NoSuchKey")));
    let first = put().header("if-none-match", "*").of(&server).await;
    let etag = first.header("etag").expect("an ETag");
    assert_eq!(put().header("if-none-match", "*").of(&server).await.status, 412);
    assert_eq!(put().header("if-match", "\"other\"").of(&server).await.status, 412);
    assert_eq!(put().header("if-match", &etag).of(&server).await.status, 200);
    assert_eq!(get().header("if-match", &etag).of(&server).await.status, 200);
    assert_eq!(get().header("if-match", "\"other\"").of(&server).await.status, 412);
    let unchanged = get().header("if-none-match", &etag).of(&server).await;
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some(etag)));
    let later = "Fri, 31 Dec 9999 00:00:00 GMT";
    let earlier = "Fri, 24 May 2013 00:00:00 GMT";
    assert_eq!(get().header("if-modified-since", later).of(&server).await.status, 304);
    assert_eq!(get().header("if-modified-since", earlier).of(&server).await.status, 200);
    assert_eq!(get().header("if-unmodified-since", earlier).of(&server).await.status, 412);
}

#[apply(in_every_runtime)]
async fn where_a_bucket_is() {
    let server = server().await;
    server.bucket().seed("a", "x");
    let port = server.address().port();
    let ask = |host: String, target: &'static str| {
        let server = &server;
        let (path, name) = target.split_once('?').unwrap_or((target, ""));
        let get = Ask::new("GET", path);
        let get = if name.is_empty() { get } else { get.query(name, "") };
        async move {
            let raw = get.bytes(&host, &[]);
            Line::to(server).await.ask_raw(&raw, "GET").await.expect("an answer")
        }
    };
    assert_eq!(ask(format!("bucket.localhost:{port}"), "/a").await.status, 200);
    assert_eq!(ask(format!("localhost:{port}"), "/bucket/a").await.status, 200);
    for (host, path) in [(format!("other.localhost:{port}"), "/a"), (format!("localhost:{port}"), "/other/a")] {
        let answer = ask(host, path).await;
        assert_eq!((answer.status, answer.element("Code").as_deref()), (404, Some("NoSuchBucket")));
    }
    let answer = ask(format!("localhost:{port}"), "/bucket?location").await;
    assert!(answer.text().ends_with(">eu-central-1</LocationConstraint>"));
    assert_eq!(ask(format!("localhost:{port}"), "/bucket?uploads").await.status, 501);
    assert_eq!(ask(format!("localhost:{port}"), "/bucket/a?tagging").await.status, 404);
}

#[apply(in_every_runtime)]
async fn presigned_urls() {
    let server = server().await;
    server.bucket().seed("a b", "x");
    let host = server.address().to_string();
    let get = Ask::new("GET", "/bucket/a%20b").query("response-content-type", "text/x y");
    let answer = Line::to(&server).await.ask_raw(&get.presigned_bytes(&host), "GET").await.expect("an answer");
    assert_eq!((answer.status, answer.header("content-type").as_deref()), (200, Some("text/x y")));
    let old = Ask { skew: -100, ..get }.presigned_bytes(&host);
    let answer = Line::to(&server).await.ask_raw(&old, "GET").await.expect("an answer");
    assert_eq!((answer.status, answer.element("Code").as_deref()), (403, Some("AccessDenied")));
}

#[apply(in_every_runtime)]
async fn framing_is_not_stored() {
    let server = server().await;
    let upload = |checksum: &str| {
        let body = format!("4\r\ntext\r\n0\r\nx-amz-checksum-crc32c:{checksum}\r\n\r\n");
        Ask::put("/bucket/a", body.as_bytes())
            .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .header("x-amz-decoded-content-length", 4)
            .header("x-amz-trailer", "x-amz-checksum-crc32c")
            .header("content-encoding", "aws-chunked,gzip")
    };
    let wrong = upload("AAAAAA==").of(&server).await;
    assert_eq!(wrong.element("Code").as_deref(), Some("BadDigest"));
    assert!(server.bucket().objects.is_empty());
    let right = compute("crc32c", b"text").expect("modelled");
    assert_eq!(upload(&right).of(&server).await.status, 200);
    let bucket = server.bucket();
    let stored = bucket.objects.get(&b"a"[..]).expect("stored");
    assert_eq!((&stored.content[..], stored.header("content-encoding")), (&b"text"[..], Some("gzip")));
    assert_eq!(stored.checksums, [("x-amz-checksum-crc32c".to_owned(), right)]);
}
