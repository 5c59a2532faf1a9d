//! H11 to H39, N35: answers that are wrong, foreign, huge or more than one.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, ListObjectsV2};
use tokio::io::AsyncWriteExt;

use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, raw, read, refusal, reply, take_request};
use crate::support::strict::{Act, Framing};

/// A captive portal answers everything with its page: nothing was stored, deleted or found.
#[apply(everywhere)]
async fn a_portals_page_is_no_answer() {
    covers(&["N35", "H21"]);
    let portal = answer("200 OK", "Content-Type: text/html\r\n", "<html>please log in</html>");
    let (store, _) = parrot(portal);
    let errors = [
        store.put("k", "x").await.err(),
        store.delete("k").await.err(),
        store.list(ListObjectsV2::new()).next().await.err(),
        read(&store, GetObject::new("k").range(0..5)).await.err(),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("{number}: a page is not success"));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{number}: {error}");
    }
}

/// What has no ETag is not an object, on a GET or HEAD either.
#[apply(everywhere)]
async fn a_portals_page_is_no_object() {
    covers(&["N35"]);
    let (store, _) = parrot(answer("200 OK", "Content-Type: text/html\r\n", "<html>please log in</html>"));
    assert_eq!(read(&store, "k").await.expect_err("a page").kind(), ErrorKind::Protocol);
    let (store, _) = parrot("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n");
    assert_eq!(store.head("k").await.expect_err("a page").kind(), ErrorKind::Protocol);
}

#[apply(everywhere)]
async fn lengths_that_contradict_are_no_answer() {
    covers(&["H12", "H13"]);
    for lengths in ["Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: -1\r\n", "Content-Length: +3\r\n"] {
        let (store, _) = parrot(format!("HTTP/1.1 200 OK\r\nETag: \"e\"\r\n{lengths}\r\nabc"));
        let error = read(&store, "k").await.expect_err(lengths);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{lengths}: {error}");
    }
    let both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let (store, _) = parrot(format!("HTTP/1.1 200 OK\r\nETag: \"e\"\r\n{both}"));
    let read = read(&store, "k").await;
    assert!(read.as_ref().map_or(true, |bytes| bytes == b"hello"), "chunked counts, or nothing does: {read:?}");
}

