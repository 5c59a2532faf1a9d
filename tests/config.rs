//! Store configurations as text: what they mean, and what is said about those that mean nothing.
//!
//! Each file of `data/config` begins with `# expect: ok`, followed by facts (`#   name=value`), or with the exact text of
//! the error; after `…` a part of it. `# store: NAME` names the store to open, instead of `s3`; an empty name, the only one.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;

use s3lite::{
    CredentialSource, Credentials, Error, ErrorKind, ListObjectsV2, Operation, PayloadHash, Reference, Scheme, Signer,
    SigningTime, StoreConfig, Target,
};
use toml::de::{DeTable, DeValue};

const FILES: usize = 226;
const MUTATIONS: u32 = 1_000;
/// Stands wherever a secret may stand. No error may show any of it.
const CANARY: &str = "CANARY";

struct Case {
    name: String,
    text: String,
    /// The first line after `# expect: `.
    expect: String,
    /// `None` for the only store of the text.
    store: Option<String>,
}

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/config");
    let entries = fs::read_dir(folder).expect("invariant: the folder is there");
    let files: BTreeMap<String, String> = entries.map(|entry| read(&entry.expect("invariant: an entry"))).collect();
    assert_eq!(files.len(), FILES, "files are missing or not counted");
    files.into_iter().map(|(name, text)| Case::new(name, text)).collect()
}

fn read(entry: &fs::DirEntry) -> (String, String) {
    let name = entry.file_name().into_string().expect("invariant: an ASCII name");
    (name, fs::read_to_string(entry.path()).expect("invariant: a readable UTF-8 file"))
}

impl Case {
    fn new(name: String, text: String) -> Self {
        let mut lines = text.lines();
        let expect = lines.next().and_then(|line| line.strip_prefix("# expect: "));
        let expect = expect.unwrap_or_else(|| panic!("{name} does not say what to expect")).to_owned();
        let store = match lines.next().and_then(|line| line.strip_prefix("# store: ")) {
            None => Some("s3".to_owned()),
            Some(store) => Some(store.to_owned()).filter(|store| !store.is_empty()),
        };
        Self { name, text, expect, store }
    }

    fn facts(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix("#   "));
        lines.map(|line| line.split_once('=').expect("invariant: a fact is name=value"))
    }

    fn open(&self) -> Result<StoreConfig, Error> {
        open(&self.text, self.store.as_deref())
    }
}

fn open(text: &str, store: Option<&str>) -> Result<StoreConfig, Error> {
    match store {
        Some(store) => StoreConfig::from_toml(text, store, &mut look_up),
        None => text.parse(),
    }
}

/// What the environment and the files of these tests hold.
fn look_up(reference: Reference<'_>) -> Result<String, String> {
    let value = match reference {
        Reference::Env("BUCKET") => "mail",
        Reference::Env("NORTH") => "north",
        Reference::Env("ACCESS_KEY") => " AKIAFROMENV\n",
        Reference::Env("MINIO") => "minio.example",
        Reference::Env("EMPTY") => "",
        Reference::Env("NESTED") => "%{env:BUCKET}%",
        Reference::File("/run/secrets/s3-key") => "CANARYCANARY-from-file\n",
        Reference::File("/run/suffix") => "suf\n",
        Reference::File("/run/crlf") => "crlf/\r\n",
        Reference::File("/run/a:b") => "colon",
        Reference::File("/run/slash") => "/mail/\n",
        Reference::File("/run/two-lines") => "CANARY\nCANARY\n",
        Reference::Env(name) => return Err(format!("the environment variable {name} is not set")),
        Reference::File(path) => return Err(format!("{path} cannot be read")),
        _ => return Err("a reference of a kind that these tests do not know".to_owned()),
    };
    Ok(value.to_owned())
}

