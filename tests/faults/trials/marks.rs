//! T13a, T15: who wrote an answer. An ETag is what web frameworks send, too; S3's mark is its request id, its error document,
//! or the code of one in a header. A service that marks its answers is not to be believed to have written one without a mark;
//! one that never does is believed as it is.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, ListObjectsV2, Method, Raw, Store};

use super::{MARK, TAG};
use crate::covers;
use crate::rig::{Rig, config, content, everywhere, parrot, read, refusal, reply};
use crate::support::embedded::EmbeddedServer;
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::Act;

/// How frameworks and web servers say that there is no such page.
const PAGES: [(&str, &str); 9] = [
    (
        "X-Powered-By: Express\r\nContent-Type: text/html; charset=utf-8\r\nETag: W/\"8f-qZ9x\"\r\n",
        "<!DOCTYPE html>\n<html lang=\"en\"><body><pre>Cannot GET /bucket/k</pre></body></html>",
    ),
    ("Content-Type: text/html\r\nETag: \"5f-5b8\"\r\nAccept-Ranges: bytes\r\n", "<html><h1>404 Not Found</h1></html>"),
    (
        "Content-Type: application/json\r\nETag: \"0a\"\r\n",
        "{\"status\":404,\"error\":\"Not Found\",\"path\":\"/bucket/k\"}",
    ),
    ("Content-Type: text/plain; charset=utf-8\r\nETag: W/\"1\"\r\nX-Request-Id: 7\r\n", "404 page not found\n"),
    (
        "Content-Type: application/xml\r\nETag: \"a\"\r\n",
        "<?xml version=\"1.0\"?><problem><status>404</status></problem>",
    ),
    ("ETag: e\r\n", "no"),
    // What AWS has before S3 has headers that begin as S3's.
    ("Server: CloudFront\r\nX-Amz-Cf-Id: a1==\r\nX-Amz-Cf-Pop: FRA56-P1\r\n", "<html><h1>404 Not Found</h1></html>"),
    ("X-Amz-Apigw-Id: a1=\r\nx-amzn-RequestId: 1\r\n", "{\"message\":\"Not Found\"}"),
    ("Content-Type: application/xml\r\n", "<Error><Message>no such page</Message></Error>"),
];

/// Demands that an answer is taken for nobody's word of what is there or was done.
fn assert_is_no_word<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) -> Error {
    let error = result.expect_err(what);
    assert!(!error.is_not_found() && !error.is_no_such_bucket(), "{what}: {error}");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 4), "{what}: {error}");
    error
}

#[apply(everywhere)]
async fn t13a_a_page_with_a_tag_is_no_missing_object() {
    covers(&["T13a"]);
    for (headers, body) in PAGES {
        let rig = Rig::new();
        rig.server.bucket().seed("k", "hello");
        let store = rig.store();
        rig.server.always(reply("404 Not Found", headers, body));
        assert_is_no_word(store.get("k").await, headers);
        assert_is_no_word(store.send(Raw::get("k")).await, headers);
        assert_is_no_word(store.list(ListObjectsV2::new()).next().await, headers);
        let error = assert_is_no_word(store.delete("k").await, headers);
        assert!(error.is_outcome_unknown() && rig.server.bucket().content("k").is_some(), "{headers}: {error}");
        rig.assert_sound(store).await;
    }
}

