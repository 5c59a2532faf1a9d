//! T31, T32: files that say one length and have another, and files that change while they are sent. Neither becomes an object,
//! whatever way the payload is signed; the error is the source's.

use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Payload, PutObject, Store};

use crate::covers;
use crate::memory::{Plan, Way};
use crate::rig::{Rig, config, content, everywhere};
use crate::support::authority::Authority;
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{StrictConfig, StrictServer};

/// More than is read at a time.
const SIZE: usize = 3_000_000;

/// The ways to sign that plain http allows.
const SIGNINGS: [&str; 3] = ["auto", "signed", "streaming"];

/// Files of the kernel that say 0 bytes and have more, and one that says 4,096 and has fewer.
const LIARS: [&str; 4] =
    ["/proc/version", "/proc/self/status", "/proc/cpuinfo", "/sys/kernel/mm/transparent_hugepage/enabled"];

fn liars() -> impl Iterator<Item = &'static str> {
    let found = LIARS.into_iter().filter(|path| {
        let says = std::fs::metadata(path).map(|found| found.len()).ok();
        says.is_some() && says != std::fs::read(path).map(|bytes| bytes.len() as u64).ok()
    });
    assert!(found.clone().count() >= 2 || !cfg!(target_os = "linux"), "Linux has them");
    found
}

async fn put(store: &Store, path: impl AsRef<Path>) -> Result<PutObject, Error> {
    let put = PutObject::new("k");
    store.put(put.clone(), Payload::file(path).await?).await.map(|_| put)
}

fn assert_is_the_sources(error: &Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Source, "{what}: {error}");
    assert_eq!((error.operation(), error.key()), (Some("PutObject"), Some("k")), "{what}: {error}");
    assert!(!error.is_outcome_unknown(), "{what}: {error}");
}

#[apply(everywhere)]
async fn t31_a_file_that_has_more_than_it_says_is_not_stored() {
    covers(&["T31"]);
    for signing in SIGNINGS {
        let rig = Rig::new();
        let store = rig.open(config().set("payload-signing", signing));
        for path in liars() {
            let what = format!("{signing} {path}");
            let error = put(&store, path).await.expect_err(&what);
            assert_is_the_sources(&error, &what);
            assert!(error.attempts() <= 1, "{what}: {error}");
        }
        assert!(rig.server.bucket().objects.is_empty(), "{signing}");
        rig.assert_manners();
    }
}

/// Unsigned payloads are for TLS alone; nobody signed is nobody who hashes.
#[apply(in_every_runtime)]
async fn t31_nor_over_tls_without_a_hash() {
    covers(&["T31", "T32"]);
    let (folder, authority) = (Folder::new(), Authority::new());
    let tls = Some(authority.server_config(&["localhost"]));
    let server = StrictServer::start(StrictConfig { tls, ..StrictConfig::default() }).await;
    let ca_file = folder.file("ca.pem", authority.pem());
    let (path, empty) = (folder.file("file", content(300_000)), folder.file("empty", ""));
    for signing in ["auto", "unsigned", "streaming", "signed"] {
        let https = config()
            .set("endpoint", format!("https://localhost:{}", server.address().port()))
            .set("tls.roots", "bundled")
            .set("tls.ca-file", ca_file.to_str().expect("UTF-8"))
            .set("payload-signing", signing);
        let store = https.build().and_then(Store::new).expect("a store");
        for liar in liars() {
            let what = format!("{signing} {liar}");
            assert_is_the_sources(&put(&store, liar).await.expect_err(&what), &what);
        }
        let payload = Payload::file(&path).await.expect("a file");
        rewrite(&path);
        let error = store.put("k", payload).await.expect_err(signing);
        assert_is_the_sources(&error, signing);
        assert!(server.bucket().objects.is_empty(), "{signing}");
        // A file that is what it says goes up, empty or not.
        for path in [&path, &empty] {
            put(&store, path).await.unwrap_or_else(|error| panic!("{signing} {}: {error}", path.display()));
        }
        server.bucket().objects.clear();
    }
}

