//! T10, T24: what ends an answer. RFC 9112 section 6: `chunked` or a length frames a body, never both and nothing else; where
//! chunks break off, the rest is asked for as it is of a body with a length.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, ListObjectsV2, Raw};
use tokio::io::AsyncWriteExt;

use super::{MARK, TAG, answer, assert_refused, chunk, closing};
use crate::covers;
use crate::rig::{Rig, content, everywhere, parrot, raw, read, take_request};
use crate::support::strict::{Act, Framing};

/// Codings of a transfer under which a length means nothing (RFC 9112 section 6.3), and which end with the connection.
const NOT_CHUNKED: [&str; 8] =
    ["identity", "gzip", "deflate", "compress", "x-unknown", "", "chunked, gzip", "chunked, identity"];

/// Half an object, told by the connection's end, is never the object; nor is it by GetObject's way alone.
#[apply(everywhere)]
async fn t10_a_coding_that_is_not_chunked_frames_nothing() {
    covers(&["T10", "T13b"]);
    for coding in NOT_CHUNKED {
        for (sent, name) in [(0, "nothing"), (5000, "half"), (10_000, "whole")] {
            let headers = format!("Content-Length: 10000\r\nTransfer-Encoding: {coding}\r\n");
            let what = format!("{coding:?}, {name}");
            let (store, _) = closing(answer("200 OK", &headers, &content(sent)));
            assert_refused(read(&store, "k").await, &what);
            assert_refused(store.send(Raw::get("k")).await.map(|answer| answer.body), &what);
        }
    }
}

/// The same coding without a length tells as little.
#[apply(everywhere)]
async fn t10_a_coding_without_a_length_frames_nothing() {
    covers(&["T10"]);
    for coding in NOT_CHUNKED {
        for body in [&b"hello"[..], b""] {
            let (store, _) = closing(answer("200 OK", &format!("Transfer-Encoding: {coding}\r\n"), body));
            assert_refused(read(&store, "k").await, coding);
            assert_refused(store.send(Raw::get("k")).await.map(|answer| answer.body), coding);
        }
        let range = format!("Content-Range: bytes 0-9/100\r\nTransfer-Encoding: {coding}\r\n");
        let (store, _) = closing(answer("206 Partial Content", &range, b"hello"));
        assert_refused(read(&store, GetObject::new("k").range(0..10)).await, coding);
    }
}

/// `gzip, chunked` is framed, but what comes out of the frames is not the object: no transfer coding but chunked is undone here.
#[apply(everywhere)]
async fn t10_a_coding_below_chunked_is_not_undone() {
    covers(&["T10"]);
    for codings in [
        "gzip, chunked",
        "deflate,chunked",
        "x-unknown, chunked",
        "gzip\r\nTransfer-Encoding: chunked",
        "identity, chunked",
        "chunked, chunked",
    ] {
        let (store, _) =
            parrot(answer("200 OK", &format!("Transfer-Encoding: {codings}\r\n"), &chunk(b"\x1f\x8b\x08\0\0")));
        assert_refused(read(&store, "k").await, codings);
        assert_refused(store.send(Raw::get("k")).await.map(|answer| answer.body), codings);
    }
}

/// A length beside `chunked` is how responses are smuggled (RFC 9112 section 6.3), whether it is right or not.
#[apply(everywhere)]
async fn t10_chunked_with_a_length_is_refused() {
    covers(&["T10"]);
    for length in [0, 3, 5, 100] {
        for headers in [
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            format!("transfer-encoding: Chunked\r\ncontent-length: {length}\r\n"),
        ] {
            let (store, _) = parrot(answer("200 OK", &headers, &chunk(b"hello")));
            assert_refused(read(&store, "k").await, &headers);
            assert_refused(store.send(Raw::get("k")).await.map(|answer| answer.body), &headers);
            let headers = format!("Content-Range: bytes 0-4/9\r\n{headers}");
            let (store, _) = parrot(answer("206 Partial Content", &headers, &chunk(b"hello")));
            assert_refused(read(&store, GetObject::new("k").range(0..5)).await, &headers);
        }
    }
}

