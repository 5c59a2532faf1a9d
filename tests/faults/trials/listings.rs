//! T20: listings that never end or say two things at once. Where a service keeps the order of keys, no key comes at or before
//! the last one (catalogue S36), and the error names the one that does; where it keeps none, it is listed as it comes.

use macro_rules_attribute::apply;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use s3lite::{Error, ErrorKind, ListObjectsV2, Store};

use super::MARK;
use crate::covers;
use crate::rig::{Rig, config, everywhere, reply};
use crate::support::strict::Act;

fn keys(names: &[&str]) -> String {
    names.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")).collect()
}

fn prefixes(names: &[&str]) -> String {
    names.iter().map(|name| format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>")).collect()
}

fn document(token: Option<usize>, entries: &str) -> String {
    let more = match token {
        Some(token) => {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>t{token}</NextContinuationToken>")
        }
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!("<ListBucketResult>{more}{entries}</ListBucketResult>")
}

/// A listing of these pages.
fn listing(pages: &[String]) -> (Rig, Store) {
    let rig = Rig::new();
    for (number, entries) in pages.iter().enumerate() {
        let token = (number + 1 < pages.len()).then_some(number);
        rig.server.next(reply("200 OK", MARK, &document(token, entries)));
    }
    let store = rig.store();
    (rig, store)
}

/// Reads a listing to its end, or to its failure, which it keeps.
async fn listed(store: &Store) -> (Vec<String>, Option<Error>) {
    let (mut pages, mut listed) = (store.list(ListObjectsV2::new().delimiter("/")), Vec::new());
    loop {
        match pages.next().await {
            Ok(Some(page)) => {
                listed.extend(page.contents.into_iter().map(|object| object.key));
                listed.extend(page.common_prefixes);
            }
            Ok(None) => return (listed, None),
            Err(error) => {
                assert!(pages.next().await.is_err(), "a listing that is wrong stays wrong");
                return (listed, Some(error));
            }
        }
        assert!(listed.len() < 20_000, "it goes on for ever");
    }
}

/// Pages that begin again, overlap, step back, or have a key twice.
#[apply(everywhere)]
async fn t20_a_key_at_or_before_the_last_one_is_an_error() {
    covers(&["T20"]);
    for (pages, named) in [
        (vec![keys(&["ka", "kb"]), keys(&["ka", "kb"])], "ka"),
        (vec![keys(&["ka", "kb"]), keys(&["kb", "kc"])], "kb"),
        (vec![keys(&["ka", "kb"]), keys(&["kc", "kd"]), keys(&["ka", "kb"])], "ka"),
        (vec![keys(&["kb", "kc"]), keys(&["ka", "kd"])], "ka"),
        (vec![keys(&["kk", "kk"])], "kk"),
        (vec![keys(&["ka", "kk", "kk", "kz"])], "kk"),
        (vec![keys(&["kk"]), keys(&[]), keys(&["kk"])], "kk"),
        (vec![prefixes(&["ka/", "kp/"]), prefixes(&["kp/", "kq/"])], "kp/"),
        (vec![prefixes(&["kp/", "kp/"])], "kp/"),
        (vec![keys(&["ka"]) + &prefixes(&["kp/"]), keys(&["ka"]) + &prefixes(&["kp/"])], "ka"),
    ] {
        let (_, store) = listing(&pages);
        let (_, error) = listed(&store).await;
        let error = error.unwrap_or_else(|| panic!("{pages:?}: it was listed"));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{pages:?}: {error}");
        assert!(error.to_string().contains(named), "{pages:?}: {error}");
    }
}

/// What is named of a key cannot move a terminal's cursor, and is bounded.
#[apply(everywhere)]
async fn t20_a_key_is_named_harmlessly() {
    covers(&["T20"]);
    for key in ["a%1B%5B31m".to_owned(), "%00".to_owned(), "x".repeat(1024)] {
        let entries = format!("<EncodingType>url</EncodingType>{}", keys(&[&key, &key]));
        let (_, store) = listing(&[entries]);
        let text = listed(&store).await.1.expect("twice").to_string();
        assert!(!text.contains(|c: char| c.is_control()) && text.len() < 2000, "{text:?}");
    }
}

/// A service that begins again at every token, for ever: in order, in none, with common prefixes alone.
#[apply(everywhere)]
async fn t20_a_listing_without_end_is_an_error() {
    covers(&["T20"]);
    for entries in [
        keys(&["a", "b"]),
        keys(&["c", "a", "b"]),
        keys(&["a"]),
        prefixes(&["p/", "q/"]),
        keys(&["z"]) + &prefixes(&["a/"]),
    ] {
        let (rig, number) = (Rig::new(), Arc::new(AtomicUsize::new(0)));
        rig.server.always(Act::mutate({
            let entries = entries.clone();
            move |answer| {
                let number = number.fetch_add(1, Ordering::SeqCst);
                (answer.status, answer.body) = (200, document(Some(number), &entries).into_bytes());
            }
        }));
        let (_, error) = listed(&rig.store()).await;
        let error = error.unwrap_or_else(|| panic!("{entries}: it ended"));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{entries}: {error}");
    }
}

/// Two words on whether there is more, or on where, are none; nor is a key without characters a key, nor two keys one.
#[apply(everywhere)]
async fn t20_a_page_that_contradicts_itself_is_none() {
    covers(&["T20"]);
    let token = |name: &str| format!("<NextContinuationToken>{name}</NextContinuationToken>");
    let (yes, no) = ("<IsTruncated>true</IsTruncated>", "<IsTruncated>false</IsTruncated>");
    for inner in [
        format!("{yes}{}{}{no}", token("t"), keys(&["a"])),
        format!("{no}{}{}{yes}", keys(&["a"]), token("t")),
        format!("{yes}{}{}{}", token("t"), keys(&["a"]), token("u")),
        format!("{no}<Contents><Key></Key><Size>1</Size></Contents>"),
        format!("{no}<Contents><Key/><Size>1</Size></Contents>"),
        format!("{no}{}<Contents><Key/><Size>1</Size></Contents>", keys(&["a"])),
        format!("{no}<Contents><Key>a</Key><Key>b</Key><Size>1</Size></Contents>"),
        format!("{no}<Contents><Size>1</Size></Contents>"),
    ] {
        let rig = Rig::new();
        rig.server.always(reply("200 OK", MARK, &format!("<ListBucketResult>{inner}</ListBucketResult>")));
        let (keys, error) = listed(&rig.store()).await;
        let error = error.unwrap_or_else(|| panic!("{inner}: listed as {keys:?}"));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{inner}: {error}");
    }
}

/// Services that keep no order: S3's directory buckets, trees walked by name, SeaweedFS's prefixes. Pages may be empty.
#[apply(everywhere)]
async fn t20_an_order_that_is_not_kept_is_not_demanded() {
    covers(&["T20"]);
    for pages in [
        vec![keys(&["c", "a", "b"])],
        vec![keys(&["c", "a"]), keys(&["d", "b"])],
        vec![keys(&["z", "y", "x"]), keys(&["w"]), keys(&["v", "u"])],
        vec![keys(&["a.b", "a"]), keys(&["B", "b"])],
        vec![keys(&["m", "n"]) + &prefixes(&["z/", "a/"]), keys(&["o"]) + &prefixes(&["q/"])],
        vec![prefixes(&["b/", "a/"]), prefixes(&["c/"])],
        vec![keys(&["a"]), keys(&[]), keys(&[]), keys(&["b"]), keys(&[])],
    ] {
        let (rig, store) = listing(&pages);
        let (listed, error) = listed(&store).await;
        assert!(error.is_none(), "{pages:?}: {error:?}");
        let entries = pages.concat().matches("</Key>").count() + pages.concat().matches("</Prefix>").count();
        assert_eq!((listed.len(), rig.requests().len()), (entries, pages.len()), "{pages:?}");
    }
}

/// The order is that of UTF-8 bytes, by keys as they are meant and not as they are written; and prefixes come between keys or
/// behind them.
#[apply(everywhere)]
async fn t20_pages_of_any_size_are_listed() {
    covers(&["T20"]);
    let names =
        ["!", "%", "%2F", "+", "A", "Z", "a", "a b", "a!", "a/b", "a/c", "a0", "b/", "b/c", "z", "ä", "\u{ff5e}", "😀"];
    for interleaved in [true, false] {
        for max in [1, 2, 3, 7, 1000] {
            for delimiter in [None, Some("/"), Some("b")] {
                let rig = Rig::new();
                names.iter().for_each(|key| rig.server.bucket().seed(key, "x"));
                rig.server.bucket().interleaved = interleaved;
                let mut list = ListObjectsV2::new().max_keys(max);
                list = delimiter.map_or(list.clone(), |delimiter| list.delimiter(delimiter));
                let (store, mut count) = (rig.store(), 0);
                let mut pages = store.list(list);
                while let Some(page) = pages.next().await.unwrap_or_else(|error| panic!("{max} {delimiter:?}: {error}"))
                {
                    count += page.contents.len() + page.common_prefixes.len();
                }
                let expected = [names.len(), names.len() - 2, names.len() - 2][usize::from(delimiter.is_some())];
                assert!(count == expected || delimiter == Some("b"), "{max} {delimiter:?}: {count}");
                rig.assert_manners();
            }
        }
    }
}

/// The folder's own entry, which consoles make, is the empty key to a store that lives below it. It stops nothing.
#[tokio::test(start_paused = true)]
async fn t20_a_folders_own_entry_is_no_empty_key() {
    covers(&["T20"]);
    for max in [1, 1000] {
        let rig = Rig::new();
        for key in ["mail/", "mail/1", "mail/2"] {
            rig.server.bucket().seed(key, "x");
        }
        let store = rig.open(config().set("key-prefix", "mail/"));
        let (mut pages, mut keys) = (store.list(ListObjectsV2::new().max_keys(max)), Vec::new());
        while let Some(object) = pages.next_object().await.expect("a listing") {
            keys.push(object.key);
        }
        keys.retain(|key| !key.is_empty());
        assert_eq!(keys, ["1", "2"]);
        rig.assert_sound(store).await;
    }
}
