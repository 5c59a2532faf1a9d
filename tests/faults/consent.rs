//! H5, H6: a service that does not answer `Expect: 100-continue`. That it once was slow is no reason never to ask it again;
//! that it refused is.

use std::time::Duration;

use s3lite::Store;
use tokio::time::sleep;

use crate::covers;
use crate::rig::{Rig, answer, config, content};
use crate::support::strict::{Act, AfterEarlyReply};

const LARGE: usize = 2 << 20;

async fn put(store: &Store) {
    store.put("k", content(LARGE)).await.expect("it is taken");
}

async fn minutes(count: u64) {
    sleep(Duration::from_secs(60 * count)).await;
}

/// Which of the large uploads so far waited for consent.
fn expecting(rig: &Rig) -> Vec<bool> {
    rig.requests().iter().map(|seen| seen.header("expect").is_some()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_slow_to_consent_is_asked_again() {
    covers(&["H5"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.next_for("PUT", Act::NoContinue);
    put(&store).await;
    put(&store).await;
    minutes(4).await;
    put(&store).await;
    assert_eq!(expecting(&rig), [true, false, false], "not within five minutes");
    minutes(2).await;
    put(&store).await;
    put(&store).await;
    assert_eq!(expecting(&rig), [true, false, false, true, true], "and then it consents");
    rig.assert_manners();
    rig.assert_sound(store).await;
}

/// Each time it is slow, it is left alone for as long again.
#[tokio::test(start_paused = true)]
async fn a_service_that_never_consents_is_asked_now_and_then() {
    covers(&["H5"]);
    let rig = Rig::new();
    rig.server.always(Act::NoContinue);
    let store = rig.store();
    let mut expected = Vec::new();
    for _ in 0..3 {
        put(&store).await;
        put(&store).await;
        expected.extend([true, false]);
        minutes(6).await;
    }
    assert_eq!(expecting(&rig), expected);
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_refused_is_never_asked_again() {
    covers(&["H6"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    let refused = answer("417 Expectation Failed", "", "");
    rig.server.next_for("PUT", Act::ReplyEarly { raw: refused, then: AfterEarlyReply::HalfClose });
    put(&store).await;
    for _ in 0..3 {
        minutes(30).await;
        put(&store.clone()).await;
    }
    assert_eq!(expecting(&rig), [true, false, false, false, false]);
    rig.assert_sound(store).await;
}

/// A refusal after silence: the longer of the two holds.
#[tokio::test(start_paused = true)]
async fn a_refusal_outlasts_silence() {
    covers(&["H5", "H6"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.next_for("PUT", Act::NoContinue);
    put(&store).await;
    minutes(6).await;
    let refused = answer("417 Expectation Failed", "", "");
    rig.server.next_for("PUT", Act::ReplyEarly { raw: refused, then: AfterEarlyReply::HalfClose });
    put(&store).await;
    minutes(60).await;
    put(&store).await;
    assert_eq!(expecting(&rig), [true, true, false, false]);
    rig.assert_sound(store).await;
}
