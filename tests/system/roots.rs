//! Whom the system trusts: its certificates are read once for a process.

use std::path::Path;

use s3lite::{Store, StoreConfig};

use crate::calls::opened;
use crate::covers;

/// The operating system's certificates are read once for a process, not by each store.
#[test]
fn t9_the_roots_are_read_once() {
    covers(&["T9"]);
    let open = || {
        let config = StoreConfig::builder().set("region", "eu-central-1").set("bucket", "bucket");
        let config = config.set("access-key", "access").set("secret-key", "secret");
        config.build().and_then(Store::new).expect("a store")
    };
    let folder = Path::new("/etc/ssl");
    let _first = open();
    let read = opened(folder);
    assert!(read > 0, "the first store reads none below {}", folder.display());
    let _second = open();
    assert_eq!(opened(folder), read, "the second store reads them again");
}
