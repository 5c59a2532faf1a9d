//! T30, T33, T35a: the place of a download on the disk. What is there that is no file is not replaced by one; a place that cannot
//! be written is found out before the bytes are asked for; and the file has the permissions that one expects of it.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Store};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::covers;
use crate::rig::{Rig, config, content, everywhere};
use crate::support::folder::Folder;
use crate::support::strict::{Act, Filter};

/// More than arrives at a time.
const SIZE: usize = 300_000;

fn seeded() -> Rig {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    rig
}

async fn download(store: &Store, path: impl AsRef<Path>) -> Result<u64, Error> {
    store.get("k").await.expect("the head").write_to_file(path).await
}

fn mode(path: impl AsRef<Path>) -> u32 {
    std::fs::symlink_metadata(path).expect("it is there").mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its permissions");
}

/// Runs a tool of the system; false if it is not there or fails.
fn run(tool: &str, arguments: &[&str], path: &Path) -> bool {
    let ended = Command::new(tool).arg(path).args(arguments).stderr(std::process::Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}

fn fifo(folder: &Folder) -> PathBuf {
    let path = folder.path().join("fifo");
    assert!(run("mkfifo", &[], &path), "a pipe");
    path
}

/// What is no file, as far as this process may make it: a pipe, a socket, and a device like `/dev/null` for root alone.
fn odd_nodes(folder: &Folder) -> Vec<PathBuf> {
    let (socket, device) = (folder.path().join("socket"), folder.path().join("null"));
    drop(UnixListener::bind(&socket).expect("a socket"));
    let mut nodes = vec![fifo(folder), socket];
    if run("mknod", &["c", "1", "3"], &device) {
        nodes.push(device);
    }
    nodes
}

fn node(path: &Path) -> (u64, u64, u32) {
    let found = std::fs::symlink_metadata(path).expect("it is still there");
    (found.dev(), found.ino(), found.mode())
}

/// Pipes, sockets and devices stay what they are, whether they are named or led to, and are refused by their kind.
#[apply(everywhere)]
async fn t30_what_is_no_file_stays_what_it_is() {
    covers(&["T30"]);
    let (rig, folder) = (seeded(), Folder::new());
    let store = rig.store();
    let nodes = odd_nodes(&folder);
    let names = folder.names();
    for path in &nodes {
        let before = node(path);
        let error = download(&store, path).await.expect_err("no place for a file");
        assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()) && !text.contains(".part"), "{text}");
        assert!(text.contains("write to it with copy_to"), "{text}");
        assert_eq!((error.operation(), error.key()), (Some("GetObject"), Some("k")), "{text}");
        assert_eq!(node(path), before, "{}", path.display());
    }
    assert!(std::fs::metadata(&nodes[0]).expect("the pipe").file_type().is_fifo());
    assert_eq!(folder.names(), names, "nothing is left behind");
    rig.assert_manners();
}

/// The way that the refusal names: a pipe is written to by copying.
#[apply(everywhere)]
async fn t30_a_pipe_is_copied_to() {
    covers(&["T30"]);
    let (rig, folder) = (seeded(), Folder::new());
    let path = fifo(&folder);
    let options = tokio::net::unix::pipe::OpenOptions::new();
    let mut reader = options.open_receiver(&path).expect("the pipe's reader");
    let mut writer = options.open_sender(&path).expect("the pipe's writer");
    let store = rig.store();
    let copying = tokio::spawn({
        let store = store.clone();
        async move { store.get("k").await?.copy_to(&mut writer).await }
    });
    let mut read = Vec::new();
    reader.read_to_end(&mut read).await.expect("the bytes");
    assert!(read == content(SIZE));
    assert_eq!(copying.await.expect("the task").expect("all of them"), SIZE as u64);
    rig.assert_manners();
}

