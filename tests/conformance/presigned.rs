//! Presigned URLs, used by a client that knows nothing of S3.

use std::sync::Arc;
use std::time::Duration;

use s3lite::{ErrorKind, GetObject, PutObject};

use crate::server::{Server, clean};
use crate::support::plain::send;

const MINUTE: Duration = Duration::from_secs(60);

pub async fn both_ways(server: Arc<Server>) {
    let (store, ca) = (server.store(), server.ca());
    let key = "pre signed+=&?ü";
    let put = store.presign(&PutObject::new(key), MINUTE).expect("a URL");
    assert_eq!(send("PUT", put.as_str(), &[], b"by URL", ca.as_deref()).await.status, 200);
    assert_eq!(store.get(key).await.expect("it is there").bytes().await.expect("its bytes"), "by URL");

    let get = store.presign(&GetObject::new(key), MINUTE).expect("a URL");
    let answer = send("GET", get.as_str(), &[], b"", ca.as_deref()).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"by URL"[..]));
    let tampered = get.as_str().replace("X-Amz-Expires=60", "X-Amz-Expires=6000");
    assert_eq!(send("GET", &tampered, &[], b"", ca.as_deref()).await.status, 403);

    let shown = format!("{get} {get:?}");
    assert!(!shown.contains("Signature") && !shown.contains("Credential"), "{shown}");
    for wrong in [Duration::ZERO, Duration::from_secs(604_801), Duration::MAX] {
        let error = store.presign(&GetObject::new(key), wrong).expect_err("out of bounds");
        assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
    }
    clean(&store).await;
}
