//! Files that fail in a way in which connections do, as those of a file system that went away.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload, Store};

use crate::calls::{Wish, wish};
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::{config, server};

/// What a source says of itself is none of the connection's: on a connection that was used before, it would look as if that
/// had been closed meanwhile, and the request be sent again.
#[apply(in_every_runtime)]
async fn a_file_that_fails_is_no_stale_connection() {
    let (server, folder) = (server().await, Folder::new());
    // Without keys it is read as it is sent, and not before.
    let config = config(&server).set("access-key", "").set("secret-key", "").set("anonymous", true);
    let store = config.build().and_then(Store::new).expect("a store");
    store.head("k").await.expect_err("the connection is used once");
    let payload = Payload::file(folder.file("f", "hello")).await.expect("a file");
    wish(folder.path(), Wish::DeadFile);
    let error = store.put("k", payload).await.expect_err("it cannot be read");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Source, 1), "{error}");
    assert!(error.to_string().contains("not connected"), "{error}");
    assert_eq!(server.connections(), 1, "it was used again, and no other after it");
}
