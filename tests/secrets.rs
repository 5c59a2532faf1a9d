//! No secret comes out again: not in an error, not in what is shown of a type, not in what an observer or a log is told.
//!
//! Every secret here has the same word in it, which is then searched for in all that was said.

#[path = "secrets/listening.rs"]
mod listening;
#[path = "secrets/shown.rs"]
mod shown;
#[path = "support/mod.rs"]
mod support;

use std::error::Error as StdError;
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{
    CredentialSource, Credentials, Error, Found, GetObject, ListObjectsV2, PutObject, Store, StoreConfig,
    StoreConfigBuilder, resolve,
};
use support::authority::Authority;
use support::folder::Folder;
use support::strict::{Act, Filter, StrictConfig, StrictServer};

use crate::support::runtimes::in_every_runtime;

/// The word that all secrets have.
const CANARY: &str = "CANARY";
const SECRET: &str = "CANARY/secret+key";
const TOKEN: &str = "CANARY/session+token==";
const CUSTOMER_KEY_HEADER: &str = "x-amz-server-side-encryption-customer-key";
const CUSTOMER_KEY: &str = "CANARY/customer+key=";

/// Shown with credentials, and nowhere else.
const ACCOUNT: &str = "AKIAPIGEON";

/// The hash of no bytes, which is no secret.
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Demands that a text has no secret and no part of a signed request in it.
fn assert_silent(whose: &str, text: &str) {
    let as_bytes = format!("{:?}", CANARY.as_bytes());
    let marks = [CANARY, as_bytes.trim_matches(['[', ']']), "Signature=", "Credential=", "AWS4-HMAC-SHA256 ", "X-Amz-"];
    for mark in marks {
        assert!(!text.contains(mark), "{whose} shows {mark}: {text}");
    }
    let text = text.replace(EMPTY_HASH, "");
    let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
    assert!(longest < Some(64), "{whose} shows a signature: {text}");
}

/// Everything an error says, down to its last cause.
fn all_words(error: &Error) -> String {
    let mut words = format!("{error:?} {error:#?} {:?} {:#?}", error.service(), error.kind());
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        words += &format!(" {error} {error:?} {error:#?}");
        cause = error.source();
    }
    words
}

fn assert_all_silent(errors: impl IntoIterator<Item = Error>) {
    for error in errors {
        let words = all_words(&error);
        assert_silent("an error", &words);
        assert!(!words.contains(ACCOUNT), "an error names the account: {words}");
    }
}

fn config(address: std::net::SocketAddr) -> StoreConfigBuilder {
    StoreConfig::builder()
        .set("endpoint", format!("http://{address}"))
        .set("region", "eu-central-1")
        .set("bucket", "bucket")
        .set("access-key", ACCOUNT)
        .set("secret-key", SECRET)
        .set("security-token", TOKEN)
        .set("timeout", "200ms")
        .set("idle-timeout", "200ms")
        .set("max-retries", 1)
        .set("retry-timeout", "1ms")
}

async fn server() -> StrictServer {
    let (access_key, secret_key) = (ACCOUNT.to_owned(), SECRET.to_owned());
    let session_token = Some(TOKEN.to_owned());
    StrictServer::start(StrictConfig { access_key, secret_key, session_token, ..StrictConfig::default() }).await
}

/// A store whose every attempt is listened to.
fn open(config: StoreConfigBuilder) -> Store {
    let store = config.build().and_then(Store::new).expect("a valid configuration");
    store.observed_by(std::sync::Arc::new(listening::Listener))
}

