//! Store configurations as text: what they mean, and what is said about those that mean nothing.
//!
//! Each file of `data/config` begins with `# expect: ok`, followed by facts (`#   name=value`), or with the exact text of
//! the error; after `…` parts of it, each after a ` … ` of its own, and of words with `|` between them one is enough. An
//! error has a line for each mistake: `# also: ` says what the next one is, in the same way. `# store: NAME` names the store
//! to open, instead of `s3`; an empty name, the only one.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::time::Duration;

use s3lite::{
    CredentialSource, Credentials, Error, ErrorKind, ListObjectsV2, Operation, PayloadHash, Reference, Region, Scheme,
    Signer, SigningTime, StoreConfig, Target,
};
use toml::de::{DeTable, DeValue};

const FILES: usize = 505;
const MUTATIONS: u32 = 1_000;
/// Stands wherever a secret may stand. No error may show any of it.
const CANARY: &str = "CANARY";

struct Case {
    name: String,
    text: String,
    /// What comes after `# expect: `, and after each `# also: `: a line of the error.
    expect: Vec<String>,
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
        let expect = expect.unwrap_or_else(|| panic!("{name} does not say what to expect"));
        let also = text.lines().filter_map(|line| line.strip_prefix("# also: "));
        let expect = std::iter::once(expect).chain(also).map(str::to_owned).collect();
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

