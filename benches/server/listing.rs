//! The pages of a listing, written before anybody asks.

use std::fmt::Write;

/// How many keys there are.
pub const KEYS: usize = 100_000;

/// How many pages they fill.
pub const PAGES: usize = KEYS / PAGE;

/// How many keys are on a page: S3's own limit.
const PAGE: usize = 1000;

/// Opaque to clients; the page's number stands at its end.
pub const TOKEN: &str = "1ueGcxLPRx1TrXYExHnhbYLgveDs2Jwm36Hy4vbOwM";

/// All pages of a bucket's listing.
pub struct Listing(Vec<Vec<u8>>);

impl Listing {
    pub fn new() -> Self {
        Self((0..PAGES).map(|number| page(number).into_bytes()).collect())
    }

    /// Returns the page that a query asks for.
    pub fn page(&self, query: &str) -> &[u8] {
        let token = query.split('&').find_map(|pair| pair.strip_prefix("continuation-token="));
        let number = token.and_then(|token| token.strip_prefix(TOKEN)?.parse::<usize>().ok()).unwrap_or(0);
        &self.0[number % self.0.len()]
    }
}

fn page(number: usize) -> String {
    let mut xml = String::with_capacity(PAGE * 320);
    let truncated = number + 1 < PAGES;
    xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bucket</Name><Prefix></Prefix>",
    );
    push(&mut xml, format_args!("<KeyCount>{PAGE}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"));
    push(&mut xml, format_args!("<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>"));
    if truncated {
        push(&mut xml, format_args!("<NextContinuationToken>{TOKEN}{:04}</NextContinuationToken>", number + 1));
    }
    for index in number * PAGE..(number + 1) * PAGE {
        push_object(&mut xml, index);
    }
    xml.push_str("</ListBucketResult>");
    xml
}

/// A key as a mail server makes them, with a character that is encoded.
fn push_object(xml: &mut String, index: usize) {
    let digest = (index as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let (day, hour, minute) = (1 + index / 4000, index / 200 % 24, index / 3 % 60);
    let (user, size) = (index / 500, 1024 + index * 37 % 200_000);
    push(
        xml,
        format_args!(
            "<Contents><Key>mail/user%2B{user:04}/2025/03/{day:02}/{index:06}-{digest:032x}.eml</Key>\
             <LastModified>2025-03-{day:02}T{hour:02}:{minute:02}:53.000Z</LastModified>\
             <ETag>&quot;{digest:032x}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        ),
    );
}

fn push(xml: &mut String, text: std::fmt::Arguments<'_>) {
    xml.write_fmt(text).expect("a String takes every text");
}
