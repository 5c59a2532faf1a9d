//! Every way to sign a payload, and sources that are not what they say.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use s3lite::{ErrorKind, Payload, PutObject};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use crate::server::{Server, bytes, clean, open};
use crate::support::folder::Folder;

pub async fn every_signing(server: Arc<Server>) {
    let folder = Folder::new();
    for signing in ["auto", "signed", "streaming", "unsigned"] {
        if signing == "unsigned" && !server.is_https() {
            let error = server.config().set("payload-signing", signing).build().expect_err("refused over plain http");
            assert!(error.to_string().contains("payload-signing"), "{error}");
            continue;
        }
        let store = open(server.config().set("payload-signing", signing));
        for size in [0, 1, 65_536, 200_001, 300_001] {
            let content = bytes(size);
            let file = folder.file("in", &content);
            store.put("bytes", content.clone()).await.unwrap_or_else(|error| panic!("{signing}, {size}: {error}"));
            let payload = Payload::file(&file).await.expect("a file");
            store.put("file", payload).await.unwrap_or_else(|error| panic!("{signing}, {size}: {error}"));
            let reader = Payload::reader(io::Cursor::new(content.clone()), size as u64);
            match store.put("reader", reader).await {
                // A small one is read first, and can be hashed then.
                Ok(_) => assert!(signing != "signed" || size <= 256 << 10),
                Err(error) => {
                    assert_eq!((signing, size, error.kind()), ("signed", 300_001, ErrorKind::BadInput), "{error}");
                }
            }
            let was_stored = |key: &str| key != "reader" || signing != "signed" || size <= 256 << 10;
            for key in ["bytes", "file", "reader"].iter().filter(|key| was_stored(key)) {
                let read = store.get(*key).await.expect("it is there").bytes().await.expect("its bytes");
                assert!(read == content, "{signing} {key} {size}");
            }
        }
        clean(&store).await;
    }
}

pub async fn wrong_lengths(server: Arc<Server>) {
    for signing in ["auto", "streaming"] {
        let store = open(server.config().set("payload-signing", signing));
        for (has, says) in [(0, 1), (1, 0), (10, 9), (10, 11), (200_000, 199_999), (200_000, 200_001), (70_000, 65_536)]
        {
            let payload = Payload::reader(io::Cursor::new(bytes(has)), says);
            let error = store.put("wrong", payload).await.expect_err("it is longer or shorter");
            assert_eq!(error.kind(), ErrorKind::Source, "{has} for {says}: {error}");
            assert!(store.head("wrong").await.expect_err("nothing is stored").is_not_found(), "{has} for {says}");
        }
    }
}

/// A reader that fails after some bytes.
struct Failing(usize);

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = self.0.min(buffer.remaining());
        if count == 0 {
            return Poll::Ready(Err(io::Error::other("the disk is on fire")));
        }
        buffer.put_slice(&vec![b'x'; count]);
        self.0 -= count;
        Poll::Ready(Ok(()))
    }
}

pub async fn failing_source(server: Arc<Server>) {
    let store = server.store();
    for good in [0, 1, 100_000, 999_999] {
        let error = store.put("failing", Payload::reader(Failing(good), 1_000_000)).await.expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::Source, "{error}");
        assert!(error.to_string().contains("the disk is on fire"), "{error}");
        assert!(store.head("failing").await.expect_err("nothing is stored").is_not_found());
    }
}

/// A reader that stands still half-way, and says so.
struct Stuck(Failing, Option<tokio::sync::oneshot::Sender<()>>);

impl AsyncRead for Stuck {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.0 > 0 {
            return Pin::new(&mut self.0).poll_read(cx, buffer);
        }
        if let Some(stuck) = self.1.take() {
            let _ = stuck.send(());
        }
        Poll::Pending
    }
}

/// A put that is dropped half-way must not leave the first half as the object: some servers take an orderly close for the
/// end of the body.
pub async fn cancelled(server: Arc<Server>) {
    let store = server.store();
    for good in [1, 500_000] {
        let (tell, stuck) = tokio::sync::oneshot::channel();
        let payload = Payload::reader(Stuck(Failing(good), Some(tell)), 1_000_000);
        tokio::select! {
            _ = store.put("cancelled", payload) => panic!("the source never ends"),
            _ = stuck => {}
        }
        for _ in 0..10 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            assert!(store.head("cancelled").await.expect_err("nothing is stored").is_not_found(), "{good}");
        }
    }
}

pub async fn changed_file(server: Arc<Server>) {
    let (store, folder) = (server.store(), Folder::new());
    let path = folder.file("in", bytes(1000));
    let payload = Payload::file(&path).await.expect("a file");
    folder.file("in", bytes(999));
    let error = store.put("changed", payload).await.expect_err("it was changed");
    assert_eq!(error.kind(), ErrorKind::Source, "{error}");
    assert!(Payload::file(folder.path()).await.expect_err("a folder").to_string().contains("not a regular file"));
    assert!(Payload::file(folder.path().join("no")).await.expect_err("nothing").to_string().contains("cannot be read"));
    assert!(store.head("changed").await.expect_err("nothing is stored").is_not_found());
}

/// The content encoding belongs to the object; its bytes are never decoded on the way.
pub async fn encoded_content(server: Arc<Server>) {
    let store = server.store();
    let put = PutObject::new("gz").content_encoding("gzip");
    store.put(put, vec![0x1f, 0x8b, 1, 2, 3]).await.expect("it is stored");
    let mut read = Vec::new();
    store.get("gz").await.expect("it is there").into_reader().read_to_end(&mut read).await.expect("its bytes");
    assert_eq!(read, [0x1f, 0x8b, 1, 2, 3]);
    clean(&store).await;
}