    fn is_ok(&self) -> bool {
        self.expect == ["ok"]
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
        Reference::Env("DOLLAR") => "$CANARYCANARY",
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
    assert!(cases.iter().filter(|case| !case.is_ok()).count() > 150, "most files are mistakes");
    let failures: Vec<String> =
        cases.iter().filter_map(|case| problem(case).map(|text| format!("{}: {text}", case.name))).collect();
    report(cases.len(), &failures);
}

fn problem(case: &Case) -> Option<String> {
    match case.open() {
        Ok(config) if case.is_ok() => case.facts().find_map(|(name, value)| wrong_fact(&config, name, value)),
        Ok(_) => Some("is accepted".to_owned()),
        Err(error) if error.kind() != ErrorKind::Config => Some(format!("is of kind {:?}", error.kind())),
        Err(error) => {
            let shown = error.to_string();
            let lines: Vec<&str> = shown.lines().collect();
            let fits = lines.len() == case.expect.len()
                && lines.iter().zip(&case.expect).all(|(line, expected)| says(line, expected));
            let (shown, expected) = (lines.join("\n    "), case.expect.join("\n    "));
            (!fits).then(|| format!("says\n    {shown}\n  instead of\n    {expected}"))
        }
    }
}

fn says(line: &str, expected: &str) -> bool {
    match expected.strip_prefix("… ") {
        Some(parts) => parts.split(" … ").all(|words| words.split('|').any(|word| line.contains(word))),
        None => line == expected,
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
    let url = config.endpoint().target(&request).to_string();
    url.split('?').next().unwrap_or_default().to_owned()
}

/// The secret cannot be read back, but two equal secrets make the same signature.
fn signs_like(config: &StoreConfig, secret: &str) -> bool {
    let CredentialSource::Given(found) = config.credentials() else { return false };
    let expected = Credentials::new(found.access_key_id(), secret).expect("invariant: a good secret");
    let signature = |credentials: &Credentials| {
        let target = Target::new(Scheme::Https, "h", "/", []).expect("invariant: a target");
        let time = SigningTime::from_unix_seconds(0).expect("invariant: 1970 is a time");
        let region = Region::new("r").expect("invariant: a region");
        let signer = Signer::new(credentials, &region, "s3").expect("invariant: a service");
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

/// `data/config-synonyms.tsv`: what other clients call our keys. Where two of ours may be meant, one is enough.
#[test]
fn the_names_of_other_clients_lead_to_ours() {
    let rows: Vec<&str> = include_str!("data/config-synonyms.tsv").lines().skip(1).collect();
    assert!(rows.len() >= 150, "only {} synonyms", rows.len());
    let failures = rows.iter().filter_map(|row| {
        let mut columns = row.split('\t');
        let (written, keys) = (columns.next()?, columns.next().expect("invariant: a key of ours"));
        let problems = said_of(written);
        let names_ours = |problem: &String| keys.split('|').any(|key| names_key(problem, key));
        (!problems.iter().all(names_ours)).then(|| format!("{written}: {problems:?}, without {keys}"))
    });
    report(rows.len(), &failures.collect::<Vec<_>>());
}

#[test]
fn a_name_like_nothing_suggests_nothing() {
    let names = [
        "nope",
        "zzz",
        "foo",
        "bar",
        "x",
        "abc",
        "note",
        "owner",
        "colour",
        "comment",
        "quota",
        "cache",
        "compression",
        "description",
        "encoding",
        "enabled",
        "priority",
        "label",
        "nested",
        "quux",
        "1",
        "-",
        "é",
        "日本",
    ];
    let failures = names.iter().flat_map(|name| {
        let problems = said_of(name).into_iter().filter(|problem| *problem != "there is no such key");
        problems.map(move |problem| format!("{name}: {problem}"))
    });
    report(names.len(), &failures.collect::<Vec<_>>());
}

/// A slip of the pen is still seen as one.
#[test]
fn a_name_almost_ours_suggests_ours() {
    let names = [
        ("typ", "type"),
        ("buckets", "bucket"),
        ("bukcet", "bucket"),
        ("Bucket", "bucket"),
        ("REGION", "region"),
        ("regoin", "region"),
        ("endpont", "endpoint"),
        ("end-point", "endpoint"),
        ("acces-key", "access-key"),
        ("secret-kez", "secret-key"),
        ("session_tokens", "session-token"),
        ("keyprefix", "key-prefix"),
        ("max-retry", "max-retries"),
        ("max-connection", "max-connections"),
        ("time-out", "timeout"),
        ("idletimeout", "idle-timeout"),
        ("adressing", "addressing"),
        ("anonymus", "anonymous"),
        ("tls-ca-file", "tls.ca-file"),
        ("follow-regions", "follow-region"),
    ];
    let failures = names.iter().filter_map(|(written, key)| {
        let problems = said_of(written);
        (!problems.iter().all(|problem| names_key(problem, key))).then(|| format!("{written}: {problems:?}"))
    });
    report(names.len(), &failures.collect::<Vec<_>>());
}

/// What is said of a key that a good store has beside its own: in a file, and in code.
fn said_of(name: &str) -> [String; 2] {
    let file = format!(
        "[store.s3]\n{name:?} = \"CANARY\"\ntype = \"s3\"\nbucket = \"mail\"\nregion = \"eu-central-1\"\n\
         access-key = \"AKIAEXAMPLE\"\nsecret-key = \"CANARY\"\nendpoint = \"https://minio\"\n"
    );
    let in_file = open(&file, Some("s3")).expect_err(name).to_string();
    let code = StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1").set("endpoint", "minio");
    let in_code = code.set(name, "CANARY").build().expect_err(name).to_string();
    let place = format!("line 2, column 1: store.s3.{name}: ");
    let problem = |text: &str, place: &str| {
        text.strip_prefix(place).unwrap_or_else(|| panic!("{text} does not begin with {place}")).to_owned()
    };
    [problem(&in_file, &place), problem(&in_code, &format!("{name}: "))]
}

fn names_key(text: &str, key: &str) -> bool {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'));
    words.map(|word| word.trim_matches('.')).any(|word| word == key)
}

/// A configuration made in code is checked as one in a file is; its errors only lack the place, and with it the order.
/// What a file's syntax leads to is no mistake of code: it has no references, and other strings.
#[test]
fn code_is_checked_as_files_are() {
    let of_syntax = |case: &Case| ["shell-", "backslash-"].iter().any(|prefix| case.name.starts_with(prefix));
    let cases = cases().into_iter().filter(|case| case.store.as_deref() == Some("s3") && !of_syntax(case));
    let cases: Vec<Case> = cases.collect();
    let failures = cases.iter().filter_map(|case| {
        let in_code = lines_without_place(builder(&case.text)?.build());
        let in_file = lines_without_place(case.open());
        (in_code != in_file).then(|| format!("{}: {in_code:?} in code, {in_file:?} in a file", case.name))
    });
    report(cases.len(), &failures.collect::<Vec<_>>());
    assert!(cases.iter().filter(|case| builder(&case.text).is_some()).count() > 130, "too few can be made in code");
}

fn lines_without_place(config: Result<StoreConfig, Error>) -> Vec<String> {
    let shown = config.map_or_else(|error| error.to_string(), |_| "ok".to_owned());
    let without_place = |line: &str| line.split_once("store.s3.").map_or(line, |(_, rest)| rest).to_owned();
    let mut lines: Vec<String> = shown.lines().map(without_place).collect();
    lines.sort();
    lines
}

/// The keys whose values may be text in code, where they come from an environment, but not in a file.
const NOT_TEXT: [&str; 11] = [
    "allow-http",
    "anonymous",
    "follow-region",
    "max-connections",
    "max-retries",
    "strict-keys",
    "tls.allow-invalid-certs",
    "use-accelerate",
    "use-dualstack",
    "use-fips",
    "verify-after-write",
];

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
            DeValue::String(_) if NOT_TEXT.contains(&&*key) => None,
            DeValue::String(text) if !text.contains("%{") => Some(builder.set(&key, &**text)),
            DeValue::Boolean(value) if key != "tls" => Some(builder.set(&key, *value)),
            DeValue::Integer(number) => Some(builder.set(&key, number.as_str().parse::<i64>().ok()?)),
            DeValue::Table(table) if key == "tls" => set_all(builder, "tls.", table),
            _ => None,
        }
    })
}

