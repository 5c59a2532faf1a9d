//! T4, T5, T8b and `transfer-timeout`: how long a transfer is gone along with. As long as bytes come, to its end; one that gives a
//! little and stalls, again and again, ends within minutes.

use macro_rules_attribute::apply;
use std::time::Duration;

use s3lite::{Error, ErrorKind, ListObjectsV2, Payload, Phase, Raw, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, repeat};
use tokio::time::{Instant, sleep};

use super::MARK;
use super::service::{Act, Service, Step, bytes};
use crate::covers;
use crate::rig::{config, everywhere, open, raw, read, take_request};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const MINUTE: Duration = Duration::from_secs(60);

/// Each answer ends early, with new bytes each time.
#[tokio::test(start_paused = true)]
async fn t4_a_download_that_is_cut_again_and_again_arrives() {
    covers(&["T4"]);
    for (size, cut) in [(64 * MIB, MIB), (4 * MIB, 20 * KIB), (200 * KIB, KIB)] {
        let service = Service::new(bytes(size), move |_| Act::Body(vec![Step::Give(cut), Step::Close]));
        let store = service.store();
        let got = read(&store, "k").await.unwrap_or_else(|error| panic!("{size} in pieces of {cut}: {error}"));
        assert!(got == bytes(size), "{size} in pieces of {cut}: other bytes");
        assert_eq!(service.requests(), size.div_ceil(cut), "{size} in pieces of {cut}");
    }
}

/// A download to a file goes on in the same way.
#[apply(everywhere)]
async fn t4_a_file_that_is_cut_again_and_again_arrives() {
    covers(&["T4"]);
    let service = Service::new(bytes(5 * MIB), |_| Act::Body(vec![Step::Give(100 * KIB), Step::Close]));
    let folder = crate::support::folder::Folder::new();
    let object = service.store().get("k").await.expect("the head");
    let target = folder.path().join("target");
    assert_eq!(object.write_to_file(&target).await.expect("all of it"), 5 * MIB as u64);
    assert!(std::fs::read(target).expect("the file") == bytes(5 * MIB));
}

/// What an answer gives of what is left before it stalls, or is cut, for ever.
type Giving = fn(usize) -> usize;

#[tokio::test(start_paused = true)]
async fn t5_a_little_and_a_stall_again_and_again_ends() {
    covers(&["T5"]);
    let givings: [(&str, Giving); 5] = [
        ("half of what is left", |left| left / 2),
        ("a byte", |_| 1),
        ("100 bytes", |_| 100),
        ("1 KiB", |_| KIB),
        ("nothing", |_| 0),
    ];
    for (what, giving) in givings {
        for size in [64 * KIB, MIB] {
            let service =
                Service::new(bytes(size), move |asked| Act::Body(vec![Step::Give(giving(asked.left)), Step::Stall]));
            let started = Instant::now();
            let error = read(&service.store(), "k").await.expect_err(what);
            assert!(error.is_timeout(), "{what} of {size}: {error}");
            assert!(started.elapsed() < 10 * MINUTE, "{what} of {size}: {:?}, {error}", started.elapsed());
        }
    }
}

/// The same where each answer's end is a break, which comes after 19 s of silence.
#[tokio::test(start_paused = true)]
async fn t5_a_little_and_a_late_break_again_and_again_ends() {
    covers(&["T5"]);
    for given in [0, 1, 10] {
        let service = Service::new(bytes(MIB), move |_| {
            Act::Body(vec![Step::Give(given), Step::Wait(Duration::from_secs(19)), Step::Close])
        });
        let started = Instant::now();
        let error = read(&service.store(), "k").await.expect_err("it never moves");
        assert!(started.elapsed() < 10 * MINUTE, "{given}: {:?}, {error}", started.elapsed());
    }
}

