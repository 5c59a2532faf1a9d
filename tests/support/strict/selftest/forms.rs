//! Canonical forms, checksums and dates with known results.

use crate::support::strict::checksum::compute;
use crate::support::strict::clock::{http_date, parse_amz_date, parse_http_date};
use crate::support::strict::{canonical_query, canonical_uri};

#[test]
fn canonical_forms() {
    assert_eq!(canonical_uri(b"/a/../b//c ~+*%\xff"), "//a/../b//c%20~%2B%2A%25%FF");
    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    // Sorted after encoding: `%` comes before letters.
    let query = canonical_query(&[pair("a", "2"), pair("b", ""), pair("a", "1"), pair("/", "+ ")]);
    assert_eq!(query, "%2F=%2B%20&a=1&a=2&b=");
}

#[test]
fn checksums_of_the_catalogues() {
    let check = |algorithm| compute(algorithm, b"123456789");
    assert_eq!(check("crc32").as_deref(), Some("y/Q5Jg=="));
    assert_eq!(check("crc32c").as_deref(), Some("4waSgw=="));
    assert_eq!(check("crc64nvme").as_deref(), Some("rosUhgp5mIg="));
    assert_eq!(check("sha256").as_deref(), Some("FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="));
    assert_eq!(check("md4"), None);
}

#[test]
fn dates() {
    let at = parse_amz_date("20130524T000000Z").expect("a date");
    assert_eq!(at, 1_369_353_600);
    assert_eq!(http_date(at), "Fri, 24 May 2013 00:00:00 GMT");
    for at in [0, 951_782_399, 951_782_400, 951_868_800, 1_709_164_800, 4_107_542_400, 253_402_300_799] {
        assert_eq!(parse_http_date(&http_date(at)), Some(at));
    }
    for wrong in ["20130532T000000Z", "20130230T000000Z", "20130524T240000Z", "2013-05-24T00:00Z", "+0130524T000000Z"] {
        assert_eq!(parse_amz_date(wrong), None, "{wrong}");
    }
}