fn report(cases: usize, failures: &[String]) {
    assert!(failures.is_empty(), "{} of {cases} cases fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_file_is_read_as_it_says() {
    let cases = cases();
    assert!(cases.iter().filter(|case| case.expect != "ok").count() > 150, "most files are mistakes");
    let failures: Vec<String> =
        cases.iter().filter_map(|case| problem(case).map(|text| format!("{}: {text}", case.name))).collect();
    report(cases.len(), &failures);
}

fn problem(case: &Case) -> Option<String> {
    match (case.open(), case.expect.as_str()) {
        (Ok(config), "ok") => case.facts().find_map(|(name, value)| wrong_fact(&config, name, value)),
        (Ok(_), _) => Some("is accepted".to_owned()),
        (Err(error), _) if error.kind() != ErrorKind::Config => Some(format!("is of kind {:?}", error.kind())),
        (Err(error), expect) => {
            let shown = error.to_string();
            let fits = match expect.strip_prefix("… ") {
                Some(part) => shown.contains(part),
                None => shown == expect,
            };
            (!fits).then(|| format!("says\n    {shown}\n  instead of\n    {expect}"))
        }
    }
}

fn wrong_fact(config: &StoreConfig, name: &str, expected: &str) -> Option<String> {
    let found = match name {
        "secret-key" => return (!signs_like(config, expected)).then(|| "another secret signs".to_owned()),
        "store" => config.store().unwrap_or_default().to_owned(),
        "bucket" => config.bucket().to_owned(),
        "region" => config.region().as_str().to_owned(),
        "signing-region" => config.endpoint().signing_region().to_owned(),
        "url" => bucket_url(config),
        "key" => config.key_prefix().join("k"),
        "connect-timeout" => config.timeouts().connect.as_millis().to_string(),
        "timeout" => config.timeouts().head.as_millis().to_string(),
        "idle-timeout" => config.timeouts().idle.as_millis().to_string(),
        "max-connections" => config.max_connections().to_string(),
        "payload-signing" => format!("{:?}", config.payload_signing()),
        "tls.ca-file" => config.tls().ca_file.clone().unwrap_or_default(),
        "tls.roots" => format!("{:?}", config.tls().roots),
        "tls.allow-invalid-certs" => config.tls().allow_invalid_certs.to_string(),
        _ => credential_fact(config.credentials(), name),
    };
    (found != expected).then(|| format!("{name} is {found:?}, not {expected:?}"))
}

fn credential_fact(source: &CredentialSource, name: &str) -> String {
    let (kind, profile, given) = match source {
        CredentialSource::Given(credentials) => ("given", "", Some(credentials)),
        CredentialSource::Profile(profile) => ("profile", profile.as_str(), None),
        CredentialSource::Ambient => ("ambient", "", None),
        CredentialSource::Anonymous => ("anonymous", "", None),
        _ => ("unknown", "", None),
    };
    let fact = match name {
        "source" => kind,
        "profile" => profile,
        "access-key" => given.map_or("", Credentials::access_key_id),
        "token" => given.and_then(Credentials::session_token).unwrap_or_default(),
        _ => panic!("there is no fact {name}"),
    };
    fact.to_owned()
}

fn bucket_url(config: &StoreConfig) -> String {
    let request = ListObjectsV2::new().request(config.key_prefix()).expect("invariant: a listing needs nothing");
    config.endpoint().target(&request).to_string()
}

/// The secret cannot be read back, but two equal secrets make the same signature.
fn signs_like(config: &StoreConfig, secret: &str) -> bool {
    let CredentialSource::Given(found) = config.credentials() else { return false };
    let expected = Credentials::new(found.access_key_id(), secret).expect("invariant: a good secret");
    let signature = |credentials: &Credentials| {
        let target = Target::new(Scheme::Https, "h", "/", []);
        let time = SigningTime::from_unix_seconds(0).expect("invariant: 1970 is a time");
        let signer = Signer::new(credentials, "r", "s3");
        signer.sign(time, "GET", &target, &http::HeaderMap::new(), &PayloadHash::EMPTY).signature().as_str().to_owned()
    };
    let long_lived = Credentials::clone(found);
    let expected = match found.session_token() {
        Some(token) => expected.with_session_token(token).expect("invariant: a good token"),
        None => expected,
    };
    signature(&long_lived) == signature(&expected)
}

/// All that a careless program may print of an error.
fn everything_shown(error: &Error) -> String {
    let mut shown = format!("{error} {error:#} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?} {cause:#?}");
        source = cause.source();
    }
    shown
}