#[apply(everywhere)]
async fn another_range_than_asked_for_is_refused() {
    covers(&["H15", "H16"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(1000));
    let store = rig.store();
    for range in ["bytes 0-9/1000", "bytes 10-18/1000", "bytes 10-20/1000", "items 10-19/1000", "bytes 19-10/1000", ""]
    {
        rig.server.next_for("GET", Act::mutate(move |answer| answer.set_header("Content-Range", range)));
        let error = store.get(GetObject::new("k").range(10..20)).await.expect_err(range);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{range}: {error}");
    }
    let parts = |answer: &mut crate::support::strict::RawResponse| {
        answer.remove_header("Content-Range");
        answer.set_header("Content-Type", "multipart/byteranges; boundary=x");
    };
    rig.server.next_for("GET", Act::mutate(parts));
    assert_eq!(store.get(GetObject::new("k").range(10..20)).await.expect_err("parts").kind(), ErrorKind::Protocol);
    let whole = Act::mutate(|answer| {
        (answer.status, answer.body) = (200, content(1000));
        answer.remove_header("Content-Range");
    });
    rig.server.next_for("GET", whole.clone());
    assert_eq!(store.get(GetObject::new("k").range(10..20)).await.expect_err("whole").kind(), ErrorKind::Protocol);
    rig.server.next_for("GET", whole);
    assert!(read(&store, GetObject::new("k").range(0..)).await.expect("the whole") == content(1000));
    // A server that ignores the range from which a download goes on: never a prefix twice.
    rig.server.next_for("GET", Act::CutBody { after: 500 });
    rig.server.next_for("GET", Act::mutate(|answer| answer.status = 200));
    let error = read(&store, "k").await.expect_err("it cannot go on");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn heads_are_bounded() {
    covers(&["H19"]);
    let many: String = (0..250).map(|number| format!("x-amz-meta-n{number}: {number}\r\n")).collect();
    let (store, _) = parrot(answer("200 OK", &format!("ETag: \"e\"\r\n{many}"), "hello"));
    assert_eq!(store.get("k").await.expect("250 headers").meta().metadata("n249"), Some("249"));
    let more: String = (0..300).map(|number| format!("x-amz-meta-n{number}: {number}\r\n")).collect();
    for headers in [more, format!("x-amz-meta-long: {}\r\n", "x".repeat(1 << 20))] {
        let (store, network) = parrot(answer("200 OK", &format!("ETag: \"e\"\r\n{headers}"), "hello"));
        let error = store.get("k").await.expect_err("too much");
        assert!(matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::Protocol), "{error}");
        assert_eq!(network.dialed(), 2, "asked for once more, with more room");
    }
}

#[apply(everywhere)]
async fn odd_headers_are_kept_or_ignored() {
    covers(&["H20", "H21", "H22", "S26"]);
    for (header, check) in [
        ("x-amz-meta-a: na\u{ef}ve\r\n", "kept as bytes"),
        ("Last-Modified: yesterday\r\n", "not read"),
        ("Last-Modified: Fri, 31 Dec 9999 23:59:59 GMT\r\n", "read"),
        ("Last-Modified: Sat, 31 Dec 2016 23:59:60 GMT\r\n", "a leap second"),
        ("x-amz-checksum-crc32: {}{}\r\n", "no checksum"),
        ("x-amz-checksum-crc32: AAAA\r\nx-amz-checksum-type: COMPOSITE\r\n", "of parts"),
    ] {
        let (store, _) = parrot(answer("200 OK", &format!("ETag: \"e\"\r\n{header}"), "hello"));
        let object = store.get("k").await.unwrap_or_else(|error| panic!("{check}: {error}"));
        let _ = (object.meta().last_modified(), object.meta().metadata("a"));
        assert_eq!(object.bytes().await.expect(check), "hello");
    }
    for tag in ["\"e\"", "e", "W/\"e\"", &format!("\"{}\"", "e".repeat(300))] {
        let (store, _) = parrot(answer("200 OK", &format!("ETag: {tag}\r\n"), ""));
        let stored = store.put("k", "x").await.unwrap_or_else(|error| panic!("{tag}: {error}"));
        assert_eq!(stored.etag, s3lite::ETag::new(tag));
    }
    let (store, network) = parrot(answer("200 OK", "", ""));
    let error = store.put("k", "x").await.expect_err("no tag");
    assert!(error.kind() == ErrorKind::Protocol && error.is_outcome_unknown(), "{error}");
    assert_eq!(network.dialed(), 2, "a proxy may do better next time; a body is not sent four times for it");
}

/// The bytes of an object are never decoded on the way, and everybody is asked not to encode them.
#[apply(everywhere)]
async fn nothing_is_decompressed() {
    covers(&["H23", "H24", "X17"]);
    let rig = Rig::new();
    let store = rig.store();
    let zipped = [0x1f, 0x8b, 8, 0, 1, 2, 3];
    let put = s3lite::PutObject::new("gz").content_encoding("gzip");
    store.put(put, zipped.to_vec()).await.expect("stored");
    assert_eq!(read(&store, "gz").await.expect("as it is"), zipped);
    assert!(rig.requests().iter().all(|seen| seen.header("accept-encoding").as_deref() == Some("identity")));
    rig.server.always(Act::mutate(move |answer| {
        answer.set_header("Content-Encoding", "gzip");
        answer.body = zipped.to_vec();
    }));
    let error = store.list(ListObjectsV2::new()).next().await.expect_err("a proxy's doing");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_counts_by_its_status_whatever_its_body() {
    covers(&["H30", "H33", "S43", "S44", "X16"]);
    let huge = "x".repeat(3 << 20);
    for (body, code) in [
        ("", None),
        ("<html>busy</html>", None),
        (huge.as_str(), None),
        ("\u{0}\u{1}\u{fffd}", None),
        ("<Error><Code>Strange</Code><Odd/><Message>m</Message></Error>", Some("Strange")),
        ("\u{feff}<Error><Code>Strange</Code></Error>", Some("Strange")),
        ("<Error xmlns=\"urn:x\"><Message>m</Message><Code>Strange</Code></Error>", Some("Strange")),
        ("<Error><Code>Strange</Co", None),
    ] {
        let rig = Rig::new();
        let store = rig.open(config().set("max-retries", 0));
        rig.server.next(reply("500 Internal Server Error", "", body));
        let error = store.get("k").await.expect_err("500");
        let start: String = body.chars().take(60).collect();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Server, code), "{start:?}: {error}");
        assert!(error.to_string().len() < 1000, "{start:?}");
        rig.assert_sound(store).await;
    }
    let rig = Rig::new();
    let store = rig.store();
    let utf16: Vec<u8> = "<Error><Code>X</Code></Error>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let head = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", utf16.len()).into_bytes();
    rig.server.next(Act::Reply([head, utf16].concat()));
    assert_eq!(store.get("k").await.expect_err("403").kind(), ErrorKind::AccessDenied);
    rig.server.next(refusal("404 Not Found", "NoSuchBucket"));
    let error = store.get("k").await.expect_err("no bucket");
    assert!(error.is_no_such_bucket() && !error.is_not_found(), "{error}");
    assert!(store.head("k").await.expect_err("no key").is_not_found());
    rig.server.next(refusal("405 Method Not Allowed", "MethodNotAllowed"));
    assert_eq!(store.get("k").await.expect_err("a delete marker").kind(), ErrorKind::Unsupported);
}

/// A refusal whose body never ends still counts, and in time.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_never_ends_is_read_for_a_while() {
    covers(&["H33"]);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\n<Error>").await;
        std::future::pending::<()>().await;
    });
    let started = tokio::time::Instant::now();
    assert_eq!(store.get("k").await.expect_err("403").kind(), ErrorKind::AccessDenied);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[apply(everywhere)]
async fn an_old_server_works_where_the_length_is_told() {
    covers(&["H35", "N17"]);
    let (store, network) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\nhello").await;
    });
    for _ in 0..3 {
        assert_eq!(read(&store, "k").await.expect("HTTP/1.0"), b"hello");
    }
    assert_eq!(network.dialed(), 3);
    let (store, _) = raw(|mut stream, _| async move {
        take_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nETag: \"e\"\r\n\r\nhello").await;
    });
    assert_eq!(read(&store, "k").await.expect_err("of unknown length").kind(), ErrorKind::Protocol);
}

/// Trailers are read past; the object before them is whole.
#[apply(everywhere)]
async fn trailers_do_no_harm() {
    covers(&["H39"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    let head = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\nTrailer: x-amz-checksum-crc32\r\n\r\n";
    let whole = format!("{head}5\r\nhello\r\n0\r\nx-amz-checksum-crc32: NhCmhg==\r\n\r\n");
    rig.server.next(Act::Reply(whole.into_bytes()));
    assert_eq!(read(&store, "k").await.expect("with a trailer"), b"hello");
    rig.server.next(Act::mutate(|answer| answer.framing = Framing::Chunked));
    assert_eq!(read(&store, "k").await.expect("on the same connection"), b"hello");
    assert_eq!(rig.server.connections(), 1);
    rig.assert_sound(store).await;
}
