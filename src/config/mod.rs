//! A store's configuration: TOML text, or the same keys set in code, to a checked [`StoreConfig`].
//!
//! ```text
//! written    TOML text or code     -> each key with its value and where it stands
//! expand     %{env:..}% %{file:..}% -> their values, which the shell looks up
//! meaning    what was written      -> StoreConfig, or one error with line, column and key
//! ```
//!
//! No error shows a value. Left to others: reading files and the environment.

mod duration;
mod expand;
mod keys;
mod meaning;
mod reader;
mod text;
mod value;
mod written;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::credentials::CredentialSource;
use crate::endpoint::{AddressingStyle, Endpoint, EndpointParameters, EndpointUrl, Region};
use crate::error::{Error, Result};
use crate::request::{KeyPrefix, check_strict};
use crate::retry::RetryPolicy;
use crate::sign::PayloadSigning;

pub use self::expand::{Lookup, Reference};
#[cfg(feature = "client")]
pub(crate) use self::text::decode;
pub use self::value::Value;
use self::written::Written;

/// A store's configuration, checked.
///
/// ```
/// use s3lite::StoreConfig;
///
/// let from_text: StoreConfig = r#"
///     [store."s3"]
///     type = "s3"
///     bucket = "stalwart"
///     region = "eu-central-1"
///     access-key = "minioadmin"
///     secret-key = "minioadmin"
///     endpoint = "https://myminio:9000"
/// "#
/// .parse()?;
/// let from_code = StoreConfig::builder()
///     .set("bucket", "stalwart")
///     .set("region", "eu-central-1")
///     .set("profile", "mail")
///     .build()?;
/// assert_eq!(from_text.bucket(), from_code.bucket());
/// # Ok::<(), s3lite::Error>(())
/// ```
#[derive(Clone)]
pub struct StoreConfig {
    pub(crate) store: Option<String>,
    pub(crate) bucket: String,
    pub(crate) region: Region,
    pub(crate) url: Option<EndpointUrl>,
    pub(crate) addressing: AddressingStyle,
    pub(crate) use_dualstack: bool,
    pub(crate) use_fips: bool,
    pub(crate) use_accelerate: bool,
    pub(crate) follow_region: bool,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) expect_continue: Option<u64>,
    pub(crate) verify_after_write: bool,
    pub(crate) verify_checksum: bool,
    pub(crate) put_id: bool,
    pub(crate) credentials: CredentialSource,
    pub(crate) key_prefix: KeyPrefix,
    pub(crate) payload_signing: PayloadSigning,
    pub(crate) timeouts: Timeouts,
    pub(crate) strict_keys: bool,
    pub(crate) max_connections: usize,
    pub(crate) tls: TlsConfig,
    pub(crate) endpoint: Endpoint,
    /// Line and column of `tls.ca-file`, for the error if it cannot be read.
    pub(crate) ca_file_position: Option<(usize, usize)>,
}

/// How long each phase of an exchange may take. By default none bounds a whole transfer: a slow one that moves is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// `connect-timeout`: resolving, connecting and the TLS handshake.
    pub connect: Duration,
    /// `timeout`: waiting for the head of a response, from the last byte of the request on.
    pub head: Duration,
    /// `queue-timeout`: waiting for one of `max-connections` to be free.
    pub queue: Duration,
    /// `operation-timeout`: all attempts together, until the answer's head is there or a small answer is read; off by default.
    pub operation: Option<Duration>,
    /// `idle-timeout`: no byte of a body moved, in either direction, while this side waited for it to.
    pub idle: Duration,
    /// `low-speed-limit`: the bytes of a body that must move in `low-speed-time`; 0 for none.
    pub low_speed_limit: u64,
    /// `low-speed-time`: the time, in which this side waits, over which that is measured.
    pub low_speed_time: Duration,
    /// `transfer-timeout`: a whole put or get, from the call to the last byte; off by default.
    pub transfer: Option<Duration>,
}

/// The `tls` table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// `tls.ca-file`: certificates in PEM, trusted beside the roots.
    pub ca_file: Option<String>,
    /// `tls.roots`.
    pub roots: TlsRoots,
    /// `tls.allow-invalid-certs`: no certificate is checked. Anybody on the way can read and change everything.
    pub allow_invalid_certs: bool,
}

/// Which certification authorities are trusted: `tls.roots`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsRoots {
    /// Those of the operating system.
    #[default]
    Native,
    /// Mozilla's, which are built in.
    Bundled,
}

impl StoreConfig {
    /// Reads the section `[store.<name>]` of a TOML text; `lookup` finds what `%{env:..}%` and `%{file:..}%` refer to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with line, column and key.
    pub fn from_toml(text: &str, store: &str, lookup: &mut Lookup<'_>) -> Result<Self> {
        meaning::read(&Written::from_toml(text, Some(store), lookup)?)
    }

    /// Makes a configuration in code, of the same keys as in a file and under the same checks.
    pub fn builder() -> StoreConfigBuilder {
        StoreConfigBuilder { written: Written::default() }
    }

    /// Returns the store's name in its file; `None` for a configuration made in code.
    pub fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// Returns the bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns where the bucket lives.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns where the credentials come from.
    pub fn credentials(&self) -> &CredentialSource {
        &self.credentials
    }

