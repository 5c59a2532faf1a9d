//! What was written, and what it means: each key's default and check, then the checks that concern several keys.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::written::{Position, Setting, Value, Written};
use super::{StoreConfig, Timeouts, TlsConfig, TlsRoots, duration};
use crate::credentials::{CredentialSource, Credentials, check_text};
use crate::endpoint::{AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, Region};
use crate::error::{Error, ErrorKind, Result};
use crate::request::KeyPrefix;
use crate::retry::RetryPolicy;
use crate::sign::PayloadSigning;
use crate::target::Scheme;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const QUEUE_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_CONNECTIONS: usize = 128;
const MOST_RETRIES: i64 = 100;

/// Below this a refused upload costs less than the wait for consent.
const EXPECT_CONTINUE: u64 = 1 << 20;

const MOST_CONNECTIONS: i64 = 65_535;

/// Gives what was written its meaning.
pub(super) fn read(written: &Written) -> Result<StoreConfig> {
    let keys = Keys(written);
    let url = keys.endpoint()?;
    let bucket = keys.bucket(url.is_some())?;
    let region = keys.region()?;
    let (addressing, use_dualstack) = (keys.choice("addressing", &ADDRESSING)?, keys.flag("use-dualstack"));
    let (use_fips, use_accelerate) = (keys.flag("use-fips"), keys.flag("use-accelerate"));
    let endpoint = Endpoint::resolve(&EndpointParameters {
        region: &region,
        bucket: Some(&bucket),
        url: url.as_ref(),
        addressing,
        use_dualstack,
        use_fips,
        use_accelerate,
    })
    .map_err(|error| keys.about_address(&error))?;
    let payload_signing = keys.choice("payload-signing", &PAYLOAD_SIGNING)?;
    keys.check_plain_http(url.as_ref(), payload_signing)?;
    Ok(StoreConfig {
        store: written.store.clone(),
        credentials: keys.credentials()?,
        key_prefix: keys.key_prefix()?,
        payload_signing,
        timeouts: keys.timeouts()?,
        max_connections: keys.number("max-connections", 1..=MOST_CONNECTIONS)?.map_or(MAX_CONNECTIONS, |n| n as usize),
        retry_policy: keys.retry_policy()?,
        expect_continue: keys.expect_continue()?,
        follow_region: keys.flag("follow-region"),
        verify_after_write: keys.flag("verify-after-write"),
        strict_keys: keys.flag("strict-keys"),
        tls: keys.tls()?,
        bucket,
        region,
        url,
        addressing,
        use_dualstack,
        use_fips,
        use_accelerate,
        endpoint,
    })
}

const ADDRESSING: [(&str, AddressingStyle); 3] =
    [("auto", AddressingStyle::Auto), ("path", AddressingStyle::Path), ("virtual", AddressingStyle::Virtual)];

const PAYLOAD_SIGNING: [(&str, PayloadSigning); 4] = [
    ("auto", PayloadSigning::Auto),
    ("signed", PayloadSigning::Signed),
    ("streaming", PayloadSigning::Streaming),
    ("unsigned", PayloadSigning::Unsigned),
];

const ROOTS: [(&str, TlsRoots); 2] = [("native", TlsRoots::Native), ("bundled", TlsRoots::Bundled)];

/// The keys that were written, by name.
struct Keys<'a>(&'a Written);

