//! What a store says when the server refuses: the right kind, and everything an operator needs.

use std::sync::Arc;

use s3lite::{Error, ErrorKind, ListObjectsV2, StoreConfig};

use crate::server::{Server, clean, open};

fn assert_context(error: &Error, operation: &str, server: &Server) {
    assert_eq!((error.operation(), error.bucket()), (Some(operation), Some(server.bucket.as_str())), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(operation) && text.contains(&server.bucket), "{text}");
    assert_eq!(error.attempts(), 1);
    assert!(error.elapsed().is_some());
    assert!(!format!("{error:?}").contains(&server.secret_key) || server.secret_key.len() < 8);
}

pub async fn missing_object(server: Arc<Server>) {
    let store = server.store();
    let error = store.get("absent").await.expect_err("it is not there");
    assert!(error.is_not_found() && !error.is_no_such_bucket(), "{error}");
    assert_eq!((error.code(), error.status().map(|status| status.as_u16())), (Some("NoSuchKey"), Some(404)));
    assert!(error.key().is_some_and(|key| key.ends_with("absent")));
    assert_context(&error, "GetObject", &server);
    let error = store.head("absent").await.expect_err("it is not there");
    assert!(error.is_not_found(), "{error}");
    assert_context(&error, "HeadObject", &server);
}

/// A missing bucket must never read as a missing object where the server says which: a mail server would take its blobs for
/// lost. One server says NoSuchKey to a GET, and lists nothing.
pub async fn missing_bucket(server: Arc<Server>) {
    let store = open(server.config().set("bucket", "s3lite-no-such-bucket"));
    let errors = [
        store.get("k").await.err(),
        store.put("k", "x").await.err(),
        store.list(ListObjectsV2::new()).next().await.err(),
    ];
    for error in errors.into_iter().flatten() {
        let says_bucket = error.code() == Some("NoSuchBucket");
        assert_eq!((error.is_no_such_bucket(), error.is_not_found()), (says_bucket, !says_bucket), "{error}");
    }
}

pub async fn wrong_secret(server: Arc<Server>) {
    let store = open(server.config().set("secret-key", "CANARY-wrong-secret"));
    let put = store.put("k", vec![b'x'; 300_000]).await.expect_err("refused");
    let get = store.get("k").await.expect_err("refused");
    let head = store.head("k").await.expect_err("refused");
    for error in [&put, &get, &head] {
        assert!(error.is_access_denied(), "{error}");
        assert!(!format!("{error}{error:?}").contains("CANARY"), "{error:?}");
    }
    assert_eq!(put.code(), Some("SignatureDoesNotMatch"), "the body of the refusal of a PUT is read too");
    let good = server.store();
    assert!(good.head("k").await.expect_err("nothing was stored").is_not_found());
}

pub async fn unknown_key(server: Arc<Server>) {
    let store = open(server.config().set("access-key", "nobody-knows-me"));
    let error = store.put("k", "x").await.expect_err("refused");
    assert!(error.is_access_denied(), "{error}");
    assert_context(&error, "PutObject", &server);
}

pub async fn anonymous(server: Arc<Server>) {
    let mut config = StoreConfig::builder()
        .set("endpoint", server.endpoint.as_str())
        .set("region", server.region.as_str())
        .set("bucket", server.bucket.as_str())
        .set("allow-http", true)
        .set("anonymous", true);
    if let Some(path) = &server.ca_file {
        config = config.set("tls.ca-file", path.to_str().expect("UTF-8"));
    }
    let error = open(config).get("s3lite-anonymous").await.expect_err("refused");
    // Servers differ in what they miss first: a signature, a header of one, a condition for those who have none.
    let status = error.status().map(|status| status.as_u16());
    assert!(matches!(status, Some(400 | 401 | 403 | 404 | 412)), "{error}");
    let as_kind = matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::NotFound);
    assert!(as_kind || matches!(status, Some(400 | 412)), "{error}");
    clean(&server.store()).await;
}
