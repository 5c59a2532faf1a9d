//! What frames an answer, against tables and against what each header means alone.

use http::HeaderValue;

use super::*;
use crate::head::head;

/// Every combination of `Transfer-Encoding` and `Content-Length`.
#[test]
fn what_ends_a_body() {
    let encodings: [(&[&str], Option<bool>); 9] = [
        (&[], None),
        (&["chunked"], Some(true)),
        (&["Chunked "], Some(true)),
        (&["identity"], Some(false)),
        (&["gzip"], Some(false)),
        (&["gzip, chunked"], Some(false)),
        (&["chunked, gzip"], Some(false)),
        (&["chunked", "chunked"], Some(false)),
        (&[""], Some(false)),
    ];
    for (encodings, chunked) in encodings {
        for length in [None, Some("5"), Some("0"), Some("x"), Some("-1"), Some("+5")] {
            let mut head = head(200, &[]);
            for encoding in encodings {
                head.headers.append(TRANSFER_ENCODING, HeaderValue::from_str(encoding).expect("a value"));
            }
            if let Some(length) = length {
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
            }
            let expected = match (chunked, length) {
                (None, None) => Some(Framing::Close),
                (None, Some("5")) => Some(Framing::Length(5)),
                (None, Some("0")) => Some(Framing::Length(0)),
                (Some(true), None) => Some(Framing::Chunked),
                _ => None,
            };
            assert_eq!(framing(&head).ok(), expected, "{encodings:?} {length:?}");
        }
    }
    for status in [204, 304] {
        assert_eq!(framing(&head(status, &[])).ok(), Some(Framing::Length(0)), "{status}");
    }
}

/// Status, Content-Range, Content-Length and what was asked for; the number of bytes, if the answer is taken.
type Case = (u16, &'static str, &'static str, Option<ByteRange>, Option<Option<u64>>);

#[test]
fn which_bytes_an_answer_has() {
    let (whole, from0, from5) = (None, Some(ByteRange::From(0)), Some(ByteRange::From(5)));
    let part = |start, end| Some(ByteRange::Part { start, end });
    let last = |count| Some(ByteRange::Last(count));
    let cases: [Case; 49] = [
        (200, "", "10", whole, Some(Some(10))),
        (200, "", "0", whole, Some(Some(0))),
        (200, "", "chunked", whole, Some(None)),
        (200, "", "", whole, None),
        (200, "", "10", from0, Some(Some(10))),
        (200, "", "10", from5, None),
        (200, "", "10", part(0, 10), Some(Some(10))),
        (200, "", "10", part(0, 100), Some(Some(10))),
        (200, "", "10", part(0, 9), None),
        (200, "", "chunked", part(0, 100), None),
        (200, "", "10", part(1, 10), None),
        (200, "", "10", last(10), Some(Some(10))),
        (200, "", "10", last(100), Some(Some(10))),
        (200, "", "10", last(9), None),
        (200, "bytes 0-9/10", "10", whole, Some(Some(10))),
        (200, "bytes 0-9/10", "10", part(0, 10), Some(Some(10))),
        (200, "bytes 0-9/10", "10", part(0, 100), Some(Some(10))),
        (200, "bytes 0-9/10", "10", last(10), Some(Some(10))),
        (200, "bytes 0-9/20", "10", whole, None),
        (200, "bytes 0-9/20", "20", part(0, 10), None),
        (200, "garbage", "10", whole, None),
        (200, "garbage", "10", part(0, 10), None),
        (206, "", "10", whole, None),
        (206, "", "10", part(0, 10), None),
        (206, "bytes 0-99999/100000", "50000", whole, None),
        (206, "bytes 0-99999/100000", "100000", whole, Some(Some(100_000))),
        (206, "bytes 0-99999/*", "100000", whole, None),
        (206, "bytes 0-9/100", "10", whole, None),
        (206, "bytes 0-499/*", "500", part(0, 1000), None),
        (206, "bytes 0-999/*", "1000", part(0, 1000), Some(Some(1000))),
        (206, "bytes 0-999/*", "", part(0, 1000), Some(Some(1000))),
        (206, "bytes 0-999/*", "chunked", part(0, 1000), Some(Some(1000))),
        (206, "bytes 0-499/500", "500", part(0, 1000), Some(Some(500))),
        (206, "bytes 0-499/500", "499", part(0, 1000), None),
        (206, "bytes 5-9/*", "5", from5, None),
        (206, "bytes 5-9/10", "5", from5, Some(Some(5))),
        (206, "bytes 4-9/10", "6", from5, None),
        (206, "bytes 5-8/10", "4", from5, None),
        (206, "bytes 5-9/10", "5", last(5), Some(Some(5))),
        (206, "bytes 0-9/10", "10", last(50), Some(Some(10))),
        (206, "bytes 0-9/*", "10", last(50), None),
        (206, "bytes 0--1/0", "0", from0, Some(Some(0))),
        (206, "bytes 0--1/0", "0", from5, None),
        (206, "bytes 0-10/11", "11", part(0, 10), None),
        (206, "bytes 4-9/10", "6", last(5), None),
        (206, "bytes 3-7/10", "5", last(5), None),
        (206, "garbage", "0", from0, None),
        (206, "bytes 0--1/0", "1", from0, None),
        (202, "", "10", whole, None),
    ];
    for (status, range, length, asked, expected) in cases {
        let mut headers = Vec::new();
        match length {
            "" => {}
            "chunked" => headers.push(("transfer-encoding", "chunked")),
            length => headers.push(("content-length", length)),
        }
        if !range.is_empty() {
            headers.push(("content-range", range));
        }
        let found = object_framing(&head(status, &headers), asked).ok().map(|framing| framing.length);
        assert_eq!(found, expected, "{status} {range:?} {length:?} to {asked:?}");
    }
}