/// Writes as many bytes as there are, others, and sets the dates back. A moment later, as the kernel counts time.
fn rewrite(path: &Path) {
    let before = std::fs::metadata(path).expect("the file");
    let other: Vec<u8> = std::fs::read(path).expect("its bytes").into_iter().map(|byte| !byte).collect();
    std::thread::sleep(Duration::from_millis(20));
    std::fs::write(path, other).expect("it is written");
    let times = FileTimes::new()
        .set_modified(before.modified().expect("a date"))
        .set_accessed(before.accessed().expect("a date"));
    File::options().write(true).open(path).and_then(|file| file.set_times(times)).expect("the old dates");
    let after = std::fs::metadata(path).expect("the file");
    assert_eq!((after.len(), after.modified().ok()), (before.len(), before.modified().ok()));
}

/// Puts another file in its place, of the same length and date.
fn replace(path: &Path) {
    let other = path.with_extension("new");
    std::fs::copy(path, &other).expect("a copy");
    rewrite(&other);
    let date = std::fs::metadata(path).and_then(|found| found.modified()).expect("a date");
    File::options().write(true).open(&other).and_then(|file| file.set_modified(date)).expect("the old date");
    std::fs::rename(&other, path).expect("it is replaced");
}

/// Before its first byte is read: between the look at the file and the put.
#[apply(everywhere)]
async fn t32_a_file_rewritten_before_it_is_sent_is_not_stored() {
    covers(&["T32"]);
    for signing in SIGNINGS {
        for change in [rewrite, replace] {
            let (rig, folder) = (Rig::new(), Folder::new());
            let store = rig.open(config().set("payload-signing", signing));
            let path = folder.file("file", content(5_000));
            let payload = Payload::file(&path).await.expect("a file");
            change(&path);
            let error = store.put("k", payload).await.expect_err("another file");
            assert_is_the_sources(&error, signing);
            assert!(rig.server.bucket().objects.is_empty() && rig.requests().is_empty(), "{signing}");
            put(&store, &path).await.expect("as it is now");
        }
    }
}

/// The first part is on its way when the rest is rewritten: half of the object would be new.
#[tokio::test(start_paused = true)]
async fn t32_a_file_rewritten_while_it_is_sent_is_not_stored() {
    covers(&["T32"]);
    for signing in SIGNINGS {
        let (rig, folder) = (Rig::new(), Folder::new());
        let narrow = Way { bytes_per_second: Some(100_000), ..Way::default() };
        rig.network.always(move |_| Plan { up: narrow, ..Plan::default() });
        let store = rig.open(config().set("payload-signing", signing).set("expect-continue", "off"));
        let path = folder.file("file", content(SIZE));
        let payload = Payload::file(&path).await.expect("a file");
        let putting = tokio::spawn({
            let store = store.clone();
            async move { store.put("k", payload).await }
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(rig.requests().len(), 1, "{signing}: it is under way");
        rewrite(&path);
        let error = putting.await.expect("the task").expect_err("it changed");
        assert_eq!(error.kind(), ErrorKind::Source, "{signing}: {error}");
        assert!(rig.server.bucket().objects.is_empty(), "{signing}");
        rig.assert_sound(store).await;
    }
}

/// The first attempt fails, and the file is another when it is opened for the second.
#[apply(everywhere)]
async fn t32_a_file_rewritten_between_two_attempts_is_not_stored() {
    covers(&["T32"]);
    for signing in SIGNINGS {
        let (rig, folder) = (Rig::new(), Folder::new());
        let store = rig.open(config().set("payload-signing", signing));
        let path = folder.file("file", content(5_000));
        let payload = Payload::file(&path).await.expect("a file");
        let changed = path.clone();
        let slow = crate::support::strict::Act::mutate(move |answer| {
            rewrite(&changed);
            answer.status = 503;
        });
        rig.server.next_for("PUT", slow);
        let result = store.put("k", payload).await;
        let error = result.expect_err("it changed");
        assert_eq!(error.kind(), ErrorKind::Source, "{signing}: {error}");
        assert_eq!(rig.requests().len(), 1, "{signing}");
        rig.assert_sound(store).await;
    }
}
