//! N15 to N22, N33 and N34: bodies that break, stand still or crawl. What breaks goes on at the byte reached; what stands
//! still is given up; what moves, however slowly, is not.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, Payload, Phase};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::covers;
use crate::memory::{Fate, Plan, Way};
use crate::rig::{Rig, config, content, everywhere, raw, read, take_request};
use crate::support::strict::{Act, Framing};

const SIZE: usize = 300_000;

fn seeded() -> Rig {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    rig
}

#[tokio::test(start_paused = true)]
async fn a_cut_body_goes_on_where_it_was_cut() {
    covers(&["N15", "H11"]);
    for after in [0, 1, 1000, 16_384, 65_536, SIZE - 1] {
        for act in [Act::CutBody { after }, Act::ResetBody { after }, Act::StallBody { after }] {
            let rig = seeded();
            let store = rig.store();
            rig.server.next_for("GET", act.clone());
            let bytes = read(&store, "k").await.unwrap_or_else(|error| panic!("{act:?} {after}: {error}"));
            assert!(bytes == content(SIZE), "{act:?} {after}");
            let seen = &rig.requests()[1];
            assert_eq!(seen.header("range"), Some(format!("bytes={after}-{}", SIZE - 1)), "{act:?}");
            assert_eq!(seen.header("if-match"), Some(rig.server.bucket().objects[&b"k"[..]].etag.clone()));
            rig.assert_manners();
            rig.assert_sound(store).await;
        }
    }
}

