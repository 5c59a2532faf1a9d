//! N7 to N14 and N23 to N26: the connection breaks while a request or the head of its answer is on the way.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, GetObject, ListObjectsV2, Payload, Phase, PutObject, Store};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::covers;
use crate::memory::{Fate, Plan};
use crate::rig::{Rig, answer, config, content, everywhere, raw, read, take_request};
use crate::support::strict::{Act, AfterEarlyReply};

/// The verbs, each once; what they find is "hello" under "k".
async fn verb(store: &Store, number: usize) -> Result<(), Error> {
    match number {
        0 => store.put("k", "hello").await.map(drop),
        1 => read(store, "k").await.map(|bytes| assert_eq!(bytes, b"hello")),
        2 => store.head("k").await.map(|meta| assert_eq!(meta.size(), Some(5))),
        3 => store.delete("gone").await.map(drop),
        4 => read(store, GetObject::new("k").range(1..3)).await.map(|bytes| assert_eq!(bytes, b"el")),
        _ => {
            let page = store.list(ListObjectsV2::new()).next().await?;
            page.map(|page| assert_eq!(page.contents.len(), 1)).ok_or_else(|| panic!("a first page"))
        }
    }
}

const VERBS: usize = 6;

fn seeded() -> Rig {
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    rig
}

#[tokio::test(start_paused = true)]
async fn a_request_that_breaks_anywhere_is_sent_again() {
    covers(&["N7", "N8"]);
    for number in 0..VERBS {
        let rig = seeded();
        for bytes in (0..450).step_by(7) {
            for fate in [Fate::Reset, Fate::Fin] {
                rig.network.next(Plan::up(bytes, fate));
                verb(&rig.store(), number).await.unwrap_or_else(|error| panic!("{number} {bytes} {fate:?}: {error}"));
            }
        }
        assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"hello"[..]));
        rig.assert_manners();
        rig.assert_sound(rig.store()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_is_sent_again_from_its_beginning() {
    covers(&["N9"]);
    let bytes = content(700_000);
    for at in [600, 1000, 65_536, 66_000, 262_144, 300_000, 600_000, 700_000] {
        for fate in [Fate::Reset, Fate::Fin] {
            let rig = Rig::new();
            rig.network.next(Plan::up(at, fate));
            let store = rig.store();
            store.put("k", bytes.clone()).await.unwrap_or_else(|error| panic!("{at} {fate:?}: {error}"));
            assert!(rig.server.bucket().content("k").expect("stored") == bytes, "{at} {fate:?}");
            rig.assert_sound(store).await;
        }
    }
}

/// What broke in the middle is neither stored nor sent twice from a source that is gone.
#[apply(everywhere)]
async fn a_reader_that_broke_in_its_middle_is_not_sent_again() {
    covers(&["N9", "R6"]);
    let rig = Rig::new();
    rig.network.next(Plan::up(300_000, Fate::Reset));
    let store = rig.store();
    let payload = Payload::reader(std::io::Cursor::new(content(700_000)), 700_000);
    let error = store.put("k", payload).await.expect_err("it broke");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 1), "{error}");
    assert!(rig.server.bucket().content("k").is_none(), "nothing is stored of the first part");
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_came_is_asked_for_again() {
    covers(&["N10", "N11"]);
    for number in 0..VERBS {
        for act in [Act::CloseBeforeReply, Act::ApplyThenClose] {
            let rig = seeded();
            let store = rig.store();
            rig.server.next(act.clone());
            verb(&store, number).await.unwrap_or_else(|error| panic!("{number} {act:?}: {error}"));
            assert_eq!(rig.requests().len(), 2, "{number} {act:?}");
            // Only a body that broke half-way waits for the service to want it.
            assert!(rig.requests().iter().all(|seen| seen.header("expect").is_none()), "{number} {act:?}");
            rig.assert_sound(store).await;
        }
    }
}

#[apply(everywhere)]
async fn an_answer_lost_at_the_last_attempt_leaves_the_outcome_unknown() {
    covers(&["N12"]);
    for (act, stored) in [(Act::CloseBeforeReply, false), (Act::ApplyThenClose, true)] {
        let rig = Rig::new();
        rig.server.always(act);
        let store = rig.open(config().set("retry-timeout", "1ms"));
        let error = store.put("k", "hello").await.expect_err("no answer");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Interrupted, 4), "{error}");
        assert!(error.is_outcome_unknown() && error.to_string().contains("is not known"), "{error}");
        assert_eq!(rig.server.bucket().content("k").is_some(), stored);
        let error = store.delete("k").await.expect_err("no answer");
        assert!(error.is_outcome_unknown(), "{error}");
        assert!(!store.get("k").await.expect_err("no answer").is_outcome_unknown(), "a GET changes nothing");
        rig.assert_sound(store).await;
    }
}