/// Nor does a raw call take a page for its answer, of a service that has marked one before.
#[apply(everywhere)]
async fn t15_a_raw_call_wants_the_mark_too() {
    covers(&["T15", "T13b"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    store.head("k").await.expect("a marked answer");
    rig.server.always(reply("200 OK", "Content-Type: text/html\r\nETag: \"a\"\r\n", "<html>busy</html>"));
    for raw in [Raw::get("k"), Raw::put("k").body("x"), Raw::delete("k"), Raw::get("k").query("tagging", "")] {
        assert_is_no_word(store.send(raw.clone()).await.map(|answer| answer.body), &format!("{raw:?}"));
    }
    rig.assert_sound(store).await;
}

/// One page is asked past.
#[apply(everywhere)]
async fn t13a_a_page_that_passes_is_asked_past() {
    covers(&["T13a"]);
    for (headers, body) in PAGES {
        let rig = Rig::new();
        rig.server.bucket().seed("k", "hello");
        let store = rig.store();
        rig.server.next(reply("404 Not Found", headers, body));
        assert_eq!(read(&store, "k").await.expect("the second try"), b"hello");
        rig.server.next(reply("404 Not Found", headers, body));
        store.delete("k").await.expect("the second try");
        assert!(rig.server.bucket().content("k").is_none(), "it is gone indeed");
        rig.assert_sound(store).await;
    }
}

/// A page that bears S3's mark, or its code, is S3's: a bucket that is a website answers so.
#[apply(everywhere)]
async fn t13a_a_marked_page_is_a_missing_object() {
    covers(&["T13a"]);
    for mark in [MARK, "x-amz-error-code: NoSuchKey\r\nx-amz-error-message: no\r\n", "x-amz-id-2: H\r\n"] {
        for (headers, body) in PAGES {
            let (store, network) = parrot(crate::rig::answer("404 Not Found", &format!("{mark}{headers}"), body));
            let error = store.get("k").await.expect_err("it is not there");
            assert!(error.is_not_found() && error.attempts() == 1, "{mark}{headers}: {error}");
            store.delete("k").await.unwrap_or_else(|error| panic!("{mark}{headers}: {error}"));
            assert_eq!(network.dialed(), 1);
        }
    }
}

/// S3 says 200 to a PUT that it stored, and nothing else does; what else a success may be is told by whoever is in between.
#[tokio::test(start_paused = true)]
async fn t13a_a_puts_success_is_200() {
    covers(&["T13a"]);
    for status in ["201 Created", "202 Accepted", "203 X", "204 No Content", "205 X", "206 Partial Content", "207 X"] {
        for headers in [TAG.to_owned(), format!("{MARK}{TAG}")] {
            let rig = Rig::new();
            let store = rig.store();
            let length = if status.starts_with("204") { "" } else { "Content-Length: 0\r\n" };
            rig.server.always(Act::Reply(format!("HTTP/1.1 {status}\r\n{headers}{length}\r\n").into_bytes()));
            let error = store.put("k", "x").await.expect_err(status);
            assert!(error.kind() == ErrorKind::Protocol && error.is_outcome_unknown(), "{status}: {error}");
            rig.assert_sound(store).await;
        }
    }
    let (store, _) = parrot(format!("HTTP/1.1 200 \r\n{TAG}Content-Length: 0\r\n\r\n"));
    store.put("k", "x").await.expect("without a reason, without a mark");
}

/// What a proxy that has lost its way to the service says: nothing of S3's in it.
const BARE: [&str; 4] = [
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nServer: nginx\r\nDate: Fri, 27 Nov 2026 10:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nVia: 1.1 proxy\r\nX-Request-Id: 7\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n",
];

/// Lets a store see one answer that its service marked, of whichever call.
async fn taught(rig: &Rig, lesson: usize) -> Store {
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    match lesson {
        0 => drop(store.get("k").await.expect("it is there")),
        1 => drop(store.put("other", "x").await.expect("stored")),
        2 => drop(store.head("k").await.expect("it is there")),
        3 => drop(store.list(ListObjectsV2::new()).next().await.expect("a page")),
        4 => drop(store.head("absent").await.expect_err("it is not there")),
        5 => drop(store.delete("absent").await.expect("gone")),
        _ => {
            rig.server.next(reply("403 Forbidden", MARK, ""));
            drop(store.get("k").await.expect_err("refused"));
        }
    }
    store
}

#[tokio::test(start_paused = true)]
async fn t15_a_service_that_marks_its_answers_did_not_write_one_without() {
    covers(&["T15"]);
    for lesson in 0..7 {
        for bare in BARE {
            let rig = Rig::new();
            let store = taught(&rig, lesson).await;
            rig.server.always(Act::Reply(bare.as_bytes().to_vec()));
            let what = format!("{lesson} {bare}");
            assert_is_no_word(store.head("k").await, &what);
            assert_is_no_word(store.get("k").await, &what);
            assert_is_no_word(store.clone().send(Raw::get("k")).await, &what);
            assert_is_no_word(store.send(Raw::object(Method::HEAD, "k")).await, &what);
            let error = assert_is_no_word(store.delete("k").await, &what);
            assert!(error.is_outcome_unknown() && rig.server.bucket().content("k").is_some(), "{what}: {error}");
            rig.assert_sound(store).await;
        }
    }
}

/// A gateway's 204 deletes nothing.
#[apply(everywhere)]
async fn t15_a_foreign_204_is_no_deletion() {
    covers(&["T15"]);
    for foreign in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nServer: nginx\r\nDate: Fri, 27 Nov 2026 10:00:00 GMT\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let rig = Rig::new();
        let store = taught(&rig, 0).await;
        rig.server.next(Act::Reply(foreign.as_bytes().to_vec()));
        store.delete("k").await.expect("the second try");
        assert!(rig.server.bucket().content("k").is_none(), "{foreign}: it is gone indeed");
        rig.server.bucket().seed("k", "hello");
        rig.server.always(Act::Reply(foreign.as_bytes().to_vec()));
        let error = assert_is_no_word(store.delete("k").await, foreign);
        assert!(error.is_outcome_unknown(), "{error}");
        rig.assert_sound(store).await;
    }
}

/// A bare 404 that passes is asked past.
#[apply(everywhere)]
async fn t15_a_bare_404_that_passes_is_asked_past() {
    covers(&["T15"]);
    let rig = Rig::new();
    let store = taught(&rig, 0).await;
    for _ in 0..2 {
        rig.server.next(Act::Reply(BARE[0].as_bytes().to_vec()));
        assert_eq!(store.head("k").await.expect("the second try").size(), Some(5));
        rig.server.next(Act::Reply(BARE[0].as_bytes().to_vec()));
        assert!(store.head("absent").await.expect_err("the second try").is_not_found());
    }
    rig.assert_sound(store).await;
}

/// How services mark a missing object, after they have marked others: AWS, MinIO, radosgw, Swift, and those that answer with
/// no more than S3's document, or its code.
#[apply(everywhere)]
async fn t15_a_marked_404_is_a_missing_object() {
    covers(&["T15"]);
    let rig = Rig::new();
    let store = taught(&rig, 0).await;
    for headers in [
        "x-amz-request-id: R\r\nx-amz-id-2: H\r\nServer: AmazonS3\r\n",
        "X-Amz-Request-Id: 18\r\nX-Minio-Error-Code: NoSuchKey\r\nX-Minio-Error-Desc: \"no\"\r\n",
        "x-amz-request-id: tx00000a-default\r\nContent-Type: application/xml\r\nAccept-Ranges: bytes\r\n",
        "x-amz-id-2: txa\r\nx-amz-request-id: txa\r\nX-Trans-Id: txa\r\nX-Openstack-Request-Id: txa\r\n",
        "x-amz-request-id: R\r\nx-amz-delete-marker: true\r\nx-amz-version-id: v\r\n",
        "x-amz-error-code: NoSuchKey\r\n",
        "x-amz-delete-marker: true\r\n",
    ] {
        rig.server.next(Act::Reply(format!("HTTP/1.1 404 Not Found\r\n{headers}\r\n").into_bytes()));
        let error = store.head("k").await.expect_err("it is not there");
        assert!(error.is_not_found() && error.attempts() == 1, "{headers}: {error}");
        for _ in 0..2 {
            rig.server.next(reply("404 Not Found", headers, ""));
        }
        assert!(store.get("k").await.expect_err("it is not there").is_not_found(), "{headers}");
        store.delete("k").await.unwrap_or_else(|error| panic!("{headers}: {error}"));
    }
    for _ in 0..2 {
        rig.server.next(refusal("404 Not Found", "NoSuchKey"));
    }
    assert!(store.get("k").await.expect_err("it is not there").is_not_found());
    store.delete("k").await.expect("it is not there");
    rig.assert_sound(store).await;
}

/// A service without request ids is believed. What belongs to an object (its metadata, version, encryption, checksum) is no
/// mark of the answer: such services send it, too.
#[apply(everywhere)]
async fn t15_a_service_that_never_marks_is_believed() {
    covers(&["T15"]);
    let rig = Rig::new();
    rig.server.bucket().versioned = true;
    rig.server.always(Act::mutate(|answer| {
        answer.remove_header("x-amz-request-id");
        answer.remove_header("x-amz-id-2");
        match answer.status {
            404 => answer.body.clear(),
            _ => answer.set_header("x-amz-server-side-encryption", "AES256"),
        }
        if answer.status == 204 {
            answer.remove_header("x-amz-server-side-encryption");
        }
    }));
    let store = rig.open(config().set("max-retries", 0));
    let put = s3lite::PutObject::new("k").metadata("a", "b").header("x-amz-checksum-crc32", "NhCmhg==");
    store.put(put, "hello").await.expect("stored");
    for _ in 0..3 {
        assert_eq!(read(&store, "k").await.expect("it is there"), b"hello");
        assert_eq!(store.head("k").await.expect("it is there").metadata("a"), Some("b"));
        assert!(store.head("absent").await.expect_err("it is not there").is_not_found());
        assert!(store.get("absent").await.expect_err("it is not there").is_not_found());
        assert!(store.send(Raw::get("absent")).await.expect_err("it is not there").is_not_found());
        store.delete("absent").await.expect("it is not there");
    }
    store.delete("k").await.expect("deleted");
    rig.assert_sound(store).await;
}

/// A server of another make, as it is: each of its answers after each other.
#[apply(in_every_runtime)]
async fn t15_a_real_server_is_believed() {
    covers(&["T13", "T13a", "T14", "T15", "T23"]);
    let folder = Folder::new();
    let server = EmbeddedServer::start(folder.path(), "access", "secret", None).await.expect("a server");
    server.create_bucket("bucket").expect("a bucket");
    let store = Store::new(config().set("endpoint", server.endpoint()).build().expect("valid")).expect("a store");
    for size in [0, 1, 300_000] {
        store.put("k", content(size)).await.expect("stored");
        assert!(read(&store, "k").await.expect("it is there") == content(size));
        assert!(store.send(Raw::get("k")).await.expect("it is there").body == content(size));
        assert_eq!(store.head("k").await.expect("it is there").size(), Some(size as u64));
        assert!(store.head("absent").await.expect_err("it is not there").is_not_found());
        assert!(store.get("absent").await.expect_err("it is not there").is_not_found());
        store.list(ListObjectsV2::new()).next().await.expect("a page");
        store.delete("k").await.expect("deleted");
        store.delete("k").await.expect("it is not there");
        assert!(store.head("k").await.expect_err("it is gone").is_not_found());
    }
}
