//! R13: how long a connection is kept, and for whom: each is closed once it was idle for ten seconds, and none is kept that
//! reads its answers by older rules.

use macro_rules_attribute::apply;
use std::time::Duration;

use s3lite::Store;
use tokio::time::{Instant, sleep};

use crate::covers;
use crate::rig::{Rig, content, everywhere, reply};
use crate::support::strict::Act;

async fn look(store: &Store) {
    assert!(store.head("absent").await.expect_err("it is not there").is_not_found());
}

/// However often connections came and went before.
#[tokio::test(start_paused = true)]
async fn every_idle_connection_is_closed_in_time() {
    covers(&["R13"]);
    let rig = Rig::new();
    let store = rig.store();
    for round in 1..=3 {
        look(&store).await;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(rig.server.open_connections(), 1, "round {round}: it may be wanted again");
        sleep(Duration::from_secs(10)).await;
        assert_eq!(rig.server.open_connections(), 0, "round {round}");
        assert_eq!(rig.server.connections(), round);
    }
}

/// Used again and again, it is idle from its last use on.
#[tokio::test(start_paused = true)]
async fn a_connection_in_use_now_and_then_is_kept() {
    covers(&["R13"]);
    let rig = Rig::new();
    let store = rig.store();
    for _ in 0..20 {
        look(&store).await;
        sleep(Duration::from_secs(7)).await;
    }
    assert_eq!((rig.server.connections(), rig.server.open_connections()), (1, 1));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.server.open_connections(), 0);
}

/// A connection from before many headers were met cannot read them: given back afterwards, it is not kept.
#[apply(everywhere)]
async fn a_connection_of_older_rules_is_not_kept() {
    covers(&["H19"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().seed("k", content(100_000));
    let many: String = (0..150).map(|number| format!("x-amz-meta-n{number}: {number}\r\n")).collect();
    let with_many = reply("200 OK", &format!("ETag: \"e\"\r\n{many}"), "");
    let held = store.get("k").await.expect("the head");
    rig.server.next(with_many.clone());
    rig.server.next(with_many.clone());
    store.head("many").await.expect("at the second try");
    assert!(held.bytes().await.expect("its bytes") == content(100_000));
    let before = rig.requests().len();
    rig.server.next(with_many);
    store.head("many").await.expect("at the first try");
    assert_eq!(rig.requests().len(), before + 1, "its connection has room for many headers");
    rig.assert_sound(store).await;
}

/// A connection keeps one timer. Set for the long wait of one call, it is brought forward for the short one of the next.
#[tokio::test(start_paused = true)]
async fn a_short_wait_after_a_long_one_is_short() {
    covers(&["H5", "N20"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().seed("k", content(3_000));
    rig.server.next_for("GET", Act::Trickle { chunk: 1_000, pause: Duration::from_secs(3) });
    store.get("k").await.expect("the head").bytes().await.expect("its bytes");
    rig.server.next_for("PUT", Act::NoContinue);
    let started = Instant::now();
    store.put("p", content(2 << 20)).await.expect("it is taken after a second without consent");
    assert_eq!((started.elapsed().as_secs(), rig.server.connections()), (1, 1));
    rig.assert_sound(store).await;
}