/// The bytes from the first on that an object of a size has of what was asked for.
fn bytes_of(size: u64, asked: Option<ByteRange>) -> std::ops::Range<u64> {
    match asked {
        None => 0..size,
        Some(ByteRange::From(start)) => start..size,
        Some(ByteRange::Part { start, end }) => start..end.min(size),
        Some(ByteRange::Last(count)) => size.saturating_sub(count)..size,
    }
}

/// True if an answer with this range has all that was asked for, whatever size the object may have by it.
fn is_all(first: u64, last: u64, size: Option<u64>, asked: Option<ByteRange>) -> bool {
    match (size, asked) {
        // The service alone knows where the end is; it tells so many bytes before it.
        (None, Some(ByteRange::Last(count))) => last + 1 - first == count,
        (None, _) => (last + 1..last + 40).all(|size| bytes_of(size, asked) == (first..last + 1)),
        (Some(size), _) => bytes_of(size, asked) == (first..last + 1),
    }
}

/// The same of an answer without a range, which has an object from its first byte on.
fn is_whole(length: Option<u64>, asked: Option<ByteRange>) -> bool {
    let starts = !matches!(asked, Some(ByteRange::From(1..) | ByteRange::Part { start: 1.., .. }));
    let mut sizes = length.map_or(0..40, |length| length..length + 1);
    starts && sizes.all(|size| bytes_of(size, asked) == (0..size))
}

type Range = Option<(u64, u64, Option<u64>)>;

/// What [`object_framing`] is to find, by what each header means alone.
fn expected(status: u16, framing: Option<Framing>, range: Range, asked: Option<ByteRange>) -> Option<Option<u64>> {
    let length = match framing? {
        Framing::Length(length) => Some(length),
        Framing::Chunked | Framing::Close => None,
    };
    match (status, range) {
        (200 | 206, Some((first, last, size))) => {
            let count = last + 1 - first;
            (is_all(first, last, size, asked) && length.is_none_or(|length| length == count)).then_some(Some(count))
        }
        (200, None) => (framing != Some(Framing::Close) && is_whole(length, asked)).then_some(length),
        _ => None,
    }
}

