//! An upload succeeded only if its whole body was taken, the answer is a 2xx and it names an ETag.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, AfterEarlyReply};
use crate::{assert_manners, server, store};

const LARGE: usize = 8 << 20;

fn early(raw: &str, then: AfterEarlyReply) -> Act {
    Act::ReplyEarly { raw: raw.as_bytes().to_vec(), then }
}

const DENIED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 55\r\nConnection: close\r\n\r\n\
                      <Error><Code>AccessDenied</Code><Message/></Error>     ";

#[apply(in_every_runtime)]
async fn an_early_success_is_none() {
    let server = server().await;
    let store = store(&server);
    let raw = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";
    server.next_for("PUT", early(raw, AfterEarlyReply::HalfClose));
    let error = store.put("k", vec![0; LARGE]).await.expect_err("the body was not read");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(server.bucket().content("k").is_none());
}

#[apply(in_every_runtime)]
async fn an_early_refusal_is_reported_with_its_code() {
    let server = server().await;
    let store = store(&server);
    for then in [AfterEarlyReply::HalfClose, AfterEarlyReply::KeepReading] {
        server.next_for("PUT", early(DENIED, then));
        let error = store.put("k", vec![0; LARGE]).await.expect_err("refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::AccessDenied, Some("AccessDenied")), "{then:?}: {error}");
    }
}

#[apply(in_every_runtime)]
async fn a_success_without_an_etag_is_none() {
    let server = server().await;
    let store = store(&server);
    for raw in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 29\r\n\r\n<html>please log in</html>   ",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        server.next_for("PUT", Act::Reply(raw.as_bytes().to_vec()));
        let error = store.put("k", "x").await.expect_err(raw);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

#[apply(in_every_runtime)]
async fn what_is_sent_is_what_is_stored() {
    let server = server().await;
    let store = store(&server);
    // Pieces of a reader end where they like; chunks and frames must not care.
    for size in [0, 1, 8191, 65_535, 65_536, 65_537, 131_072, 300_001] {
        let content: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        let pieces = content.chunks(977).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let reader = crate::support::pieces::Pieces::new(pieces);
        store.put("k", Payload::reader(reader, size as u64)).await.expect("it is stored");
        assert!(server.bucket().content("k").expect("an object") == content, "{size}");
        store.put("b", content.clone()).await.expect("it is stored");
        assert!(server.bucket().content("b").expect("an object") == content, "{size}");
    }
    assert_manners(&server);
}
