//! Objects go in and come back the same.

use std::sync::Arc;

use s3lite::{ErrorKind, GetObject, Payload, PutObject};
use tokio::io::AsyncReadExt;

use crate::server::{Server, bytes, clean};
use crate::support::folder::Folder;

const SIZES: [usize; 9] = [0, 1, 1023, 65_535, 65_536, 65_537, 262_144, 1_048_579, 6_000_001];

pub async fn sizes(server: Arc<Server>) {
    let store = server.store();
    for size in SIZES {
        let content = bytes(size);
        let put = store.put("object", content.clone()).await.unwrap_or_else(|error| panic!("{size} bytes: {error}"));
        assert!(!put.etag.as_str().is_empty());
        let object = store.get("object").await.expect("the object");
        assert_eq!((object.meta().size(), object.remaining()), (Some(size as u64), Some(size as u64)));
        assert_eq!(object.bytes().await.expect("its bytes"), content, "{size} bytes");
    }
    clean(&store).await;
}

pub async fn files(server: Arc<Server>) {
    let (store, folder) = (server.store(), Folder::new());
    for size in SIZES {
        let (content, target) = (bytes(size), folder.path().join("out"));
        let source = folder.file("in", &content);
        store.put("file", Payload::file(&source).await.expect("a file")).await.expect("it is stored");
        let written =
            store.get("file").await.expect("it is there").write_to_file(&target).await.expect("it is written");
        assert_eq!(written, size as u64);
        assert!(std::fs::read(&target).expect("the file") == content, "{size} bytes");
        assert_eq!(folder.names(), ["in", "out"]);
    }
    clean(&store).await;
}

pub async fn readers(server: Arc<Server>) {
    let store = server.store();
    for size in SIZES {
        let content = bytes(size);
        let reader = std::io::Cursor::new(content.clone());
        store
            .put("reader", Payload::reader(reader, size as u64))
            .await
            .unwrap_or_else(|error| panic!("{size}: {error}"));
        let mut read = Vec::new();
        store.get("reader").await.expect("it is there").into_reader().read_to_end(&mut read).await.expect("its bytes");
        assert!(read == content, "{size} bytes");
        let mut copied = Vec::new();
        store.get("reader").await.expect("it is there").copy_to(&mut copied).await.expect("its bytes");
        assert!(copied == content, "{size} bytes");
    }
    clean(&store).await;
}

pub async fn metadata(server: Arc<Server>) {
    let store = server.store();
    let put = PutObject::new("m").content_type("message/rfc822").metadata("account", "7   seven");
    let stored = store.put(put, "hello").await.expect("it is stored");
    let meta = store.head("m").await.expect("its metadata");
    assert_eq!((meta.size(), meta.content_type()), (Some(5), Some("message/rfc822")));
    assert_eq!(meta.metadata("Account"), Some("7   seven"));
    assert_eq!(meta.etag(), Some(stored.etag));
    // A server rounds up to its next second, or its clock is a little ahead.
    let age = meta.last_modified().expect("a date").elapsed();
    let age = age.unwrap_or_else(|ahead| ahead.duration()).as_secs();
    assert!(age < 3600, "{age} s before or after now");
    clean(&store).await;
}

/// Keys that every server can hold, also those that keep objects as files; the odder ones are for the strict server.
pub async fn odd_keys(server: Arc<Server>) {
    let store = server.store();
    let keys = [
        "with space",
        "plus+plus",
        "a&b=c",
        "q?x#y",
        "100%25",
        "%2F",
        "semi;colon",
        "at@colon:",
        "paren(s)",
        "quote'\"",
        "brace{}[]",
        "tilde~",
        "star*",
        "dollar$",
        "comma,",
        "ünï/cødé",
        "日本/語",
        "emoji😀",
        "deep/er/still/deeper",
        "back\\slash",
        "pipe|caret^",
        "less<more>",
        "-dash",
        "UPPER and lower",
    ];
    for key in keys {
        store.put(key, key).await.unwrap_or_else(|error| panic!("{error}"));
        let read = store.get(key).await.unwrap_or_else(|error| panic!("{error}")).bytes().await.expect("its bytes");
        assert_eq!(read, key);
        store.delete(key).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(store.head(key).await.expect_err("it is gone").is_not_found(), "{key}");
    }
}

pub async fn ranges(server: Arc<Server>) {
    let store = server.store();
    let content = bytes(100_000);
    store.put("r", content.clone()).await.expect("it is stored");
    let get = || GetObject::new("r");
    for (operation, expected) in [
        (get().range(0..1), &content[..1]),
        (get().range(10..20), &content[10..20]),
        (get().range(..=9), &content[..10]),
        (get().range(99_990..), &content[99_990..]),
        (get().range(99_990..200_000), &content[99_990..]),
        (get().range(0..), &content[..]),
        (get().last(7), &content[99_993..]),
    ] {
        let what = format!("{:?}", operation.byte_range());
        let object = store.get(operation).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(object.meta().size(), Some(100_000), "{what}");
        assert!(object.bytes().await.expect("its bytes") == expected, "{what}");
    }
    let error = store.get(get().range(100_000..)).await.expect_err("outside");
    assert_eq!(error.kind(), ErrorKind::InvalidRange, "{error}");
    clean(&store).await;
}

pub async fn empty_ranges(server: Arc<Server>) {
    let store = server.store();
    store.put("full", "0123").await.expect("it is stored");
    store.put("empty", "").await.expect("it is stored");
    for operation in
        [GetObject::new("full").range(2..2), GetObject::new("full").last(0), GetObject::new("empty").range(0..)]
    {
        let what = format!("{operation:?}");
        let object = store.get(operation).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(object.bytes().await.expect("no bytes"), "", "{what}");
    }
    assert!(store.get(GetObject::new("absent").range(2..2)).await.expect_err("absent").is_not_found());
    clean(&store).await;
}

pub async fn deletion(server: Arc<Server>) {
    let store = server.store();
    store.put("gone", "x").await.expect("it is stored");
    store.delete("gone").await.expect("it is deleted");
    assert!(store.get("gone").await.expect_err("it is gone").is_not_found());
    store.delete("gone").await.expect("deleting what is not there is success");
}

pub async fn many_at_once(server: Arc<Server>) {
    let store = server.store();
    let work = (0..64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let (key, content) = (format!("n{number}"), bytes(number * 1000));
            store.put(&key, content.clone()).await.expect("it is stored");
            assert!(store.get(&key).await.expect("it is there").bytes().await.expect("its bytes") == content);
        })
    });
    for task in work.collect::<Vec<_>>() {
        task.await.expect("the task");
    }
    clean(&store).await;
}

/// The prefix stands before every key on the server, and in front of none that the caller sees.
pub async fn prefix(server: Arc<Server>) {
    let store = server.store();
    store.put("a/b", "x").await.expect("it is stored");
    let whole = crate::server::open(server.config().set("key-prefix", ""));
    let full = store.config().key_prefix().join("a/b");
    assert_eq!(whole.get(&full).await.expect("under its full key").bytes().await.expect("its bytes"), "x");
    let mut pages = store.list(s3lite::ListObjectsV2::new().prefix("a/"));
    let listed = pages.next_object().await.expect("a listing").expect("an object");
    assert_eq!(listed.key, "a/b");
    clean(&store).await;
}
