//! The core as somebody uses it who has an HTTP client of his own: what is public refuses what would lead elsewhere, sign
//! something else or end a body early, and is enough for whole calls.
//!
//! The names begin with the row of the trials by other programs that each test shows.

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod calls;
mod chunks;
mod errors;
mod listings;
mod operations;
mod settling;
mod signing;

use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3lite::{
    Answer, Credentials, Error, ErrorKind, KeyPrefix, Operation, Region, ResponseHead, Scheme, SigningTime, Target,
    read_answer,
};

/// 2023-11-14, 22:13:20.
const NOW: i64 = 1_700_000_000;

const MINUTE: Duration = Duration::from_secs(60);

fn credentials() -> Credentials {
    Credentials::new("access", "secret").expect("credentials")
}

fn region() -> Region {
    Region::new("eu-central-1").expect("a region")
}

fn time() -> SigningTime {
    SigningTime::from_unix_seconds(NOW).expect("a time")
}

fn target(path: &str, query: &[(&str, &str)]) -> Target {
    let query = query.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Target::new(Scheme::Https, "h.example", path, query).expect("a target")
}

/// Demands that something was refused as the caller's mistake.
fn assert_refused<T>(result: Result<T, Error>, what: &str) -> Error {
    let error = result.err().unwrap_or_else(|| panic!("{what}: taken"));
    assert!(matches!(error.kind(), ErrorKind::BadInput | ErrorKind::Config), "{what}: {error}");
    error
}

fn head(status: u16, headers: &[(&'static str, &'static str)]) -> ResponseHead {
    let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let status = StatusCode::from_u16(status).expect("a status");
    ResponseHead { status, headers: pairs.collect::<HeaderMap>() }
}

fn answer(head: ResponseHead, body: &[u8]) -> Answer<'_> {
    static PREFIX: LazyLock<KeyPrefix> = LazyLock::new(KeyPrefix::default);
    Answer { head, body, prefix: &PREFIX, signed_for: "eu-central-1" }
}

/// Reads an answer as whoever has an HTTP client of his own does.
fn read<O: Operation>(operation: &O, head: ResponseHead, body: &[u8]) -> Result<O::Output, Error> {
    read_answer(operation, answer(head, body))
}