/// Every combination of `Transfer-Encoding`, `Content-Length`, `Content-Range`, status and what was asked for.
#[test]
fn every_combination() {
    type Framed = (&'static [(&'static str, &'static str)], Option<Framing>);
    const TE: &str = "transfer-encoding";
    const CL: &str = "content-length";
    let framed: [Framed; 11] = [
        (&[], Some(Framing::Close)),
        (&[(CL, "5")], Some(Framing::Length(5))),
        (&[(CL, "10")], Some(Framing::Length(10))),
        (&[(CL, "5"), (CL, "5")], Some(Framing::Length(5))),
        (&[(CL, "5"), (CL, "10")], None),
        (&[(CL, "x")], None),
        (&[(TE, "chunked")], Some(Framing::Chunked)),
        (&[(TE, "chunked"), (CL, "5")], None),
        (&[(TE, "gzip")], None),
        (&[(TE, "gzip, chunked"), (CL, "5")], None),
        (&[(TE, "chunked"), (TE, "identity")], None),
    ];
    let ranges: [(&str, Range); 7] = [
        ("", None),
        ("bytes 0-4/5", Some((0, 4, Some(5)))),
        ("bytes 0-4/10", Some((0, 4, Some(10)))),
        ("bytes 0-9/10", Some((0, 9, Some(10)))),
        ("bytes 5-9/10", Some((5, 9, Some(10)))),
        ("bytes 5-9/*", Some((5, 9, None))),
        ("bytes 0-9/*", Some((0, 9, None))),
    ];
    let part = |start, end| Some(ByteRange::Part { start, end });
    let last = |count| Some(ByteRange::Last(count));
    let from = |start| Some(ByteRange::From(start));
    let asked =
        [None, from(0), from(5), part(0, 5), part(0, 10), part(5, 10), part(5, 20), last(5), last(10), last(20)];
    let product = [200, 206, 202].into_iter().flat_map(|status| ranges.map(|range| (status, range)));
    for ((status, (text, range)), asked) in product.flat_map(|case| asked.map(|asked| (case, asked))) {
        for (headers, framing) in framed {
            let mut head = head(status, headers);
            if !text.is_empty() {
                head.headers.insert(CONTENT_RANGE, HeaderValue::from_static(text));
            }
            let found = object_framing(&head, asked).ok().map(|framing| framing.length);
            assert_eq!(found, expected(status, framing, range, asked), "{status} {headers:?} {text:?} {asked:?}");
        }
    }
}

/// Each refusal says what is wrong with the answer.
#[test]
fn refusals_say_why() {
    for (status, headers, words) in [
        (200, &[("content-length", "1"), ("transfer-encoding", "chunked")][..], "both Content-Length and"),
        (200, &[("content-length", "x"), ("transfer-encoding", "chunked")], "both Content-Length and"),
        (200, &[("transfer-encoding", "gzip")], "other than chunked"),
        (200, &[("content-length", "x")], "Content-Length is not one number"),
        (200, &[], "does not say how long it is"),
        (206, &[("content-length", "1")], "does not say which bytes it has (Content-Range)"),
        (206, &[("content-length", "1"), ("content-range", "x")], "its Content-Range is none"),
        (200, &[("content-length", "1"), ("content-range", "x")], "its Content-Range is none"),
        (206, &[("content-length", "1"), ("content-range", "bytes 0-1/2")], "Content-Length is not that of"),
        (206, &[("content-length", "1"), ("content-range", "bytes 1-1/2")], "not the whole object"),
        (202, &[("content-length", "1")], "not the object that was asked for"),
    ] {
        let error = object_framing(&head(status, headers), None).expect_err(words).to_string();
        assert!(error.contains(words), "{status} {headers:?}: {error}");
    }
    let error = object_framing(&head(206, &[("content-range", "bytes 1-1/2")]), Some(ByteRange::From(0)));
    assert!(error.expect_err("another range").to_string().contains("other bytes than the range"));
}

/// Headers, and whether the body is whole: of a GET with and without bytes, of a PUT with and without, of a document.
#[test]
fn an_end_is_demanded() {
    for (headers, whole) in [
        (&[][..], [false, false, false, true, true]),
        (&[("content-length", "0")], [true; 5]),
        (&[("transfer-encoding", "chunked")], [true; 5]),
        (&[("transfer-encoding", "gzip")], [false; 5]),
        (&[("transfer-encoding", "chunked"), ("content-length", "0")], [false; 5]),
    ] {
        let whole_if =
            |method, body: &str, document| require_whole(&head(200, headers), &method, body.as_bytes(), document);
        let found = [
            whole_if(Method::GET, "a", false),
            whole_if(Method::GET, "", false),
            whole_if(Method::PUT, "a", false),
            whole_if(Method::PUT, "", false),
            whole_if(Method::GET, "<a/>", true),
        ];
        assert_eq!(found.map(|found| found.is_ok()), whole, "{headers:?}");
    }
}
