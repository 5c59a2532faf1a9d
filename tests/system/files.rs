//! A download to a file, as the operating system sees it: on the disk before it has its name, and the name on the
//! disk before it is said to be done.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind};

use crate::calls::{RIVAL, Wish, syncs, wish};
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::{config, server};

const CONTENT: &str = "hello";

/// Downloads an object into `target` of this folder.
async fn download(folder: &Folder) -> Result<u64, Error> {
    let server = server().await;
    server.bucket().seed("k", CONTENT);
    let store = config(&server).build().and_then(s3lite::Store::new).expect("a store");
    store.get("k").await.expect("the head").write_to_file(folder.path().join("target")).await
}

/// A name that lasts longer than the bytes would be an empty file after a loss of power; a name that does not last, a file
/// that is said to be there and is not.
#[apply(in_every_runtime)]
async fn bytes_are_on_the_disk_before_their_name_and_the_name_before_the_end() {
    let folder = Folder::new();
    folder.file("target", "before");
    assert_eq!(download(&folder).await.expect("it is written"), 5);
    let syncs = syncs(folder.path());
    let [file, directory] = &syncs[..] else { panic!("two are forced to the disk: {syncs:?}") };
    let part = file.path.file_name().expect("a name").to_string_lossy();
    assert!(part.ends_with(".part") && file.beside.contains(&part.into_owned()), "before it is renamed: {file:?}");
    assert_eq!((directory.path.as_path(), &directory.beside[..]), (folder.path(), &["target".to_owned()][..]), "after");
}

#[apply(in_every_runtime)]
async fn bytes_that_do_not_reach_the_disk_take_no_place() {
    let folder = Folder::new();
    let target = folder.file("target", "before");
    wish(folder.path(), Wish::NoFileSync);
    let error = download(&folder).await.expect_err("the disk fails");
    assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
    assert_eq!(std::fs::read(target).expect("the target"), b"before");
    assert_eq!(folder.names(), ["target"], "nothing is left behind");
}

/// The file is there, but nobody knows for how long.
#[apply(in_every_runtime)]
async fn a_name_that_does_not_reach_the_disk_is_said() {
    let folder = Folder::new();
    wish(folder.path(), Wish::NoFolderSync);
    let error = download(&folder).await.expect_err("the disk fails");
    assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
    assert_eq!(std::fs::read(folder.path().join("target")).expect("the target"), CONTENT.as_bytes());
    assert_eq!(folder.names(), ["target"], "no part is left behind");
}

/// A name that is taken is somebody else's, who may read what is written there, or have made a link of it to another file.
#[apply(in_every_runtime)]
async fn a_part_is_never_a_file_that_was_there() {
    let folder = Folder::new();
    wish(folder.path(), Wish::RivalFile);
    download(&folder).await.expect("under another name");
    assert_eq!(std::fs::read(folder.path().join("target")).expect("the target"), CONTENT.as_bytes());
    let names = folder.names();
    let [rival, target] = &names[..] else { panic!("the rival's file is left alone: {names:?}") };
    assert_eq!(std::fs::read(folder.path().join(rival)).expect("the rival's file"), RIVAL.as_bytes());
    assert_eq!(target, "target");
}
