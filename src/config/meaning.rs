//! What was written, and what it means: each key's default and check, then the checks that concern several keys.

use std::cell::RefCell;
use std::time::Duration;

use super::reader::SettingsReader;
use super::written::Written;
use super::{StoreConfig, Timeouts, TlsConfig, TlsRoots, duration};
use crate::credentials::{CredentialSource, Credentials, check_text};
use crate::endpoint::{AddressingStyle, Endpoint, EndpointUrl, Region, bucket_problem};
use crate::error::{Error, ErrorKind, Result};
use crate::request::KeyPrefix;
use crate::retry::RetryPolicy;
use crate::sign::PayloadSigning;
use crate::target::Scheme;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Generous: a byte in a quarter of a minute. A service that is slow but alive is waited for.
const LOW_SPEED_LIMIT: u64 = 7;
const LOW_SPEED_TIME: Duration = Duration::from_secs(120);
const QUEUE_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_CONNECTIONS: usize = 128;
const MOST_RETRIES: i64 = 100;

/// Below this a refused upload costs less than the wait for consent.
const EXPECT_CONTINUE: u64 = 1 << 20;

const MOST_CONNECTIONS: i64 = 65_535;

/// Gives what was written its meaning, or tells all that is wrong with it.
pub(super) fn read(written: &Written) -> Result<StoreConfig> {
    let reader = SettingsReader { written, problems: RefCell::new(written.problems.clone()) };
    let config = reader.config();
    match (config, reader.problems.into_inner()) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(written.error(problems)),
    }
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

