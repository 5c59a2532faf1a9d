//! H35, N17: an answer need not say how long the object is. Then its size is not known, which is not the same as nothing.

use macro_rules_attribute::apply;
use s3lite::{GetObject, PutObject};

use crate::covers;
use crate::rig::{Rig, config, everywhere};
use crate::support::strict::{Act, Framing};

/// What metadata says of a size.
fn known(size: impl Into<Option<u64>>) -> Option<u64> {
    size.into()
}

#[apply(everywhere)]
async fn a_size_that_is_not_told_is_not_known() {
    covers(&["H35", "N17"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.open(config().set("max-retries", 0));
    rig.server.next(Act::mutate(|answer| answer.framing = Framing::Chunked));
    let object = store.get("k").await.expect("it is there");
    assert_eq!(known(object.meta().size()), None);
    assert_eq!(object.bytes().await.expect("its bytes"), "hello");
    rig.server.next(Act::Reply(
        b"HTTP/1.1 200 OK\r\nx-amz-request-id: 1\r\nETag: \"e\"\r\nLast-Modified: now\r\n\r\n".to_vec(),
    ));
    assert_eq!(known(store.head("k").await.expect("it is there").size()), None);
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn a_size_that_is_told_is_known() {
    covers(&["H35"]);
    let rig = Rig::new();
    let store = rig.store();
    for (key, content) in [("k", "hello"), ("empty", "")] {
        store.put(PutObject::new(key), content).await.expect("stored");
        let size = Some(content.len() as u64);
        assert_eq!(known(store.head(key).await.expect("it is there").size()), size);
        assert_eq!(known(store.get(GetObject::new(key)).await.expect("it is there").meta().size()), size);
    }
    rig.assert_sound(store).await;
}
