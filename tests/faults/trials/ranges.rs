//! T11, T12, T24: which bytes an answer has. RFC 9110 section 14.4: a Content-Range says which of how many. Status, range, length and
//! what was asked for must agree, or it is an error; where they do, it is none.

use macro_rules_attribute::apply;
use s3lite::{Error, GetObject};

use super::{answer, assert_refused, chunk, closing};
use crate::covers;
use crate::rig::{Rig, content, everywhere, read};
use crate::support::strict::Act;

/// What becomes of a GET that is answered so.
async fn got(get: &GetObject, status: &str, range: &str, length: usize, sent: usize) -> Result<Vec<u8>, Error> {
    let range = if range.is_empty() { String::new() } else { format!("Content-Range: {range}\r\n") };
    let headers = format!("{range}Content-Length: {length}\r\n");
    let (store, _) = closing(answer(status, &headers, &content(sent)));
    read(&store, get.clone()).await
}

fn whole() -> GetObject {
    GetObject::new("k")
}

/// Status, range, length and what was asked for contradict each other, or leave open what else there is.
#[apply(everywhere)]
async fn t11_what_does_not_agree_is_refused() {
    covers(&["T11"]);
    let part = "206 Partial Content";
    for (get, status, range, length, sent) in [
        (whole(), part, "bytes 0-999/1000", 500, 500),
        (whole(), part, "bytes 0-999/1000", 2000, 2000),
        (whole(), part, "bytes 0-499/1000", 500, 500),
        (whole(), part, "bytes 500-999/1000", 500, 500),
        (whole(), part, "bytes 0-499/*", 500, 500),
        (whole(), part, "", 500, 500),
        (whole(), "200 OK", "bytes 0-499/1000", 500, 500),
        (whole(), "200 OK", "bytes 500-999/1000", 500, 500),
        (whole(), "200 OK", "bytes 0-999/1000", 500, 500),
        (whole(), "200 OK", "bytes 0-499/*", 500, 500),
        (whole().range(0..1000), part, "bytes 0-499/*", 500, 500),
        (whole().range(0..1000), part, "bytes 0-999/*", 500, 500),
        (whole().range(0..1000), part, "bytes 0-499/1000", 500, 500),
        (whole().range(0..1000), part, "bytes 0-999/5000", 500, 500),
        (whole().range(0..1000), part, "", 1000, 1000),
        (whole().range(100..200), part, "bytes 100-149/*", 50, 50),
        (whole().range(100..), part, "bytes 100-199/*", 100, 100),
        (whole().range(100..), part, "bytes 100-199/1000", 100, 100),
        (whole().last(500), part, "bytes 0-99/*", 100, 100),
        (whole().last(500), part, "bytes 900-999/1000", 100, 100),
        (whole().last(500), part, "bytes 0-499/1000", 500, 500),
        (whole().range(10..20), "200 OK", "", 1000, 1000),
        (whole().range(10..20), "200 OK", "bytes 0-999/1000", 1000, 1000),
    ] {
        let what = format!("{:?}: {status}, {range:?}, {length}", get.byte_range());
        assert_refused(got(&get, status, range, length, sent).await, &what);
    }
}

/// Two ranges that differ are none (RFC 9110 section 5.3: the header is no list).
#[apply(everywhere)]
async fn t11_two_ranges_are_none() {
    covers(&["T11"]);
    for second in ["bytes 0-9/20", "bytes 10-19/1000"] {
        let headers = format!("Content-Range: bytes 0-9/10\r\nContent-Range: {second}\r\nContent-Length: 10\r\n");
        let (store, _) = closing(answer("206 Partial Content", &headers, &content(10)));
        assert_refused(read(&store, whole()).await, second);
        assert_refused(read(&store, whole().range(0..20)).await, second);
    }
}

/// Fewer bytes in the chunks than the range says: the framing's own end does not make them all.
#[apply(everywhere)]
async fn t11_a_range_in_chunks_is_counted() {
    covers(&["T11"]);
    for (get, range, status) in [
        (whole(), "bytes 0-999/1000", "206 Partial Content"),
        (whole(), "bytes 0-999/1000", "200 OK"),
        (whole().range(0..1000), "bytes 0-999/5000", "206 Partial Content"),
        (whole().range(0..1000), "bytes 0-999/*", "206 Partial Content"),
    ] {
        let headers = format!("Content-Range: {range}\r\nTransfer-Encoding: chunked\r\n");
        let (store, _) = closing(answer(status, &headers, &chunk(&content(500))));
        assert!(read(&store, get).await.is_err(), "{status} {range}");
    }
}

/// No other success of HTTP is an object: 203 was changed on the way, 202 is a promise, 204 and 205 have no body.
#[apply(everywhere)]
async fn t11_an_objects_status_is_200_or_206() {
    covers(&["T11", "T13"]);
    for status in
        ["201 Created", "202 Accepted", "203 Non-Authoritative Information", "207 Multi-Status", "226 IM Used"]
    {
        for get in [whole(), whole().range(0..10), whole().range(0..)] {
            assert_refused(got(&get, status, "", 10, 10).await, status);
            assert_refused(got(&get, status, "bytes 0-9/10", 10, 10).await, status);
        }
    }
}

