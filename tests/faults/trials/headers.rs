//! T24, T25: headers that no server should write: folded ones (RFC 9112 section 5.2), and control characters in them (RFC 9110
//! section 5.5). Neither is the network's doing, so asking again cannot help.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, ListObjectsV2, Raw};

use super::{MARK, TAG};
use crate::covers;
use crate::rig::{everywhere, parrot, read};

/// An answer with these bytes among its headers.
fn answer(status: &str, header: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{MARK}{TAG}");
    [head.as_bytes(), header, b"\r\nContent-Length: 5\r\n\r\nhello"].concat()
}

/// Every way to ask, and what came of it.
async fn each_way(answer: &[u8]) -> Vec<(&'static str, Option<Error>)> {
    let (store, _) = parrot(answer);
    let empty = String::from_utf8_lossy(answer).replace("Length: 5", "Length: 0").replace("hello", "");
    let (written, _) = parrot(empty);
    vec![
        ("GET", read(&store, "k").await.err()),
        ("raw", store.send(Raw::get("k")).await.err()),
        ("listing", store.list(ListObjectsV2::new()).next().await.err()),
        ("PUT", written.put("k", "x").await.err()),
        ("DELETE", written.delete("k").await.err()),
    ]
}

#[apply(everywhere)]
async fn t25_a_control_character_is_told_with_its_header() {
    covers(&["T25"]);
    for control in ["\u{0}", "\u{1}", "\u{7}", "\u{8}", "\u{b}", "\u{1b}[31m", "\u{7f}"] {
        for (status, header) in [
            ("200 OK", format!("x-amz-meta-odd: a{control}b")),
            ("200 OK", format!("X-Amz-Meta-Odd: {control}")),
            ("404 Not Found", format!("x-amz-meta-odd: a{control}")),
        ] {
            for (way, error) in each_way(&answer(status, header.as_bytes())).await {
                let error = error.unwrap_or_else(|| panic!("{way} {header:?}: it was taken"));
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 1), "{way} {header:?}: {error}");
                let text = error.to_string();
                assert!(text.to_ascii_lowercase().contains("x-amz-meta-odd"), "{way} {header:?}: {text}");
                assert!(!text.contains(|c: char| c.is_control()), "{way} {header:?}: {text:?}");
                assert_eq!(error.is_outcome_unknown(), matches!(way, "PUT" | "DELETE"), "{way}: {error}");
            }
        }
    }
}

/// A HEAD has nothing but headers.
#[apply(everywhere)]
async fn t25_a_heads_header_is_told_too() {
    covers(&["T25"]);
    let (store, network) =
        parrot(format!("HTTP/1.1 200 OK\r\n{TAG}x-amz-meta-odd: a\u{1}\r\nContent-Length: 5\r\n\r\n"));
    let error = store.head("k").await.expect_err("it cannot be read");
    assert_eq!((error.kind(), error.attempts(), network.dialed()), (ErrorKind::Protocol, 1, 1), "{error}");
    assert!(error.to_string().contains("x-amz-meta-odd"), "{error}");
}

/// Tabs, blanks around, bytes above ASCII (catalogue H20) and odd names are none.
#[apply(everywhere)]
async fn t25_odd_characters_that_are_allowed_are_read() {
    covers(&["T25"]);
    for header in [
        &b"x-amz-meta-odd: a\tb"[..],
        b"x-amz-meta-odd:a",
        b"x-amz-meta-odd:  a  ",
        b"x-amz-meta-odd:",
        b"x-amz-meta-odd: na\xc3\xafve",
        b"x-amz-meta-odd: \xff\x80",
        b"x-amz-meta-o~d_d!: \"<a>\"",
    ] {
        let (store, _) = parrot(answer("200 OK", header));
        assert_eq!(read(&store, "k").await.expect("an object"), b"hello", "{header:?}");
    }
}

/// A folded header is read with blanks where it was folded, or the answer is an error at the first try: never four tries.
#[apply(everywhere)]
async fn t24_a_folded_header_is_blanks_or_an_error_once() {
    covers(&["T24"]);
    for folded in ["x-amz-meta-odd: one\r\n two", "x-amz-meta-odd: one\r\n\ttwo", "x-amz-meta-odd:\r\n  one\r\n  two"] {
        let (store, network) = parrot(answer("200 OK", folded.as_bytes()));
        match store.get("k").await {
            Ok(object) => {
                let value = object.meta().metadata("odd").expect("the header").to_owned();
                assert_eq!(value.split_whitespace().collect::<Vec<_>>(), ["one", "two"], "{folded:?}: {value:?}");
                assert!(!value.contains(['\r', '\n']), "{value:?}");
                assert_eq!(object.bytes().await.expect("its bytes"), "hello");
            }
            Err(error) => {
                assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 1), "{folded:?}: {error}");
                assert!(error.to_string().contains("x-amz-meta-odd"), "{error}");
            }
        }
        assert_eq!(network.dialed(), 1, "{folded:?}");
    }
}
