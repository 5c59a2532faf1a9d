//! What goes over the wire: few headers, signed as S3 wants them, on connections that are used again.

use macro_rules_attribute::apply;
use s3lite::{GetObject, ListObjectsV2, Method, Payload, PutObject, Raw, Scheme};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{StrictConfig, StrictServer};
use crate::{assert_manners, config, open, server, store};

#[apply(in_every_runtime)]
async fn every_operation_satisfies_the_strict_check() {
    let server = server().await;
    let store = store(&server);
    let put = PutObject::new("k").content_type("text/plain").metadata("a", "b  c").storage_class("STANDARD");
    store.put(put, "hello").await.expect("PutObject");
    store.put("empty", "").await.expect("PutObject of nothing");
    store.get(GetObject::new("k").range(1..3)).await.expect("GetObject").bytes().await.expect("its bytes");
    store.head("k").await.expect("HeadObject");
    store
        .list(ListObjectsV2::new().prefix("{}'$+/").delimiter("/").start_after("a b"))
        .next()
        .await
        .expect("a listing");
    store.send(Raw::bucket(Method::GET).query("location", "")).await.expect("GetBucketLocation");
    store.send(Raw::put("k").query("tagging", "").body("<Tagging/>")).await.expect("PutObjectTagging");
    store.delete("k").await.expect("DeleteObject");
    assert_manners(&server);
    assert_eq!(server.connections(), 1, "one connection serves them all");
}

/// Proxies rewrite headers and some servers refuse what they do not know.
#[apply(in_every_runtime)]
async fn only_known_headers_are_sent() {
    let server = server().await;
    let store = store(&server);
    store.put("k", "hello").await.expect("it is stored");
    store.get("k").await.expect("it is there").bytes().await.expect("its bytes");
    store.delete("k").await.expect("it is deleted");
    let common = ["accept-encoding", "authorization", "host", "user-agent", "x-amz-content-sha256", "x-amz-date"];
    for seen in server.requests() {
        let mut names: Vec<String> = seen.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.retain(|name| !common.contains(&name.as_str()));
        let more: &[&str] = match seen.method.as_str() {
            "PUT" => &["content-length"],
            "GET" => &["x-amz-checksum-mode"],
            _ => &[],
        };
        assert_eq!(names, more, "{}", seen.method);
    }
}

#[apply(in_every_runtime)]
async fn payloads_are_signed_as_configured() {
    let server = server().await;
    // A reader of no more than 256 KiB would be read first.
    let content = vec![7; 300_000];
    for (signing, reader, hash) in [
        ("auto", false, None),
        ("auto", true, Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")),
        ("signed", false, None),
        ("streaming", false, Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")),
    ] {
        let store = open(config(&server).set("payload-signing", signing));
        let payload = match reader {
            true => Payload::reader(std::io::Cursor::new(content.clone()), content.len() as u64),
            false => Payload::bytes(content.clone()),
        };
        store.put(PutObject::new("p").content_encoding("zstd"), payload).await.expect("it is stored");
        assert_eq!(server.bucket().content("p").as_deref(), Some(&content[..]));
        // The first chunked upload is looked at, by a HEAD.
        let seen = server.requests().into_iter().rfind(|request| request.method == "PUT").expect("the request");
        let header = |name: &str| {
            seen.headers
                .iter()
                .find(|(sent, _)| sent.eq_ignore_ascii_case(name))
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let sent = header("x-amz-content-sha256").expect("a payload hash");
        assert_eq!(Some(sent.as_str()).filter(|sent| sent.len() != 64), hash, "{signing} {reader}");
        let encoding = if hash.is_some() { "aws-chunked,zstd" } else { "zstd" };
        assert_eq!(header("content-encoding").as_deref(), Some(encoding));
    }
    assert_manners(&server);
}

#[apply(in_every_runtime)]
async fn temporary_credentials_sign_their_token() {
    let strict = StrictConfig { session_token: Some("token/+=".into()), ..StrictConfig::default() };
    let server = StrictServer::start(strict).await;
    let store = open(config(&server).set("security-token", "token/+=\n"));
    store.put("k", "hello").await.expect("it is stored");
    let url = store.presign(&GetObject::new("k"), std::time::Duration::from_secs(60)).expect("a URL");
    let answer = crate::support::plain::send("GET", url.as_str(), &[], b"", None).await;
    assert_eq!(answer.body, b"hello");
    let without = crate::store(&server).get("k").await.expect_err("the token is missing");
    assert!(without.is_access_denied(), "{without}");
}

#[apply(in_every_runtime)]
async fn an_ipv6_endpoint_works() {
    let server = StrictServer::start(StrictConfig { ipv6: true, ..StrictConfig::default() }).await;
    let store = store(&server);
    assert!(store.config().endpoint().host().starts_with("[::1]:"));
    assert_eq!(store.config().endpoint().scheme(), Scheme::Http);
    store.put("k", "hello").await.expect("it is stored");
    assert_manners(&server);
}

/// What the caller asks for goes out; what would break the framing or the signature does not.
#[apply(in_every_runtime)]
async fn headers_of_the_caller_are_sent_or_refused() {
    let server = server().await;
    let store = store(&server);
    store
        .put(PutObject::new("k").header("x-amz-tagging", "a=b").header("expires", "0"), "x")
        .await
        .expect("it is stored");
    let seen = server.requests().pop().expect("the request");
    assert!(seen.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("expires") && value == b"0"));
    for (name, value) in
        [("host", "evil"), ("content-length", "1"), ("authorization", "x"), ("a", "b\r\nc: d"), ("a b", "c")]
    {
        let error = store.put(PutObject::new("k").header(name, value), "x").await.expect_err(name);
        assert_eq!(error.kind(), s3lite::ErrorKind::BadInput, "{error}");
    }
    assert_eq!(server.requests().len(), 1);
    assert_manners(&server);
}
