//! What the client asks of operations beyond what is public.

use super::*;
use crate::error::ErrorKind;
use crate::head::head;
use crate::response::ObjectMeta;
use crate::sign::encoded_length;

fn answer<'a>(head: ResponseHead, body: &'a str, prefix: &'a KeyPrefix) -> Answer<'a> {
    Answer { head, body: body.as_bytes(), prefix, signed_for: "eu-central-1" }
}

#[test]
fn a_get_says_whether_it_verifies() {
    let get = GetObject::new("k");
    assert_eq!(get.verifies_checksum(), None);
    assert_eq!(get.clone().verify_checksum(true).verifies_checksum(), Some(true));
    assert_eq!(get.verify_checksum(false).verifies_checksum(), Some(false));
}

/// Whether a service kept the framing of signed chunks, by the size of what it has; and what the operator is told.
#[test]
fn framing_that_was_stored_is_seen_by_its_size() {
    let prefix = KeyPrefix::default();
    let found = |etag: &str, size: u64, coding: &str| {
        let size = size.to_string();
        let headers = [("etag", etag), ("content-length", &size), ("content-encoding", coding)];
        ObjectMeta::from_head(head(200, &headers))
    };
    let put = PutObject::new("k");
    let stored = read_answer(&put, answer(head(200, &[("etag", "\"a\"")]), "", &prefix)).expect("stored");
    let framed = encoded_length(5, crate::sign::CHUNK_SIZE).expect("a length");
    for (etag, size, coding, kept) in [
        ("\"a\"", 5, "", None),
        ("\"a\"", 4, "", Some(false)),
        ("\"b\"", 4, "", None),
        ("\"a\"", framed, "", Some(true)),
        ("\"a\"", 6, "aws-chunked", Some(true)),
        ("\"a\"", 6, "", Some(false)),
        ("\"b\"", framed, "", None),
        ("", framed, "", Some(true)),
    ] {
        let error = put.chunks_mistaken(&stored, 5, &found(etag, size, coding));
        let hinted = error.as_ref().map(|error| error.to_string().contains("aws-chunked"));
        assert_eq!(hinted, kept, "{etag} {size} {coding}");
        assert!(error.is_none_or(|error| error.kind() == ErrorKind::Integrity && error.is_outcome_unknown()));
    }
}

/// Over a connection more is demanded of a success than of an answer that somebody else has read.
#[test]
fn what_came_over_a_connection_is_accepted_first() {
    let (prefix, error) = (KeyPrefix::default(), "<Error><Code>SlowDown</Code></Error>");
    let raw = Raw::get("k");
    assert!(read_answer(&raw, answer(head(200, &[]), error, &prefix)).is_ok());
    assert!(read_answer_of(&raw, answer(head(200, &[]), error, &prefix), Marks::Unknown).is_err());
    assert!(
        read_answer_of(&raw, answer(head(200, &[("content-length", "5")]), "hello", &prefix), Marks::Unknown).is_ok()
    );
    assert!(read_answer_of(&raw, answer(head(200, &[]), "hello", &prefix), Marks::Unknown).is_err());
    assert!(read_answer_of(&raw, answer(head(503, &[]), error, &prefix), Marks::Unknown).is_err());
    let delete = DeleteObject::new("k");
    for (status, headers, known, deleted) in [
        (204, &[][..], Marks::Unknown, true),
        (204, &[], Marks::Marked, false),
        (204, &[("x-amz-request-id", "1")], Marks::Marked, true),
        (404, &[], Marks::Unknown, true),
        (404, &[("x-amz-request-id", "1")], Marks::Marked, true),
    ] {
        let found = read_answer_of(&delete, answer(head(status, headers), "", &prefix), known);
        assert_eq!(found.is_ok(), deleted, "{status} {headers:?} {known:?}");
    }
}
