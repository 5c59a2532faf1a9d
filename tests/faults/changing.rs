//! R3, R4: files that change between being named and being sent, where nothing but what they are tells: their bodies are not
//! signed. And an empty reader, which can be sent as often as need be.

use macro_rules_attribute::apply;
use std::fs::{File, write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use s3lite::{Attempt, AttemptEnd, Error, ErrorKind, Observer, Payload, Store};

use crate::connecting::over_tls;
use crate::covers;
use crate::memory::{Plan, Way};
use crate::rig::{Rig, config, content, everywhere, refusal};
use crate::support::folder::Folder;

const SIZE: usize = 3_000_000;

/// Puts other bytes of the same number into a file, and lets it be a second younger, whatever the clock's grain is.
fn change(path: &Path) {
    let before = std::fs::metadata(path).and_then(|meta| meta.modified()).expect("a date");
    write(path, vec![0; SIZE]).expect("it is written");
    let file = File::options().write(true).open(path).expect("the file");
    file.set_modified(before + Duration::from_secs(1)).expect("a date");
}

/// A store over TLS, which sends files unsigned, and a file.
fn unsigned(folder: &Folder) -> (Rig, Store, PathBuf) {
    let (rig, config) = over_tls(folder);
    let store = rig.open(config.set("payload-signing", "unsigned").set("expect-continue", "off"));
    (rig, store, folder.file("f", content(SIZE)))
}

fn assert_not_stored(rig: &Rig, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Source, "{error}");
    assert!(error.to_string().contains("was changed while it was put"), "{error}");
    assert!(rig.server.bucket().content("k").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changed_before_it_is_sent_is_not_sent() {
    covers(&["R3"]);
    let folder = Folder::new();
    let (rig, store, path) = unsigned(&folder);
    let payload = Payload::file(&path).await.expect("a file");
    change(&path);
    assert_not_stored(&rig, &store.put("k", payload).await.expect_err("it changed"));
    assert!(rig.requests().is_empty());
    // Signed, it is read once before: there, too.
    let signed = Rig::new();
    let payload = Payload::file(&path).await.expect("a file");
    change(&path);
    assert_not_stored(&signed, &signed.store().put("k", payload).await.expect_err("it changed"));
    assert!(signed.requests().is_empty());
}

/// The end of the file is not sent before it is sure that the file is still the same.
#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_sent_unsigned_is_not_stored() {
    covers(&["R3"]);
    let folder = Folder::new();
    let (rig, store, path) = unsigned(&folder);
    let narrow = Way { bytes_per_second: Some(100_000), ..Way::default() };
    rig.network.always(move |_| Plan { up: narrow, ..Plan::default() });
    let payload = Payload::file(&path).await.expect("a file");
    let putting = tokio::spawn({
        let store = store.clone();
        async move { store.put("k", payload).await }
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.requests().len(), 1, "it is on its way");
    change(&path);
    assert_not_stored(&rig, &putting.await.expect("no panic").expect_err("it changed"));
    rig.assert_sound(store).await;
}

/// Changes a file once the first attempt to send it has failed.
struct ChangesBetween(PathBuf);

impl Observer for ChangesBetween {
    fn attempt_ended(&self, attempt: &Attempt<'_>, _: &AttemptEnd<'_>) {
        if attempt.number == 1 {
            change(&self.0);
        }
    }
}

/// Each attempt opens the file anew, and wants the file that was named.
#[tokio::test(start_paused = true)]
async fn a_file_that_changes_between_two_attempts_is_not_sent_again() {
    covers(&["R3"]);
    let folder = Folder::new();
    let (rig, store, path) = unsigned(&folder);
    let payload = Payload::file(&path).await.expect("a file");
    rig.server.next_for("PUT", refusal("503 Slow Down", "SlowDown"));
    let observed = store.clone().observed_by(Arc::new(ChangesBetween(path)));
    assert_not_stored(&rig, &observed.put("k", payload).await.expect_err("it changed"));
    assert_eq!(rig.requests().len(), 1, "once");
    drop(observed);
    rig.assert_sound(store).await;
}

/// A reader of no bytes was read to its end before anything was sent: nothing is missing at the second try.
#[apply(everywhere)]
async fn an_empty_reader_is_sent_again() {
    covers(&["R1"]);
    for failures in 1..=3 {
        let rig = Rig::new();
        let store = rig.open(config());
        for _ in 0..failures {
            rig.server.next_for("PUT", refusal("503 Slow Down", "SlowDown"));
        }
        store.put("k", Payload::reader(tokio::io::empty(), 0)).await.expect("at the last try");
        assert_eq!(rig.requests().len(), failures + 1);
        assert_eq!(rig.server.bucket().content("k").as_deref(), Some(&b""[..]));
        rig.assert_manners();
        rig.assert_sound(store).await;
    }
}
