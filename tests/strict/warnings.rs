//! What an operator must find in the log of a program that does not log: written to standard error.
//!
//! A test cannot read its own standard error, so it runs itself once more and reads the other's.

use std::process::Command;

use s3lite::{Store, StoreConfig};

/// Tells the test that it is the one that is read, and which store to open.
const CHILD: &str = "S3LITE_TEST_ALLOW_INVALID_CERTS";

/// Opens a store; nothing is sent.
fn open(allow_invalid_certs: bool) {
    let config = StoreConfig::builder()
        .set("endpoint", "https://store.example.com")
        .set("region", "eu-central-1")
        .set("bucket", "bucket")
        .set("access-key", "access")
        .set("secret-key", "CANARY")
        .set("tls.roots", "bundled")
        .set("tls.allow-invalid-certs", allow_invalid_certs);
    config.build().and_then(Store::new).expect("a store");
}

/// Runs one test of this program in another process and returns what it wrote to standard error.
fn standard_error(test: &str, value: &str) -> String {
    let program = std::env::current_exe().expect("a test is a program");
    let child = Command::new(program).args(["--exact", test, "--nocapture"]).env(CHILD, value).output();
    let child = child.expect("the program runs once more");
    let (out, error) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{out}{error}");
    error.into_owned()
}

#[test]
fn certificates_that_are_not_checked_are_warned_of() {
    if let Ok(value) = std::env::var(CHILD) {
        return open(value == "true");
    }
    let test = "warnings::certificates_that_are_not_checked_are_warned_of";
    let warning = standard_error(test, "true");
    for word in ["warning", "tls.allow-invalid-certs", "store.example.com"] {
        assert!(warning.contains(word), "{word:?} is missing: {warning:?}");
    }
    assert!(!warning.contains("CANARY"), "{warning}");
    assert!(!standard_error(test, "false").contains("s3lite"), "there is nothing to warn of");
}
