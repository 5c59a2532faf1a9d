//! R1 to R10: sources and targets that lie, change, fail or are not what they seem.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload};
use tokio::io::AsyncWrite;

use crate::covers;
use crate::memory::{Plan, Way};
use crate::rig::{Rig, config, content, everywhere, read};
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::Act;

/// A source that is longer or shorter than announced never becomes an object, whatever the difference.
#[tokio::test(start_paused = true)]
async fn a_source_of_another_length_is_not_stored() {
    covers(&["R1", "R2"]);
    for (announced, has) in [(5, 6), (5, 4), (0, 1), (1, 0), (700_000, 700_001), (700_000, 699_999), (65_536, 20 << 20)]
    {
        let rig = Rig::new();
        let store = rig.store();
        let reader = io::Cursor::new(content(has));
        let error = store.put("k", Payload::reader(reader, announced)).await.expect_err("another length");
        assert_eq!(error.kind(), ErrorKind::Source, "{announced} {has}: {error}");
        assert!(
            !error.is_outcome_unknown() && rig.server.bucket().content("k").is_none(),
            "{announced} {has}: {error}"
        );
        rig.assert_sound(store).await;
    }
}

/// However long a source takes to show its end, the service's time begins behind that, also on a connection that is there.
#[tokio::test(start_paused = true)]
async fn a_slow_source_is_not_a_slow_service() {
    covers(&["R1"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.bucket().seed("warm", "a");
    let (empty, writer) = tokio::io::duplex(1);
    let ends = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(100)).await;
        drop(writer);
    });
    let kept_warm = async {
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_secs(9)).await;
            store.head("warm").await.expect("it is there");
        }
    };
    let (put, ()) = tokio::join!(store.put("k", Payload::reader(empty, 0)), kept_warm);
    put.expect("stored at the first try");
    ends.await.expect("no panic");
    rig.assert_sound(store).await;
}

/// The first part of a file has gone when the rest of it changes, its length and its date kept.
#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_sent_is_not_stored() {
    covers(&["R3", "R4"]);
    let other: Vec<u8> = content(3_000_000).into_iter().rev().collect();
    for (name, change) in [("changed", other), ("cut", vec![0; 10])] {
        let (rig, folder) = (Rig::new(), Folder::new());
        let path = folder.file("f", content(3_000_000));
        let date = std::fs::metadata(&path).and_then(|meta| meta.modified()).expect("a date");
        let narrow = Way { bytes_per_second: Some(100_000), ..Way::default() };
        rig.network.always(move |_| Plan { up: narrow, ..Plan::default() });
        let store = rig.open(config().set("expect-continue", "off"));
        let payload = Payload::file(&path).await.expect("a file");
        let putting = tokio::spawn({
            let store = store.clone();
            async move { store.put("k", payload).await }
        });
        tokio::time::sleep(Duration::from_secs(2)).await;
        std::fs::write(&path, change).expect("it is written");
        let file = std::fs::File::options().write(true).open(&path).expect("the file");
        file.set_modified(date).expect("the old date");
        let error = putting.await.expect("the task").expect_err("it changed");
        assert!(matches!(error.kind(), ErrorKind::Source | ErrorKind::Integrity), "{name}: {error}");
        assert!(rig.server.bucket().content("k").is_none(), "{name}");
        rig.assert_sound(store).await;
    }
}

#[apply(in_every_runtime)]
async fn what_is_no_file_is_refused() {
    covers(&["R4", "R5"]);
    let folder = Folder::new();
    for path in [folder.path().to_owned(), folder.path().join("absent"), "/dev/null".into()] {
        assert_eq!(Payload::file(&path).await.expect_err("no file").kind(), ErrorKind::Source, "{}", path.display());
    }
}

/// A writer on a disk that is full.
struct Full(usize);