#[test]
fn errors_of_configurations_are_silent() {
    let section = "[store.s3]\ntype = \"s3\"\nbucket = \"mail\"\nregion = \"eu-central-1\"\naccess-key = \"a\"\n";
    let broken = [
        "secret-key = \"CANARY\nuse-fips = true",
        "secret-key = CANARY",
        "secret-key = [\"CANARY\"]",
        "secret-key = \"CANARY CANARY\"",
        "secret-key = \"CANARY%{env:\"",
        "secret-key = \"\\u0000CANARY\"",
        "security-token = \"CANARY\"",
        "secret-key = \"x\"\nsecurity-token = \"CANARY\"\nsession-token = \"CANARY2\"",
        "secret-key = \"CANARY\"\nendpoint = \"https://a:CANARY@host\"",
        "secret-key = \"CANARY\"\ntimeout = \"CANARY\"",
        "secret-key = \"CANARY\"\naddressing = \"CANARY\"",
        "secret-key = \"CANARY\"\nmax-retries = \"CANARY\"",
    ];
    assert_all_silent(broken.map(|lines| format!("{section}{lines}\n").parse::<StoreConfig>().expect_err(lines)));
    let keys = ["region", "bucket", "endpoint", "addressing", "timeout", "expect-continue", "tls.roots", "secret-key"];
    let base = || StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1").set("access-key", "a");
    assert_all_silent(keys.map(|key| base().set(key, "CANARY CANARY!").build().expect_err(key)));
}

/// A file named by mistake may be the one with the private key.
#[test]
fn errors_of_files_are_silent() {
    let folder = Folder::new();
    let key = "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n";
    let garbled = "-----BEGIN CERTIFICATE-----\nCANARY!\n-----END CERTIFICATE-----\n";
    let certificate = "-----BEGIN CERTIFICATE-----\nQ0FOQVJZ\n-----END CERTIFICATE-----\n";
    let base = || StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1").set("anonymous", true);
    for text in [key, garbled, certificate, "CANARY"] {
        let file = folder.file("ca.pem", text);
        let config = base().set("tls.roots", "bundled").set("tls.ca-file", file.display().to_string());
        assert_all_silent([config.build().and_then(Store::new).expect_err(text)]);
    }
    let file = folder.file("store.toml", "[store.s3]\ntype = \"s3\"\nsecret-key = \"CANARY\n");
    assert_all_silent([Store::open(&file, "s3").expect_err("not TOML")]);
    let file = folder.file("store.toml", b"[store.s3]\nsecret-key = \"CANARY\xff\"\n");
    assert_all_silent([Store::open(&file, "s3").expect_err("not UTF-8")]);
}

#[test]
fn errors_of_credentials_are_silent() {
    let pairs = [("id", "CANARY CANARY"), ("CANARY CANARY", "x"), ("id", "CANARY\u{e9}"), ("CANARY\0", "")];
    assert_all_silent(pairs.map(|(id, secret)| Credentials::new(id, secret).expect_err("must be refused")));
    let pair = Credentials::new("id", SECRET).expect("valid");
    assert_all_silent([pair.with_session_token("CANARY\nCANARY").expect_err("must be refused")]);
    let found = |variables: &[(&str, &str)], file: &str| {
        let environment = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
        let read = |_: &str| Ok(Some(file.to_owned()));
        resolve(&CredentialSource::Ambient, &Found { environment: &environment, read: &read }).expect_err(file)
    };
    assert_all_silent([
        found(&[("AWS_SECRET_ACCESS_KEY", SECRET)], "half in the environment"),
        found(&[("AWS_SECRET_ACCESS_KEY", "CANARY CANARY"), ("AWS_ACCESS_KEY_ID", "a")], "a blank"),
        found(&[], "[default]\naws_secret_access_key = CANARY\n"),
        found(&[], "[default]\nCANARY\n"),
        found(&[], "[default]\ncredential_process = CANARY\n"),
        found(&[], "[default\nCANARY = CANARY\n"),
    ]);
}

