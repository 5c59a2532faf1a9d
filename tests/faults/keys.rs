//! I4 with `strict-keys`: keys that URL libraries, file systems and proxies take for another one are refused before anything is
//! sent.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, PutObject, Store};

use crate::covers;
use crate::rig::{Rig, config, everywhere, read};

/// Keys with a segment that is empty, `.` or `..`.
const REFUSED: [&str; 14] =
    [".", "..", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b", "/a", "//a", "a//b", "a///b", "/", "//"];

/// Keys that only look so.
const TAKEN: [&str; 10] = ["a", "a/b", "a.b", ".a", "..a", "a.", "a..", "a/.b/c", "...", "a/%2e%2e/b"];

fn strict(rig: &Rig) -> Store {
    rig.open(config().set("strict-keys", true))
}

#[apply(everywhere)]
async fn strict_keys_refuse_what_others_would_collapse() {
    covers(&["I4"]);
    let rig = Rig::new();
    let store = strict(&rig);
    for key in REFUSED {
        let errors = [
            store.put(PutObject::new(key), "x").await.err(),
            store.get(GetObject::new(key)).await.err(),
            store.head(key).await.err(),
            store.delete(key).await.err(),
        ];
        for (number, error) in errors.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("{number}: {key:?} is taken"));
            assert_eq!(error.kind(), ErrorKind::BadInput, "{number}, {key:?}: {error}");
            assert!(error.to_string().contains("strict-keys"), "{number}, {key:?}: {error}");
        }
    }
    assert_eq!(rig.network.dialed(), 0, "nothing is sent");
}

#[apply(everywhere)]
async fn strict_keys_take_every_other_key() {
    covers(&["I4"]);
    let rig = Rig::new();
    let store = strict(&rig);
    for key in TAKEN {
        store.put(key, key).await.unwrap_or_else(|error| panic!("{key:?}: {error}"));
        assert_eq!(read(&store, key).await.expect(key), key.as_bytes());
    }
    assert_eq!(rig.server.bucket().objects.len(), TAKEN.len(), "each in a place of its own");
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// Without it, S3's own rules hold: every one of them is a key.
#[apply(everywhere)]
async fn without_strict_keys_all_are_keys() {
    covers(&["I4"]);
    let rig = Rig::new();
    let store = rig.store();
    for key in REFUSED {
        store.put(key, key).await.unwrap_or_else(|error| panic!("{key:?}: {error}"));
    }
    assert_eq!(rig.server.bucket().objects.len(), REFUSED.len(), "each in a place of its own");
    rig.assert_manners();
}
