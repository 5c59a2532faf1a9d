//! What a success tells of the service's clock. The Date of an answer lies between the request and its answer; how far it
//! is from the moment of the signature is not known where the upload in between took long.

use macro_rules_attribute::apply;
use s3lite::Store;

use crate::rig::{Rig, config, content, everywhere};

/// Puts so many bytes, and takes an answer from ten minutes later: so far a service's clock may be off.
async fn put(rig: &Rig, store: &Store, length: usize) {
    rig.server.set_clock_offset(600);
    store.put("k", content(length)).await.expect("it is stored");
}

#[apply(everywhere)]
async fn a_long_upload_tells_nothing_of_the_clock() {
    for (length, learned) in [(0, true), (1 << 20, true), ((1 << 20) + 1, false), (3 << 20, false)] {
        let rig = Rig::new();
        let store = rig.open(config().set("max-retries", 0));
        put(&rig, &store, length).await;
        let _ = store.head("k").await;
        let dates: Vec<_> = rig.requests().iter().map(|seen| seen.header("x-amz-date").expect("a date")).collect();
        let minutes = |date: &str| {
            date[9..11].parse::<i64>().expect("hours") * 60 + date[11..13].parse::<i64>().expect("minutes")
        };
        let later = (minutes(&dates[1]) - minutes(&dates[0])).rem_euclid(24 * 60);
        assert_eq!((9..=11).contains(&later), learned, "{length}: {dates:?}");
    }
}