/// A link is replaced, whether what it leads to is a file, a pipe or nothing; a folder's link is as the folder.
#[apply(everywhere)]
async fn t30_a_link_is_replaced_and_its_target_untouched() {
    covers(&["T30"]);
    let (rig, folder) = (seeded(), Folder::new());
    let store = rig.store();
    let (file, pipe, link) = (folder.file("file", "before"), fifo(&folder), folder.path().join("link"));
    set_mode(&file, 0o640);
    let before = [node(&file), node(&pipe)];
    for target in [&file, &pipe, &folder.path().join("absent"), Path::new("link")] {
        let _ = std::fs::remove_file(&link);
        symlink(target, &link).expect("a link");
        download(&store, &link).await.unwrap_or_else(|error| panic!("{}: {error}", target.display()));
        assert!(std::fs::symlink_metadata(&link).expect("it is there").is_file(), "{}", target.display());
        assert!(std::fs::read(&link).expect("it is there") == content(SIZE), "{}", target.display());
    }
    assert_eq!(std::fs::read(&file).expect("the file"), b"before");
    assert_eq!([node(&file), node(&pipe)], before);
    std::fs::create_dir(folder.path().join("folder")).expect("a folder");
    let to_folder = folder.path().join("to-folder");
    symlink("folder", &to_folder).expect("a link");
    for path in [&to_folder, &folder.path().join("folder")] {
        let error = download(&store, path).await.expect_err("a folder");
        assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
        assert!(error.to_string().contains("directory"), "{error}");
    }
    assert_eq!(std::fs::read_link(&to_folder).expect("still a link"), Path::new("folder"));
    assert_eq!(folder.names(), ["fifo", "file", "folder", "link", "to-folder"]);
    rig.assert_manners();
}

/// Downloads an object of which no byte ever comes, and demands that nobody waited for one: the place is looked at first.
async fn assert_found_out_first(rig: &Rig, store: &Store, path: &Path) {
    rig.server.script().always(Filter::Method("GET"), Act::StallBody { after: 0 });
    let started = Instant::now();
    let error = download(store, path).await.expect_err("no place for a file");
    assert!(started.elapsed() < Duration::from_secs(1), "after {:?}: {error}", started.elapsed());
    assert_eq!(error.kind(), ErrorKind::Sink, "{}: {error}", path.display());
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()) && !text.contains(".part"), "{text}");
    assert_eq!((error.operation(), error.key(), error.bucket()), (Some("GetObject"), Some("k"), Some("bucket")));
}

#[apply(everywhere)]
async fn t33_an_unwritable_place_is_found_out_first() {
    covers(&["T33"]);
    let (rig, folder) = (seeded(), Folder::new());
    let store = rig.open(config().set("max-retries", 0));
    let file = folder.file("file", "before");
    symlink("nowhere", folder.path().join("broken")).expect("a link");
    let long = folder.path().join("n".repeat(300));
    for path in [
        folder.path().join("absent/file"),
        folder.path().join("broken/file"),
        file.join("below a file"),
        folder.path().to_owned(),
        folder.path().join(".."),
        long,
        PathBuf::from("/proc/s3lite-no-such-file"),
    ] {
        assert_found_out_first(&rig, &store, &path).await;
    }
    let error = download(&store, "").await.expect_err("no path");
    assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
    assert_eq!(folder.names(), ["broken", "file"], "nothing is left behind");
    assert_eq!(std::fs::read(&file).expect("the file"), b"before");
    rig.assert_sound(store).await;
}

/// A runtime whose threads may do to files what a user without rights may.
#[cfg(target_os = "linux")]
fn without_rights() -> tokio::runtime::Runtime {
    const NOBODY: libc::uid_t = 65_534;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all();
    // SAFETY: it takes a number, and on Linux counts for the calling thread alone; those are the runtime's.
    builder.on_thread_start(|| unsafe {
        libc::setfsuid(NOBODY);
    });
    builder.build().expect("a runtime")
}

