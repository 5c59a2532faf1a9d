//! Where a bucket lives: from region, endpoint and addressing style to the address of each request.
//!
//! In come checked parts of a configuration; out comes an [`Endpoint`], which turns each [`Request`] into a [`Target`].
//! Regions are names, not a list: a region that does not exist yet belongs to the partition its prefix says. The rules are
//! those of S3's endpoint rule set, whose official cases judge them; only `auto` differs, which is path style for every
//! endpoint that is not derived from a region, because most compatible stores have no wildcard name.

mod bucket;
mod url;

use std::sync::Arc;

pub(crate) use self::bucket::bucket_problem;
use self::bucket::{fits_into_host, is_sendable};
pub use self::url::EndpointUrl;
use self::url::Host;
use crate::error::{Error, Result};
use crate::partition::Partition;
pub use crate::region::Region;
use crate::request::Request;
use crate::target::{Scheme, Target};

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
    region: Region,
}

impl Endpoint {
    /// Finds out where a bucket lives.
    ///
    /// # Errors
    ///
    /// Combinations that no endpoint serves, in the words of S3's rule set where it has them.
    pub fn resolve(parameters: &EndpointParameters<'_>) -> Result<Self> {
        if let Some(bucket) = parameters.bucket.filter(|bucket| !is_sendable(bucket)) {
            return Err(Error::config(format!("{bucket:?} is no name for a bucket: it would lead to another address")));
        }
        match parameters.url {
            Some(url) => Self::custom(parameters, url),
            None => Self::derived(parameters),
        }
    }

    /// What stands for an endpoint until it is found out.
    pub(crate) fn nowhere() -> Self {
        let region = Region::new("none").expect("it is a region's name");
        Self { scheme: Scheme::Https, host: "".into(), path: String::new(), region }
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
        self.region.as_str()
    }

    /// Returns the same as a region, for a [`Signer`](crate::Signer).
    pub fn region(&self) -> &Region {
        &self.region
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
            (AddressingStyle::Auto, Some(bucket))
                if url.aws_host().is_some() && fits_into_host(bucket, Scheme::Https) =>
            {
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
        Ok(Self { scheme: url.scheme, host: host.into(), path, region: signing_region(parameters.region) })
    }

    fn derived(parameters: &EndpointParameters<'_>) -> Result<Self> {
        let region = parameters.region.as_str();
        if !is_label(region) {
            return Err(Error::config("region: AWS has no such region; other services need an endpoint"));
        }
        let partition = Partition::of(region);
        if parameters.use_fips && partition.name == "aws-cn" {
            return Err(Error::config("use-fips: Partition does not support FIPS"));
        }
        let (bucket_host, bucket_path) = match (parameters.addressing, parameters.bucket) {
            (_, None) => (None, None),
            (AddressingStyle::Auto, Some(bucket)) if fits_into_host(bucket, Scheme::Https) => (Some(bucket), None),
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
            region: signing_region(parameters.region),
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
        host.push_str(signing_region(parameters.region).as_str());
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
    if !fits_into_host(bucket, scheme) {
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

fn signing_region(region: &Region) -> Region {
    if region.as_str() != GLOBAL_REGION {
        return region.clone();
    }
    Region::new("us-east-1").expect("it is a region's name")
}

/// A DNS label: letters, digits and inner hyphens, 63 at most.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
