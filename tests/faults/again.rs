//! What has failed stays failed: who asks again after an error never hears that all is well and nothing more comes.

use std::io;

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, GetObject, ListObjectsV2, Object, Pages, Phase, Store};
use tokio::io::AsyncReadExt;

use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, refusal, reply};
use crate::support::strict::{Act, Framing};

const SIZE: usize = 100_000;

/// The first error of an object, and how many bytes came before it.
async fn first_error(object: &mut Object) -> (usize, Error) {
    let mut count = 0;
    loop {
        match object.chunk().await {
            Ok(Some(bytes)) => count += bytes.len(),
            Ok(None) => panic!("it ended cleanly after {count} bytes"),
            Err(error) => return (count, error),
        }
    }
}

async fn assert_stays_failed(mut object: Object, kind: ErrorKind) {
    let (_, first) = first_error(&mut object).await;
    assert_eq!(first.kind(), kind, "{first}");
    for _ in 0..3 {
        let again = object.chunk().await.expect_err("an end that is none");
        assert_eq!(again.kind(), kind, "{again}");
    }
}

/// The same for a reader, whose errors have those of the crate in them.
async fn assert_reader_stays_failed(object: Object, kind: ErrorKind) {
    let (mut reader, mut buffer) = (object.into_reader(), vec![0; 4096]);
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        match reader.read(&mut buffer).await {
            Ok(0) => panic!("it ended cleanly after {kinds:?}"),
            Ok(_) => assert!(kinds.is_empty(), "bytes after an error"),
            Err(error) => kinds.push(inner(&error)),
        }
    }
    assert_eq!(kinds, [Some(kind); 3]);
}

fn inner(error: &io::Error) -> Option<ErrorKind> {
    error.get_ref()?.downcast_ref::<Error>().map(Error::kind)
}

/// A store without retries that finds an object of which this comes.
fn broken_by(act: Act) -> (Rig, Store) {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    rig.server.next_for("GET", act);
    let store = rig.open(config().set("max-retries", 0));
    (rig, store)
}

#[tokio::test(start_paused = true)]
async fn a_download_that_failed_stays_failed() {
    covers(&["N15", "N18"]);
    let chunked = || Act::mutate(|answer| (answer.framing, answer.body) = (Framing::Chunked, content(SIZE)));
    for (act, kind) in [
        (Act::CutBody { after: 50_000 }, ErrorKind::Truncated),
        (Act::ResetBody { after: 50_000 }, ErrorKind::Truncated),
        (Act::StallBody { after: 50_000 }, ErrorKind::Timeout(Phase::Body)),
    ] {
        let (_rig, store) = broken_by(act.clone());
        assert_stays_failed(store.get("k").await.expect("the head"), kind).await;
        let (_rig, store) = broken_by(act);
        assert_reader_stays_failed(store.get("k").await.expect("the head"), kind).await;
    }
    // What ends well goes on ending well.
    let (_rig, store) = broken_by(chunked());
    let mut object = store.get("k").await.expect("the head");
    while object.chunk().await.expect("bytes").is_some() {}
    for _ in 0..3 {
        assert!(object.chunk().await.expect("the end").is_none());
    }
}

#[apply(everywhere)]
async fn damage_stays_damage() {
    covers(&["S24"]);
    let damaged = answer("200 OK", "ETag: \"e\"\r\nx-amz-checksum-crc32: NhCmhg==\r\n", "hellp");
    let (store, _) = parrot(damaged);
    assert_stays_failed(store.get("k").await.expect("the head"), ErrorKind::Integrity).await;
    assert_reader_stays_failed(store.get("k").await.expect("the head"), ErrorKind::Integrity).await;
}

#[apply(everywhere)]
async fn a_change_stays_a_change() {
    covers(&["S27"]);
    let rig = Rig::new();
    let store = rig.store();
    for as_reader in [false, true] {
        rig.server.bucket().seed("k", content(SIZE));
        rig.server.next_for("GET", Act::CutBody { after: 40_000 });
        let object = store.get(GetObject::new("k")).await.expect("the head");
        rig.server.bucket().seed("k", "another");
        match as_reader {
            false => assert_stays_failed(object, ErrorKind::Changed).await,
            true => assert_reader_stays_failed(object, ErrorKind::Changed).await,
        }
    }
    rig.assert_sound(store).await;
}

fn page(content: &str) -> Act {
    reply("200 OK", "", &format!("<ListBucketResult>{content}</ListBucketResult>"))
}

fn goes_on(token: &str, key: &str) -> Act {
    let more = format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>");
    page(&format!("{more}<Contents><Key>{key}</Key><Size>1</Size></Contents>"))
}

async fn assert_listing_stays_failed(rig: &Rig, mut pages: Pages) {
    // The service does better from now on; the listing before it had a gap all the same.
    rig.server.script().clear();
    for _ in 0..3 {
        assert_eq!(pages.next().await.expect_err("no listing").kind(), ErrorKind::Protocol);
        assert_eq!(pages.next_object().await.expect_err("no listing").kind(), ErrorKind::Protocol);
    }
}

/// A listing that is none never becomes one by asking again: what came before it may be anything.
#[apply(everywhere)]
async fn a_listing_that_is_none_stays_none() {
    covers(&["S36", "S38"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    let mut circle = store.list(ListObjectsV2::new());
    rig.server.next(goes_on("t", "a"));
    rig.server.next(goes_on("t", "b"));
    assert_eq!(circle.next_object().await.expect("a page").expect("an object").key, "a");
    assert_eq!(circle.next_object().await.expect_err("a circle").kind(), ErrorKind::Protocol);
    assert_listing_stays_failed(&rig, circle).await;

    let mut endless = store.list(ListObjectsV2::new());
    rig.server.always(page("<Contents><Key>a</Key><Size>1</Size></Contents>"));
    assert_eq!(endless.next().await.expect_err("no end is told").kind(), ErrorKind::Protocol);
    assert_listing_stays_failed(&rig, endless).await;
    rig.assert_sound(store).await;
}

/// What passes is another matter: the page that could not be had is asked for again.
#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_after_what_passes() {
    covers(&["S35"]);
    let rig = Rig::new();
    for key in ["a", "b", "c", "d", "e"] {
        rig.server.bucket().seed(key, "x");
    }
    let store = rig.store();
    let (mut pages, mut keys, mut failures) = (store.list(ListObjectsV2::new().max_keys(2)), Vec::new(), 0);
    loop {
        if keys.len() == 2 && failures < 2 {
            rig.server.always(refusal("503 Slow Down", "SlowDown"));
        }
        match pages.next_object().await {
            Ok(Some(object)) => keys.push(object.key),
            Ok(None) => break,
            Err(error) => {
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::Throttled, 4), "{error}");
                rig.server.script().clear();
                failures += 1;
            }
        }
    }
    assert_eq!((keys.concat().as_str(), failures), ("abcde", 2), "each once");
    rig.assert_sound(store).await;
}
