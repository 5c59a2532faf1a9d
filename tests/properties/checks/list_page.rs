//! A page of a listing: any body.

use http::{HeaderMap, StatusCode};
use s3lite::{Answer, KeyPrefix, ListObjectsV2, ListingPage, ResponseHead, StoreConfig, read_answer};

use super::naive_xml::{self, Node};
use super::{canary, input, percent};

/// What is read is a whole listing, and says what an independent reading of it finds.
pub fn check(bytes: &[u8]) {
    for prefix in ["", "mail/"] {
        match read(bytes, &key_prefix(prefix)) {
            Ok(page) => assert_same(&page, bytes, prefix),
            Err(error) => assert!(!canary::all_words(&error).is_empty()),
        }
    }
}

fn read(bytes: &[u8], prefix: &KeyPrefix) -> s3lite::Result<ListingPage> {
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
    let answer = Answer { head, body: bytes, prefix, signed_for: "us-east-1" };
    read_answer(&ListObjectsV2::new(), answer)
}

/// Only a configuration has a prefix.
fn key_prefix(prefix: &str) -> KeyPrefix {
    let config = StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1").set("key-prefix", prefix);
    config.build().expect("a valid configuration").key_prefix().clone()
}

fn assert_same(page: &ListingPage, bytes: &[u8], prefix: &str) {
    // Keys that are no UTF-8 are told apart; this reading knows none.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if !page.unreadable.is_empty() {
        return;
    }
    let document = naive_xml::read(text.trim_start_matches('\u{feff}')).expect("only XML is read");
    let [root] = &document.children[..] else { panic!("a document has one root") };
    assert_eq!(root.name(), "ListBucketResult");
    let beside = document.text.as_deref().expect("nothing but blanks stands beside the root");
    assert!(beside.trim().is_empty(), "{beside:?} stands beside the root");
    let listing = Listing { root, prefix };
    let keys: Vec<(String, Option<u64>)> =
        page.contents.iter().map(|object| (object.key.clone(), object.size)).collect();
    assert_eq!(keys, listing.objects());
    assert_eq!(page.common_prefixes, listing.common_prefixes());
    assert_eq!(page.next_continuation_token.as_deref(), listing.token());
}

/// The independent reading.
struct Listing<'a> {
    root: &'a Node,
    prefix: &'a str,
}

impl Listing<'_> {
    fn objects(&self) -> Vec<(String, Option<u64>)> {
        let object = |node: &Node| {
            let key = node.last_text("Key").expect("an object has a key");
            let size = node.last_text("Size").filter(|size| !size.trim().is_empty());
            (self.key(key), size.map(|size| input::digits(size.trim()).expect("a size is a number")))
        };
        self.root.named("Contents").map(object).collect()
    }

    fn common_prefixes(&self) -> Vec<String> {
        let nodes = self.root.named("CommonPrefixes").flat_map(|node| node.named("Prefix"));
        nodes.map(|node| self.key(node.text.as_deref().expect("a prefix can be read"))).collect()
    }

    fn token(&self) -> Option<&str> {
        let truncated = self.root.last_text("IsTruncated").expect("a listing says whether it goes on").trim();
        let token = self.root.last_text("NextContinuationToken").filter(|token| !token.is_empty());
        match truncated.to_ascii_lowercase().as_str() {
            "true" => Some(token.expect("a listing that goes on says where")),
            "false" => None,
            _ => panic!("{truncated:?} is not whether it goes on"),
        }
    }

    fn key(&self, written: &str) -> String {
        let is_encoded = self.root.last_text("EncodingType").is_some_and(|name| name.eq_ignore_ascii_case("url"));
        let bytes = if is_encoded { percent::decode(written, ' ') } else { written.as_bytes().to_vec() };
        let key = String::from_utf8(bytes).expect("a key is UTF-8");
        key.strip_prefix(self.prefix).expect("a key has the prefix that was asked for").to_owned()
    }
}
