//! S24 to S28 and S35 to S42: objects that arrive damaged or change while they are read, and listings that are none.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, ListObjectsV2, Raw};

use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, read, reply};
use crate::support::strict::Act;

/// The CRC-32 of "hello", as S3 writes it.
const CRC: &str = "NhCmhg==";

#[apply(everywhere)]
async fn damage_on_the_way_is_found() {
    covers(&["S24", "S25", "S26"]);
    let damaged = |checksum: &str| answer("200 OK", &format!("ETag: \"e\"\r\n{checksum}"), "hellp");
    let (store, network) = parrot(damaged(&format!("x-amz-checksum-crc32: {CRC}\r\n")));
    assert_eq!(read(&store, "k").await.expect_err("damaged").kind(), ErrorKind::Integrity);
    let mut object = store.get("k").await.expect("the head");
    let mut read_so_far = Vec::new();
    let error = loop {
        match object.chunk().await {
            Ok(Some(bytes)) => read_so_far.extend_from_slice(&bytes),
            Ok(None) => panic!("it ended cleanly with {read_so_far:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert!(read_so_far.len() < 5, "the last bytes are held back");
    assert!(network.dialed() <= 4, "{}", network.dialed());
    // What nobody can verify is handed out.
    for unverifiable in [format!("x-amz-checksum-crc32: {CRC}-3\r\n"), "x-amz-checksum-crc32: {}\r\n".to_owned()] {
        let (store, _) = parrot(damaged(&unverifiable));
        assert_eq!(read(&store, "k").await.expect("not verified"), b"hellp");
    }
    let (store, _) = parrot(answer("200 OK", &format!("ETag: \"e\"\r\nx-amz-checksum-crc32: {CRC}\r\n"), "hello"));
    assert_eq!(read(&store, "k").await.expect("verified"), b"hello");
}

/// What comes behind the range that was announced, in a framing of its own, is not passed over.
#[apply(everywhere)]
async fn a_chunked_range_ends_with_its_framing() {
    covers(&["S35"]);
    let of = |chunks: &str| {
        let head = "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 0-4/9\r\n";
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").into_bytes()
    };
    let range = || GetObject::new("k").range(0..5);
    let (store, _) = parrot(of("5\r\nhello\r\n0\r\n\r\n"));
    assert_eq!(store.get(range()).await.expect("a range").bytes().await.expect("all of it"), "hello");
    let (store, _) = parrot(of("5\r\nhello\r\n4\r\nmore\r\n0\r\n\r\n"));
    let error = store.get(range()).await.expect("a range").bytes().await.expect_err("more than a range");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
}

/// One damage is the network's, and read over.
#[apply(everywhere)]
async fn damage_that_happened_once_is_read_over() {
    covers(&["S24"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    rig.server.next(Act::mutate(|answer| {
        answer.set_header("x-amz-checksum-crc32", CRC);
        answer.body = b"hellp".to_vec();
    }));
    assert_eq!(read(&store, "k").await.expect("the second reading"), b"hello");
    rig.assert_sound(store).await;
}

/// Another object has taken the key's place: the two are never spliced.
#[tokio::test(start_paused = true)]
async fn an_object_that_changes_is_not_spliced() {
    covers(&["S27", "S28"]);
    let rig = Rig::new();
    let store = rig.store();
    for size in [100_000, 50_000] {
        rig.server.bucket().seed("k", content(100_000));
        rig.server.next_for("GET", Act::CutBody { after: 40_000 });
        let mut object = store.get("k").await.expect("the head");
        object.chunk().await.expect("some bytes");
        rig.server.bucket().seed("k", vec![7; size]);
        let error = loop {
            match object.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended cleanly"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    }
    // A server that ignores If-Match and answers with another object's tag.
    rig.server.bucket().seed("k", content(100_000));
    rig.server.next_for("GET", Act::CutBody { after: 40_000 });
    rig.server.next_for("GET", Act::mutate(|answer| answer.set_header("ETag", "\"other\"")));
    assert_eq!(read(&store, "k").await.expect_err("another").kind(), ErrorKind::Changed);
    rig.server.next_for("GET", Act::CutBody { after: 40_000 });
    rig.server.next_for("GET", Act::mutate(|answer| answer.set_header("Content-Range", "bytes 40000-99999/100001")));
    assert_eq!(read(&store, "k").await.expect_err("another").kind(), ErrorKind::Changed);
    rig.server.bucket().objects.clear();
    rig.server.bucket().seed("k", content(100_000));
    rig.server.next_for("GET", Act::CutBody { after: 40_000 });
    let mut object = store.get("k").await.expect("the head");
    object.chunk().await.expect("some bytes");
    rig.server.bucket().objects.clear();
    let gone = loop {
        match object.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended cleanly"),
            Err(error) => break error,
        }
    };
    assert_eq!(gone.kind(), ErrorKind::Changed, "{gone}");
    rig.assert_sound(store).await;
}

fn page(content: &str) -> Act {
    reply("200 OK", "", &format!("<ListBucketResult>{content}</ListBucketResult>"))
}

#[tokio::test(start_paused = true)]
async fn what_is_no_listing_is_never_an_empty_one() {
    covers(&["S35", "S38", "S39", "S40"]);
    let deep = format!("<ListBucketResult>{}", "<a>".repeat(100_000));
    let attributes: String = (0..50_000).map(|number| format!(" a{number}=\"\"")).collect();
    let bodies = [
        (String::new(), ErrorKind::Protocol),
        ("<html>busy</html>".to_owned(), ErrorKind::Protocol),
        ("<Error><Code>InternalError</Code></Error>".to_owned(), ErrorKind::Server),
        ("<ListBucketResult></ListBucketResult>".to_owned(), ErrorKind::Protocol),
        ("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>".to_owned(), ErrorKind::Protocol),
        ("<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned(), ErrorKind::Protocol),
        ("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><ListBucketResult/>".to_owned(), ErrorKind::Protocol),
        ("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult><x/>".to_owned(), ErrorKind::Protocol),
        (deep, ErrorKind::Protocol),
        (format!("<ListBucketResult{attributes}>"), ErrorKind::Protocol),
        (" ".repeat(17 << 20), ErrorKind::LimitExceeded),
    ];
    for (body, kind) in bodies {
        let rig = Rig::new();
        rig.server.always(reply("200 OK", "", &body));
        let store = rig.open(config().set("max-retries", 0));
        let error = store.list(ListObjectsV2::new()).next().await.expect_err("no listing");
        let start: String = body.chars().take(60).collect();
        let too_large = error.kind() == ErrorKind::LimitExceeded;
        assert!(error.kind() == kind || too_large, "{start}: {error}");
        rig.assert_sound(store).await;
    }
    let (store, _) = parrot([&answer("200 OK", "", "")[..], b"\xff\xfe"].concat());
    assert!(store.list(ListObjectsV2::new()).next().await.is_err());
}

/// What is read at once is kept in memory, so it has a limit, in whatever pieces it comes.
#[tokio::test(start_paused = true)]
async fn a_small_answer_is_read_up_to_a_limit() {
    covers(&["S38"]);
    const LIMIT: usize = 16 << 20;
    for (length, fits) in [(LIMIT - 1, true), (LIMIT, true), (LIMIT + 1, false)] {
        let (store, _) = parrot(answer("200 OK", "ETag: \"e\"\r\n", &"x".repeat(length)));
        match store.send(Raw::get("k")).await {
            Ok(answer) => assert!(fits && answer.body.len() == length, "{length}"),
            Err(error) => assert!(!fits && error.kind() == ErrorKind::LimitExceeded, "{length}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_without_end_ends_with_an_error() {
    covers(&["S36", "S37"]);
    for tokens in [&["t"][..], &["a", "b"], &["a", "b", "c", "d", "e", "f", "g"]] {
        let rig = Rig::new();
        let store = rig.store();
        for (number, token) in tokens.iter().chain([&tokens[0]]).enumerate() {
            let more = format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>");
            rig.server.next(page(&format!("{more}<Contents><Key>k{number}</Key><Size>1</Size></Contents>")));
        }
        let mut pages = store.list(ListObjectsV2::new());
        for _ in tokens {
            assert!(pages.next().await.expect("a page").is_some());
        }
        assert_eq!(pages.next().await.expect_err("circles").kind(), ErrorKind::Protocol);
        rig.assert_sound(store).await;
    }
    let rig = Rig::new();
    let token = |number| format!("<NextContinuationToken>{number}</NextContinuationToken>");
    let key = |key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
    rig.server.next(page(&format!("<IsTruncated>true</IsTruncated>{}{}", token(1), key("b"))));
    rig.server.next(page(&format!("<IsTruncated>true</IsTruncated>{}", token(2))));
    rig.server.next(page(&format!("<IsTruncated>False</IsTruncated>{}{}", key("d"), key("c"))));
    let (mut pages, mut keys) = (rig.store().list(ListObjectsV2::new()), Vec::new());
    while let Some(object) = pages.next_object().await.expect("a listing") {
        keys.push(object.key);
    }
    assert_eq!(keys, ["b", "d", "c"], "passed on as they came, past the empty page");
}

#[tokio::test(start_paused = true)]
async fn large_and_odd_pages_are_read() {
    covers(&["S41", "S42"]);
    let rig = Rig::new();
    let store = rig.store();
    let keys: String =
        (0..10_000).map(|number| format!("<Contents><Key>k{number}</Key><Size>1</Size></Contents>")).collect();
    rig.server.next(page(&format!("<IsTruncated>false</IsTruncated>{keys}")));
    let read = store.list(ListObjectsV2::new()).next().await.expect("a page").expect("the first");
    assert_eq!(read.contents.len(), 10_000);
    let odd = ["a\nb", " lead", "trail ", "%2F", "\u{1}", "😀", "a&b<c>", "]]>", "e\u{301}", "+"];
    for key in odd {
        store.put(key, "x").await.expect("stored");
    }
    let (mut pages, mut listed) = (store.list(ListObjectsV2::new().max_keys(3)), Vec::new());
    while let Some(object) = pages.next_object().await.expect("a listing") {
        listed.push(object.key);
    }
    let mut expected = odd.map(str::to_owned);
    expected.sort();
    assert_eq!(listed, expected);
    rig.assert_manners();
    rig.assert_sound(store).await;
}
