//! A download that ends early, late, elsewhere or without saying how long it is, never ends cleanly.

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject};
use tokio::io::AsyncReadExt;

use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, Framing};
use crate::{assert_manners, config, open, server, store};

const CONTENT: &[u8] = &[42; 100_000];

#[apply(in_every_runtime)]
async fn a_cut_download_is_an_error_in_every_form() {
    let server = server().await;
    server.bucket().seed("k", CONTENT);
    let (store, folder) = (store(&server), Folder::new());
    let target = folder.file("target", "before");
    for act in [Act::CutBody { after: 0 }, Act::CutBody { after: 99_999 }, Act::ResetBody { after: 50_000 }] {
        for form in 0..4 {
            server.next_for("GET", act.clone());
            let object = store.get("k").await.expect("the head is right");
            let kind = match form {
                0 => object.bytes().await.expect_err("cut").kind(),
                1 => object.write_to_file(&target).await.expect_err("cut").kind(),
                2 => object.copy_to(&mut Vec::new()).await.expect_err("cut").kind(),
                _ => {
                    let mut read = Vec::new();
                    let error = object.into_reader().read_to_end(&mut read).await.expect_err("cut");
                    error.get_ref().and_then(|e| e.downcast_ref::<s3lite::Error>()).expect("our own error").kind()
                }
            };
            assert_eq!(kind, ErrorKind::Truncated, "{act:?} {form}");
        }
    }
    assert_eq!(folder.names(), ["target"], "no part is left behind");
    assert_eq!(std::fs::read(&target).expect("the target"), b"before");
    assert_manners(&server);
}

#[apply(in_every_runtime)]
async fn a_cut_chunked_download_is_an_error() {
    let server = server().await;
    let store = store(&server);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"e\"\r\n\r\n";
    for body in ["5\r\nhello\r\n", "5\r\nhel", "zz\r\nhello\r\n"] {
        server.next_for("GET", Act::ReplyThenClose(format!("{head}{body}").into_bytes()));
        let object = store.get("k").await.expect("the head is right");
        assert_eq!(object.bytes().await.expect_err(body).kind(), ErrorKind::Truncated, "{body}");
    }
    server.next_for("GET", Act::Reply(format!("{head}5\r\nhello\r\n0\r\n\r\n").into_bytes()));
    assert_eq!(store.get("k").await.expect("the head").bytes().await.expect("complete"), "hello");
}

#[apply(in_every_runtime)]
async fn a_download_without_framing_is_refused() {
    let server = server().await;
    server.bucket().seed("k", CONTENT);
    let store = store(&server);
    server.next_for("GET", Act::mutate(|answer| answer.framing = Framing::UntilClose));
    let error = store.get("k").await.expect_err("nobody could tell whether it is complete");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    // A range says how long it is by its Content-Range.
    server.next_for("GET", Act::mutate(|answer| answer.framing = Framing::UntilClose));
    let object = store.get(GetObject::new("k").range(0..10)).await.expect("a range");
    assert_eq!(object.bytes().await.expect("its bytes"), &CONTENT[..10]);
    server.next_for(
        "GET",
        Act::mutate(|answer| {
            answer.framing = Framing::UntilClose;
            answer.body.truncate(9);
        }),
    );
    let object = store.get(GetObject::new("k").range(0..10)).await.expect("a range");
    assert_eq!(object.bytes().await.expect_err("one is missing").kind(), ErrorKind::Truncated);
}

#[apply(in_every_runtime)]
async fn another_range_than_asked_for_is_refused() {
    let server = server().await;
    server.bucket().seed("k", CONTENT);
    let store = store(&server);
    let wrong =
        ["bytes 0-9/100000", "bytes 10-18/100000", "bytes 10-20/100000", "bytes 10-19/15", "items 10-19/100000", ""];
    for content_range in wrong {
        server.next_for("GET", Act::mutate(move |answer| answer.set_header("Content-Range", content_range)));
        let error = store.get(GetObject::new("k").range(10..20)).await.expect_err(content_range);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{content_range}: {error}");
    }
    for range in [GetObject::new("k").range(10..20), GetObject::new("k").range(..20), GetObject::new("k").last(5)] {
        server.next_for(
            "GET",
            Act::mutate(|answer| {
                answer.status = 200;
                answer.remove_header("Content-Range");
                answer.body = CONTENT.to_vec();
            }),
        );
        let error = store.get(range).await.expect_err("the whole is not the part");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
}

#[apply(in_every_runtime)]
async fn ranges_of_any_object_are_exact() {
    let server = server().await;
    server.bucket().seed("k", CONTENT);
    server.bucket().seed("empty", "");
    let store = store(&server);
    let tail = store.get(GetObject::new("k").last(200_000)).await.expect("all of it");
    assert_eq!(tail.bytes().await.expect("its bytes"), CONTENT);
    for get in [GetObject::new("empty").range(0..), GetObject::new("empty").range(..7), GetObject::new("empty").last(7)]
    {
        assert_eq!(store.get(get).await.expect("an empty object").bytes().await.expect("nothing"), "");
    }
    let inverted = std::ops::Range { start: 5, end: 4 };
    for (get, kind) in [
        (GetObject::new("empty").range(1..), ErrorKind::InvalidRange),
        (GetObject::new("k").range(100_000..), ErrorKind::InvalidRange),
        (GetObject::new("k").range(u64::MAX..), ErrorKind::InvalidRange),
        (GetObject::new("k").range(inverted), ErrorKind::BadInput),
    ] {
        assert_eq!(store.get(get).await.expect_err("outside").kind(), kind);
    }
}

#[apply(in_every_runtime)]
async fn a_file_appears_whole_or_not_at_all() {
    let server = server().await;
    server.bucket().seed("k", CONTENT);
    let (store, folder) = (store(&server), Folder::new());
    let get = || async { store.get("k").await.expect("it is there") };
    let target = folder.path().join("new");
    assert_eq!(get().await.write_to_file(&target).await.expect("it is written"), CONTENT.len() as u64);
    assert_eq!(std::fs::read(&target).expect("the file"), CONTENT);
    for path in [folder.path().to_owned(), folder.path().join("no/such/folder")] {
        let error = get().await.write_to_file(&path).await.expect_err("it cannot be written");
        assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
    }
    server.next_for("GET", Act::StallBody { after: 10 });
    let stalled = store.get("k").await.expect("the head");
    let writing = stalled.write_to_file(folder.path().join("dropped"));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), writing).await.is_err());
    assert_eq!(folder.names(), ["new"], "a dropped download leaves nothing");
}

/// An object's own bytes are never taken for an answer about it.
#[apply(in_every_runtime)]
async fn an_object_may_be_an_error_document() {
    let server = server().await;
    let content = "<Error><Code>SlowDown</Code></Error>";
    server.bucket().seed("SlowDown", content);
    let store = open(config(&server));
    assert_eq!(store.get("SlowDown").await.expect("an object").bytes().await.expect("its bytes"), content);
    assert_eq!(store.send(s3lite::Raw::get("SlowDown")).await.expect("an object").body, content);
}
