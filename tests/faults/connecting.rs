//! N1 to N6, N27 to N31: no connection comes about, or only a late one. Nothing was sent then, and the error says so.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Phase, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::covers;
use crate::memory::{Dial, Fate, Plan};
use crate::rig::{Rig, config, everywhere, raw, read, refusal};
use crate::support::authority::Authority;
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, StrictConfig};

#[apply(everywhere)]
async fn a_refused_connection_is_tried_again() {
    covers(&["N1", "N3", "N27"]);
    for kind in [io::ErrorKind::ConnectionRefused, io::ErrorKind::ConnectionReset, io::ErrorKind::HostUnreachable] {
        let rig = Rig::new();
        for _ in 0..3 {
            rig.network.next(Plan { dial: Dial::Fail(kind), ..Plan::default() });
        }
        let store = rig.store();
        store.put("k", "hello").await.expect("the fourth try");
        assert_eq!((rig.network.dialed(), rig.requests().len()), (4, 1), "{kind}: nothing was sent before");
        assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"hello"[..]));
        rig.assert_sound(store).await;
    }
}

/// A connection that ends before the request is begun is none, and a new one is a new attempt.
#[apply(in_every_runtime)]
async fn t7_what_is_closed_at_once_is_no_connection() {
    covers(&["T7"]);
    let dialed = Arc::new(AtomicU32::new(0));
    let dial = {
        let dialed = dialed.clone();
        move |_| {
            let is_too_often = dialed.fetch_add(1, Ordering::SeqCst) > 50;
            let (near, _closed) = tokio::io::duplex(1);
            async move { if is_too_often { Err(io::Error::other("too often")) } else { Ok(near) } }
        }
    };
    let config = config().set("retry-timeout", "1ms").set("retry-base-delay", "1ms").build();
    let store = Store::dialed_by(config.expect("a configuration"), dial).expect("a store");
    let error = store.put("k", "hello").await.expect_err("nobody is there");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, dialed.load(Ordering::SeqCst)), "{error}");
    assert!(error.to_string().contains("closed the connection before the request was begun"), "{error}");
    assert!(!error.is_outcome_unknown(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_descriptor_is_waited_for() {
    covers(&["R18"]);
    let rig = Rig::new();
    rig.network.next(Plan { dial: Dial::NoDescriptor, ..Plan::default() });
    let store = rig.store();
    store.put("k", "hello").await.expect("the second try");
    rig.network.always(|_| Plan { dial: Dial::NoDescriptor, ..Plan::default() });
    let error = rig.open(config().set("retry-timeout", "1ms")).get("k").await.expect_err("none is free");
    assert_eq!((error.kind(), error.attempts(), rig.network.dialed()), (ErrorKind::Connect, 4, 6), "{error}");
    rig.assert_sound(store).await;
}

/// Behind a service that fails, another connection may find another host.
#[apply(everywhere)]
async fn a_failing_host_is_left() {
    covers(&["N32"]);
    let rig = Rig::new();
    let store = rig.store();
    store.put("k", "hello").await.expect("the connection is used once");
    for act in [refusal("500 X", "InternalError"), refusal("503 X", "SlowDown"), Act::CloseBeforeReply] {
        let before = rig.network.dialed();
        rig.server.next(act);
        read(&store, "k").await.expect("the second try");
        read(&store, "k").await.expect("and on");
        assert!(rig.network.dialed() > before, "the retry dials anew");
    }
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn refused_for_ever_ends_after_the_budget() {
    covers(&["N2", "N28"]);
    let rig = Rig::new();
    rig.network.always(|_| Plan::refused());
    let (store, started) = (rig.store(), Instant::now());
    let error = store.put("k", "hello").await.expect_err("refused");
    assert_eq!((error.kind(), error.attempts() as usize), (ErrorKind::Connect, rig.network.dialed()), "{error}");
    assert!(error.is_unsent() && !error.is_outcome_unknown(), "{error}");
    assert!(error.to_string().contains("127.0.0.1:9000"), "the host is named: {error}");
    assert!((5..=40).contains(&rig.network.dialed()), "{} attempts", rig.network.dialed());
    let bound = Duration::from_secs(29)..=Duration::from_secs(31);
    assert!(bound.contains(&started.elapsed()), "retry-timeout: {:?}", started.elapsed());
    assert!(rig.requests().is_empty());
    rig.assert_sound(store).await;
}

/// A reader that never left is as good as new.
#[apply(everywhere)]
async fn a_reader_survives_a_refused_connection() {
    covers(&["N1"]);
    let rig = Rig::new();
    rig.network.next(Plan::refused());
    let payload = s3lite::Payload::reader(&b"hello"[..], 5);
    rig.store().put("k", payload).await.expect("the second try");
    assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b"hello"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_is_given_up_and_tried_again() {
    covers(&["N4", "N29"]);
    let rig = Rig::new();
    rig.network.next(Plan { dial: Dial::Silence, ..Plan::default() });
    let (store, started) = (rig.store(), Instant::now());
    store.put("k", "hello").await.expect("the second try");
    let took = started.elapsed();
    assert!((10..12).contains(&took.as_secs()), "connect-timeout is 10 s by default: {took:?}");

    rig.network.always(|_| Plan { dial: Dial::Silence, ..Plan::default() });
    let alone = rig.open(config().set("max-retries", 0));
    let error = alone.get("k").await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Connect), "{error}");
    assert!(error.is_unsent() && error.to_string().contains("connect-timeout = 10s"), "{error}");
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_connection_is_waited_for() {
    covers(&["N4"]);
    let rig = Rig::new();
    rig.network.always(|_| Plan { delay: Duration::from_secs(9), ..Plan::default() });
    rig.store().put("k", "hello").await.expect("the first try");
    assert_eq!(rig.network.dialed(), 1);
}

/// A store over TLS that trusts the server's authority.
pub fn over_tls(folder: &Folder) -> (Rig, s3lite::StoreConfigBuilder) {
    let authority = Authority::new();
    let path = folder.file("ca.pem", authority.pem());
    let tls = Some(authority.server_config(&["localhost"]));
    let rig = Rig::of(StrictConfig { tls, ..StrictConfig::default() });
    let config = config()
        .set("endpoint", "https://localhost:9000")
        .set("tls.ca-file", path.to_str().expect("UTF-8"))
        .set("tls.roots", "bundled");
    (rig, config)
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_stops_is_a_connection_that_fails() {
    covers(&["N5"]);
    let folder = Folder::new();
    let (rig, config) = over_tls(&folder);
    for bytes in [0, 100] {
        rig.network.next(Plan::down(bytes, Fate::BlackHole));
        let (store, started) = (rig.open(config.clone()), Instant::now());
        store.put("k", "hello").await.expect("the second try");
        assert!((10..12).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        rig.assert_sound(store).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_breaks_is_a_connection_that_fails() {
    covers(&["N6"]);
    let folder = Folder::new();
    let (rig, config) = over_tls(&folder);
    for fate in [Fate::Reset, Fate::Fin] {
        for (bytes, up) in [(0, true), (100, true), (0, false), (100, false)] {
            rig.network.next(if up { Plan::up(bytes, fate) } else { Plan::down(bytes, fate) });
            let store = rig.open(config.clone());
            store.put("k", "hello").await.unwrap_or_else(|error| panic!("{fate:?} {bytes} {up}: {error}"));
            drop(store);
        }
    }
    rig.network.always(|_| Plan::down(100, Fate::Reset));
    let config = config.set("retry-timeout", "1ms");
    let error = rig.open(config).put("k", "hello").await.expect_err("every handshake breaks");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4), "{error}");
    assert!(error.is_unsent(), "{error}");
}

/// The addresses behind a name are tried by the connector that the transport uses, see `tests/system/addresses.rs`; what
/// reaches it is one failure or one connection. A name without an address is a failure to connect like any other.
#[apply(in_every_runtime)]
async fn a_name_that_leads_nowhere_is_an_error_with_the_name() {
    covers(&["N28", "N31"]);
    let config = config().set("endpoint", "https://no-such-host.invalid").set("tls.roots", "bundled");
    let store = config.set("max-retries", 0).build().and_then(s3lite::Store::new).expect("a store");
    let error = store.get("k").await.expect_err("no such host");
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_unsent() && error.to_string().contains("no-such-host.invalid"), "{error}");
}

/// A name that does not resolve is seldom there a moment later: it is looked up once more, and no further.
#[apply(in_every_runtime)]
async fn a_name_that_leads_nowhere_is_looked_up_twice() {
    covers(&["N28"]);
    for retries in [1, 3, 10] {
        let config = config().set("endpoint", "https://no-such-host.invalid").set("tls.roots", "bundled");
        let store = config.set("max-retries", retries).build().and_then(s3lite::Store::new).expect("a store");
        for error in [store.get("k").await.err(), store.put("k", "x").await.err()] {
            let error = error.expect("no such host");
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 2), "{retries}: {error}");
            assert!(error.is_unsent() && error.to_string().contains("no-such-host.invalid"), "{error}");
        }
    }
}

/// Banner first, as a mail server has it.
#[apply(everywhere)]
async fn a_server_that_talks_first_is_no_store() {
    covers(&["H38"]);
    let (store, network) = raw(|mut stream, _| async move {
        let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let error = store.get("k").await.expect_err("no HTTP");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("did not answer in HTTP"), "{error}");
    // A banner that is there before the request ends the connection before it has begun anything; the next one is tried.
    assert_eq!(network.dialed(), error.attempts() as usize, "{error}");
}