/// The answers of S3 to a wrong signature repeat what was signed, the session token included.
const TELLTALES: [(u16, &str); 5] = [
    (
        403,
        "<Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message><AWSAccessKeyId>AKIAPIGEON\
         </AWSAccessKeyId><StringToSign>AWS4-HMAC-SHA256 CANARY</StringToSign><SignatureProvided>CANARY\
         </SignatureProvided><CanonicalRequest>x-amz-security-token:CANARY</CanonicalRequest></Error>",
    ),
    (403, "<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIAPIGEON</AWSAccessKeyId></Error>"),
    (400, "<Error><Code>ExpiredToken</Code><Token-0>CANARY</Token-0></Error>"),
    (307, "<Error><Code>TemporaryRedirect</Code></Error>"),
    (503, "<Error><Code>SlowDown</Code></Error>"),
];

fn reply(status: u16, body: &str) -> Act {
    let location = "Location: https://elsewhere/k?X-Amz-Signature=CANARY\r\n";
    let length = body.len();
    Act::Reply(format!("HTTP/1.1 {status} No\r\n{location}Content-Length: {length}\r\n\r\n{body}").into_bytes())
}

#[apply(in_every_runtime)]
async fn refusals_are_silent() {
    let server = server().await;
    let store = open(config(server.address()));
    for (status, body) in TELLTALES {
        server.script().always(Filter::Any, reply(status, body));
        let put = PutObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY);
        assert_all_silent([
            store.put(put, "x").await.expect_err("a refusal"),
            store.get("k").await.expect_err("a refusal"),
            store.head("k").await.expect_err("a refusal"),
            store.list(ListObjectsV2::new()).next().await.expect_err("a refusal"),
        ]);
        server.script().clear();
    }
    server.set_credentials(ACCOUNT, "another", None);
    assert_all_silent([store.put("k", "x").await.expect_err("another secret")]);
    listening::assert_silent();
}

#[apply(in_every_runtime)]
async fn broken_exchanges_are_silent() {
    let server = server().await;
    server.bucket().seed("k", "content");
    let store = open(config(server.address()));
    let garbage = Act::ReplyThenClose(b"garbage\r\n\r\n".to_vec());
    let half = Act::ReplyThenClose(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec());
    for act in [Act::CloseBeforeReply, Act::ApplyThenClose, Act::Stall, garbage, half] {
        server.script().always(Filter::Any, act);
        assert_all_silent([
            store.put(PutObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY), "x").await.expect_err("it broke"),
            store.get(GetObject::new("k").header(CUSTOMER_KEY_HEADER, CUSTOMER_KEY)).await.expect_err("it broke"),
        ]);
        server.script().clear();
    }
    server.script().always(Filter::Any, Act::CutBody { after: 0 });
    let object = store.get("k").await.expect("a head");
    assert_silent("an object", &shown::debug(&object));
    assert_all_silent([object.bytes().await.expect_err("it was cut")]);
    listening::assert_silent();
}

#[apply(in_every_runtime)]
async fn what_reaches_nobody_is_silent() {
    let tls = Some(Authority::new().server_config(&["127.0.0.1"]));
    let server = StrictServer::start(StrictConfig { tls, ..StrictConfig::default() }).await;
    let stranger = config(server.address()).set("endpoint", format!("https://{}", server.address()));
    assert_all_silent([open(stranger.set("tls.roots", "bundled")).put("k", "x").await.expect_err("a stranger")]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let store = open(config(closed.expect("a free port")));
    let week = Duration::from_secs(700_000);
    assert_all_silent([
        store.put("k", "x").await.expect_err("nobody listens"),
        store
            .put(PutObject::new("k").header(CUSTOMER_KEY_HEADER, "CANARY\r\nCANARY"), "x")
            .await
            .expect_err("two lines"),
        store.put(PutObject::new("k").header("authorization", SECRET), "x").await.expect_err("reserved"),
        store.put(PutObject::new("k").metadata("a", "CANARY\u{e9}"), "x").await.expect_err("not ASCII"),
        store.presign(&GetObject::new("k"), week).expect_err("too long"),
    ]);
    listening::assert_silent();
}