/// A write whose answer is framed by nothing was acknowledged by nobody.
#[apply(everywhere)]
async fn t10_a_write_with_such_an_answer_is_unknown() {
    covers(&["T10"]);
    for coding in ["identity", "gzip", "chunked\r\nContent-Length: 5"] {
        let (store, _) = closing(answer("200 OK", &format!("Transfer-Encoding: {coding}\r\n"), b"hello"));
        let error = assert_refused(store.put("k", "x").await, coding);
        assert!(error.is_outcome_unknown(), "{coding}: {error}");
    }
    for coding in NOT_CHUNKED {
        for length in ["", "Content-Length: 0\r\n", "Content-Length: 5\r\n"] {
            let (store, _) = closing(answer("200 OK", &format!("Transfer-Encoding: {coding}\r\n{length}"), b""));
            for error in [
                assert_refused(store.put("k", "x").await.map(|_| ()), coding),
                assert_refused(store.delete("k").await.map(|_| ()), coding),
                assert_refused(store.send(Raw::delete("k")).await.map(|_| ()), coding),
            ] {
                assert!(error.is_outcome_unknown(), "{coding} {length}: {error}");
            }
        }
    }
}

/// How servers honestly write `chunked`: radosgw and Swift behind proxies, in any case, with blanks.
#[apply(everywhere)]
async fn t10_chunked_alone_is_read() {
    covers(&["T10"]);
    for coding in ["chunked", "Chunked", "CHUNKED", " chunked ", "\tchunked"] {
        let (store, _) = parrot(answer("200 OK", &format!("Transfer-Encoding:{coding}\r\n"), &chunk(b"hello")));
        assert_eq!(read(&store, "k").await.expect(coding), b"hello");
        assert_eq!(store.send(Raw::get("k")).await.expect(coding).body, "hello");
        let (store, _) = parrot(answer("200 OK", &format!("Transfer-Encoding:{coding}\r\n"), b"0\r\n\r\n"));
        store.put("k", "x").await.expect("an empty body in no chunk");
        store.delete("k").await.expect("an empty body in no chunk");
        assert_eq!(read(&store, "k").await.expect("an empty object"), b"");
    }
}

/// HTTP/1.0 has no transfer codings (RFC 9112 section 6.1): what is cut there is cut, whichever way it is read.
#[apply(everywhere)]
async fn t10_an_old_servers_chunks_are_never_half_an_object() {
    covers(&["T10"]);
    for rest in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 100\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 100\r\n\r\nhello",
        "Connection: keep-alive\r\nContent-Length: 100\r\n\r\nhello",
    ] {
        let (store, _) = closing(format!("HTTP/1.0 200 OK\r\n{MARK}{TAG}{rest}"));
        assert_refused(read(&store, "k").await, rest);
        assert_refused(store.send(Raw::get("k")).await.map(|answer| answer.body), rest);
    }
}

/// A HEAD says of its GET how it would be framed; there is nothing to frame (RFC 9110 section 9.3.2).
#[apply(everywhere)]
async fn t10_a_head_frames_nothing() {
    covers(&["T10"]);
    for (framing, size) in [("Content-Length: 5\r\n", Some(5)), ("Transfer-Encoding: chunked\r\n", None), ("", None)] {
        let (store, network) = parrot(answer("200 OK", framing, b""));
        for _ in 0..2 {
            assert_eq!(store.head("k").await.expect(framing).size(), size, "{framing}");
        }
        assert_eq!(network.dialed(), 1, "{framing}");
    }
}

/// A listing's document says itself where it ends, so that an old server may leave it to the connection; half of one is none.
#[apply(everywhere)]
async fn t10_a_listing_ends_with_its_root() {
    covers(&["T10"]);
    let page = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents>";
    for (version, framing) in [("1.0", ""), ("1.1", "Connection: close\r\n")] {
        let head = format!("HTTP/{version} 200 OK\r\n{MARK}{framing}\r\n");
        let (store, _) = closing(format!("{head}{page}</ListBucketResult>"));
        let read = store.list(ListObjectsV2::new()).next().await.expect("a page").expect("the first");
        assert_eq!(read.contents[0].key, "k");
        let (store, _) = closing(head + page);
        assert_refused(store.list(ListObjectsV2::new()).next().await, "half");
    }
}

const SIZE: usize = 100_000;

/// Sends the object in chunks that do not keep their end.
fn chunked_until(after: usize) -> Act {
    Act::mutate(move |answer| {
        let mut coded: Vec<u8> =
            answer.body.chunks(30_000).flat_map(|piece| chunk(piece)[..piece.len() + 8].to_vec()).collect();
        coded.truncate(after);
        answer.set_header("Transfer-Encoding", "chunked");
        (answer.framing, answer.body) = (Framing::UntilClose, coded);
    })
}