/// The first copy of a write arrives when its second has long been acknowledged, and somebody has written since.
#[tokio::test(start_paused = true)]
async fn a_late_copy_of_a_conditional_write_changes_nothing() {
    covers(&["N13"]);
    let rig = Rig::new();
    rig.server.next_for("PUT", Act::Delay(Duration::from_secs(300)));
    let store = rig.store();
    let put = PutObject::new("k").if_none_match("*");
    store.put(put, "old").await.expect("the second copy");
    store.put("k", "new").await.expect("a newer write");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"new"[..]));
    assert_eq!(rig.requests().len(), 3);
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_cut_anywhere_is_asked_for_again() {
    covers(&["N14"]);
    for number in 0..VERBS {
        let rig = seeded();
        for bytes in (0..160).step_by(3) {
            for fate in [Fate::Reset, Fate::Fin] {
                rig.network.next(Plan::down(bytes, fate));
                verb(&rig.store(), number).await.unwrap_or_else(|error| panic!("{number} {bytes} {fate:?}: {error}"));
            }
        }
        rig.assert_sound(rig.store()).await;
    }
}

/// The server closes without reading the body.
#[apply(everywhere)]
async fn a_server_that_stops_reading_is_left() {
    covers(&["N24"]);
    let rig = Rig::new();
    let store = rig.open(config().set("expect-continue", "off"));
    for then in [AfterEarlyReply::Close, AfterEarlyReply::Reset] {
        rig.server.next_for("PUT", Act::ReplyEarly { raw: Vec::new(), then });
        store.put("k", content(3 << 20)).await.unwrap_or_else(|error| panic!("{then:?}: {error}"));
        assert_eq!(rig.server.bucket().content("k").map(|bytes| bytes.len()), Some(3 << 20));
    }
    assert_eq!(rig.requests().len(), 4);
    rig.assert_sound(store).await;
}

/// The server closes an idle connection just when the next request comes: at no cost, even where no retry is allowed.
#[tokio::test(start_paused = true)]
async fn a_stale_connection_costs_nothing() {
    covers(&["N25"]);
    for after in 0..=3 {
        for request in 0..=3 {
            let (store, network) = raw(move |mut stream, _| async move {
                take_request(&mut stream).await;
                let _ = stream.write_all(&answer("200 OK", "ETag: \"e\"\r\n", "hello")).await;
                tokio::time::sleep(Duration::from_millis(after)).await;
            });
            let once = store.config().clone();
            assert_eq!(once.retry_policy().max_retries, 3);
            for _ in 0..3 {
                let started = Instant::now();
                assert_eq!(read(&store, "k").await.unwrap_or_else(|error| panic!("{error}")), b"hello");
                assert!(started.elapsed() < Duration::from_millis(5), "no wait: {:?}", started.elapsed());
                tokio::time::sleep(Duration::from_millis(request)).await;
            }
            assert!(network.dialed() <= 5, "{}", network.dialed());
        }
    }
}

/// A NAT has forgotten the connection: what is sent on it vanishes.
#[tokio::test(start_paused = true)]
async fn a_connection_that_died_unnoticed_is_given_up() {
    covers(&["N19", "N26"]);
    let (store, network) = raw(|mut stream, number| async move {
        while take_request(&mut stream).await {
            let _ = stream.write_all(&answer("200 OK", "ETag: \"e\"\r\n", "hello")).await;
            if number == 1 {
                std::future::pending::<()>().await;
            }
        }
    });
    read(&store, "k").await.expect("a first answer");
    let started = Instant::now();
    assert_eq!(read(&store, "k").await.expect("on another connection"), b"hello");
    assert!((30..32).contains(&started.elapsed().as_secs()), "timeout is 30 s by default: {:?}", started.elapsed());
    assert_eq!(network.dialed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    covers(&["N19"]);
    let rig = Rig::new();
    rig.server.always(Act::Stall);
    let (store, started) = (rig.store(), Instant::now());
    let error = store.put("k", "hello").await.expect_err("silence");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout(Phase::Head), 4), "{error}");
    assert!(error.is_outcome_unknown(), "{error}");
    assert!((120..125).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    rig.assert_sound(store).await;
}
