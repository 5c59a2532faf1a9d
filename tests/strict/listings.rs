//! A listing that is none, or has no end, is an error and never an empty list.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, ListObjectsV2};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::Act;
use crate::{server, store};

fn reply(body: &str) -> Act {
    Act::Reply(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn page(content: &str) -> Act {
    reply(&format!("<ListBucketResult>{content}</ListBucketResult>"))
}

#[apply(in_every_runtime)]
async fn what_is_no_listing_is_an_error() {
    let server = server().await;
    let store = store(&server);
    for (body, kind) in [
        ("", ErrorKind::Protocol),
        ("<html><body>busy</body></html>", ErrorKind::Protocol),
        ("<Error><Code>SlowDown</Code></Error>", ErrorKind::Throttled),
        ("<Error><Code>InternalError</Code></Error>", ErrorKind::Server),
        ("<ListBucketResult></ListBucketResult>", ErrorKind::Protocol),
        ("<ListBucketResult><IsTruncated>false</IsTruncated>", ErrorKind::Protocol),
        ("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", ErrorKind::Protocol),
    ] {
        server.next_for("GET", reply(body));
        let error = store.list(ListObjectsV2::new()).next().await.expect_err(body);
        assert_eq!(error.kind(), kind, "{body}: {error}");
    }
}

#[apply(in_every_runtime)]
async fn a_listing_in_circles_ends_with_an_error() {
    let server = server().await;
    let store = store(&server);
    for tokens in [&["t"][..], &["a", "b"], &["a", "b", "c", "d", "e", "f", "g"]] {
        for (number, token) in tokens.iter().chain([&tokens[0]]).enumerate() {
            server.next_for(
                "GET",
                page(&format!(
                    "<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>\
                 <Contents><Key>k{number}</Key><Size>1</Size></Contents>"
                )),
            );
        }
        let mut pages = store.list(ListObjectsV2::new());
        for _ in tokens {
            assert!(pages.next().await.expect("a page").is_some());
        }
        let error = pages.next().await.expect_err("the first token again");
        assert!(error.to_string().contains("circles"), "{error}");
        let again = pages.next().await.expect_err("no page will come");
        assert_eq!(again.to_string(), error.to_string());
    }
}

#[apply(in_every_runtime)]
async fn a_listing_of_empty_pages_ends_with_an_error() {
    let server = server().await;
    let store = store(&server);
    for number in 0..=1000 {
        server.next_for(
            "GET",
            page(&format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{number}</NextContinuationToken>")),
        );
    }
    let error = store.list(ListObjectsV2::new()).next_object().await.expect_err("it never ends");
    assert!(error.to_string().contains("empty pages"), "{error}");
}

/// Tokens hold what breaks a query; the strict server's do.
#[apply(in_every_runtime)]
async fn hostile_tokens_go_back_verbatim() {
    let server = server().await;
    for number in 0..50 {
        server.bucket().seed(format!("k{number:02}"), "");
    }
    let store = store(&server);
    let mut pages = store.list(ListObjectsV2::new().max_keys(3));
    let mut count = 0;
    while pages.next_object().await.expect("a page").is_some() {
        count += 1;
    }
    assert_eq!(count, 50);
}
