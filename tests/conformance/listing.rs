//! Listings, and calls without a type of their own.

use std::sync::Arc;

use s3lite::{ListObjectsV2, Method, Raw, Store};

use crate::server::{Server, clean};

async fn keys(store: &Store, list: ListObjectsV2) -> Vec<String> {
    let (mut pages, mut keys) = (store.list(list), Vec::new());
    while let Some(object) = pages.next_object().await.expect("a page") {
        keys.push(object.key);
    }
    keys
}

/// Keys that read the same encoded and not: one server says `EncodingType` and encodes nothing. Odd ones are for the strict
/// server.
async fn filled(server: &Server) -> Store {
    let store = server.store();
    for key in ["a/1", "a/2", "a/b/3", "c", "d e/4"] {
        store.put(key, key).await.expect("it is stored");
    }
    store
}

pub async fn pages(server: Arc<Server>) {
    let store = filled(&server).await;
    let mut pages = store.list(ListObjectsV2::new().max_keys(2));
    let (mut keys, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next().await.expect("a page") {
        assert!(page.contents.len() <= 2);
        count += 1;
        keys.extend(page.contents.into_iter().map(|object| (object.key, object.size)));
    }
    assert!(count >= 3, "{count} pages");
    let expected = [("a/1", 3), ("a/2", 3), ("a/b/3", 5), ("c", 1), ("d e/4", 5)];
    assert_eq!(keys, expected.map(|(key, size)| (key.to_owned(), Some(size))));
    clean(&store).await;
}

pub async fn delimiter(server: Arc<Server>) {
    let store = filled(&server).await;
    let mut pages = store.list(ListObjectsV2::new().delimiter("/"));
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await.expect("a page") {
        keys.extend(page.contents.into_iter().map(|object| object.key));
        prefixes.extend(page.common_prefixes);
    }
    assert_eq!((keys, prefixes), (vec!["c".to_owned()], vec!["a/".to_owned(), "d e/".to_owned()]));
    clean(&store).await;
}

pub async fn start_after(server: Arc<Server>) {
    let store = filled(&server).await;
    assert_eq!(keys(&store, ListObjectsV2::new().start_after("a/2")).await, ["a/b/3", "c", "d e/4"]);
    assert_eq!(keys(&store, ListObjectsV2::new().prefix("a/").start_after("a/1")).await, ["a/2", "a/b/3"]);
    clean(&store).await;
}

pub async fn nothing(server: Arc<Server>) {
    let store = server.store();
    assert!(keys(&store, ListObjectsV2::new()).await.is_empty());
    assert!(keys(&store, ListObjectsV2::new().prefix("none")).await.is_empty());
}

pub async fn many_keys(server: Arc<Server>) {
    let store = server.store();
    let expected: Vec<String> = (0..120).map(|number| format!("k{number:04}")).collect();
    for key in &expected {
        store.put(key, "").await.expect("it is stored");
    }
    assert_eq!(keys(&store, ListObjectsV2::new().max_keys(50)).await, expected);
    clean(&store).await;
}

pub async fn raw(server: Arc<Server>) {
    let store = filled(&server).await;
    let prefix = store.config().key_prefix().join("a/");
    let listing = Raw::bucket(Method::GET).query("list-type", "2").query("prefix", prefix);
    let answer = store.send(listing).await.expect("a listing");
    assert!(answer.status.is_success());
    assert!(answer.body.windows(16).any(|window| window == b"ListBucketResult"));
    let object = store.send(Raw::get("c").header("range", "bytes=0-0")).await.expect("an object");
    assert_eq!((object.status.as_u16(), &object.body[..]), (206, &b"c"[..]));
    let error = store.send(Raw::get("absent")).await.expect_err("it is not there");
    assert!(error.is_not_found(), "{error}");
    clean(&store).await;
}