/// A folder in which one may make a file, but not look; one in which one may do nothing; and one whose file is another's.
#[cfg(target_os = "linux")]
#[test]
fn t33_what_one_may_not_is_found_out_first() {
    covers(&["T33"]);
    without_rights().block_on(async {
        let (rig, folder) = (seeded(), Folder::new());
        let store = rig.open(config().set("max-retries", 0));
        for (name, bits) in [("unreadable", 0o333), ("unwritable", 0o555), ("closed", 0o000)] {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("a folder");
            set_mode(&path, bits);
            assert_found_out_first(&rig, &store, &path.join("file")).await;
            set_mode(&path, 0o777);
            assert_eq!(std::fs::read_dir(&path).expect("it can be read now").count(), 0, "{name}");
        }
        // Whether a file in a folder like /tmp can be replaced shows at the end alone; it is untouched and named all the same.
        rig.server.script().clear();
        let (shared, theirs) = (folder.path().join("shared"), folder.path().join("shared/theirs"));
        std::fs::create_dir(&shared).expect("a folder");
        std::fs::write(&theirs, "before").expect("a file");
        set_mode(&shared, 0o1777);
        let before = node(&theirs);
        if let Err(error) = download(&store, &theirs).await {
            assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
            let text = error.to_string();
            assert!(text.contains("shared/theirs") && !text.contains(".part"), "{text}");
            assert_eq!((node(&theirs), &*std::fs::read(&theirs).expect("it")), (before, &b"before"[..]));
        }
        assert_eq!(std::fs::read_dir(&shared).expect("the folder").count(), 1, "nothing is left behind");
        rig.assert_sound(store).await;
    });
}

/// The permissions of a part half-way.
async fn mode_meanwhile(rig: &Rig, store: &Store, path: &Path) -> u32 {
    rig.server.next_for("GET", Act::StallBody { after: 100_000 });
    let writing = tokio::spawn({
        let (store, path) = (store.clone(), path.to_owned());
        async move { download(&store, path).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let folder = path.parent().expect("a folder");
    let names = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let part = names.into_iter().find(|path| path.extension().is_some_and(|it| it == "part")).expect("a part");
    let found = mode(part);
    writing.await.expect("the task").expect_err("it stalled");
    found
}

/// What is replaced keeps its permissions, and nobody else reads what is half there.
#[tokio::test(start_paused = true)]
async fn t35a_what_is_replaced_keeps_its_mode() {
    covers(&["T35a"]);
    let (rig, folder) = (seeded(), Folder::new());
    let store = rig.open(config().set("max-retries", 0));
    for bits in [0o600, 0o644, 0o666, 0o640, 0o755, 0o444, 0o400, 0o000, 0o777] {
        let path = folder.file(&format!("{bits:o}"), "before");
        set_mode(&path, bits);
        assert_eq!(mode_meanwhile(&rig, &store, &path).await, 0o600, "{bits:o}");
        assert_eq!(mode(&path), bits, "a failure leaves all as it was");
        download(&store, &path).await.unwrap_or_else(|error| panic!("{bits:o}: {error}"));
        assert_eq!(mode(&path), bits, "{bits:o}");
        assert_eq!(std::fs::metadata(&path).expect("it is there").len(), SIZE as u64);
    }
    rig.assert_sound(store).await;
}

/// A new file, and one in the place of a link, is as every other program would make it here.
#[tokio::test(start_paused = true)]
async fn t35a_a_new_file_is_as_the_umask_says() {
    covers(&["T35a"]);
    let (rig, folder) = (seeded(), Folder::new());
    let store = rig.open(config().set("max-retries", 0));
    let expected = mode(folder.file("as others make it", ""));
    let (new, link) = (folder.path().join("new"), folder.path().join("link"));
    symlink("as others make it", &link).expect("a link");
    for path in [new, link] {
        assert_eq!(mode_meanwhile(&rig, &store, &path).await, 0o600, "{}", path.display());
        download(&store, &path).await.expect("it is written");
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    rig.assert_sound(store).await;
}

/// The same in processes whose umask is another.
#[test]
fn t35a_a_new_file_is_so_under_every_umask() {
    covers(&["T35a"]);
    let this = std::env::current_exe().expect("this program");
    for umask in ["000", "002", "022", "027", "077"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask \"$0\" && exec \"$@\"", umask]).arg(&this);
        shell.args(["--exact", "trials::files::t35a_a_new_file_is_as_the_umask_says"]);
        let output = shell.output().expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{umask}: {text}");
    }
}