/// A single answer that trickles below the floor ends, too, and the error names the key.
#[tokio::test(start_paused = true)]
async fn t5_a_trickle_below_the_floor_ends() {
    covers(&["T5"]);
    for (pieces, pause) in [(1, 19), (1, 18), (2, 19)] {
        let pause = Duration::from_secs(pause);
        let service = Service::new(bytes(10_000), move |asked| {
            let left = asked.left.div_ceil(pieces);
            Act::Body((0..left).flat_map(|_| [Step::Wait(pause), Step::Give(pieces)]).collect())
        });
        let (started, store) = (Instant::now(), service.store());
        let is_below = pieces as f64 / pause.as_secs_f64() < 7.0 / 120.0;
        let result = tokio::time::timeout(10 * MINUTE, read(&store, "k")).await;
        match result {
            Err(_) => assert!(!is_below, "{pieces} in {pause:?} goes on"),
            Ok(result) => {
                let error = result.expect_err("it cannot be there by then");
                assert!(is_below && started.elapsed() < 5 * MINUTE, "{pieces} in {pause:?}: {error}");
                assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{error}");
                assert!(error.to_string().contains("low-speed-limit"), "{error}");
            }
        }
    }
}

/// Slow, but steady: all of it is waited for. So is what is below the floor where there is none.
#[tokio::test(start_paused = true)]
async fn t5_a_slow_but_steady_body_arrives() {
    covers(&["T5"]);
    for (size, pieces, pause, limit) in
        [(100, 1, 15, "7B"), (2_000, 1, 1, "7B"), (60_000, 100, 19, "7B"), (50, 1, 19, "0B")]
    {
        let pause = Duration::from_secs(pause);
        let service = Service::new(bytes(size), move |asked| {
            let left = asked.left.div_ceil(pieces);
            Act::Body((0..left).flat_map(|_| [Step::Wait(pause), Step::Give(pieces)]).collect())
        });
        let store = service.open(config().set("low-speed-limit", limit));
        let got = read(&store, "k").await.unwrap_or_else(|error| panic!("{size} in {pieces} each {pause:?}: {error}"));
        assert!(got == bytes(size));
        assert_eq!(service.requests(), 1, "it was never given up");
    }
}

