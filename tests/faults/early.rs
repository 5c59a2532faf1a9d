//! H1 to H9: answers that come while the request is still going up, before it, or in more than one piece.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, raw, read, take_request};
use crate::support::strict::{Act, AfterEarlyReply};

const LARGE: usize = 3 << 20;

fn early(status: &str, code: &str, then: AfterEarlyReply) -> Act {
    Act::ReplyEarly { raw: answer(status, "", &format!("<Error><Code>{code}</Code></Error>")), then }
}

#[tokio::test(start_paused = true)]
async fn an_early_refusal_costs_no_body() {
    covers(&["H1", "N23"]);
    for (setting, then, most) in [
        ("1MiB", AfterEarlyReply::HalfClose, 0),
        ("1MiB", AfterEarlyReply::Reset, 0),
        ("off", AfterEarlyReply::HalfClose, LARGE / 2),
    ] {
        let rig = Rig::new();
        let store = rig.open(config().set("expect-continue", setting));
        rig.server.next_for("PUT", early("403 Forbidden", "AccessDenied", then));
        let error = store.put("k", content(LARGE)).await.expect_err("refused");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::AccessDenied, 1), "{setting} {then:?}: {error}");
        assert!(!error.is_outcome_unknown(), "{error}");
        assert!(rig.requests()[0].body.len() <= most, "{} bytes came", rig.requests()[0].body.len());
        assert!(rig.server.bucket().content("k").is_none());
        rig.assert_sound(store).await;
    }
}

/// The reset overtakes the refusal: the next attempt waits for consent, and gets the refusal for sure.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_a_reset_overtook_is_heard_at_the_second_try() {
    covers(&["H2"]);
    let rig = Rig::new();
    let store = rig.open(config().set("expect-continue", "off"));
    for _ in 0..2 {
        rig.server.next_for("PUT", early("403 Forbidden", "AccessDenied", AfterEarlyReply::Close));
    }
    let error = store.put("k", content(LARGE)).await.expect_err("refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::AccessDenied, Some("AccessDenied")), "{error}");
    let expecting: Vec<_> = rig.requests().iter().map(|seen| seen.header("expect").is_some()).collect();
    assert!(expecting == [false, true] || expecting == [false], "{expecting:?}");
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn an_early_throttle_is_retried_with_the_whole_body() {
    covers(&["H3"]);
    let rig = Rig::new();
    let store = rig.open(config().set("expect-continue", "off"));
    rig.server.next_for("PUT", early("503 Slow Down", "SlowDown", AfterEarlyReply::HalfClose));
    store.put("k", content(LARGE)).await.expect("the second try");
    assert!(rig.server.bucket().content("k").expect("stored") == content(LARGE));
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn an_early_success_is_none() {
    covers(&["H4"]);
    let rig = Rig::new();
    let store = rig.open(config().set("expect-continue", "off"));
    let success = answer("200 OK", "ETag: \"e\"\r\n", "");
    for then in [AfterEarlyReply::HalfClose, AfterEarlyReply::KeepReading, AfterEarlyReply::Reset] {
        for _ in 0..4 {
            rig.server.next_for("PUT", Act::ReplyEarly { raw: success.clone(), then });
        }
        let error = store.put("k", content(LARGE)).await.expect_err("the body was not read");
        assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Interrupted), "{then:?}: {error}");
        assert!(error.is_outcome_unknown(), "{error}");
        assert!(rig.server.bucket().content("k").is_none());
        rig.server.script().clear();
    }
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn consent_that_never_comes_is_waited_for_a_second() {
    covers(&["H5"]);
    let rig = Rig::new();
    let (store, started) = (rig.store(), Instant::now());
    rig.server.always(Act::NoContinue);
    store.put("k", content(LARGE)).await.expect("it is taken all the same");
    assert_eq!(started.elapsed().as_secs(), 1);
    store.put("k", content(LARGE)).await.expect("it is taken");
    assert!(started.elapsed() < Duration::from_millis(1500), "not waited for again: {:?}", started.elapsed());
    let expecting: Vec<_> = rig.requests().iter().map(|seen| seen.header("expect").is_some()).collect();
    assert_eq!(expecting, [true, false]);
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn a_server_that_fails_the_expectation_is_asked_without() {
    covers(&["H6"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    let failed = answer("417 Expectation Failed", "", "");
    rig.server.next_for("PUT", Act::ReplyEarly { raw: failed, then: AfterEarlyReply::HalfClose });
    store.put("k", content(LARGE)).await.expect("without");
    store.put("k", content(LARGE)).await.expect("without");
    let expecting: Vec<_> = rig.requests().iter().map(|seen| seen.header("expect").is_some()).collect();
    assert_eq!(expecting, [true, false, false]);
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn informational_answers_are_passed_over() {
    covers(&["H7"]);
    let rig = Rig::new();
    let store = rig.store();
    let informational = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                         HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
    let raw = [informational.as_bytes(), &answer("200 OK", "ETag: \"e\"\r\n", "hello")].concat();
    rig.server.next_for("GET", Act::Reply(raw.clone()));
    assert_eq!(read(&store, "k").await.expect("the last answer counts"), b"hello");
    rig.server.next_for("PUT", Act::Reply(raw));
    store.put("k", content(LARGE)).await.expect("the last answer counts");
    rig.assert_sound(store).await;
}

/// Only `100 Continue` says that the body is wanted: a service that is still at work has said nothing of the kind.
#[tokio::test(start_paused = true)]
async fn no_other_informational_answer_is_consent() {
    covers(&["H7"]);
    for (status, name) in [(102, "Processing"), (103, "Early Hints"), (199, "Odd")] {
        let (store, _) = raw(move |mut stream, _| async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a head"));
            }
            let informational = format!("HTTP/1.1 {status} {name}\r\n\r\n");
            stream.write_all(informational.as_bytes()).await.expect("it is read");
            let body = tokio::time::timeout(Duration::from_millis(900), stream.read_u8()).await;
            let answer = if body.is_ok() { "500 Too Early" } else { "403 Forbidden" };
            stream.write_all(&self::answer(answer, "", "")).await.expect("it is read");
            let _ = stream.read_u8().await;
        });
        let error = store.put("k", content(LARGE)).await.expect_err("refused");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(403), "{status}: {error}");
    }
}

/// Interim answers do not count as life.
#[tokio::test(start_paused = true)]
async fn endless_informational_answers_are_no_answer() {
    covers(&["H8"]);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let started = Instant::now();
    let error = store.get("k").await.expect_err("it never answers");
    assert!(matches!(error.kind(), ErrorKind::Timeout(Phase::Head) | ErrorKind::Protocol), "{error}");
    assert!(started.elapsed() < Duration::from_secs(130), "{:?}", started.elapsed());
}

#[apply(everywhere)]
async fn a_change_of_protocol_is_refused() {
    covers(&["H9"]);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw bytes";
        let _ = stream.write_all(upgrade.as_bytes()).await;
        take_request(&mut stream).await;
    });
    let error = store.get("k").await.expect_err("nobody asked for it");
    assert!(!error.is_timeout(), "{error}");
    assert!(!store.put("k", "x").await.expect_err("nobody asked for it").is_timeout());
}
