//! What goes on the wire is what is signed, whatever bytes are in keys and query.
//!
//! First the published texts of `data/uri-encoding.json`, then every byte and 20,000 random strings, judged by a
//! canonicaliser and a verifier that share no code with the library.

#[path = "support/strict/mod.rs"]
mod strict;

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use s3lite::{Credentials, Operation, PayloadHash, Raw, Region, Scheme, Signer, SigningTime, StoreConfig, Target};
use serde_json::Value;

use strict::canonical::{canonical_query, canonical_uri, decode_path, decode_query};
use strict::http::RequestHead;
use strict::sigv4::{Rules, verify};

const HOST: &str = "s3.example:9000";
const NOW: i64 = 1_369_353_600;
const RANDOM_STRINGS: usize = 20_000;
/// One string of so many is signed and verified too: 3,334 of them.
const SIGN_EVERY: usize = 6;

type Pair = (Vec<u8>, Vec<u8>);

fn target(key: &[u8], pairs: &[Pair]) -> Target {
    let path = [b"/", key].concat();
    Target::new(Scheme::Https, HOST, path, pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
        .expect("a target")
}

fn pair(name: &[u8], value: &[u8]) -> Pair {
    (name.to_vec(), value.to_vec())
}

/// The library's spelling of a text in the path and as a query value.
fn spellings(decoded: &[u8]) -> (String, String) {
    let target = target(decoded, &[pair(b"v", decoded)]);
    let value = target.query().strip_prefix("v=").expect("invariant: the pair's name needs no escape");
    (target.path()[1..].to_owned(), value.to_owned())
}

fn report(cases: usize, failures: &[String]) {
    let shown: Vec<&str> = failures.iter().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {cases} cases fail:\n{}", failures.len(), shown.join("\n"));
}

#[test]
fn published_texts() {
    let data: Value =
        serde_json::from_str(include_str!("data/uri-encoding.json")).expect("invariant: the data is JSON");
    let of = |name: &str| data[name].as_array().expect("invariant: an array").clone();
    let (published, strings, bytes) = (of("published"), of("strings"), of("bytes"));
    assert_eq!((published.len(), strings.len(), bytes.len()), (9, 72, 256), "cases are missing");
    let mut failures: Vec<String> = published.iter().filter_map(check_published).collect();
    failures.extend(strings.iter().filter_map(|row| check_row(row, text(row, "decoded").as_bytes())));
    failures.extend(bytes.iter().enumerate().filter_map(|(value, row)| {
        let byte = u8::try_from(value).expect("invariant: 256 rows");
        assert_eq!(row["byte"], byte, "the rows stand in order");
        check_row(row, &[byte])
    }));
    report(published.len() + strings.len() + bytes.len(), &failures);
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().expect("invariant: a text")
}

fn check_published(row: &Value) -> Option<String> {
    let decoded = text(row, "decoded");
    let (path, value) = spellings(decoded.as_bytes());
    let found = match text(row, "where") {
        "path" => path,
        _ => value,
    };
    // The published paths begin with their slash; spellings puts one before the key.
    (found != text(row, "encoded")).then(|| format!("{row}: {found}"))
}

fn check_row(row: &Value, decoded: &[u8]) -> Option<String> {
    let (path, value) = spellings(decoded);
    (path != text(row, "path") || value != text(row, "query")).then(|| format!("{row}: {path}, {value}"))
}

/// Checks one request: what is on the wire, what it decodes to, and what it should be.
fn check(key: &[u8], pairs: &[Pair]) -> Result<Target, String> {
    let target = target(key, pairs);
    let wire = target.path_and_query();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%?&=".contains(&b);
    if !wire.bytes().all(legal) {
        return Err(format!("{wire:?} holds a byte that may not stand there"));
    }
    if !PathAndQuery::try_from(wire).is_ok_and(|parsed| parsed.as_str() == wire) {
        return Err(format!("{wire:?} does not reach the request line as it is"));
    }
    let (path, query) = wire.split_once('?').unwrap_or((wire, ""));
    if (path, query) != (target.path(), target.query()) {
        return Err(format!("{wire:?} is not path and query"));
    }
    if decode_path(path.as_bytes())? != key || path != canonical_uri(key) {
        return Err(format!("the path {path:?} is not the key {key:02x?}"));
    }
    let (mut sent, mut meant) = (decode_query(query.as_bytes())?, pairs.to_vec());
    sent.sort();
    meant.sort();
    if sent != meant || query != canonical_query(pairs) {
        return Err(format!("the query {query:?} is not that of {pairs:02x?}"));
    }
    Ok(target)
}

/// Signs a request as the client does and has the independent verifier look at it.
fn check_signature(method: &str, target: &Target) -> Result<(), String> {
    let credentials = Credentials::new("access", "se/cr+et=").expect("invariant: good credentials");
    let time = SigningTime::from_unix_seconds(NOW).expect("invariant: a time in this age");
    let region = Region::new("eu-central-1").expect("a region");
    let signer = Signer::new(&credentials, &region, "s3").expect("a service");
    let signed = signer.sign(time, method, target, &HeaderMap::new(), &PayloadHash::EMPTY);
    let added = signed.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let mut headers = vec![("host".to_owned(), target.host().as_bytes().to_vec())];
    headers.extend(added);
    if method == "PUT" {
        headers.push(("content-length".to_owned(), b"0".to_vec()));
    }
    let head = RequestHead { method: method.to_owned(), target: target.path_and_query().into(), headers };
    verify(&head, &Bytes::new(), &rules()).map(drop).map_err(|error| format!("{target}: refused: {error:?}"))
}

fn rules() -> Rules {
    Rules {
        access_key: "access".to_owned(),
        secret_key: "se/cr+et=".to_owned(),
        session_token: None,
        region: "eu-central-1".to_owned(),
        service: "s3".to_owned(),
        now: NOW,
        default_port: 443,
        also_signable: Vec::new(),
    }
}

/// A byte alone, doubled and between letters.
fn forms(byte: u8) -> [Vec<u8>; 3] {
    [vec![byte], vec![byte, byte], vec![b'a', byte, b'b']]
}

#[test]
fn every_byte_survives() {
    let texts: Vec<Vec<u8>> = (0..=u8::MAX).flat_map(forms).collect();
    assert_eq!(texts.len(), 768);
    let verdicts = texts.iter().map(|text| {
        let pairs = [pair(text, text), pair(b"name", text), pair(text, b"")];
        check(text, &pairs).and_then(|target| check_signature("PUT", &target))
    });
    let failures: Vec<String> = verdicts.filter_map(Result::err).collect();
    report(texts.len(), &failures);
}

#[test]
fn random_strings_survive() {
    let mut random = Random(0x5331_6c69_7465_0001);
    let mut failures = Vec::new();
    for index in 0..RANDOM_STRINGS {
        let key = random.string(0);
        let pairs: Vec<Pair> = (0..random.below(4)).map(|_| (random.string(1), random.string(0))).collect();
        let verdict = check(&key, &pairs).and_then(|target| match index % SIGN_EVERY {
            0 => check_signature(["GET", "PUT", "HEAD", "DELETE"][random.below(4)], &target),
            _ => Ok(()),
        });
        failures.extend(verdict.err());
    }
    report(RANDOM_STRINGS, &failures);
}

#[test]
fn pairs_are_sorted_as_they_are_encoded() {
    // Sorted before encoding, or as whole pairs with their `=`, these come in another order.
    let names = ["a", "a-", "a.", "a/", "a0", "aA", "a_", "a~", "é", "Z", "~", "%", "a b", "a=b", "a&b"];
    let mut pairs: Vec<Pair> = names.iter().map(|name| pair(name.as_bytes(), b"2")).collect();
    pairs.extend(names.iter().map(|name| pair(name.as_bytes(), b"1")));
    pairs.extend([pair(b"a", b"/"), pair(b"a", b"."), pair(b"a", b"\xff"), pair(b"a", b"z")]);
    let target = check(b"key", &pairs).and_then(|target| check_signature("GET", &target).map(|()| target));
    let target = target.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(target.query().starts_with("%25=1&%25=2&%C3%A9=1&%C3%A9=2&Z=1&Z=2&a=%2F&a=%FF&a=.&a=1&a=2&a=z&a%20b=1"));
}

/// Keys and query texts of operations go the same way: through an endpoint, with the bucket before the key.
#[test]
fn operations_carry_any_character() {
    let config = StoreConfig::builder().set("bucket", "bucket").set("region", "eu-central-1").set("endpoint", HOST);
    let config = config.build().expect("invariant: a good configuration");
    let characters = ('\u{1}'..='\u{2ff}').chain(['\u{200b}', '\u{feff}', '\u{fffd}', '😀', '\u{10ffff}']);
    let texts: Vec<String> =
        characters.map(|c| format!("{c}a{c}{c}")).chain([".", "..", "//"].map(str::to_owned)).collect();
    let failures: Vec<String> = texts.iter().filter_map(|text| check_operation(&config, text).err()).collect();
    report(texts.len(), &failures);
}

fn check_operation(config: &StoreConfig, text: &str) -> Result<(), String> {
    let operation = Raw::get(text).query(text, text).query("valueless", "");
    let request = operation.request(config.key_prefix()).map_err(|error| error.to_string())?;
    let target = config.endpoint().target(&request);
    let pairs = [pair(text.as_bytes(), text.as_bytes()), pair(b"valueless", b"")];
    let expected = format!("{}?{}", canonical_uri(format!("bucket/{text}").as_bytes()), canonical_query(&pairs));
    if target.path_and_query() != expected {
        return Err(format!("{text:?}: {} instead of {expected}", target.path_and_query()));
    }
    check_signature("GET", &target)
}

/// A xorshift generator: the same strings in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("invariant: a small number");
        usize::try_from((self.next() >> 33) % limit).expect("invariant: below a small number")
    }

    /// A string of any bytes, or of those that are most often treated wrongly.
    fn string(&mut self, shortest: usize) -> Vec<u8> {
        const HOSTILE: &[u8] = b"//..%%2F20+ &=?#:;,@!$'()*[]{}|\\^`<>~\"\0\n\r\t\x7f\x80\xc3\xa9\xff";
        let length = shortest + self.below(40);
        let hostile = self.below(2) == 0;
        let byte = |random: &mut Self| match hostile {
            true => HOSTILE[random.below(HOSTILE.len())],
            false => u8::try_from(random.below(256)).expect("invariant: below 256"),
        };
        (0..length).map(|_| byte(self)).collect()
    }
}