/// As long as bytes arrive it goes on, however often it breaks; with none it ends.
#[apply(everywhere)]
async fn a_body_that_breaks_again_and_again_ends_by_progress_alone() {
    covers(&["N15"]);
    let rig = seeded();
    let store = rig.store();
    rig.server.always(Act::CutBody { after: 10_000 });
    assert!(read(&store, "k").await.expect("thirty pieces") == content(SIZE));
    assert_eq!(rig.requests().len(), 30);

    rig.server.script().clear();
    rig.server.always(Act::CutBody { after: 0 });
    let error = read(&store, "k").await.expect_err("no byte ever comes");
    assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
    assert!(rig.requests().len() < 30 + 30, "{} requests", rig.requests().len());
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn a_range_goes_on_within_its_bounds() {
    covers(&["N15"]);
    let rig = seeded();
    let store = rig.store();
    for get in
        [GetObject::new("k").range(1000..50_000), GetObject::new("k").range(1000..), GetObject::new("k").last(49_000)]
    {
        let whole = read(&store, get.clone()).await.expect("unbroken");
        rig.server.next_for("GET", Act::CutBody { after: 20_000 });
        assert!(read(&store, get.clone()).await.expect("broken once") == whole, "{get:?}");
    }
    rig.assert_sound(store).await;
}

/// A chunked answer of an unknown length cannot be gone on with; one whose range says its length can.
#[apply(everywhere)]
async fn a_cut_chunked_body_never_ends_cleanly() {
    covers(&["N16", "N17", "H14"]);
    for framing in [Framing::Chunked, Framing::UntilClose] {
        let rig = seeded();
        let store = rig.store();
        let act = Act::mutate(move |answer| {
            answer.framing = framing;
            answer.body.truncate(2000);
        });
        rig.server.next_for("GET", act);
        let range = GetObject::new("k").range(0..10_000);
        assert!(read(&store, range).await.expect("it goes on") == content(10_000), "{framing:?}");
        assert_eq!(rig.requests().len(), 2);
        rig.assert_sound(store).await;
    }
    for body in
        ["5\r\nhello\r\n", "5\r\nhel", "zz\r\nhello\r\n", "ffffffffffffffffff\r\nhello\r\n", "5;x\r\nhello\r\n0\r\nx"]
    {
        let head = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (store, _) = raw(move |mut stream, _| async move {
            take_request(&mut stream).await;
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        });
        // Where the rest is asked for, the whole comes again and is cut again.
        let kind = read(&store, "k").await.expect_err(body).kind();
        assert!(matches!(kind, ErrorKind::Truncated | ErrorKind::Protocol), "{body}: {kind:?}");
    }
}

/// All bytes of a range are there, the mark of its end is not: nothing is missing.
#[apply(everywhere)]
async fn a_range_of_which_only_the_end_is_missing_is_complete() {
    covers(&["N16", "H17"]);
    let head = "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 0-4/9\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (store, network) = raw(move |mut stream, _| async move {
        take_request(&mut stream).await;
        let _ = stream.write_all(format!("{head}5\r\nhello\r\n").as_bytes()).await;
    });
    let bytes = read(&store, GetObject::new("k").range(0..5)).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((bytes.as_slice(), network.dialed()), (&b"hello"[..], 1));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_given_up_after_twenty_seconds() {
    covers(&["N18"]);
    let rig = seeded();
    rig.server.next_for("GET", Act::StallBody { after: 1000 });
    let (store, started) = (rig.store(), Instant::now());
    assert!(read(&store, "k").await.expect("it goes on") == content(SIZE));
    assert!((20..22).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());

    let once = rig.open(config().set("max-retries", 0));
    rig.server.next_for("GET", Act::StallBody { after: 1000 });
    let error = read(&once, "k").await.expect_err("it stands still");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Body), "{error}");
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_crawls_is_waited_for() {
    covers(&["N20"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(500));
    rig.server.next_for("GET", Act::Trickle { chunk: 1, pause: Duration::from_secs(15) });
    let (store, started) = (rig.store(), Instant::now());
    assert!(read(&store, "k").await.expect("two hours later") == content(500));
    assert_eq!((started.elapsed().as_secs(), rig.requests().len()), (7500, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_bytes_is_given_up() {
    covers(&["N21"]);
    let rig = Rig::new();
    let (store, started) = (rig.open(config().set("expect-continue", "off")), Instant::now());
    rig.network.next(Plan::up(100_000, Fate::BlackHole));
    rig.server.next_for("PUT", Act::Normal);
    store.put("k", content(3 << 20)).await.expect("on another connection");
    assert!((20..23).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    let once = rig.open(config().set("expect-continue", "off").set("max-retries", 0));
    rig.network.next(Plan::up(100_000, Fate::BlackHole));
    let error = once.put("k2", content(3 << 20)).await.expect_err("it is not read");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Send), "{error}");
    assert!(error.to_string().contains("idle-timeout = 20s"), "{error}");
    assert!(rig.server.bucket().content("k2").is_none());
    rig.assert_sound(store).await;
}

/// The caller's own source may be as slow as it likes.
#[tokio::test(start_paused = true)]
async fn a_slow_source_is_not_a_stall() {
    covers(&["N22"]);
    let rig = Rig::new();
    let (mut writer, reader) = tokio::io::duplex(16);
    let feeding = tokio::spawn(async move {
        for byte in content(60) {
            tokio::time::sleep(Duration::from_secs(60)).await;
            writer.write_u8(byte).await.expect("it is read");
        }
    });
    rig.store().put("k", Payload::reader(reader, 60)).await.expect("an hour later");
    feeding.await.expect("all was fed");
    assert!(rig.server.bucket().content("k").expect("stored") == content(60));
}

#[tokio::test(start_paused = true)]
async fn latency_costs_nothing_but_time() {
    covers(&["N33"]);
    for latency in [0, 1, 20, 100, 250, 500] {
        let rig = seeded();
        let way = Way { latency: Duration::from_millis(latency), ..Way::default() };
        rig.network.always(move |_| Plan { up: way, down: way, ..Plan::default() });
        let store = rig.store();
        store.put("p", content(SIZE)).await.expect("stored");
        assert!(read(&store, "k").await.expect("read") == content(SIZE));
        assert!(rig.server.bucket().content("p").expect("stored") == content(SIZE));
        assert_eq!((rig.requests().len(), rig.network.dialed()), (2, 1));
        rig.assert_sound(store).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_narrow_line_is_enough() {
    covers(&["N34"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(2 << 20));
    let way = Way { bytes_per_second: Some(10_000), buffer: 4096, ..Way::default() };
    rig.network.always(move |_| Plan { up: way, down: way, ..Plan::default() });
    let (store, started) = (rig.store(), Instant::now());
    store.put("p", content(2 << 20)).await.expect("minutes later");
    assert!(read(&store, "k").await.expect("minutes later") == content(2 << 20));
    assert!(rig.server.bucket().content("p").expect("stored") == content(2 << 20));
    assert!(started.elapsed() > Duration::from_secs(400), "{:?}", started.elapsed());
    assert_eq!(rig.requests().len(), 2);
}