const DURATIONS: [&str; 5] = ["connect-timeout", "timeout", "idle-timeout", "queue-timeout", "operation-timeout"];

/// A duration that no clock can be moved by is cut to one that a clock can, or refused; a merely long one is neither.
#[test]
fn durations_have_an_end() {
    const CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);
    let base = || StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1");
    let failures = DURATIONS.iter().flat_map(|key| {
        ["99999999999d", "9999999999999h", "999999999999999999ms", "213503982334d", "200000d"].into_iter().filter_map(
            move |text| {
                let problem = match base().set(key, text).build() {
                    Ok(config) if duration(&config, key) <= CENTURY => None,
                    Ok(config) => Some(format!("is {:?}", duration(&config, key))),
                    Err(error) => {
                        let shown = error.to_string();
                        let told = says(&shown, &format!("… {key}: … too long|at most|longest|longer than"));
                        (!told).then_some(shown)
                    }
                };
                problem.map(|problem| format!("{key} = {text} {problem}"))
            },
        )
    });
    report(25, &failures.collect::<Vec<_>>());
    for (key, text, days) in DURATIONS.iter().flat_map(|key| [(key, "24h", 1), (key, "30d", 30), (key, "365d", 365)]) {
        let config = base().set(key, text).build().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(duration(&config, key), Duration::from_secs(days * 86_400), "{key}");
    }
}

fn duration(config: &StoreConfig, key: &str) -> Duration {
    let timeouts = config.timeouts();
    match key {
        "connect-timeout" => timeouts.connect,
        "timeout" => timeouts.head,
        "idle-timeout" => timeouts.idle,
        "queue-timeout" => timeouts.queue,
        _ => timeouts.operation.expect("it was set"),
    }
}

/// Whoever feeds a configuration from an environment has text.
#[test]
fn text_in_code_may_be_a_number_or_a_flag() {
    let base = || StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1");
    let failures =
        [("max-connections", "128"), ("max-connections", " 128\n"), ("max-retries", "0"), ("use-fips", "true")];
    let failures =
        failures.iter().chain(&[("use-fips", "false"), ("anonymous", " true "), ("tls.allow-invalid-certs", "false")]);
    let failures: Vec<String> = failures
        .filter_map(|(key, text)| Some(format!("{text:?}: {}", base().set(key, *text).build().err()?)))
        .collect();
    report(7, &failures);
    assert_eq!(base().set("max-connections", "7").build().expect("a number").max_connections(), 7);
    let url = bucket_url(&base().set("use-fips", "true").build().expect("a flag"));
    assert_eq!(url, "https://mail.s3-fips.eu-central-1.amazonaws.com/");
    assert_eq!(
        base().set("max-connections", "").build().expect("an empty text is an absent key").max_connections(),
        128
    );
}

#[test]
fn text_in_code_that_is_neither_is_refused() {
    let base = || StoreConfig::builder().set("bucket", "mail").set("region", "eu-central-1");
    for (key, text, word) in [
        ("max-connections", "many", "whole number"),
        ("max-connections", "1e3", "whole number"),
        ("max-connections", "12.0", "whole number"),
        ("max-connections", "1 000", "whole number"),
        ("max-connections", "0", "1 to 65535"),
        ("max-connections", "-1", "1 to 65535"),
        ("max-connections", "99999", "1 to 65535"),
        ("max-retries", "99999999999999999999", "max-retries"),
        ("use-fips", "maybe", "true or false"),
        ("use-fips", "2", "true or false"),
        ("anonymous", "tru", "true or false"),
    ] {
        let error = base().set(key, text).build().expect_err(text).to_string();
        assert!(error.starts_with(&format!("{key}: ")) && error.contains(word), "{text}: {error}");
    }
}