impl SettingsReader<'_> {
    /// Reads every key, also after a mistake, so that all mistakes are found at once.
    fn config(&self) -> Option<StoreConfig> {
        let url = self.endpoint();
        let (bucket, region) = (self.bucket(url.is_some() || self.has_problem("endpoint")), self.region(url.as_ref()));
        let addressing = self.choice("addressing", &ADDRESSING);
        let payload_signing = self.choice("payload-signing", &PAYLOAD_SIGNING);
        let (credentials, key_prefix, timeouts) = (self.credentials(), self.key_prefix(), self.timeouts());
        let max_connections = self.number("max-connections", 1..=MOST_CONNECTIONS, MAX_CONNECTIONS as i64);
        let (retry_policy, expect_continue, tls) = (self.retry_policy(), self.expect_continue(), self.tls());
        if let (Some(url), Some(bucket)) = (&url, &bucket) {
            self.check_bucket_in_endpoint(url, bucket, addressing);
        }
        if let Some(signing) = payload_signing {
            self.check_plain_http(url.as_ref(), signing);
        }
        let mut config = StoreConfig {
            store: self.written.store.clone(),
            credentials: credentials?,
            key_prefix: key_prefix?,
            payload_signing: payload_signing?,
            timeouts: timeouts?,
            max_connections: max_connections? as usize,
            retry_policy: retry_policy?,
            expect_continue: expect_continue?,
            follow_region: self.flag("follow-region"),
            verify_after_write: self.flag("verify-after-write"),
            verify_checksum: self.flag_or("verify-checksum", true),
            put_id: self.flag_or("put-id", true),
            strict_keys: self.flag("strict-keys"),
            tls: tls?,
            bucket: bucket?,
            region: region?,
            url,
            addressing: addressing?,
            use_dualstack: self.flag("use-dualstack"),
            use_fips: self.flag("use-fips"),
            use_accelerate: self.flag("use-accelerate"),
            endpoint: Endpoint::nowhere(),
            ca_file_position: self.position("tls.ca-file").map(|position| (position.line, position.column)),
        };
        config.endpoint = self.take(config.endpoint_in(&config.region), |error| self.about_address(&error))?;
        Some(config)
    }

    fn timeouts(&self) -> Option<Timeouts> {
        let (connect, head) = (self.duration("connect-timeout", CONNECT_TIMEOUT), self.duration("timeout", TIMEOUT));
        let (idle, queue) =
            (self.duration("idle-timeout", IDLE_TIMEOUT), self.duration("queue-timeout", QUEUE_TIMEOUT));
        let (operation, transfer) =
            (self.optional_duration("operation-timeout"), self.optional_duration("transfer-timeout"));
        let (limit, time) =
            (self.size("low-speed-limit", LOW_SPEED_LIMIT), self.duration("low-speed-time", LOW_SPEED_TIME));
        Some(Timeouts {
            connect: connect?,
            head: head?,
            idle: idle?,
            queue: queue?,
            operation: operation?,
            low_speed_limit: limit?,
            low_speed_time: time?,
            transfer: transfer?,
        })
    }

    fn retry_policy(&self) -> Option<RetryPolicy> {
        let policy = RetryPolicy::default();
        let (base, longest) = ("retry-base-delay", "retry-max-delay");
        let retries = self.number("max-retries", 0..=MOST_RETRIES, policy.max_retries.into());
        let (timeout, first) = (self.duration("retry-timeout", policy.timeout), self.duration(base, policy.base));
        let last = self.duration(longest, policy.longest);
        let (first, last) = (first?, last?);
        if first > last {
            let key = if self.is_given(base) { base } else { longest };
            return self
                .fail(key, "the first wait (retry-base-delay) cannot be longer than the longest (retry-max-delay)");
        }
        Some(RetryPolicy { max_retries: retries? as u32, timeout: timeout?, base: first, longest: last, ..policy })
    }

    fn expect_continue(&self) -> Option<Option<u64>> {
        let key = "expect-continue";
        match self.text(key) {
            None => Some(Some(EXPECT_CONTINUE)),
            Some("off") => Some(None),
            Some(text) => match duration::parse_size(text) {
                Ok(size) => Some(Some(size)),
                Err(problem) => self.fail(key, problem + ", or \"off\""),
            },
        }
    }

    fn tls(&self) -> Option<TlsConfig> {
        let roots = self.choice("tls.roots", &ROOTS);
        let ca_file = self.text("tls.ca-file");
        if ca_file.is_some_and(|path| path.contains(char::is_control)) {
            return self.fail("tls.ca-file", "has a control character: write a path with backslashes in single quotes");
        }
        Some(TlsConfig {
            ca_file: ca_file.map(str::to_owned),
            roots: roots?,
            allow_invalid_certs: self.flag("tls.allow-invalid-certs"),
        })
    }

    /// A region that is only signed may be called as its service likes; where the host derives from it, it must be one of AWS's kind.
    fn region(&self, url: Option<&EndpointUrl>) -> Option<Region> {
        let key = "region";
        if self.has_problem(key) {
            return None;
        }
        let Some(name) = self.plain_text(key) else {
            let is_told = self.has_problem(key);
            return if is_told {
                None
            } else {
                self.fail(key, "is missing; every signature names one, for example \"us-east-1\"")
            };
        };
        let region = match Region::new(name) {
            Ok(region) => region,
            Err(error) => return self.fail(key, error.to_string()),
        };
        let derives = url.is_none() && !self.has_problem("endpoint");
        if derives && !region.may_be_of_aws() {
            return self.fail(
                key,
                "is no region of AWS, which are written like eu-central-1, in lower case; another service needs its endpoint",
            );
        }
        let named = url.and_then(EndpointUrl::aws_host).filter(|named| !named.is_empty());
        if let Some(named) = named.filter(|named| *named != region.as_str()) {
            return self.fail(
                "endpoint",
                format!("is in the region {named}, and region says {name}; leave the endpoint out, or set region = {named:?}"),
            );
        }
        Some(region)
    }

    fn endpoint(&self) -> Option<EndpointUrl> {
        let key = "endpoint";
        let text = self.plain_text(key)?;
        self.take(EndpointUrl::parse(text), |error| self.tell(key, error.to_string()))
    }

    fn bucket(&self, custom_endpoint: bool) -> Option<String> {
        let key = "bucket";
        if self.has_problem(key) {
            return None;
        }
        let Some(name) = self.plain_text(key) else {
            return if self.has_problem(key) { None } else { self.fail(key, "is missing") };
        };
        match bucket_problem(name, custom_endpoint) {
            Some(problem) => self.fail(key, format!("is no name for a bucket: {problem}")),
            None => Some(name.to_owned()),
        }
    }

    /// An endpoint that holds the bucket would lead to the bucket in the bucket: put and get work, below wrong keys.
    fn check_bucket_in_endpoint(&self, url: &EndpointUrl, bucket: &str, addressing: Option<AddressingStyle>) {
        if url.ends_with(bucket) {
            let problem = "ends with the bucket, which s3lite adds itself; write it without the bucket";
            self.tell("endpoint", problem);
            return;
        }
        let is_meant = addressing == Some(AddressingStyle::Path) && !url.is_of_aws();
        if url.begins_with(bucket) && !is_meant {
            let way_out =
                if url.is_of_aws() { "" } else { ". If the host is really called so, say addressing = \"path\"" };
            let problem =
                format!("begins with the bucket, which s3lite adds itself; write it without the bucket{way_out}");
            self.tell("endpoint", problem);
        }
    }

    /// The prefix stands before every key verbatim.
    fn key_prefix(&self) -> Option<KeyPrefix> {
        let key = "key-prefix";
        let prefix = self.verbatim(key).unwrap_or_default();
        if prefix.starts_with('/') {
            return self.fail(
                key,
                "starts with a slash. Some clients drop it and store under \"mail/…\", others keep it and store under \
                 \"/mail/…\", which is another key. Write it without the slash; only if your objects really have it, \
                 put it into each key",
            );
        }
        if prefix.contains('\0') || prefix.len() >= 1024 {
            return self.fail(key, "must be shorter than 1,024 bytes and have no NUL");
        }
        Some(KeyPrefix::new(prefix))
    }

    fn credentials(&self) -> Option<CredentialSource> {
        let keys = ["access-key", "secret-key", "security-token", "session-token", "profile"];
        let given: Vec<&str> = keys.into_iter().filter(|key| self.text(key).is_some()).collect();
        if self.flag("anonymous") {
            return match given.first() {
                Some(key) => self.fail(key, "has no use beside anonymous = true; drop one of the two"),
                None => Some(CredentialSource::Anonymous),
            };
        }
        let token = self.session_token();
        let pair = (self.credential("access-key"), self.credential("secret-key"));
        let profile = self.plain_text("profile");
        if keys.iter().any(|key| self.has_problem(key)) {
            return None;
        }
        match (pair, profile) {
            ((Some(id), Some(secret)), None) => self.given(id, secret, token),
            ((Some(_), None), _) => self.half_a_pair("access-key", "secret-key"),
            ((None, Some(_)), _) => self.half_a_pair("secret-key", "access-key"),
            ((Some(_), Some(_)), Some(_)) => {
                self.fail("profile", "is given beside access-key and secret-key; drop one of the two")
            }
            ((None, None), _) if token.is_some() => {
                let key = if self.text("security-token").is_some() { "security-token" } else { "session-token" };
                self.fail(key, "belongs to access-key and secret-key, which are missing")
            }
            ((None, None), Some(profile)) => Some(CredentialSource::Profile(profile.to_owned())),
            ((None, None), None) => Some(CredentialSource::Ambient),
        }
    }

    fn given(&self, id: &str, secret: &str, token: Option<&str>) -> Option<CredentialSource> {
        let credentials = Credentials::new(id, secret).and_then(|pair| match token {
            Some(token) => pair.with_session_token(token),
            None => Ok(pair),
        });
        // Uncovered: `credential` has found what could be wrong with each.
        self.take(credentials, |error| self.tell("access-key", error.to_string())).map(CredentialSource::Given)
    }

    /// One of the two is there, the other one missing or empty.
    fn half_a_pair<T>(&self, given: &str, other: &str) -> Option<T> {
        if self.setting(other).is_some() {
            return self.fail(other, format!("is empty, and {given} is given; a pair has both"));
        }
        self.fail(given, format!("is given, but {other} is missing"))
    }

    /// `security-token` and `session-token` are two names of one thing.
    fn session_token(&self) -> Option<&str> {
        match (self.credential("security-token"), self.credential("session-token")) {
            (Some(one), Some(other)) if one != other => {
                self.fail("session-token", "differs from security-token, which is the same thing; drop one")
            }
            (one, other) => one.or(other),
        }
    }

    fn credential(&self, key: &str) -> Option<&str> {
        let text = self.plain_text(key)?;
        match check_text(text) {
            Ok(text) => Some(text),
            Err(problem) => self.fail(key, problem),
        }
    }

    /// Signatures over plain http can be read, and unsigned bodies changed, by everyone on the way.
    fn check_plain_http(&self, url: Option<&EndpointUrl>, signing: PayloadSigning) {
        let Some(url) = url.filter(|url| url.scheme() == Scheme::Http) else { return };
        if !url.is_loopback() && !self.flag("allow-http") {
            self.tell(
                "endpoint",
                "is plain http to another host: everybody on the way can read the data. Use https, or say allow-http = true",
            );
        }
        if signing == PayloadSigning::Unsigned {
            self.tell(
                "payload-signing",
                "unsigned over plain http would leave uploads without any protection; use \"auto\"",
            );
        }
    }

    /// Gives an error of the endpoint's rules the key that it is about.
    fn about_address(&self, error: &Error) {
        debug_assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        let keys = ["use-dualstack", "use-fips", "use-accelerate", "addressing", "region"];
        let key = keys.into_iter().find(|key| text.starts_with(key)).unwrap_or("endpoint");
        self.tell(key, text.strip_prefix(&format!("{key}: ")).unwrap_or(&text));
    }
}
