//! T27: an object that arrives damaged, or whose stored checksum is wrong. It is read once more by whoever reads, and handed out
//! unverified where that was asked for.

use macro_rules_attribute::apply;
use s3lite::{Error, ErrorKind, Store};
use tokio::io::AsyncReadExt;

use super::resuming::read_on;
use super::{MARK, TAG};
use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, read, refusal};
use crate::support::folder::Folder;
use crate::support::strict::Act;

/// More than arrives at a time.
const SIZE: usize = 300_000;

const CRC32: &str = "x-amz-checksum-crc32";

/// The object with its checksum, on a server that damages it so often.
fn damaged(size: usize, checksum: &str, times: usize) -> Rig {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(size));
    let stored = vec![(CRC32.to_owned(), checksum.to_owned())];
    rig.server.bucket().objects.get_mut(&b"k"[..]).expect("it is there").checksums = stored;
    for _ in 0..times {
        rig.server.next_for("GET", Act::mutate(move |answer| answer.body[size / 2] ^= 1));
    }
    rig
}

/// The checksums of `content` of five bytes and of all.
const CASES: [(usize, &str); 2] = [(5, "UVrTzA=="), (SIZE, "MSHyGA==")];

/// Every way to have all bytes at once.
async fn whole(store: &Store, way: usize, folder: &Folder) -> Result<Vec<u8>, Error> {
    let object = store.get("k").await?;
    if way == 0 {
        return Ok(object.bytes().await?.to_vec());
    }
    let path = folder.path().join("copy");
    let written = object.write_to_file(&path).await?;
    let bytes = std::fs::read(path).expect("it was written");
    assert_eq!(written, bytes.len() as u64);
    Ok(bytes)
}

/// What was damaged once is read once more, into memory and into a file alike; what is damaged twice is an error, and no file.
#[tokio::test(start_paused = true)]
async fn t27_damage_is_read_over_by_whoever_takes_all() {
    covers(&["T27"]);
    for (size, checksum) in CASES {
        for way in [0, 1] {
            let folder = Folder::new();
            let rig = damaged(size, checksum, 1);
            let store = rig.store();
            let bytes = whole(&store, way, &folder).await.unwrap_or_else(|error| panic!("{size}, {way}: {error}"));
            assert!(bytes == content(size), "{size}, {way}");
            assert_eq!(rig.requests().len(), 2, "{size}, {way}");
            rig.assert_manners();
            rig.assert_sound(store).await;
            let (rig, folder) = (damaged(size, checksum, 9), Folder::new());
            folder.file("copy", "before");
            let store = rig.store();
            let error = whole(&store, way, &folder).await.expect_err("damaged for ever");
            assert_eq!((error.kind(), rig.requests().len()), (ErrorKind::Integrity, 2), "{size}, {way}: {error}");
            assert_eq!(folder.names(), ["copy"], "nothing is left behind");
            assert_eq!(std::fs::read(folder.path().join("copy")).expect("it is there"), b"before");
            rig.assert_sound(store).await;
        }
    }
}

/// As long as nothing was handed out, a small object's consumers of other kinds read again, too.
#[apply(everywhere)]
async fn t27_damage_is_read_over_before_the_first_byte() {
    covers(&["T27"]);
    let (size, checksum) = CASES[0];
    for way in 0..3 {
        let rig = damaged(size, checksum, 1);
        let store = rig.store();
        let mut all = Vec::new();
        let object = store.get("k").await.expect("the head");
        match way {
            0 => drop(object.copy_to(&mut all).await.expect("the second reading")),
            1 => drop(object.into_reader().read_to_end(&mut all).await.expect("the second reading")),
            _ => {
                drop(object);
                rig.server.next_for("GET", Act::mutate(move |answer| answer.body[size / 2] ^= 1));
                let (bytes, error) = read_on(&store).await;
                assert!(error.is_none(), "{error:?}");
                all = bytes;
            }
        }
        assert_eq!(all, content(size), "{way}");
        rig.assert_sound(store).await;
    }
}

/// The object was replaced in between: the second reading is refused, not of another one.
#[apply(everywhere)]
async fn t27_a_second_reading_is_of_the_same_object() {
    covers(&["T27"]);
    let (size, checksum) = CASES[1];
    for way in [0, 1] {
        let (rig, folder) = (damaged(size, checksum, 1), Folder::new());
        let store = rig.store();
        rig.server.next_for("GET", refusal("412 Precondition Failed", "PreconditionFailed"));
        let error = whole(&store, way, &folder).await.expect_err("another");
        assert!(matches!(error.kind(), ErrorKind::Changed | ErrorKind::Integrity), "{way}: {error}");
        assert!(folder.names().is_empty());
        rig.assert_sound(store).await;
    }
}

/// A stored checksum that was wrong from the beginning: with `verify-checksum = false` the object can be had.
#[tokio::test(start_paused = true)]
async fn t27_an_object_with_a_wrong_checksum_can_be_had() {
    covers(&["T27"]);
    for checksum in ["AAAAAA==", "MSHyGQ=="] {
        for (verify, kind) in [("true", Some(ErrorKind::Integrity)), ("false", None)] {
            let (rig, folder) = (damaged(SIZE, checksum, 0), Folder::new());
            let store = rig.open(config().set("verify-checksum", verify == "true"));
            for way in [0, 1] {
                let result = whole(&store, way, &folder).await;
                assert_eq!(result.as_ref().err().map(Error::kind), kind, "{verify}, {way}");
                assert!(result.map_or(true, |bytes| bytes == content(SIZE)));
            }
            assert_eq!(read_on(&store).await.1.map(|error| error.kind()), kind, "{verify}");
            rig.assert_sound(store).await;
        }
    }
}

/// Behind a chunked body, and in a 206 of the whole, it is the same switch; lengths are counted without it.
#[apply(everywhere)]
async fn t27_unverified_is_not_uncounted() {
    covers(&["T27", "T13b"]);
    let off = |answer: Vec<u8>| {
        let (_, network) = super::closing(answer);
        let config = config().set("verify-checksum", false).build().expect("a key of the configuration");
        Store::dialed_by(config, move |_| network.clone().dial()).expect("a store")
    };
    let trailer = format!(
        "HTTP/1.1 200 OK\r\n{MARK}{TAG}x-amz-trailer: {CRC32}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{CRC32}: AAAAAA==\r\n\r\n"
    );
    let head = format!("{MARK}{TAG}{CRC32}: AAAAAA==\r\n");
    let part = answer("206 Partial Content", &format!("{head}Content-Range: bytes 0-4/5\r\n"), "hello");
    for answer in [trailer.into_bytes(), part, answer("200 OK", &head, "hello")] {
        assert_eq!(read(&off(answer), "k").await.expect("not verified"), b"hello");
    }
    let cut = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 10\r\n\r\nhello");
    assert!(read(&off(cut.into_bytes()), "k").await.is_err());
    let (store, _) = parrot(answer("200 OK", &head, "hello"));
    assert_eq!(read(&store, "k").await.expect_err("verified by default").kind(), ErrorKind::Integrity);
}