/// An upload that is taken below the floor ends; one that is taken slowly, but above it, arrives.
#[tokio::test(start_paused = true)]
async fn t5_an_upload_below_the_floor_ends() {
    covers(&["T5"]);
    const LAST: u8 = 0;
    for (limit, arrives) in [("1MiB", false), ("10KiB", true)] {
        let (_, network) = raw(|mut stream, _| async move {
            let mut taken = vec![0; 100 * KIB];
            while let Ok(count @ 1..) = stream.read(&mut taken).await {
                sleep(Duration::from_secs(5)).await;
                if taken[count - 1] == LAST {
                    let answer = format!("HTTP/1.1 200 OK\r\n{MARK}ETag: \"e\"\r\nContent-Length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.expect("it is read");
                }
            }
        });
        let started = Instant::now();
        let config = config().set("low-speed-limit", limit).set("low-speed-time", "10s");
        let store = open(&network, config.set("expect-continue", "off"));
        let body = [vec![7; 4 * MIB], vec![LAST]].concat();
        match store.put("k", body).await {
            Ok(_) => assert!(arrives, "it was not taken"),
            Err(error) => {
                assert!(!arrives && started.elapsed() < 10 * MINUTE, "{:?}: {error}", started.elapsed());
                assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{error}");
                assert!(error.to_string().contains("took the body more slowly than low-speed-limit"), "{error}");
            }
        }
    }
}

/// A floor of one's own holds for all answers of a download together, however fast each one of them begins.
#[tokio::test(start_paused = true)]
async fn t5_what_is_cut_is_as_slow_as_all_of_its_answers() {
    covers(&["T5"]);
    let service = Service::new(bytes(20 * MIB), |_| {
        Act::Body(vec![Step::Wait(Duration::from_secs(6)), Step::Give(100 * KIB), Step::Close])
    });
    let store = service.open(config().set("low-speed-limit", "1MiB").set("low-speed-time", "10s"));
    let error = read(&store, "k").await.expect_err("100 KiB in 6 s");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{error}");
    assert_eq!(service.requests(), 2, "{error}");
}

/// A caller that takes its time is none of the service's.
#[tokio::test(start_paused = true)]
async fn t5_a_slow_caller_is_no_slow_service() {
    covers(&["T5"]);
    let service = Service::sound(bytes(2 * MIB));
    let mut object = service.store().get("k").await.expect("the head");
    let mut read = 0;
    while let Some(bytes) = object.chunk().await.expect("however long it takes") {
        read += bytes.len();
        sleep(10 * MINUTE).await;
    }
    assert_eq!((read, service.requests()), (2 * MIB, 1));
}

const LIMIT: Duration = Duration::from_secs(10);

fn assert_out_of_time<T: std::fmt::Debug>(result: Result<T, Error>, started: Instant, what: &str) -> Error {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{what}: {error}");
    assert!(error.to_string().contains("transfer-timeout"), "{what}: {error}");
    assert!((LIMIT..LIMIT * 2).contains(&started.elapsed()), "{what}: {:?}", started.elapsed());
    error
}

fn limited(service: &Service) -> Store {
    service.open(config().set("transfer-timeout", "10s"))
}

/// A service that answers too late, trickles, or breaks again and again, each time with new bytes.
#[tokio::test(start_paused = true)]
async fn t5_a_get_ends_in_its_transfer_timeout() {
    covers(&["T5"]);
    let trickle = || (0..100).flat_map(|_| [Step::Wait(Duration::from_secs(1)), Step::Give(KIB)]).collect();
    for what in ["trickles", "breaks", "stalls"] {
        let service = Service::new(bytes(MIB), move |_| match what {
            "trickles" => Act::Body(trickle()),
            "breaks" => Act::Body(vec![Step::Give(KIB), Step::Wait(Duration::from_secs(1)), Step::Close]),
            _ => Act::Body(vec![Step::Give(KIB), Step::Stall]),
        });
        let (store, started) = (limited(&service), Instant::now());
        let error = assert_out_of_time(read(&store, "k").await, started, what);
        assert_eq!(error.operation(), Some("GetObject"), "{what}: {error}");
    }
    // What is there in time is not touched.
    let service = Service::sound(bytes(MIB));
    assert_eq!(read(&limited(&service), "k").await.expect("in time").len(), MIB);
}

/// What has failed so fails so again.
#[tokio::test(start_paused = true)]
async fn t5_a_transfer_that_is_out_of_time_stays_so() {
    covers(&["T5"]);
    let service = Service::new(bytes(MIB), |_| Act::Body(vec![Step::Give(KIB), Step::Stall]));
    let mut object = limited(&service).get("k").await.expect("the head");
    let error = loop {
        match object.chunk().await {
            Ok(bytes) => assert!(bytes.is_some(), "it does not end cleanly"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{error}");
    assert_eq!(object.chunk().await.expect_err("again").kind(), error.kind());
}

/// A service that takes the body slowly, never answers, or a source that never ends.
#[tokio::test(start_paused = true)]
async fn t5_a_put_ends_in_its_transfer_timeout() {
    covers(&["T5"]);
    let silent = || Service::new(bytes(10), |_| Act::Stall);
    for what in ["bytes", "a reader", "a slow source"] {
        let (service, started) = (silent(), Instant::now());
        let payload = match what {
            "bytes" => Payload::bytes(bytes(MIB)),
            "a reader" => Payload::reader(repeat(7).take(MIB as u64), MIB as u64),
            _ => {
                let (mut near, far) = duplex(KIB);
                tokio::spawn(async move {
                    while near.write_all(&[7; KIB]).await.is_ok() {
                        sleep(Duration::from_secs(1)).await;
                    }
                });
                Payload::reader(far.take(MIB as u64), MIB as u64)
            }
        };
        let error = assert_out_of_time(limited(&service).put("k", payload).await, started, what);
        assert!(error.is_outcome_unknown() && error.operation() == Some("PutObject"), "{what}: {error}");
    }
}

/// A listing, or any small answer, of which a byte comes now and then. It was endless.
#[tokio::test(start_paused = true)]
async fn t8b_a_small_answer_that_trickles_ends() {
    covers(&["T8b"]);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let head = format!("HTTP/1.1 200 OK\r\n{MARK}Content-Length: 100000\r\n\r\n");
        let mut going = stream.write_all(head.as_bytes()).await.is_ok();
        while going {
            sleep(Duration::from_secs(19)).await;
            going = stream.write_all(b" ").await.is_ok();
        }
    });
    for what in ["a listing", "a raw call", "a put"] {
        let started = Instant::now();
        let error = match what {
            "a listing" => store.list(ListObjectsV2::new()).next().await.map(drop),
            "a raw call" => store.send(Raw::get("k").query("tagging", "")).await.map(drop),
            _ => store.put("k", "hello").await.map(drop),
        };
        let error = error.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{what}: {error}");
        assert!(started.elapsed() < 10 * MINUTE, "{what}: {:?}", started.elapsed());
    }
}

/// One that takes minutes over a thin line does not.
#[tokio::test(start_paused = true)]
async fn t8b_a_small_answer_may_take_minutes() {
    covers(&["T8b"]);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let body = "<Tagging><TagSet/></Tagging>";
        let head = format!("HTTP/1.1 200 OK\r\n{MARK}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.expect("it is read");
        for byte in body.bytes() {
            sleep(Duration::from_secs(10)).await;
            stream.write_all(&[byte]).await.expect("it is read");
        }
    });
    let answer = store.send(Raw::get("k").query("tagging", "")).await.expect("all of it comes in 280 s");
    assert_eq!(answer.body, "<Tagging><TagSet/></Tagging>");
}

/// The body of a refusal is not waited for: its status is there.
#[tokio::test(start_paused = true)]
async fn t8b_a_refusal_that_trickles_is_one() {
    covers(&["T8b"]);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let head = format!("HTTP/1.1 403 Forbidden\r\n{MARK}Content-Length: 1000\r\n\r\n");
        let mut going = stream.write_all(head.as_bytes()).await.is_ok();
        while going {
            sleep(Duration::from_secs(4)).await;
            going = stream.write_all(b" ").await.is_ok();
        }
    });
    let started = Instant::now();
    let error = store.delete("k").await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    assert!(started.elapsed() < MINUTE, "{:?}", started.elapsed());
}

/// The time is the transfer's, whoever takes it: a caller that takes all of it finds it over, however many bytes are there.
#[tokio::test(start_paused = true)]
async fn t5_a_transfer_timeout_counts_the_callers_time() {
    covers(&["T5"]);
    let service = Service::sound(bytes(2 * MIB));
    let (started, mut object) =
        (Instant::now(), service.open(config().set("transfer-timeout", "10s")).get("k").await.expect("the head"));
    let error = loop {
        match object.chunk().await {
            Ok(bytes) => {
                assert!(bytes.is_some() && started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed())
            }
            Err(error) => break error,
        }
        sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Transfer), "{error}");
}

/// What was read whole in time stays so.
#[tokio::test(start_paused = true)]
async fn t5_what_was_read_in_time_is_not_late() {
    covers(&["T5"]);
    let service = Service::sound(bytes(MIB));
    let mut object = service.open(config().set("transfer-timeout", "10s")).get("k").await.expect("the head");
    while object.remaining() != Some(0) {
        assert!(object.chunk().await.expect("in time").is_some());
    }
    sleep(MINUTE).await;
    assert!(object.chunk().await.expect("it has ended").is_none());
}
