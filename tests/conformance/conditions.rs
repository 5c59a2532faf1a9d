//! Conditions: what a server enforces is reported as such, and what it ignores does no harm.

use std::sync::Arc;

use s3lite::{ErrorKind, GetObject, PutObject};

use crate::server::{Server, clean};

pub async fn create_only(server: Arc<Server>) {
    let store = server.store();
    let create = || PutObject::new("once").if_none_match("*");
    store.put(create(), "first").await.expect("there is none yet");
    let error = store.put(create(), "second").await.expect_err("there is one now");
    assert!(error.is_precondition_failed(), "{error}");
    assert_eq!(store.get("once").await.expect("it is there").bytes().await.expect("its bytes"), "first");
    clean(&store).await;
}

pub async fn overwrite_only(server: Arc<Server>) {
    let store = server.store();
    let first = store.put("over", "first").await.expect("it is stored");
    let second = store.put(PutObject::new("over").if_match(first.etag.as_str()), "second").await.expect("it fits");
    let error =
        store.put(PutObject::new("over").if_match(first.etag.as_str()), "third").await.expect_err("it is stale");
    assert!(error.is_precondition_failed(), "{error}");
    assert_eq!(store.head("over").await.expect("it is there").etag(), Some(second.etag));
    clean(&store).await;
}

/// Some servers ignore conditions of reads; then the whole object is the answer.
pub async fn reads(server: Arc<Server>) {
    let store = server.store();
    let put = store.put("read", "content").await.expect("it is stored");
    let fits = store.get(GetObject::new("read").if_match(put.etag.as_str())).await.expect("it fits");
    assert_eq!(fits.bytes().await.expect("its bytes"), "content");
    for (operation, kind) in [
        (GetObject::new("read").if_none_match(put.etag.as_str()), ErrorKind::NotModified),
        (GetObject::new("read").if_match("\"other\""), ErrorKind::Precondition),
    ] {
        match store.get(operation).await {
            Ok(ignored) => assert_eq!(ignored.bytes().await.expect("its bytes"), "content"),
            Err(error) => assert_eq!(error.kind(), kind, "{error}"),
        }
    }
    clean(&store).await;
}
