//! A fixed session with a store: one call after another, each told in a few words.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use s3lite::{Error, GetObject, ListObjectsV2, Object, Payload, PutObject, Raw, Store, StoreConfigBuilder};

use crate::server::open;

const CONTENT: &str = "0123456789";

/// The stores of a session: the one it is about, one with a wrong secret, and one of a bucket that does not exist.
#[derive(Clone)]
pub struct Stores {
    main: Store,
    stranger: Store,
    nowhere: Store,
}

impl Stores {
    /// Whatever is refused is refused at once, so that what a call meets is the same every time.
    pub fn open(config: impl Fn() -> StoreConfigBuilder) -> Self {
        let config = || config().set("key-prefix", "s3lite-test/recorded/").set("max-retries", "0");
        Self {
            main: open(config()),
            stranger: open(config().set("secret-key", "not-the-secret")),
            nowhere: open(config().set("bucket", "s3lite-no-such-bucket")),
        }
    }
}

/// What is done, what S3 makes of it, and how it is done.
pub type Call = (&'static str, &'static str, fn(Stores) -> Pin<Box<dyn Future<Output = String> + Send>>);

macro_rules! calls {
    ($($name:literal, $told:literal: |$stores:ident| $call:expr;)+) => {
        &[$(($name, $told, |$stores| Box::pin(async move { $call.await.unwrap_or_else(refused) }))),+]
    };
}

/// Those that change nothing come before and behind those that do, so that a service is met both with and without a history.
pub const CALLS: &[Call] = calls! {
    "list nothing", "keys [] prefixes []": |of| list(&of.main, ListObjectsV2::new());
    "get a missing key", "NotFound 404": |of| get(&of.main, "missing");
    "head a missing key", "NotFound 404": |of| head(&of.main, "missing");
    "raw get of a missing key", "NotFound 404": |of| raw(&of.main, Raw::get("missing"));
    "delete a missing key", "deleted": |of| delete(&of.main, "missing");
    "put", "stored": |of| put(&of.main, described("object"), CONTENT.into());
    "head", "10 bytes text/plain blue": |of| head(&of.main, "object");
    "get", "\"0123456789\"": |of| get(&of.main, "object");
    "raw get", "200 \"0123456789\"": |of| raw(&of.main, Raw::get("object"));
    "get a range", "2..=4 of 10 \"234\"": |of| get(&of.main, GetObject::new("object").range(2..5));
    "get the last bytes", "7..=9 of 10 \"789\"": |of| get(&of.main, GetObject::new("object").last(3));
    "get a range beyond the end", "InvalidRange 416": |of| get(&of.main, GetObject::new("object").range(20..30));
    "get if it is another", "Precondition 412": |of| get(&of.main, GetObject::new("object").if_match("\"other\""));
    "get if it is new", "NotModified 304": |of| get_if_new(&of.main);
    "put if there is none", "Precondition 412": |of| {
        put(&of.main, PutObject::new("object").if_none_match("*"), "other".into())
    };
    "get it again", "\"0123456789\"": |of| get(&of.main, "object");
    "put nothing", "stored": |of| put(&of.main, PutObject::new("empty"), "".into());
    "get nothing", "\"\"": |of| get(&of.main, "empty");
    "get a range of nothing", "\"\"": |of| get(&of.main, GetObject::new("empty").range(0..));
    "put by signed chunks", "stored": |of| put(&of.main, PutObject::new("chunks"), by_chunks());
    "get what came in chunks", "\"0123456789\"": |of| get(&of.main, "chunks");
    "list", "keys [chunks 10, empty 0, object 10] prefixes []": |of| list(&of.main, ListObjectsV2::new());
    "list page by page", "keys [chunks 10, empty 0, object 10] prefixes []": |of| {
        list(&of.main, ListObjectsV2::new().max_keys(1))
    };
    "put below a folder", "stored": |of| put(&of.main, PutObject::new("folder/a b"), "".into());
    "list folders", "keys [chunks 10, empty 0, object 10] prefixes [folder/]": |of| {
        list(&of.main, ListObjectsV2::new().delimiter("/"))
    };
    "get with a wrong secret", "AccessDenied 403": |of| get(&of.stranger, "object");
    "head with a wrong secret", "AccessDenied 403": |of| head(&of.stranger, "object");
    "put with a wrong secret", "AccessDenied 403": |of| put(&of.stranger, PutObject::new("object"), "x".into());
    "list with a wrong secret", "AccessDenied 403": |of| list(&of.stranger, ListObjectsV2::new());
    "get from no bucket", "NoSuchBucket 404": |of| get(&of.nowhere, "object");
    "put into no bucket", "NoSuchBucket 404": |of| put(&of.nowhere, PutObject::new("object"), "x".into());
    "list no bucket", "NoSuchBucket 404": |of| list(&of.nowhere, ListObjectsV2::new());
    "delete", "deleted": |of| delete(&of.main, "object");
    "delete it again", "deleted": |of| delete(&of.main, "object");
    "head what was deleted", "NotFound 404": |of| head(&of.main, "object");
    "delete nothing", "deleted": |of| delete(&of.main, "empty");
    "delete the chunks", "deleted": |of| delete(&of.main, "chunks");
    "delete below the folder", "deleted": |of| delete(&of.main, "folder/a b");
    "list what is left", "keys [] prefixes []": |of| list(&of.main, ListObjectsV2::new());
};