#[test]
fn no_error_shows_a_secret() {
    let shows = |case: &&Case| match case.open() {
        Ok(config) => format!("{config:?} {config:#?} {:?}", config.credentials()).contains(CANARY),
        Err(error) => everything_shown(&error).contains(CANARY),
    };
    let cases = cases();
    assert!(cases.iter().filter(|case| case.text.contains(CANARY)).count() > 120, "there are too few secrets to show");
    let failures: Vec<String> = cases.iter().filter(shows).map(|case| case.name.clone()).collect();
    report(cases.len(), &failures);
}

#[test]
fn no_broken_file_shows_a_secret() {
    let good = include_str!("data/config/ok-every-key.toml").replace("\n[", "\n\n[");
    let mut random = Random(0x5331_6c69_7465_0002);
    let mut refused = 0;
    let mut failures = Vec::new();
    for number in 0..MUTATIONS {
        let text = mutated(&good, &mut random);
        for store in [Some("s3"), None] {
            let Err(error) = open(&text, store) else { continue };
            refused += 1;
            if everything_shown(&error).contains(CANARY) {
                failures.push(format!("mutation {number}: {error}\n{text}"));
            }
        }
    }
    assert!(refused > MUTATIONS, "only {refused} of {} openings failed", 2 * MUTATIONS);
    report(2 * MUTATIONS as usize, &failures);
}

/// Breaks a text in one to three places, as hands and disks do.
fn mutated(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(chars.len());
        let quotes: Vec<usize> = (0..chars.len()).filter(|&index| chars[index] == '"').collect();
        match random.below(6) {
            0 => chars.truncate(at.max(1)),
            1 => chars[at] = ['"', '\'', '=', '\n', '.', '[', '#', '\0', 'é', ' '][random.below(10)],
            2 if !quotes.is_empty() => drop(chars.remove(quotes[random.below(quotes.len())])),
            3 => chars.insert(at, ['"', '\n', '=', '{', ']', '\\', '%'][random.below(7)]),
            4 if chars.len() > 1 => drop(chars.remove(at)),
            _ => chars[at] = char::from_u32(u32::from(chars[at]) ^ (1 << random.below(7))).unwrap_or('?'),
        }
    }
    chars.into_iter().collect()
}

/// A xorshift generator: the same texts in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

/// A configuration made in code is checked as one in a file is; its errors only lack the place.
#[test]
fn code_is_checked_as_files_are() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.store.as_deref() == Some("s3")).collect();
    let failures = cases.iter().filter_map(|case| {
        let config = builder(&case.text)?.build();
        let shown = config.map_or_else(|error| error.to_string(), |_| "ok".to_owned());
        let in_file = case.open().map_or_else(|error| error.to_string(), |_| "ok".to_owned());
        let without_place = in_file.split_once("store.s3.").map_or(in_file.as_str(), |(_, rest)| rest);
        (shown != without_place).then(|| format!("{}: {shown:?} in code, {in_file:?} in a file", case.name))
    });
    report(cases.len(), &failures.collect::<Vec<_>>());
    assert!(cases.iter().filter(|case| builder(&case.text).is_some()).count() > 130, "too few can be made in code");
}

/// The keys of `[store.s3]` set in code; `None` for texts and values that have no counterpart there.
fn builder(text: &str) -> Option<s3lite::StoreConfigBuilder> {
    let document = DeTable::parse(text).ok()?;
    let DeValue::Table(stores) = document.get_ref().get("store")?.get_ref() else { return None };
    let DeValue::Table(store) = stores.get("s3")?.get_ref() else { return None };
    store.get("type").filter(|kind| kind.get_ref().as_str() == Some("s3"))?;
    set_all(StoreConfig::builder(), "", store)
}

fn set_all(
    builder: s3lite::StoreConfigBuilder,
    prefix: &str,
    table: &DeTable<'_>,
) -> Option<s3lite::StoreConfigBuilder> {
    table.iter().try_fold(builder, |builder, (name, value)| {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::String(text) if !text.contains("%{") => Some(builder.set(&key, &**text)),
            DeValue::Boolean(value) if key != "tls" => Some(builder.set(&key, *value)),
            DeValue::Integer(number) => Some(builder.set(&key, number.as_str().parse::<i64>().ok()?)),
            DeValue::Table(table) if key == "tls" => set_all(builder, "tls.", table),
            _ => None,
        }
    })
}
