//! Listings: pages, tokens, prefixes, encoding.

use macro_rules_attribute::apply;

use super::client::{Answer, Ask};
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{StrictConfig, StrictServer};

async fn server() -> StrictServer {
    StrictServer::start(StrictConfig::default()).await
}

fn texts(answer: &Answer, name: &str) -> Vec<String> {
    let text = answer.text();
    let inner = |part: &str| part.split_once(&format!("</{name}>")).map(|(inner, _)| inner.to_owned());
    text.split(&format!("<{name}>")).skip(1).filter_map(inner).collect()
}

#[apply(in_every_runtime)]
async fn pages_of_a_listing() {
    let server = server().await;
    for key in ["a", "b/1", "b/2", "c", "d/1", "e"] {
        server.bucket().seed(key, "x");
    }
    let list = Ask::new("GET", "/bucket").query("list-type", "2").query("delimiter", "/").query("max-keys", "2");
    let mut page = list.of(&server).await;
    assert!(page.text().contains("</Contents><CommonPrefixes><Prefix>b/</Prefix>"), "{}", page.text());
    let mut keys = texts(&page, "Key");
    let mut pages = 1;
    while let Some(token) = page.element("NextContinuationToken") {
        assert!(token.starts_with("a+b/c='$ {}"));
        assert_eq!(page.element("KeyCount").as_deref(), Some("2"));
        page = list.clone().query("continuation-token", &token).of(&server).await;
        keys.extend(texts(&page, "Key"));
        pages += 1;
    }
    assert_eq!((keys.join(","), pages), ("a,c,e".into(), 3));
    assert_eq!(page.element("IsTruncated").as_deref(), Some("false"));
    let after = list.clone().query("start-after", "b/1").of(&server).await;
    assert!(after.text().contains("<Prefix>b/</Prefix>"));
    let under = list.clone().query("prefix", "b/").of(&server).await;
    assert_eq!(texts(&under, "Key"), ["b/1", "b/2"]);
    let stranger = list.query("continuation-token", "other").of(&server).await;
    assert_eq!((stranger.status, stranger.element("Code").as_deref()), (400, Some("InvalidArgument")));
}

#[apply(in_every_runtime)]
async fn encoded_listings() {
    let server = server().await;
    server.bucket().seed(b"a b+c/\xff<~*", "x");
    let list = Ask::new("GET", "/bucket").query("list-type", "2").query("prefix", "a b");
    let plain = list.of(&server).await;
    assert_eq!(plain.element("Key").as_deref(), Some("a b+c/\u{fffd}&lt;~*"));
    let encoded = list.query("encoding-type", "url").of(&server).await;
    assert_eq!(encoded.element("Key").as_deref(), Some("a+b%2Bc/%FF%3C%7E*"));
    assert_eq!(encoded.element("Prefix").as_deref(), Some("a+b"));
    assert_eq!(encoded.element("EncodingType").as_deref(), Some("url"));
}
