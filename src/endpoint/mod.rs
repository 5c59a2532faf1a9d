//! Where a bucket lives: from region, endpoint and addressing style to the address of each request.
//!
//! In come checked parts of a configuration; out comes an [`Endpoint`], which turns each [`Request`] into a [`Target`].
//! Regions are names, not a list: a region that does not exist yet belongs to the partition its prefix says. The rules are
//! those of S3's endpoint rule set, whose official cases judge them; only `auto` differs, which is path style for every
//! endpoint that is not derived from a region, because most compatible stores have no wildcard name.

mod partition;
mod url;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::request::Request;
use crate::target::{Scheme, Target};

use self::partition::Partition;
pub use self::url::EndpointUrl;
use self::url::Host;

/// A region's name: letters, digits and inner hyphens, whether it exists yet or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

/// How a bucket is addressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressingStyle {
    /// Virtual for endpoints derived from the region unless the bucket's name forbids it, path for all others.
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    Virtual,
}

/// What decides where a bucket lives.
#[derive(Clone, Debug)]
pub struct EndpointParameters<'a> {
    /// The region, for the host and for the signature.
    pub region: &'a Region,
    /// The bucket; `None` addresses the service itself.
    pub bucket: Option<&'a str>,
    /// The endpoint as configured; `None` derives it from the region.
    pub url: Option<&'a EndpointUrl>,
    /// How the bucket is addressed.
    pub addressing: AddressingStyle,
    /// IPv6 beside IPv4 (AWS only).
    pub use_dualstack: bool,
    /// Endpoints with validated cryptography (AWS only).
    pub use_fips: bool,
    /// S3 Transfer Acceleration (AWS only).
    pub use_accelerate: bool,
}

/// The address of a bucket: turns each request into a [`Target`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    /// The Host header: without the default port, IPv6 in brackets.
    host: Arc<str>,
    /// Decoded; what precedes the key: the endpoint's path and, in path style, the bucket.
    path: String,
    signing_region: String,
}

impl Region {
    /// Checks a region's name.
    ///
    /// # Errors
    ///
    /// A name that cannot be part of a host name: S3's rule set takes letters, digits and inner hyphens.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if is_label(&name) {
            return Ok(Self(name));
        }
        Err(Error::config(
            "is no region: a region's name has letters, digits and inner hyphens, for example eu-central-1",
        ))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if both regions belong to one partition of AWS, whose hosts share a domain.
    pub fn shares_partition(&self, other: &str) -> bool {
        Partition::of(&self.0).name == Partition::of(other).name
    }
}

impl Endpoint {
    /// Finds out where a bucket lives.
    ///
    /// # Errors
    ///
    /// Combinations that no endpoint serves, in the words of S3's rule set where it has them.
    pub fn resolve(parameters: &EndpointParameters<'_>) -> Result<Self> {
        match parameters.url {
            Some(url) => Self::custom(parameters, url),
            None => Self::derived(parameters),
        }
    }

