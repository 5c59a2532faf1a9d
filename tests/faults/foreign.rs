//! H30: a 404 that no object store wrote. A proxy without a way to the service answers so, too; taken for "no such object" it
//! would let a caller forget what is still there, and a deletion count as done.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Raw};

use crate::covers;
use crate::rig::{Rig, config, everywhere, read, reply};
use crate::support::strict::Act;

const PAGES: [&str; 2] = [
    "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>nginx</body></html>",
    "<html>\r\n<body><center><h1>404 Not Found</h1></center></body></html>",
];

fn page(body: &str) -> Act {
    reply("404 Not Found", "Content-Type: text/html\r\n", body)
}

fn assert_is_no_answer(error: &Error, what: &str) {
    assert!(!error.is_not_found() && !error.is_no_such_bucket(), "{what}: {error}");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 4), "{what}: {error}");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404), "{what}");
}

#[apply(everywhere)]
async fn a_proxys_404_is_no_missing_object() {
    covers(&["H30", "N35"]);
    for body in PAGES {
        let rig = Rig::new();
        rig.server.bucket().seed("k", "hello");
        let store = rig.store();
        rig.server.always(page(body));
        assert_is_no_answer(&store.get("k").await.expect_err("a page"), "GET");
        let error = store.delete("k").await.expect_err("a page");
        assert_is_no_answer(&error, "DELETE");
        assert!(error.is_outcome_unknown(), "who wrote the page knows nothing of the deletion: {error}");
        assert_is_no_answer(&store.list(s3lite::ListObjectsV2::new()).next().await.expect_err("a page"), "listing");
        assert!(rig.server.bucket().content("k").is_some(), "it was never deleted");
        rig.assert_sound(store).await;
    }
}

#[apply(everywhere)]
async fn a_proxys_404_that_passes_is_asked_past() {
    covers(&["H30"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    rig.server.next(page(PAGES[0]));
    assert_eq!(read(&store, "k").await.expect("the second try"), b"hello");
    rig.server.next(page(PAGES[1]));
    store.delete("k").await.expect("the second try");
    assert!(rig.server.bucket().content("k").is_none(), "it is gone indeed");
    assert_eq!(rig.requests().len(), 4);
    rig.assert_sound(store).await;
}

/// What an object store says, in whatever form, stays a missing object, at the first try.
#[apply(everywhere)]
async fn a_404_of_an_object_store_is_a_missing_object() {
    covers(&["H30"]);
    let rig = Rig::new();
    let store = rig.store();
    for (headers, body) in [
        ("", ""),
        ("Content-Type: application/xml\r\n", "<Error><Code>NoSuchKey</Code></Error>"),
        ("x-amz-request-id: 1\r\nContent-Type: text/html\r\n", PAGES[0]),
    ] {
        rig.server.next(reply("404 Not Found", headers, body));
        let error = store.get("k").await.expect_err("it is not there");
        assert!(error.is_not_found() && error.attempts() == 1, "{headers:?} {body:?}: {error}");
        rig.server.next(reply("404 Not Found", headers, body));
        store.delete("k").await.unwrap_or_else(|error| panic!("{headers:?} {body:?}: {error}"));
        rig.server.next(reply("404 Not Found", headers, body));
        assert!(store.send(Raw::get("k")).await.expect_err("it is not there").is_not_found(), "{headers:?} {body:?}");
    }
    rig.assert_sound(store).await;
}

/// A HEAD's 404 has no body to tell by, whoever wrote it.
#[apply(everywhere)]
async fn a_404_to_a_head_is_a_missing_object() {
    covers(&["H30"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    for headers in ["", "Content-Type: text/html\r\nContent-Length: 153\r\n"] {
        rig.server.next(Act::Reply(format!("HTTP/1.1 404 Not Found\r\n{headers}\r\n").into_bytes()));
        assert!(store.head("k").await.expect_err("it is not there").is_not_found(), "{headers:?}");
    }
    rig.assert_sound(store).await;
}