/// In the size of a chunk, in its bytes, behind it, before the last: as with a length (catalogue N15, N16).
#[tokio::test(start_paused = true)]
async fn t24_a_cut_chunked_object_goes_on() {
    covers(&["T24"]);
    for after in [0, 1, 4, 6, 7, 1000, 30_005, 30_006, 30_008, 30_010, 75_000, 99_000] {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(SIZE));
        let store = rig.store();
        rig.server.next_for("GET", chunked_until(after));
        let bytes = read(&store, "k").await.unwrap_or_else(|error| panic!("{after}: {error}"));
        assert!(bytes == content(SIZE), "{after}");
        let tag = rig.server.bucket().objects[&b"k"[..]].etag.clone();
        assert_eq!((rig.requests().len(), rig.requests()[1].header("if-match")), (2, Some(tag)), "{after}");
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}

/// Again and again, and only the mark of the end is missing: the service says that there is no more (416, catalogue H17).
#[apply(everywhere)]
async fn t24_chunks_go_on_until_the_service_says_that_they_are_all() {
    covers(&["T24"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    let store = rig.store();
    for after in [5000, 5000, usize::MAX] {
        rig.server.next_for("GET", chunked_until(after));
    }
    assert!(read(&store, "k").await.expect("it goes on") == content(SIZE));
    rig.server.next_for("GET", chunked_until(usize::MAX));
    assert!(read(&store, "k").await.expect("nothing is missing") == content(SIZE));
    rig.assert_sound(store).await;
}

/// Chunks that stand still are given up after `idle-timeout`, and gone on with; the stored checksum is of the whole.
#[tokio::test(start_paused = true)]
async fn t24_chunks_that_stand_still_go_on_and_are_verified() {
    covers(&["T24", "T27"]);
    for (last, is_right) in [("o", true), ("p", false)] {
        let (store, network) = raw(move |mut stream, number| async move {
            take_request(&mut stream).await;
            let crc = "x-amz-checksum-crc32: NhCmhg==\r\n";
            let first = format!("HTTP/1.1 200 OK\r\n{MARK}{TAG}{crc}Transfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n");
            let range = "Content-Range: bytes 4-4/5\r\nContent-Length: 1\r\n";
            let rest = format!("HTTP/1.1 206 Partial Content\r\n{MARK}{TAG}{range}\r\n{last}");
            let _ = stream.write_all(if number == 1 { first.as_bytes() } else { rest.as_bytes() }).await;
            std::future::pending::<()>().await;
        });
        let mut object = store.get("k").await.expect("the head");
        let mut all = Vec::new();
        let error = loop {
            match object.chunk().await {
                Ok(Some(bytes)) => all.extend_from_slice(&bytes),
                Ok(None) => break None,
                Err(error) => break Some(error.kind()),
            }
        };
        assert_eq!(error, Some(ErrorKind::Integrity).filter(|_| !is_right), "{last}");
        assert!(all == b"hello" || !is_right, "{last}: {all:?}");
        assert_eq!(network.dialed(), 2, "{last}");
    }
}

/// Another object is never spliced on, and without a strong tag there is nothing to go on by.
#[apply(everywhere)]
async fn t24_chunks_of_another_object_are_not_spliced() {
    covers(&["T24", "T18"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    let store = rig.store();
    rig.server.next_for("GET", chunked_until(5000));
    rig.server.next_for("GET", Act::mutate(|answer| answer.set_header("ETag", "\"other\"")));
    assert_eq!(read(&store, "k").await.expect_err("another").kind(), ErrorKind::Changed);
    for tag in ["W/\"e\"", "\"\"", ""] {
        let before = rig.requests().len();
        let Act::Mutate(cut) = chunked_until(5000) else { unreachable!("a change of the answer") };
        let act = Act::mutate(move |answer| {
            cut(answer);
            answer.set_header("ETag", tag);
        });
        rig.server.next_for("GET", act);
        assert_eq!(read(&store, "k").await.expect_err(tag).kind(), ErrorKind::Truncated, "{tag}");
        let gets = rig.requests()[before..].iter().filter(|seen| seen.method == "GET").count();
        assert_eq!(gets, 1, "{tag}");
    }
    rig.assert_sound(store).await;
}
