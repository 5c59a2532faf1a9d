//! What answers mean: results, refusals, and what is neither and must not pass for a result.
//!
//! `data/answers` has one row a case: an operation, the answer to it, and what it must be read as. `data/s3-xml-responses.json`
//! has answers of S3 itself with the reading of another client.

#[path = "answers/reading.rs"]
mod reading;

use s3lite::{Error, ErrorKind, ListObjectsV2, ListingCursor, ListingPage, Phase};
use serde_json::{Value, json};

use reading::{Sent, listing, read};

/// What every refusal is read by: DeleteObject takes a missing object as success.
const READERS: [&str; 5] = ["ListObjectsV2", "HeadObject", "GetObject", "PutObject", "Raw"];

fn rows(json: &str) -> Vec<Value> {
    serde_json::from_str(json).expect("invariant: the data is a JSON array")
}

/// Runs every row and names each that fails.
fn walk(count: usize, rows: &[Value]) {
    assert_eq!(rows.len(), count, "rows are missing or not counted");
    let failures: Vec<String> = rows.iter().flat_map(problems).collect();
    assert!(failures.is_empty(), "{} of {count} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn problems(row: &Value) -> Vec<String> {
    let operation = row["operation"].as_str().expect("invariant: a text");
    let operations = if operation == "each" { READERS.to_vec() } else { vec![operation] };
    let sent = Sent::of(row);
    let problem = |operation: &&str| {
        let problem = check(row, read(operation, row, &sent)).err()?;
        Some(format!("{operation}, {}: {problem}", row["name"].as_str().unwrap_or_default()))
    };
    operations.iter().filter_map(problem).collect()
}

fn check(row: &Value, found: Result<Value, Error>) -> Result<(), String> {
    match (found, row.get("ok"), row.get("error")) {
        (Ok(found), Some(expected), None) => check_reading(&found, expected),
        (Err(error), None, Some(expected)) => check_error(&error, expected),
        (Ok(found), ..) => Err(format!("is read as {found}")),
        (Err(error), ..) => Err(format!("is refused: {error}")),
    }
}

/// The reading has at least what is expected.
fn check_reading(found: &Value, expected: &Value) -> Result<(), String> {
    for (name, value) in expected.as_object().expect("invariant: facts by name") {
        if &found[name] != value {
            return Err(format!("{name} is {}, not {value}", found[name]));
        }
    }
    Ok(())
}

fn check_error(error: &Error, expected: &Value) -> Result<(), String> {
    let expect = |what: &str, found: Option<&str>| match expected.get(what) {
        Some(value) if value.as_str() != found => Err(format!("{what} is {found:?}, not {value}: {error}")),
        _ => Ok(()),
    };
    let kind = format!("{:?}", error.kind());
    if expected["kind"] != "any" {
        expect("kind", Some(&kind))?;
    }
    expect("code", error.code())?;
    expect("request_id", error.request_id())?;
    expect("host_id", error.host_id())?;
    expect("region", error.service().and_then(|service| service.region.as_deref()))?;
    check_predicates(error)?;
    check_message(error, expected.get("says").and_then(Value::as_str).unwrap_or_default())
}

/// Each predicate is true for its kind alone.
fn check_predicates(error: &Error) -> Result<(), String> {
    let kind = error.kind();
    for (name, holds, should) in [
        ("is_not_found", error.is_not_found(), kind == ErrorKind::NotFound),
        ("is_no_such_bucket", error.is_no_such_bucket(), kind == ErrorKind::NoSuchBucket),
        ("is_access_denied", error.is_access_denied(), kind == ErrorKind::AccessDenied),
        ("is_precondition_failed", error.is_precondition_failed(), kind == ErrorKind::Precondition),
        ("is_not_modified", error.is_not_modified(), kind == ErrorKind::NotModified),
        ("is_timeout", error.is_timeout(), kind == ErrorKind::Timeout(Phase::Server)),
        ("is_wrong_region", error.is_wrong_region(), kind == ErrorKind::WrongRegion),
    ] {
        if holds != should {
            return Err(format!("{name} is {holds} for {kind:?}"));
        }
    }
    Ok(())
}

/// A message can be shown on a terminal as it is, ends in sight, and has the words that help.
fn check_message(error: &Error, word: &str) -> Result<(), String> {
    let shown = error.to_string();
    if shown.chars().chain(format!("{error:?}").chars()).any(char::is_control) {
        return Err(format!("the message has a control character: {shown:?}"));
    }
    let length = shown.chars().count();
    if !(20..=1_200).contains(&length) {
        return Err(format!("the message has {length} characters: {shown:.200}"));
    }
    let status = error.status().map(|status| status.as_u16().to_string()).unwrap_or_default();
    for part in [&status, error.code().unwrap_or_default(), error.request_id().unwrap_or_default(), word] {
        if !shown.contains(part) {
            return Err(format!("the message lacks {part:?}: {shown}"));
        }
    }
    Ok(())
}

#[test]
fn listings() {
    walk(88, &rows(include_str!("data/answers/listings.json")));
}

#[test]
fn objects() {
    walk(88, &rows(include_str!("data/answers/objects.json")));
}

#[test]
fn refusals() {
    walk(141, &rows(include_str!("data/answers/refusals.json")));
}

#[test]
fn answers_of_s3() {
    let rows = rows(include_str!("data/s3-xml-responses.json"));
    assert_eq!(rows.len(), 11, "answers are missing");
    for row in &rows {
        let name = format!("{} {}", row["kind"], row["operation"]);
        match (row["kind"].as_str(), row["operation"].as_str()) {
            (Some("error"), _) => refusal_of_s3(row),
            (_, Some("list-objects")) => listing_of_s3(row),
            _ => other_answer_of_s3(row),
        }
        .unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
}

fn refusal_of_s3(row: &Value) -> Result<(), String> {
    let expected = &row["expected"]["Error"];
    let (status, kind) = match expected["Code"].as_str() {
        Some("AccessDenied") => (403, "AccessDenied"),
        _ => (409, "Conflict"),
    };
    let row = json!({ "status": status, "body": row["body"] });
    let expected = json!({ "kind": kind, "code": expected["Code"], "says": expected["Message"] });
    READERS.iter().try_for_each(|operation| match read(operation, &row, &Sent::of(&row)) {
        Ok(found) => Err(format!("{operation} reads {found}")),
        Err(error) => check_error(&error, &expected),
    })
}

fn listing_of_s3(row: &Value) -> Result<(), String> {
    let found = read("ListObjectsV2", row, &Sent::of(row)).map_err(|error| error.to_string())?;
    let of_each = |name: &str| -> Value {
        let contents = row["expected"]["Contents"].as_array().expect("invariant: an array");
        contents.iter().map(|object| object[name].clone()).collect()
    };
    let expected = json!({
        "keys": of_each("Key"), "sizes": of_each("Size"), "etags": of_each("ETag"), "classes": of_each("StorageClass"),
        "modified": [1_357_854_309, 1_357_857_909], "prefixes": [], "next": null,
    });
    check_reading(&found, &expected)
}

/// Answers to other calls are no listings, and come through Raw as they are.
fn other_answer_of_s3(row: &Value) -> Result<(), String> {
    let raw = read("Raw", row, &Sent::of(row)).map_err(|error| error.to_string())?;
    check_reading(&raw, &json!({ "status": 200, "body": row["body"] }))?;
    match read("ListObjectsV2", row, &Sent::of(row)) {
        Ok(found) => Err(format!("is read as a listing: {found}")),
        Err(error) if error.kind() == ErrorKind::Protocol => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// A page with this many keys.
fn page_of(keys: usize) -> String {
    let entries: String =
        (0..keys).map(|key| format!("<Contents><Key>{key:06}</Key><Size>1</Size></Contents>")).collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>")
}

#[test]
fn large_pages_are_read_up_to_a_limit() {
    let page = listing(page_of(10_000).as_bytes()).expect("invariant: ten thousand keys are fine");
    assert_eq!(page.contents.len(), 10_000);
    assert_eq!(page.contents[9_999].key, "009999");
    let error = listing(page_of(400_000).as_bytes()).expect_err("20 MB are too much");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

/// Follows a listing whose pages have these tokens; returns the number of pages and how it ended.
fn follow(tokens: impl IntoIterator<Item = String>, entries: &str) -> (usize, Result<(), ErrorKind>) {
    let mut cursor = ListingCursor::new(ListObjectsV2::new());
    let mut pages = 0;
    for token in tokens {
        if cursor.next_page().is_none() {
            break;
        }
        pages += 1;
        let entries = entries.replace("{}", &format!("{pages:06}"));
        if let Err(error) = cursor.advance(&page_with(&token, &entries)) {
            assert!(cursor.next_page().is_none(), "there is no next page after an error");
            return (pages, Err(error.kind()));
        }
    }
    (pages, Ok(()))
}

fn page_with(token: &str, entries: &str) -> ListingPage {
    let more = !token.is_empty();
    let token = format!("<IsTruncated>{more}</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>");
    listing(format!("<ListBucketResult>{token}{entries}</ListBucketResult>").as_bytes())
        .expect("invariant: a good page")
}

#[test]
fn a_listing_ends() {
    let entry = "<Contents><Key>{}</Key><Size>1</Size></Contents>";
    let numbered = |count: usize| (0..count).map(|number| number.to_string()).chain([String::new()]);
    assert_eq!(follow(numbered(2_000), entry), (2_001, Ok(())), "pages with entries go on");
    assert_eq!(follow(numbered(900), ""), (901, Ok(())), "empty pages are followed");
    let (pages, end) = follow(numbered(2_000), "");
    assert!(pages <= 1_002 && end == Err(ErrorKind::Protocol), "{pages} empty pages: {end:?}");
    for cycle in [1, 2, 7] {
        let tokens = (0..100).map(|number| (number % cycle).to_string());
        assert_eq!(follow(tokens, entry), (cycle + 1, Err(ErrorKind::Protocol)), "a cycle of {cycle}");
    }
}