fn refused(error: Error) -> String {
    let status = error.status().map(|status| status.as_u16().to_string());
    format!("{:?} {}", error.kind(), status.unwrap_or_else(|| "without a status".to_owned()))
}

fn described(key: &str) -> PutObject {
    PutObject::new(key).content_type("text/plain").metadata("colour", "blue")
}

/// A reader over plain http is sent in signed chunks.
fn by_chunks() -> Payload {
    Payload::reader(CONTENT.as_bytes(), CONTENT.len() as u64)
}

async fn put(store: &Store, operation: PutObject, payload: Payload) -> Result<String, Error> {
    store.put(operation, payload).await.map(|_| "stored".to_owned())
}

async fn head(store: &Store, key: &str) -> Result<String, Error> {
    let meta = store.head(key).await?;
    let facts = [meta.content_type(), meta.metadata("colour")].map(Option::unwrap_or_default);
    Ok(format!("{} bytes {} {}", meta.size().unwrap_or_default(), facts[0], facts[1]))
}

async fn get(store: &Store, operation: impl Into<GetObject>) -> Result<String, Error> {
    shown(store.get(operation).await?).await
}

async fn get_if_new(store: &Store) -> Result<String, Error> {
    let Some(etag) = store.head("object").await?.etag() else { return Ok("no ETag".to_owned()) };
    get(store, GetObject::new("object").if_none_match(etag)).await
}

async fn shown(object: Object) -> Result<String, Error> {
    let range =
        object.content_range().map(|range| format!("{}..={} of {} ", range.first, range.last, total(range.size)));
    let bytes = object.bytes().await?;
    Ok(range.unwrap_or_default() + &quoted(&bytes))
}

fn total(size: Option<u64>) -> String {
    size.map_or_else(|| "?".to_owned(), |size| size.to_string())
}

fn quoted(bytes: &Bytes) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

async fn raw(store: &Store, operation: Raw) -> Result<String, Error> {
    let answer = store.send(operation).await?;
    Ok(format!("{} {}", answer.status.as_u16(), quoted(&answer.body)))
}

async fn delete(store: &Store, key: &str) -> Result<String, Error> {
    store.delete(key).await.map(|_| "deleted".to_owned())
}

async fn list(store: &Store, operation: ListObjectsV2) -> Result<String, Error> {
    let (mut pages, mut keys, mut prefixes) = (store.list(operation), Vec::new(), Vec::new());
    while let Some(page) = pages.next().await? {
        keys.extend(page.contents.into_iter().map(|object| format!("{} {}", object.key, total(object.size))));
        prefixes.extend(page.common_prefixes);
    }
    Ok(format!("keys [{}] prefixes [{}]", keys.join(", "), prefixes.join(", ")))
}