impl Keys<'_> {
    fn setting(&self, key: &str) -> Option<&Setting> {
        // Code may set a key twice; the last counts. TOML refuses it.
        self.0.settings.iter().rev().find(|setting| setting.key == key)
    }

    /// A text without the white space around it; an empty one is an absent key.
    fn text(&self, key: &str) -> Option<&str> {
        self.verbatim(key).map(str::trim_ascii).filter(|text| !text.is_empty())
    }

    fn verbatim(&self, key: &str) -> Option<&str> {
        match &self.setting(key)?.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    fn flag(&self, key: &str) -> bool {
        matches!(self.setting(key).map(|setting| &setting.value), Some(Value::Bool(true)))
    }

    fn position(&self, key: &str) -> Option<Position> {
        self.setting(key)?.position
    }

    fn error(&self, key: &str, problem: impl AsRef<str>) -> Error {
        self.0.error(key, self.position(key), problem.as_ref())
    }

    fn choice<T: Copy + Default>(&self, key: &str, choices: &[(&str, T)]) -> Result<T> {
        let Some(text) = self.text(key) else { return Ok(T::default()) };
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        Err(self.error(key, format!("must be one of {}", names.join(", "))))
    }

    fn duration(&self, key: &str, default: Duration) -> Result<Duration> {
        let Some(text) = self.text(key) else { return Ok(default) };
        let duration = duration::parse(text).map_err(|problem| self.error(key, problem))?;
        if duration.is_zero() {
            return Err(
                self.error(key, format!("cannot be zero: nothing would ever be in time; {}", duration::how_to_write()))
            );
        }
        Ok(duration)
    }

    fn timeouts(&self) -> Result<Timeouts> {
        Ok(Timeouts {
            connect: self.duration("connect-timeout", CONNECT_TIMEOUT)?,
            head: self.duration("timeout", TIMEOUT)?,
            idle: self.duration("idle-timeout", IDLE_TIMEOUT)?,
            queue: self.duration("queue-timeout", QUEUE_TIMEOUT)?,
            operation: match self.text("operation-timeout") {
                Some(_) => Some(self.duration("operation-timeout", Duration::ZERO)?),
                None => None,
            },
        })
    }

    fn number(&self, key: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        match self.setting(key).map(|setting| &setting.value) {
            None => Ok(None),
            Some(Value::Integer(number)) if range.contains(number) => Ok(Some(*number)),
            Some(_) => Err(self.error(key, format!("must be {} to {}", range.start(), range.end()))),
        }
    }

    fn retry_policy(&self) -> Result<RetryPolicy> {
        let policy = RetryPolicy::default();
        let retries = self.number("max-retries", 0..=MOST_RETRIES)?;
        Ok(RetryPolicy { max_retries: retries.map_or(policy.max_retries, |number| number as u32), ..policy })
    }

    fn expect_continue(&self) -> Result<Option<u64>> {
        let key = "expect-continue";
        match self.text(key) {
            None => Ok(Some(EXPECT_CONTINUE)),
            Some("off") => Ok(None),
            Some(text) => {
                duration::parse_size(text).map(Some).map_err(|problem| self.error(key, problem + ", or \"off\""))
            }
        }
    }

    fn tls(&self) -> Result<TlsConfig> {
        Ok(TlsConfig {
            ca_file: self.text("tls.ca-file").map(str::to_owned),
            roots: self.choice("tls.roots", &ROOTS)?,
            allow_invalid_certs: self.flag("tls.allow-invalid-certs"),
        })
    }

    fn region(&self) -> Result<Region> {
        let key = "region";
        let Some(name) = self.text(key) else {
            return Err(self.error(key, "is missing; every signature names one, for example \"us-east-1\""));
        };
        Region::new(name).map_err(|error| self.error(key, error.to_string()))
    }

    fn endpoint(&self) -> Result<Option<EndpointUrl>> {
        let key = "endpoint";
        let Some(text) = self.text(key) else { return Ok(None) };
        EndpointUrl::parse(text).map(Some).map_err(|error| self.error(key, error.to_string()))
    }

    fn bucket(&self, custom_endpoint: bool) -> Result<String> {
        let key = "bucket";
        let Some(name) = self.text(key) else { return Err(self.error(key, "is missing")) };
        match bucket_problem(name, custom_endpoint) {
            Some(problem) => Err(self.error(key, format!("is no name for a bucket: {problem}"))),
            None => Ok(name.to_owned()),
        }
    }

    /// The prefix stands before every key verbatim.
    fn key_prefix(&self) -> Result<KeyPrefix> {
        let key = "key-prefix";
        let prefix = self.verbatim(key).unwrap_or_default();
        if prefix.starts_with('/') {
            return Err(self.error(
                key,
                "starts with a slash. Some clients drop it and store under \"mail/…\", others keep it and store under \
                 \"/mail/…\", which is another key. Write it without the slash; only if your objects really have it, \
                 put it into each key",
            ));
        }
        if prefix.contains('\0') || prefix.len() >= 1024 {
            return Err(self.error(key, "must be shorter than 1,024 bytes and have no NUL"));
        }
        Ok(KeyPrefix::new(prefix))
    }

    fn credentials(&self) -> Result<CredentialSource> {
        let given: Vec<&str> = ["access-key", "secret-key", "security-token", "session-token", "profile"]
            .into_iter()
            .filter(|key| self.text(key).is_some())
            .collect();
        if self.flag("anonymous") {
            return match given.first() {
                Some(key) => Err(self.error(key, "has no use beside anonymous = true; drop one of the two")),
                None => Ok(CredentialSource::Anonymous),
            };
        }
        let token = self.session_token()?;
        match (self.credential("access-key")?, self.credential("secret-key")?, self.text("profile")) {
            (Some(id), Some(secret), None) => {
                let credentials = Credentials::new(id, secret)?;
                let credentials = match token {
                    Some(token) => credentials.with_session_token(token)?,
                    None => credentials,
                };
                Ok(CredentialSource::Given(credentials))
            }
            (Some(_), None, _) => Err(self.error("access-key", "is given, but secret-key is missing")),
            (None, Some(_), _) => Err(self.error("secret-key", "is given, but access-key is missing")),
            (Some(_), Some(_), Some(_)) => {
                Err(self.error("profile", "is given beside access-key and secret-key; drop one of the two"))
            }
            (None, None, _) if token.is_some() => {
                let key = if self.text("security-token").is_some() { "security-token" } else { "session-token" };
                Err(self.error(key, "belongs to access-key and secret-key, which are missing"))
            }
            (None, None, Some(profile)) => Ok(CredentialSource::Profile(profile.to_owned())),
            (None, None, None) => Ok(CredentialSource::Ambient),
        }
    }

    /// `security-token` and `session-token` are two names of one thing.
    fn session_token(&self) -> Result<Option<&str>> {
        match (self.credential("security-token")?, self.credential("session-token")?) {
            (Some(one), Some(other)) if one != other => {
                Err(self.error("session-token", "differs from security-token, which is the same thing; drop one"))
            }
            (one, other) => Ok(one.or(other)),
        }
    }

    fn credential(&self, key: &str) -> Result<Option<&str>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        check_text(text).map(Some).map_err(|problem| self.error(key, problem))
    }

    /// Signatures over plain http can be read, and unsigned bodies changed, by everyone on the way.
    fn check_plain_http(&self, url: Option<&EndpointUrl>, signing: PayloadSigning) -> Result<()> {
        let Some(url) = url.filter(|url| url.scheme() == Scheme::Http) else { return Ok(()) };
        if !url.is_loopback() && !self.flag("allow-http") {
            return Err(self.error(
                "endpoint",
                "is plain http to another host: everybody on the way can read the data. Use https, or say allow-http = true",
            ));
        }
        if signing == PayloadSigning::Unsigned {
            return Err(self.error(
                "payload-signing",
                "unsigned over plain http would leave uploads without any protection; use \"auto\"",
            ));
        }
        Ok(())
    }

    /// Gives an error of the endpoint's rules the key that it is about.
    fn about_address(&self, error: &Error) -> Error {
        debug_assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        let keys = ["use-dualstack", "use-fips", "use-accelerate", "addressing"];
        let key = keys.into_iter().find(|key| text.starts_with(key)).unwrap_or("endpoint");
        self.error(key, text.strip_prefix(&format!("{key}: ")).unwrap_or(&text))
    }
}