impl AsyncWrite for Full {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        let count = bytes.len().min(self.0);
        self.0 -= count;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[apply(everywhere)]
async fn a_full_disk_is_said() {
    covers(&["R7"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(300_000));
    let store = rig.store();
    for room in [0, 1, 299_999] {
        let error = store.get("k").await.expect("it is there").copy_to(&mut Full(room)).await.expect_err("full");
        assert_eq!(error.kind(), ErrorKind::Sink, "{room}: {error}");
    }
    rig.assert_sound(store).await;
}

/// On Linux `/dev/full` takes nothing, and only says so when it is flushed.
#[cfg(target_os = "linux")]
#[apply(everywhere)]
async fn a_writer_that_fails_at_its_end_is_heard() {
    covers(&["R7", "R9"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.store();
    let file = tokio::fs::File::options().write(true).open("/dev/full").await.expect("Linux has it");
    let mut writer = tokio::io::BufWriter::new(file);
    let error = store.get("k").await.expect("it is there").copy_to(&mut writer).await.expect_err("full");
    assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_file_takes_its_place_whole_or_not_at_all() {
    covers(&["R7", "R8", "R9", "R10"]);
    let (rig, folder) = (Rig::new(), Folder::new());
    rig.server.bucket().seed("k", content(300_000));
    let store = rig.open(config().set("max-retries", 0));
    let target = folder.file("target", "before");
    for act in [Act::CutBody { after: 0 }, Act::ResetBody { after: 299_999 }, Act::StallBody { after: 5 }] {
        rig.server.next_for("GET", act);
        store.get("k").await.expect("the head").write_to_file(&target).await.expect_err("broken");
        assert_eq!(std::fs::read(&target).expect("the target"), b"before");
    }
    for path in [folder.path().join("absent/file"), folder.path().to_owned(), target.join("below a file")] {
        let error = store.get("k").await.expect("the head").write_to_file(&path).await.expect_err("no place for it");
        assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
    }
    assert_eq!(folder.names(), ["target"], "nothing is left behind");
    store.get("k").await.expect("the head").write_to_file(&target).await.expect("it is written");
    assert!(std::fs::read(&target).expect("the target") == content(300_000));
    rig.assert_sound(store).await;
}

/// The link is replaced, and what it leads to is left alone; the part is nobody else's to read.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_link_is_replaced_and_not_followed() {
    covers(&["R10", "X20"]);
    use std::os::unix::fs::PermissionsExt;
    let (rig, folder) = (Rig::new(), Folder::new());
    rig.server.bucket().seed("k", content(300_000));
    let store = rig.open(config().set("max-retries", 0));
    let (precious, link) = (folder.file("precious", "before"), folder.path().join("link"));
    std::os::unix::fs::symlink(&precious, &link).expect("a link");
    rig.server.next_for("GET", Act::StallBody { after: 100_000 });
    let writing = tokio::spawn({
        let (store, link) = (store.clone(), link.clone());
        async move { store.get("k").await?.write_to_file(&link).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let part = folder.names().into_iter().find(|name| name.ends_with(".part")).expect("a part");
    let mode = std::fs::metadata(folder.path().join(part)).expect("the part").permissions().mode();
    assert_eq!(mode & 0o077, 0, "readable by others: {mode:o}");
    writing.await.expect("the task").expect_err("it stalled");
    store.get("k").await.expect("the head").write_to_file(&link).await.expect("it is written");
    assert_eq!(std::fs::read(&precious).expect("the other file"), b"before");
    assert!(!std::fs::symlink_metadata(&link).expect("the link's place").is_symlink());
    rig.assert_sound(store).await;
}

/// What an empty object is: one request, no bytes.
#[apply(everywhere)]
async fn nothing_is_an_object_too() {
    covers(&["I19"]);
    let (rig, folder) = (Rig::new(), Folder::new());
    let store = rig.store();
    let path = folder.file("empty", "");
    for payload in
        [Payload::bytes(""), Payload::reader(tokio::io::empty(), 0), Payload::file(&path).await.expect("a file")]
    {
        store.put("k", payload).await.expect("stored");
        assert_eq!(read(&store, "k").await.expect("it is there"), b"");
        store.delete("k").await.expect("gone");
    }
    assert_eq!(rig.requests().len(), 9);
    rig.assert_manners();
}
