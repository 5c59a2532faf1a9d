//! T18: a download that breaks. The rest is taken of the very same bytes only: under a strong tag that is there both times, in
//! the same encoding.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Store};
use tokio::io::AsyncWriteExt;

use super::MARK;
use crate::covers;
use crate::rig::{Rig, content, everywhere, raw, read, take_request};
use crate::support::strict::{Act, RawResponse};

const SIZE: usize = 300_000;

/// Cuts an answer, and changes its head.
fn cut(after: usize, change: impl Fn(&mut RawResponse) + Send + Sync + 'static) -> Act {
    Act::mutate(move |answer| {
        change(answer);
        answer.set_header("Content-Length", answer.body.len().to_string());
        answer.set_header("Connection", "close");
        answer.body.truncate(after);
    })
}

fn set(name: &'static str, value: &'static str) -> impl Fn(&mut RawResponse) + Send + Sync + 'static {
    move |answer| match value {
        "absent" => answer.remove_header(name),
        "weak" => {
            let own = answer.header(name).unwrap_or_default().to_owned();
            answer.set_header(name, format!("W/{own}"));
        }
        _ => answer.set_header(name, value),
    }
}

/// Reads an object to its end or its failure.
pub async fn read_on(store: &Store) -> (Vec<u8>, Option<Error>) {
    let mut all = Vec::new();
    let mut object = match store.get("k").await {
        Ok(object) => object,
        Err(error) => return (all, Some(error)),
    };
    loop {
        match object.chunk().await {
            Ok(Some(bytes)) => all.extend_from_slice(&bytes),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn seeded() -> Rig {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    rig
}

/// Demands that a download failed, and that what it gave before was the object's beginning.
fn assert_is_not_spliced((bytes, error): (Vec<u8>, Option<Error>), most: usize, what: &str) -> Error {
    assert!(bytes.len() <= most && bytes == content(SIZE)[..bytes.len()], "{what}: {} bytes", bytes.len());
    error.unwrap_or_else(|| panic!("{what}: it ended cleanly"))
}

fn gets(rig: &Rig) -> usize {
    rig.requests().iter().filter(|seen| seen.method == "GET").count()
}

/// Without a strong tag nobody could tell whether the rest belongs to the beginning: the break is the error, at once.
#[tokio::test(start_paused = true)]
async fn t18_without_a_strong_tag_nothing_goes_on() {
    covers(&["T18", "T22"]);
    for tag in ["weak", "W/\"e\"", "\"\"", "W/\"\"", "", "absent", "W/e"] {
        for after in [0, 1000, SIZE - 1] {
            let rig = seeded();
            let store = rig.store();
            rig.server.next_for("GET", cut(after, set("ETag", tag)));
            let error = assert_is_not_spliced(read_on(&store).await, after, tag);
            assert_eq!((error.kind(), gets(&rig)), (ErrorKind::Truncated, 1), "{tag} {after}: {error}");
            rig.server.next_for("GET", cut(after, set("ETag", tag)));
            assert_eq!(read(&store, "k").await.expect_err(tag).kind(), ErrorKind::Truncated, "{tag}");
            assert!(rig.requests().iter().all(|seen| seen.header_count("if-match") == 0), "{tag}");
            rig.assert_sound(store).await;
        }
    }
}

/// A range is gone on with under the same rule.
#[apply(everywhere)]
async fn t18_a_range_needs_a_strong_tag_to_go_on() {
    covers(&["T18"]);
    for (tag, goes_on) in [("weak", false), ("\"\"", false), ("", false), ("absent", false), ("\"e\"", true)] {
        let rig = seeded();
        rig.server.bucket().objects.get_mut(&b"k"[..]).expect("it is there").etag = "\"e\"".to_owned();
        let store = rig.store();
        rig.server.next_for("GET", cut(1000, set("ETag", tag)));
        let bytes = read(&store, s3lite::GetObject::new("k").range(500..5000)).await;
        match bytes {
            Ok(bytes) => assert!(goes_on && bytes == content(SIZE)[500..5000], "{tag}"),
            Err(error) => assert!(!goes_on && error.kind() == ErrorKind::Truncated, "{tag}: {error}"),
        }
        assert_eq!(gets(&rig), 1 + usize::from(goes_on), "{tag}");
        rig.assert_sound(store).await;
    }
}

/// The rest has a weak tag, none, or an empty one: it may be anything's.
#[apply(everywhere)]
async fn t18_a_rest_without_the_strong_tag_is_not_spliced() {
    covers(&["T18"]);
    for tag in ["weak", "\"\"", "", "absent", "\"other\"", "W/\"other\""] {
        let rig = seeded();
        let store = rig.store();
        rig.server.next_for("GET", cut(1000, |_| {}));
        rig.server.next_for("GET", Act::mutate(set("ETag", tag)));
        let error = assert_is_not_spliced(read_on(&store).await, 1000, tag);
        assert!(matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Changed), "{tag}: {:?} {error}", error.kind());
        rig.assert_sound(store).await;
    }
}

/// Beginning and rest in different encodings are no object, whichever of them the proxy changed.
#[apply(everywhere)]
async fn t18_a_rest_in_another_encoding_is_not_spliced() {
    covers(&["T18", "T14b"]);
    for (stored, rest) in
        [(None, "gzip"), (None, "br"), (Some("gzip"), "absent"), (Some("gzip"), "br"), (Some("br"), "gzip,br")]
    {
        let rig = seeded();
        let store = rig.store();
        if let Some(encoding) = stored {
            let mut bucket = rig.server.bucket();
            let object = bucket.objects.get_mut(&b"k"[..]).expect("it is there");
            object.headers.push(("content-encoding".to_owned(), encoding.to_owned()));
        }
        rig.server.next_for("GET", cut(1000, |_| {}));
        rig.server.next_for("GET", Act::mutate(set("Content-Encoding", rest)));
        let what = format!("{stored:?}, {rest}");
        let error = assert_is_not_spliced(read_on(&store).await, 1000, &what);
        let kinds = [ErrorKind::Truncated, ErrorKind::Changed, ErrorKind::Protocol];
        assert!(kinds.contains(&error.kind()), "{what}: {:?} {error}", error.kind());
        // The same encoding both times is the object.
        rig.server.next_for("GET", cut(1000, |_| {}));
        assert!(read(&store, "k").await.expect("it goes on") == content(SIZE), "{what}");
        rig.assert_sound(store).await;
    }
}

/// A tag without its quotes, as old servers write it, is strong all the same.
#[apply(everywhere)]
async fn t18_a_strong_tag_without_quotes_is_one() {
    covers(&["T18"]);
    let (store, network) = raw(|mut stream, number| async move {
        use tokio::io::AsyncWriteExt;
        take_request(&mut stream).await;
        let (first, rest) = (
            format!("HTTP/1.1 200 OK\r\n{MARK}ETag: e\r\nContent-Length: 10\r\n\r\nhello"),
            format!("HTTP/1.1 206 X\r\n{MARK}ETag: e\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nworld"),
        );
        let _ = stream.write_all(if number == 1 { first.as_bytes() } else { rest.as_bytes() }).await;
    });
    assert_eq!(read(&store, "k").await.expect("it goes on"), b"helloworld");
    assert_eq!(network.dialed(), 2);
}

/// An answer in chunks does not say how long it is; one that goes on where it broke does, and is held to it.
#[apply(everywhere)]
async fn t18_a_rest_is_as_long_as_it_says() {
    covers(&["T18"]);
    let begun = format!("HTTP/1.1 200 OK\r\nETag: \"e\"\r\n{MARK}Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    for (frame, body) in [("", "0123456789"), ("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n")] {
        let head = format!("HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 4-63/64\r\n{MARK}");
        let rest = format!("{head}{frame}Connection: close\r\n\r\n{body}");
        let begun = begun.clone();
        let (store, _network) = raw(move |mut stream, number| {
            let answer = if number == 1 { begun.clone() } else { rest.clone() };
            async move {
                take_request(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let (bytes, error) = read_on(&store).await;
        assert!(error.is_some() && bytes.len() < 64, "{frame:?}: {} of 64 bytes are all", bytes.len());
    }
}
