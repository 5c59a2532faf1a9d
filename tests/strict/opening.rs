//! What a store refuses to be opened with: files too large to be what they are named as, and nobody to trust.

use std::path::Path;
use std::process::{Command, Output};

use s3lite::{Error, ErrorKind, Store, StoreConfig};

use crate::support::folder::Folder;

const LIMIT: usize = 1 << 20;

/// A section that opens without anything else, and a comment that fills it up.
fn section(length: usize) -> String {
    let section = "[store.\"s3\"]\ntype = \"s3\"\nbucket = \"bucket\"\nregion = \"x\"\nanonymous = true\n\
                   endpoint = \"http://127.0.0.1:9\"\n# ";
    format!("{section}{}", "x".repeat(length - section.len()))
}

fn assert_too_large(error: &Error, path: &Path) {
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let text = error.to_string();
    assert!(text.contains("1 MiB is the limit") && text.contains(path.to_str().expect("UTF-8")), "{text}");
}

/// A log or a dump by mistake is not read into memory.
#[test]
fn a_configuration_has_a_mebibyte_at_most() {
    let folder = Folder::new();
    let path = folder.file("config.toml", section(LIMIT));
    Store::open(&path, "s3").expect("as large as may be");
    let path = folder.file("config.toml", section(LIMIT + 1));
    assert_too_large(&Store::open(&path, "s3").expect_err("too large"), &path);
}

#[test]
fn a_file_that_a_configuration_names_has_a_mebibyte_at_most() {
    let folder = Folder::new();
    let (secret, authority) =
        (folder.file("secret", "x".repeat(LIMIT + 1)), folder.file("ca.pem", "x".repeat(LIMIT + 1)));
    let config =
        |end: &str| format!("[store.\"s3\"]\ntype = \"s3\"\nbucket = \"bucket\"\nregion = \"us-east-1\"\n{end}\n");
    let keys = format!("access-key = \"a\"\nsecret-key = \"%{{file:{}}}%\"", secret.display());
    let path = folder.file("config.toml", config(&keys));
    assert_too_large(&Store::open(&path, "s3").expect_err("too large"), &secret);
    let path =
        folder.file("config.toml", config(&format!("anonymous = true\ntls.ca-file = \"{}\"", authority.display())));
    assert_too_large(&Store::open(&path, "s3").expect_err("too large"), &authority);
}

/// Tells the test that it is the one that opens a store.
const CHILD: &str = "S3LITE_TEST_ROOTS";

/// Opens a store that trusts whom the system trusts.
fn open() {
    let config = StoreConfig::builder()
        .set("endpoint", "https://store.example.com")
        .set("region", "x")
        .set("bucket", "bucket")
        .set("anonymous", true);
    match config.build().and_then(Store::new) {
        Ok(_) => println!("it opened"),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
}

/// Runs one test of this program in another process, where the system trusts whom this file holds.
fn trusting(authorities: &Path, folder: &Path) -> Output {
    let program = std::env::current_exe().expect("a test is a program");
    let test = "opening::a_store_that_would_trust_nobody_is_not_opened";
    let mut child = Command::new(program);
    child.args(["--exact", test, "--nocapture"]).env(CHILD, "");
    child.env("SSL_CERT_FILE", authorities).env("SSL_CERT_DIR", folder);
    child.output().expect("the program runs once more")
}

/// Without authorities every connection would fail, and the error would blame the service's certificate.
#[test]
fn a_store_that_would_trust_nobody_is_not_opened() {
    if std::env::var_os(CHILD).is_some() {
        return open();
    }
    let folder = Folder::new();
    let (none, empty) = (folder.file("none.pem", ""), folder.path().join("empty"));
    std::fs::create_dir(&empty).expect("a folder");
    let one = folder.file("one.pem", crate::support::authority::Authority::new().pem());
    for (authorities, said) in [(none, "Config: tls.roots: this system has no certification"), (one, "it opened")] {
        let child = trusting(&authorities, &empty);
        let out = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && out.contains(said), "{said}: {out}");
    }
}