/// Answers in which all agree: the bytes are those asked for.
#[apply(everywhere)]
async fn t11_what_agrees_is_read() {
    covers(&["T11"]);
    let part = "206 Partial Content";
    for (get, status, range, length) in [
        (whole(), "200 OK", "", 1000),
        (whole(), part, "bytes 0-999/1000", 1000),
        (whole().range(0..1000), part, "bytes 0-999/1000", 1000),
        (whole().range(0..1000), part, "bytes 0-999/5000", 1000),
        (whole().range(0..1000), part, "bytes 0-999/*", 1000),
        (whole().range(0..2000), part, "bytes 0-999/1000", 1000),
        (whole().range(100..200), part, "bytes 100-199/*", 100),
        (whole().range(100..), part, "bytes 100-999/1000", 900),
        (whole().range(0..), "200 OK", "", 1000),
        (whole().last(500), part, "bytes 500-999/1000", 500),
        (whole().last(500), part, "bytes 500-999/*", 500),
        (whole().last(5000), part, "bytes 0-999/1000", 1000),
    ] {
        let what = format!("{:?}: {status}, {range:?}, {length}", get.byte_range());
        let bytes = got(&get, status, range, length, length).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(bytes == content(length), "{what}");
    }
}

/// 200 with a Content-Range of the whole object: servers that answer so to every range have sent what was asked for, where
/// that was the whole.
#[apply(everywhere)]
async fn t12_a_200_that_names_the_bytes_asked_for_is_read() {
    covers(&["T12"]);
    for get in [
        whole().range(0..10),
        whole().range(0..=9),
        whole().range(0..100),
        whole().range(0..),
        whole().last(10),
        whole().last(100),
        whole(),
    ] {
        let bytes = got(&get, "200 OK", "bytes 0-9/10", 10, 10).await;
        let bytes = bytes.unwrap_or_else(|error| panic!("{:?}: {error}", get.byte_range()));
        assert_eq!(bytes, content(10), "{:?}", get.byte_range());
    }
}

/// The same answer where other bytes were asked for, or where it contradicts itself.
#[apply(everywhere)]
async fn t12_a_200_that_names_other_bytes_is_refused() {
    covers(&["T12"]);
    for (get, range, length) in [
        (whole().range(5..10), "bytes 0-9/10", 10),
        (whole().range(0..5), "bytes 0-9/10", 10),
        (whole().last(5), "bytes 0-9/10", 10),
        (whole().range(0..10), "bytes 0-9/10", 5),
        (whole().range(0..20), "bytes 0-9/20", 10),
        (whole().last(20), "bytes 0-9/20", 10),
        (whole().range(0..), "bytes 0-9/20", 10),
        (whole().range(5..), "bytes 0-9/10", 10),
    ] {
        let what = format!("{:?}: {range}, {length}", get.byte_range());
        assert_refused(got(&get, "200 OK", range, length, length).await, &what);
    }
}

/// What was read so goes on as any other, where it breaks.
#[apply(everywhere)]
async fn t12_such_an_answer_that_breaks_goes_on() {
    covers(&["T12"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(1000));
    let store = rig.store();
    let act = Act::mutate(|answer| {
        answer.status = 200;
        answer.set_header("Content-Length", "1000");
        answer.set_header("Connection", "close");
        answer.body.truncate(400);
    });
    rig.server.next_for("GET", act);
    assert!(read(&store, whole().range(0..5000)).await.expect("it goes on") == content(1000));
    assert_eq!(rig.requests().last().and_then(|seen| seen.header("range")).as_deref(), Some("bytes=400-999"));
    rig.assert_sound(store).await;
}

/// An empty object has no bytes in any range that begins with its first. AWS refuses such a range (416); Go's file server,
/// and with it rclone, ignores it (200); others count from 0 to -1.
#[apply(everywhere)]
async fn t24_an_empty_object_has_no_bytes_in_any_range() {
    covers(&["T24"]);
    let part = "206 Partial Content";
    for (status, range) in [
        (part, "bytes 0--1/0"),
        (part, "bytes 0-18446744073709551615/0"),
        (part, "bytes */0"),
        ("200 OK", ""),
        ("200 OK", "bytes 0--1/0"),
    ] {
        for get in [whole().range(0..), whole().range(0..10), whole().last(5)] {
            let bytes = got(&get, status, range, 0, 0).await;
            let bytes = bytes.unwrap_or_else(|error| panic!("{status} {range:?} {:?}: {error}", get.byte_range()));
            assert!(bytes.is_empty(), "{status} {range:?}");
        }
    }
    let bytes = got(&whole(), part, "bytes 0--1/0", 0, 0).await.expect("the whole of nothing");
    assert!(bytes.is_empty());
}

/// The same words where there are bytes, or should be some.
#[apply(everywhere)]
async fn t24_no_bytes_are_not_some() {
    covers(&["T24"]);
    for (range, length) in [
        ("bytes 0--1/0", 5),
        ("bytes 0--1/5", 0),
        ("bytes 0--1/*", 0),
        ("bytes */0", 5),
        ("bytes */5", 0),
        ("bytes 0-4/5", 0),
        ("bytes --1/0", 5),
    ] {
        for get in [whole().range(0..), whole().range(0..10), whole().last(5), whole()] {
            let what = format!("{:?}: {range}, {length}", get.byte_range());
            assert_refused(got(&get, "206 Partial Content", range, length, length).await, &what);
        }
    }
}
