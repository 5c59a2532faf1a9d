//! The case every pooled client meets: the server closes an idle connection just when the next request is on its way.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::Act;
use crate::{assert_manners, server, store};

#[apply(in_every_runtime)]
async fn a_swallowed_request_is_sent_again_on_a_new_connection() {
    let server = server().await;
    let store = store(&server);
    store.put("k", "hello").await.expect("the connection is used once");
    for round in 0..3 {
        server.next(Act::Swallow);
        let read = store.get("k").await.expect("a second try").bytes().await.expect("its bytes");
        assert_eq!(read, "hello", "round {round}");
        store.head("k").await.expect("pools a connection again");
        server.next(Act::Swallow);
        store.put("k", "hello").await.expect("a second try");
        store.head("k").await.expect("pools a connection again");
        server.next(Act::Swallow);
        store.delete("gone").await.expect("a second try");
        store.head("k").await.expect("pools a connection again");
    }
    assert_manners(&server);
}

#[apply(in_every_runtime)]
async fn a_reader_is_never_sent_twice() {
    let server = server().await;
    let store = store(&server);
    store.put("k", "hello").await.expect("the connection is used once");
    server.next_for("PUT", Act::CloseBeforeReply);
    let reader = Payload::reader(std::io::Cursor::new(vec![7; 300_000]), 300_000);
    let error = store.put("r", reader).await.expect_err("it can be read only once");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1), "{error}");
}

#[apply(in_every_runtime)]
async fn a_new_connection_that_closes_is_an_error() {
    let server = server().await;
    let store = store(&server);
    server.next(Act::CloseBeforeReply);
    let error = store.get("k").await.expect_err("closed");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1), "{error}");
    assert_eq!(server.requests().len(), 1);
}

/// The second try is made once; a server that swallows that too is not stormed.
#[apply(in_every_runtime)]
async fn a_second_failure_is_reported() {
    let server = server().await;
    let store = store(&server);
    store.put("k", "hello").await.expect("the connection is used once");
    server.next(Act::Swallow);
    server.next(Act::CloseBeforeReply);
    let error = store.get("k").await.expect_err("closed twice");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 2), "{error}");
    assert!(error.to_string().contains("2 attempts"), "{error}");
}
