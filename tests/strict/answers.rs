//! What a refusal says arrives with the caller, whatever its form; a redirect is never followed.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, ListObjectsV2};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, StrictConfig, StrictServer};
use crate::{config, open, server, store};

fn reply(status: &str, headers: &str, body: &str) -> Act {
    Act::Reply(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

#[apply(in_every_runtime)]
async fn every_operation_reports_code_and_ids() {
    let server = server().await;
    let store = store(&server);
    let ids = "x-amz-request-id: REQ1\r\nx-amz-id-2: HOST2\r\n";
    let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>No,\n really</Message></Error>";
    for _ in 0..4 {
        server.next(reply("403 Forbidden", ids, body));
    }
    let errors = [
        store.put("k", "x").await.err(),
        store.get("k").await.err(),
        store.delete("k").await.err(),
        store.list(ListObjectsV2::new()).next().await.err(),
    ];
    for (error, operation) in errors.into_iter().zip(["PutObject", "GetObject", "DeleteObject", "ListObjectsV2"]) {
        let error = error.expect("refused");
        assert_eq!((error.code(), error.operation()), (Some("AccessDenied"), Some(operation)));
        assert_eq!((error.request_id(), error.host_id()), (Some("REQ1"), Some("HOST2")));
        let key = if operation == "ListObjectsV2" { "" } else { " \"k\"" };
        let text = format!(
            "{operation}{key} in bucket \"bucket\": the service refused access: 403 AccessDenied: No,  really (request id REQ1)"
        );
        assert_eq!(error.to_string(), text);
    }
}

/// A HEAD's refusal has no body: status and headers are all there is.
#[apply(in_every_runtime)]
async fn a_head_is_read_by_its_headers() {
    let server = server().await;
    let store = store(&server);
    let bare = |status: &str, headers: &str| Act::Reply(format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes());
    for (status, headers, kind) in [
        ("404 Not Found", "", ErrorKind::NotFound),
        ("404 Not Found", "x-amz-error-code: NoSuchBucket\r\n", ErrorKind::NoSuchBucket),
        ("403 Forbidden", "x-amz-request-id: R\r\n", ErrorKind::AccessDenied),
        ("301 Moved Permanently", "x-amz-bucket-region: us-west-2\r\n", ErrorKind::WrongRegion),
        ("400 Bad Request", "x-amz-bucket-region: us-west-2\r\n", ErrorKind::WrongRegion),
        ("400 Bad Request", "x-amz-bucket-region: eu-central-1\r\n", ErrorKind::Other),
        ("412 Precondition Failed", "", ErrorKind::Precondition),
        ("304 Not Modified", "", ErrorKind::NotModified),
    ] {
        server.next_for("HEAD", bare(status, headers));
        let error = store.head("k").await.expect_err(status);
        assert_eq!(error.kind(), kind, "{status} {headers}: {error}");
        assert!(error.to_string().contains(&status[..3]), "{error}");
    }
}

#[apply(in_every_runtime)]
async fn a_redirect_is_an_error_and_goes_nowhere() {
    let (server, other) = (server().await, server().await);
    let store = store(&server);
    let location = format!("Location: http://{}/bucket/k\r\n", other.address());
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        server.next(reply(status, &location, ""));
        let error = store.put("k", "secret mail").await.expect_err(status);
        assert_eq!(error.kind(), ErrorKind::Redirect, "{error}");
        server.next(reply(
            status,
            "x-amz-bucket-region: us-west-2\r\n",
            "<Error><Code>PermanentRedirect</Code></Error>",
        ));
        let error = store.get("k").await.expect_err(status);
        assert!(error.is_wrong_region() && error.to_string().contains("region = \"us-west-2\""), "{error}");
    }
    assert_eq!(other.connections(), 0);
}

#[apply(in_every_runtime)]
async fn the_right_region_is_named() {
    let server = StrictServer::start(StrictConfig { region: "us-west-2".into(), ..StrictConfig::default() }).await;
    let error = store(&server).get("k").await.expect_err("signed for another region");
    assert!(error.is_wrong_region(), "{error}");
    assert_eq!(error.service().and_then(|service| service.region.as_deref()), Some("us-west-2"));
}

#[apply(in_every_runtime)]
async fn foreign_and_huge_answers_are_bounded() {
    let server = server().await;
    let store = store(&server);
    let page = "<html>\u{1b}[31m502 from a proxy</html>".to_owned() + &"x".repeat(3 << 20);
    server.next(reply("502 Bad Gateway", "Content-Type: text/html\r\n", &page));
    let text = store.get("k").await.expect_err("502").to_string();
    assert!(text.contains("502 from a proxy") && !text.contains('\u{1b}') && text.len() < 600, "{text}");
    let listing = format!("<ListBucketResult>{}</ListBucketResult>", " ".repeat(17 << 20));
    server.next(reply("200 OK", "", &listing));
    let error = store.list(ListObjectsV2::new()).next().await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

#[apply(in_every_runtime)]
async fn garbage_is_named_as_such() {
    let server = server().await;
    let store = store(&server);
    for raw in ["220 mail.example.com ESMTP\r\n", "\u{15}\u{3}\u{1}\0\u{2}\u{2}F", "HTTP/9.9 200 OK\r\n\r\n"] {
        server.next(Act::ReplyThenClose(raw.as_bytes().to_vec()));
        let error = store.get("k").await.expect_err(raw);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("did not answer in HTTP"), "{error}");
    }
}

#[apply(in_every_runtime)]
async fn nobody_there_is_said_with_the_address() {
    // Nobody is given this port by the system, so no other test's server has it.
    let address = "127.0.0.1:9";
    let store = open(
        s3lite::StoreConfig::builder()
            .set("endpoint", format!("http://{address}"))
            .set("region", "x")
            .set("bucket", "bucket")
            .set("anonymous", true)
            .set("retry-timeout", "1ms"),
    );
    let error = store.get("k").await.expect_err("the server is gone");
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains(&format!("cannot connect to {address}")), "{error}");
}

/// A clock that is wrong is corrected by the service's Date, once; where that does not help, the error says what it is.
#[apply(in_every_runtime)]
async fn a_wrong_clock_is_corrected_and_otherwise_named() {
    let server = server().await;
    server.bucket().seed("k", "hello");
    server.set_clock_offset(3 * 3600);
    let skewed = open(config(&server));
    assert_eq!(skewed.get("k").await.expect("a second try").bytes().await.expect("its bytes"), "hello");
    skewed.get("k").await.expect("the first try, with what was learned");
    let statuses: Vec<_> = server.requests().iter().map(|seen| seen.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Some(403)).count(), 1, "{statuses:?}");

    // A Date that does not explain the refusal.
    server.always(Act::mutate(|answer| answer.remove_header("Date")));
    let error = open(config(&server)).get("k").await.expect_err("three hours apart");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::ClockSkew, 1), "{error}");
}

/// An object with more metadata than hyper reads by itself: the store asks once more with more room, and keeps that.
#[apply(in_every_runtime)]
async fn many_headers_are_read() {
    let server = server().await;
    let headers: String = (0..200).map(|number| format!("x-amz-meta-n{number}: {number}\r\n")).collect();
    let headers = format!("ETag: \"e\"\r\n{headers}");
    let store = store(&server);
    for requests in [2, 3] {
        server.always(reply("200 OK", &headers, ""));
        let meta = store.get("k").await.expect("it is there").meta().clone();
        assert_eq!(meta.metadata("n199"), Some("199"));
        assert_eq!(server.requests().len(), requests);
    }
}