/// Says why a bucket cannot have a name (S3 User Guide, "Bucket naming rules").
///
/// Compatible stores keep S3's older rules, capitals and underscores, and Ceph names tenants with a colon.
fn bucket_problem(name: &str, custom_endpoint: bool) -> Option<&'static str> {
    let bytes = name.as_bytes();
    let is_plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let is_older = |b: &u8| b.is_ascii_uppercase() || matches!(b, b'_' | b':');
    let longest = if custom_endpoint { 255 } else { 63 };
    if !bytes.iter().all(|b| is_plain(b) || is_older(b)) {
        return Some("it may have lower-case letters, digits, dots and hyphens");
    }
    if !custom_endpoint && bytes.iter().any(is_older) {
        return Some("on AWS it may have lower-case letters, digits, dots and hyphens");
    }
    if !(3..=longest).contains(&bytes.len()) {
        return Some("it must have 3 to 63 characters (up to 255 on some services other than AWS)");
    }
    let is_edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    if !is_edge(bytes.first()) || !is_edge(bytes.last()) {
        return Some("it must begin and end with a letter or digit");
    }
    if ["..", ".-", "-."].iter().any(|pair| name.contains(pair)) {
        return Some("a dot must stand between letters or digits");
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some("it must not look like an IP address");
    }
    // Reserved by AWS; an access point's alias (-s3alias) stands for a bucket and is none.
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        || ["--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|suffix| name.ends_with(suffix));
    if !custom_endpoint && reserved {
        return Some("S3 keeps this beginning or ending for itself");
    }
    None
}