    /// Gives a request its address.
    pub fn target(&self, request: &Request) -> Target {
        let slash = if request.key().is_some() || self.path.is_empty() { "/" } else { "" };
        let path = [self.path.as_bytes(), slash.as_bytes(), request.key().unwrap_or_default().as_bytes()];
        let query = request.query().iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Target::of_parts(self.scheme, self.host.clone(), &path, query)
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the Host header.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the region to sign for.
    pub fn signing_region(&self) -> &str {
        &self.signing_region
    }

    fn custom(parameters: &EndpointParameters<'_>, url: &EndpointUrl) -> Result<Self> {
        if parameters.use_dualstack {
            return Err(Error::config(
                "use-dualstack counts for AWS only: Cannot set dual-stack in combination with a custom endpoint.",
            ));
        }
        if parameters.use_fips {
            return Err(Error::config("use-fips counts for AWS only: A custom endpoint cannot be combined with FIPS"));
        }
        if parameters.use_accelerate {
            return Err(Error::config(
                "use-accelerate counts for AWS only: A custom endpoint cannot be combined with S3 Accelerate",
            ));
        }
        let is_name = matches!(url.host, Host::Name(_));
        let (bucket_host, bucket_path) = match (parameters.addressing, parameters.bucket) {
            (_, None) => (None, None),
            (AddressingStyle::Virtual, Some(bucket)) => {
                check_virtual(bucket, url.scheme)?;
                if !is_name {
                    return Err(Error::config(
                        "addressing = \"virtual\" needs an endpoint with a name; this one is an address",
                    ));
                }
                (Some(bucket), None)
            }
            (AddressingStyle::Auto | AddressingStyle::Path, Some(bucket)) => (None, Some(bucket)),
        };
        let port = url.port.filter(|port| *port != url.scheme.default_port());
        let host = host_header(bucket_host, &url.host.to_string(), port);
        if host_header(bucket_host, &url.host.to_string(), None).len() > MAX_HOST {
            return Err(Error::config("addressing = \"virtual\" makes a host name that is too long; use \"path\""));
        }
        let path = path_prefix(&url.path, bucket_path);
        Ok(Self { scheme: url.scheme, host: host.into(), path, signing_region: signing_region(parameters.region) })
    }

    fn derived(parameters: &EndpointParameters<'_>) -> Result<Self> {
        let region = parameters.region.as_str();
        let partition = Partition::of(region);
        if parameters.use_fips && partition.name == "aws-cn" {
            return Err(Error::config("use-fips: Partition does not support FIPS"));
        }
        let (bucket_host, bucket_path) = match (parameters.addressing, parameters.bucket) {
            (_, None) => (None, None),
            (AddressingStyle::Auto, Some(bucket))
                if is_label(bucket) && bucket_length_fits(bucket) && !has_upper(bucket) =>
            {
                (Some(bucket), None)
            }
            (AddressingStyle::Virtual, Some(bucket)) => {
                check_virtual(bucket, Scheme::Https)?;
                (Some(bucket), None)
            }
            (AddressingStyle::Auto | AddressingStyle::Path, Some(bucket)) => (None, Some(bucket)),
        };
        if parameters.use_accelerate {
            check_accelerate(parameters, partition, bucket_path.is_some())?;
        }
        // Acceleration is a property of a bucket's name; the service itself has no such endpoint.
        let accelerate = parameters.use_accelerate && bucket_host.is_some();
        let name = service_host(parameters, partition, accelerate);
        Ok(Self {
            scheme: Scheme::Https,
            host: host_header(bucket_host, &name, None).into(),
            path: path_prefix("", bucket_path),
            signing_region: signing_region(parameters.region),
        })
    }
}

/// `s3`, its variants, the region and the partition's suffix.
fn service_host(parameters: &EndpointParameters<'_>, partition: &Partition, accelerate: bool) -> String {
    let global = parameters.region.as_str() == GLOBAL_REGION;
    let mut host = String::from(match (accelerate, parameters.use_fips) {
        (true, _) => "s3-accelerate",
        (false, true) => "s3-fips",
        (false, false) => "s3",
    });
    if parameters.use_dualstack {
        host.push_str(".dualstack");
    }
    // `aws-global` has a host without a region only in its plain forms; the variants name us-east-1.
    let names_region = match (accelerate, global) {
        (true, true) => parameters.use_dualstack,
        (true, false) => false,
        (false, true) => parameters.use_fips || parameters.use_dualstack,
        (false, false) => true,
    };
    if names_region {
        host.push('.');
        host.push_str(&signing_region(parameters.region));
    }
    host + "." + partition.dns_suffix
}

fn check_accelerate(parameters: &EndpointParameters<'_>, partition: &Partition, path_style: bool) -> Result<()> {
    let problem = if parameters.use_fips {
        "Accelerate cannot be used with FIPS"
    } else if path_style {
        "Path-style addressing cannot be used with S3 Accelerate"
    } else if partition.name != "aws" {
        "S3 Accelerate cannot be used in this region"
    } else {
        return Ok(());
    };
    Err(Error::config(format!("use-accelerate: {problem}")))
}

fn check_virtual(bucket: &str, scheme: Scheme) -> Result<()> {
    if scheme == Scheme::Https && bucket.contains('.') {
        return Err(Error::config(
            "addressing = \"virtual\" does not work over https for a bucket with a dot: a wildcard certificate covers \
             one label only. Use addressing = \"path\" or \"auto\"",
        ));
    }
    if !bucket.split('.').all(is_label) || has_upper(bucket) {
        return Err(Error::config(
            "addressing = \"virtual\" needs a bucket that can be part of a host name. Use \"path\"",
        ));
    }
    Ok(())
}

fn host_header(bucket: Option<&str>, host: &str, port: Option<u16>) -> String {
    let dot = if bucket.is_some() { "." } else { "" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{dot}{host}{port}", bucket.unwrap_or_default())
}

fn path_prefix(path: &str, bucket: Option<&str>) -> String {
    match bucket {
        Some(bucket) => format!("{path}/{bucket}"),
        None => path.to_owned(),
    }
}

/// The longest name that resolves (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;

/// The pseudo-region of the one endpoint without a region; it is signed for as us-east-1.
const GLOBAL_REGION: &str = "aws-global";

fn signing_region(region: &Region) -> String {
    let name = if region.0 == GLOBAL_REGION { "us-east-1" } else { &region.0 };
    name.to_owned()
}

/// A DNS label: letters, digits and inner hyphens, 63 at most.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}

/// S3's rule set addresses buckets of fewer than three characters in path style.
fn bucket_length_fits(bucket: &str) -> bool {
    bucket.len() >= 3
}
