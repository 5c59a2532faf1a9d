//! From a raw request to an answer: who asks, which bucket and key is meant, what the bucket says.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::bucket::{Bucket, Call};
use super::canonical::{decode_path, decode_query, lossy};
use super::checksum;
use super::clock::{http_date, system_seconds};
use super::error::S3Error;
use super::http::RequestHead;
use super::log::Seen;
use super::response::RawResponse;
use super::script::Script;
use super::sigv4::{Rules, Verified, verify, verify_head};

/// Host id of all answers.
const HOST_ID: &str = "c3RyaWN0+aG9zdA/aWQ=";

/// What the server's tasks share with the test.
pub struct Shared {
    /// What signatures are verified against; `now` is filled in from the clock.
    pub rules: Mutex<Rules>,
    /// Seconds by which the server's clock is ahead.
    pub clock_offset: Mutex<i64>,
    /// Host names under which a label is a bucket and a path begins with one.
    pub base_hosts: Vec<String>,
    /// The bucket.
    pub bucket: Mutex<Bucket>,
    /// All requests so far.
    pub log: Mutex<Vec<Seen>>,
    /// Acts waiting.
    pub script: Mutex<Script>,
    /// Connections accepted so far.
    pub accepted: AtomicUsize,
    /// Connections open now.
    pub open: AtomicUsize,
    /// Answers so far, for their ids.
    pub answers: AtomicU64,
}

/// Locks even after a panic elsewhere, so that a failed assertion in a test does not show as
/// another failure here.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn now(&self) -> i64 {
        system_seconds() + *lock(&self.clock_offset)
    }

    fn current_rules(&self) -> Rules {
        Rules { now: self.now(), ..lock(&self.rules).clone() }
    }

    /// Verifies a head whose body was not read.
    pub fn judge_head(&self, head: &RequestHead) -> Result<(), S3Error> {
        verify_head(head, &self.current_rules()).map(drop)
    }

    /// Verifies a whole request.
    pub fn judge(&self, head: &RequestHead, body: &Bytes) -> Result<Verified, S3Error> {
        verify(head, body, &self.current_rules())
    }

    /// The answer to a judged request, which is applied to the bucket unless it was refused.
    pub fn answer(&self, head: &RequestHead, judged: Result<Verified, S3Error>) -> RawResponse {
        let request_id = format!("STRICT{:010}", self.answers.fetch_add(1, Ordering::Relaxed));
        let outcome = judged.and_then(|verified| self.apply(head, verified));
        let mut answer = outcome.unwrap_or_else(|error| error.into_response(&request_id, HOST_ID));
        let common = [
            ("x-amz-request-id".to_owned(), request_id),
            ("x-amz-id-2".to_owned(), HOST_ID.to_owned()),
            ("Date".to_owned(), http_date(self.now())),
            ("Server".to_owned(), "strict".to_owned()),
        ];
        answer.headers.splice(0..0, common);
        if head.method == "HEAD" { answer.without_body() } else { answer }
    }

    /// The answer to bytes that are no request.
    pub fn answer_malformed(&self, reason: &str) -> RawResponse {
        let request_id = format!("STRICT{:010}", self.answers.fetch_add(1, Ordering::Relaxed));
        S3Error::new(400, "BadRequest", reason).into_response(&request_id, HOST_ID)
    }

    fn apply(&self, head: &RequestHead, verified: Verified) -> Result<RawResponse, S3Error> {
        let (name, key) = addressed(head, &self.base_hosts)?;
        let checksums = checksum::verified(head, &verified)?;
        let mut bucket = lock(&self.bucket);
        if name != bucket.name.as_bytes() {
            return Err(S3Error::new(404, "NoSuchBucket", "The specified bucket does not exist")
                .with("BucketName", lossy(&name)));
        }
        let mut query = decode_query(head.query()).map_err(S3Error::invalid_request)?;
        query.retain(|(name, _)| !name.to_ascii_lowercase().starts_with(b"x-amz-"));
        let call = Call { head, key, query, payload: verified.payload, checksums, now: self.now() };
        bucket.answer(&call)
    }
}

/// Bucket and key of a request, path style or virtual-host style by its Host.
///
/// A host under none of the base hosts is a bucket name as a whole, which is how S3 takes a CNAME.
pub fn addressed(head: &RequestHead, base_hosts: &[String]) -> Result<(Vec<u8>, Vec<u8>), S3Error> {
    let path = decode_path(head.path()).map_err(S3Error::invalid_request)?;
    let host = head.only("host").map_err(S3Error::invalid_request)?.unwrap_or_default();
    let name = without_port(host).to_ascii_lowercase();
    if base_hosts.contains(&name) {
        let mut halves = path.splitn(2, |&byte| byte == b'/').map(<[u8]>::to_vec);
        return Ok((halves.next().unwrap_or_default(), halves.next().unwrap_or_default()));
    }
    let bucket_under = |base: &String| name.strip_suffix(base.as_str())?.strip_suffix('.');
    let bucket = base_hosts.iter().filter_map(bucket_under).min_by_key(|bucket| bucket.len()).unwrap_or(&name);
    Ok((bucket.as_bytes().to_vec(), path))
}

/// The name of a Host value; the colons of an IPv6 address stand in brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