    /// Finds out where the bucket would live in another region.
    ///
    /// # Errors
    ///
    /// Combinations that no endpoint serves there.
    pub fn endpoint_in(&self, region: &Region) -> Result<Endpoint> {
        Endpoint::resolve(&EndpointParameters {
            region,
            bucket: Some(&self.bucket),
            url: self.url.as_ref(),
            addressing: self.addressing,
            use_dualstack: self.use_dualstack,
            use_fips: self.use_fips,
            use_accelerate: self.use_accelerate,
        })
    }

    /// Returns the region to go on in after a wrong one: if `follow-region` allows it, the host derives from the region, and
    /// the service named another of the same partition. Credentials never go to another domain.
    pub fn region_to_follow(&self, refusal: &Error, signed_for: &str) -> Option<Region> {
        if !self.follow_region || self.url.is_some() || !refusal.is_wrong_region() {
            return None;
        }
        let named = refusal.service().and_then(|service| service.region.as_deref());
        let other = named.filter(|region| *region != signed_for)?;
        Region::new(other).ok().filter(|region| region.shares_partition(signed_for))
    }

    /// Returns how often and how fast requests are sent again: `max-retries`.
    pub fn retry_policy(&self) -> RetryPolicy {
        self.retry_policy
    }

    /// Returns the size from which on an upload waits for the service's consent: `expect-continue`; `None` if none does.
    pub fn expect_continue(&self) -> Option<u64> {
        self.expect_continue
    }

    /// Returns whether every upload is looked at once it is stored: `verify-after-write`.
    pub fn verify_after_write(&self) -> bool {
        self.verify_after_write
    }

    /// Returns whether an object's bytes are compared with its stored checksum: `verify-checksum`.
    pub fn verify_checksum(&self) -> bool {
        self.verify_checksum
    }

    /// Returns whether a conditional put marks its object with an id of its own: `put-id`.
    pub fn put_id(&self) -> bool {
        self.put_id
    }

    /// Returns what precedes every key.
    pub fn key_prefix(&self) -> &KeyPrefix {
        &self.key_prefix
    }

    /// Returns how long each phase may take.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Returns how many requests may be under way at a time: `max-connections`.
    pub fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// Returns what the signature of an upload covers: `payload-signing`.
    pub fn payload_signing(&self) -> PayloadSigning {
        self.payload_signing
    }

    /// Demands a key that this store takes: `strict-keys`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadInput`](crate::ErrorKind::BadInput) for one with a segment that proxies or file systems change.
    pub fn check_key(&self, key: &str) -> Result<()> {
        if self.strict_keys { check_strict(key) } else { Ok(()) }
    }

    /// Returns the `tls` table.
    pub fn tls(&self) -> &TlsConfig {
        &self.tls
    }
}

/// Reads a text with one store of type s3. References to environment and files are errors here: the core reads neither.
impl FromStr for StoreConfig {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lookup =
            |_: Reference<'_>| Err("a text alone has no environment or files; open the store from a file".to_owned());
        meaning::read(&Written::from_toml(text, None, &mut lookup)?)
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// Makes a [`StoreConfig`] in code: the keys of the TOML form, by name.
#[derive(Clone)]
pub struct StoreConfigBuilder {
    written: Written,
}

impl StoreConfigBuilder {
    /// Sets a key; keys of the `tls` table are `tls.ca-file` and so on. `type` need not be set.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.written.set(key, value.into());
        self
    }

    /// Checks what was set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the key, as for a file.
    pub fn build(self) -> Result<StoreConfig> {
        meaning::read(&self.written)
    }
}

impl fmt::Debug for StoreConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.written.settings.iter().map(|setting| &setting.key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::service_error;

    fn followed(named: &str, allowed: bool) -> Option<String> {
        told("PermanentRedirect", named, config().set("follow-region", allowed))
    }

    fn config() -> StoreConfigBuilder {
        StoreConfig::builder().set("bucket", "mail").set("region", "us-east-1").set("anonymous", true)
    }

    fn told(code: &str, named: &str, config: StoreConfigBuilder) -> Option<String> {
        let config = config.build().expect("valid");
        let head = crate::head::head(301, &[]);
        let body = format!("<Error><Code>{code}</Code><Region>{named}</Region></Error>");
        let refusal = service_error(&head, body.as_bytes(), "us-east-1");
        config.region_to_follow(&refusal, "us-east-1").map(|region| region.as_str().to_owned())
    }

    #[test]
    fn a_region_is_followed_within_its_partition() {
        assert_eq!(followed("eu-west-1", true).as_deref(), Some("eu-west-1"));
        assert_eq!(followed("eu-west-1", false), None);
        for named in ["us-east-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1", "evil.example.com/"] {
            assert_eq!(followed(named, true), None, "{named}");
        }
    }

    #[test]
    fn a_region_is_followed_from_a_wrong_one_and_a_derived_host_alone() {
        let allowed = || config().set("follow-region", true);
        assert_eq!(told("IncorrectEndpoint", "eu-west-1", allowed()).as_deref(), Some("eu-west-1"));
        assert_eq!(told("AccessDenied", "eu-west-1", allowed()), None);
        assert_eq!(told("PermanentRedirect", "eu-west-1", allowed().set("endpoint", "https://h.example")), None);
    }
}
