//! Turns a row of the data into an answer, has the library read it, and shows the reading as JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use s3lite::{
    Answer, DeleteObject, ETag, Error, GetObject, HeadObject, KeyPrefix, ListObjectsV2, ListedObject, ListingPage,
    ObjectMeta, Operation, PutObject, Raw, ResponseHead, StoreConfig, read_answer,
};
use serde_json::{Value, json};

/// The region that all requests of these tests were signed for.
const SIGNED_FOR: &str = "us-east-1";

/// An answer as a server sent it.
pub struct Sent {
    head: ResponseHead,
    body: Vec<u8>,
    prefix: KeyPrefix,
}

impl Sent {
    pub fn of(row: &Value) -> Self {
        let status = row["status"].as_u64().map_or(200, |status| u16::try_from(status).expect("invariant: a status"));
        let status = StatusCode::from_u16(status).expect("invariant: a status");
        Self { head: ResponseHead { status, headers: headers(row) }, body: body(row), prefix: prefix(row) }
    }

    fn answer(&self) -> Answer<'_> {
        Answer { head: self.head.clone(), body: &self.body, prefix: &self.prefix, signed_for: SIGNED_FOR }
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn headers(row: &Value) -> HeaderMap {
    let pairs = row.get("headers").and_then(Value::as_object).into_iter().flatten();
    let header = |(name, value): (&String, &Value)| {
        let bytes = value.as_str().expect("invariant: a text").as_bytes();
        let name: HeaderName = name.parse().expect("invariant: a header's name");
        (name, HeaderValue::from_bytes(bytes).expect("invariant: what HTTP can carry"))
    };
    pairs.map(header).collect()
}

/// `body`, as often as `repeat` says, between `before` and `after`; or the bytes of `body_hex`.
fn body(row: &Value) -> Vec<u8> {
    if let Some(hex) = row.get("body_hex").and_then(Value::as_str) {
        return hex::decode(hex).expect("invariant: hex digits");
    }
    let times = row.get("repeat").and_then(Value::as_u64).unwrap_or(1);
    let repeated = text(row, "body").repeat(usize::try_from(times).expect("invariant: fits memory"));
    [text(row, "before"), &repeated, text(row, "after")].concat().into_bytes()
}

/// A prefix can only be had from a configuration.
fn prefix(row: &Value) -> KeyPrefix {
    let config = StoreConfig::builder().set("bucket", "bucket").set("region", SIGNED_FOR);
    let config = config.set("key-prefix", text(row, "key_prefix")).build();
    config.expect("invariant: a good configuration").key_prefix().clone()
}

/// Reads the answer as one to this operation.
pub fn read(operation: &str, row: &Value, sent: &Sent) -> Result<Value, Error> {
    let answer = sent.answer();
    match operation {
        "ListObjectsV2" => read_answer(&ListObjectsV2::new(), answer).map(|page| page_json(&page)),
        "HeadObject" => read_answer(&HeadObject::new("k"), answer).map(|meta| meta_json(&meta)),
        "GetObject" => read_get(row, answer),
        "PutObject" => read_answer(&PutObject::new("k"), answer)
            .map(|put| json!({ "etag": put.etag.as_str(), "version": put.version_id })),
        "DeleteObject" => read_answer(&DeleteObject::new("k"), answer)
            .map(|deleted| json!({ "version": deleted.version_id, "delete_marker": deleted.delete_marker })),
        "Raw" => read_raw(row, answer),
        _ => panic!("there is no operation {operation}"),
    }
}

pub fn listing(body: &[u8]) -> Result<ListingPage, Error> {
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
    let prefix = KeyPrefix::default();
    read_answer(&ListObjectsV2::new(), Answer { head, body, prefix: &prefix, signed_for: SIGNED_FOR })
}

fn read_get(row: &Value, answer: Answer<'_>) -> Result<Value, Error> {
    let get = with_range(GetObject::new("k"), text(row, "range"));
    get.request(answer.prefix).expect("invariant: a range that HTTP can ask for");
    let found = read_answer(&get, answer).map(|meta| meta_json(&meta));
    if let Err(refusal) = &found {
        let expected = row.get("of_empty_object").is_some();
        assert_eq!(get.may_be_of_empty_object(refusal), expected, "whether the object is empty: {refusal}");
    }
    found
}

/// `10..20`, `10..` or `last 5`.
fn with_range(get: GetObject, range: &str) -> GetObject {
    let number = |text: &str| text.parse::<u64>().expect("invariant: a number");
    if let Some(count) = range.strip_prefix("last ") {
        return get.last(number(count));
    }
    match range.split_once("..") {
        None => get,
        Some((start, "")) => get.range(number(start)..),
        Some((start, end)) => get.range(number(start)..number(end)),
    }
}

/// With a query it is a call about the object, without one the object itself.
fn read_raw(row: &Value, answer: Answer<'_>) -> Result<Value, Error> {
    let raw = match text(row, "query") {
        "" => Raw::object(Method::GET, "k"),
        name => Raw::get("k").query(name, ""),
    };
    read_answer(&raw, answer)
        .map(|found| json!({ "status": found.status.as_u16(), "body": String::from_utf8_lossy(&found.body) }))
}

fn meta_json(meta: &ObjectMeta) -> Value {
    json!({
        "size": meta.size(),
        "etag": meta.etag().map(|etag| etag.as_str().to_owned()),
        "modified": meta.last_modified().map(seconds),
        "type": meta.content_type(),
        "version": meta.version_id(),
        "meta_a": meta.metadata("A"),
    })
}

fn page_json(page: &ListingPage) -> Value {
    let of_each = |value: fn(&ListedObject) -> Value| -> Value { page.contents.iter().map(value).collect() };
    json!({
        "keys": of_each(|object| json!(object.key)),
        "sizes": of_each(|object| json!(object.size)),
        "etags": of_each(|object| json!(object.etag.as_ref().map(ETag::as_str))),
        "modified": of_each(|object| json!(object.last_modified.map(seconds))),
        "classes": of_each(|object| json!(object.storage_class)),
        "prefixes": page.common_prefixes, "unreadable": page.unreadable,
        "next": page.next_continuation_token,
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).expect("invariant: past 1970").as_secs()
}
