//! An endpoint as it is written in a configuration: host, host:port or URL.
//!
//! It never passes through a URL parser, which would normalise what the signature then does not cover.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::is_label;
use crate::encode;
use crate::error::{Error, Result};
use crate::partition::Partition;
use crate::region::Region;
use crate::target::Scheme;

/// An endpoint as written: scheme, host, port and a path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: Option<u16>,
    /// Decoded, without a trailing `/`.
    pub(super) path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl EndpointUrl {
    /// Reads a host, host:port or URL; without a scheme it is https.
    ///
    /// # Errors
    ///
    /// Another scheme than http and https, user information, a query, a fragment, a port out of range, no host.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| Err(Error::config(format!("is no endpoint: {why}")));
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Https, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, _)) if scheme.is_empty() || scheme.contains(['/', '.', ':']) => {
                return wrong("the scheme must be written as https:// or http://");
            }
            Some(_) => return wrong("the scheme must be http or https"),
        };
        if text.contains('\\') {
            return wrong("it has backslashes; write the scheme and the path with slashes, as in https://host/path");
        }
        let lower = rest.to_ascii_lowercase();
        if ["http:", "https:", "http//", "https//", "http;", "https;"].iter().any(|again| lower.starts_with(again)) {
            return wrong("its scheme is written wrongly or twice; write https:// or http:// once");
        }
        if rest.contains(['?', '#']) {
            return wrong("it must not have a query or a fragment");
        }
        if rest.starts_with('/') {
            return wrong("it has no host after the scheme; write https://host");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if path.to_ascii_lowercase().contains("%2f") {
            return wrong("its path has an encoded slash, which would become a plain one");
        }
        if authority.contains('@') {
            return wrong("it must not have user information; write access-key and secret-key instead");
        }
        let Some((host, port)) = split_port(authority) else {
            return wrong("the port must be 1 to 65535");
        };
        let Some(host) = Host::parse(host) else {
            return wrong("the host must be a DNS name, an IPv4 address or an IPv6 address in brackets");
        };
        if !path.bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("its path must be printable ASCII");
        }
        let Ok(path) = String::from_utf8(encode::decode_path(path.trim_end_matches('/'))) else {
            return wrong("its path must be UTF-8");
        };
        Ok(Self { scheme, host, port, path })
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the region that a host of AWS's S3 names, `None` for any other host. The one without a region has an empty one.
    pub(crate) fn aws_host(&self) -> Option<&str> {
        let Host::Name(name) = &self.host else { return None };
        let (_, rest) = Partition::of_host(name)?;
        let rest = ["s3-fips", "s3"].iter().find_map(|service| rest.strip_prefix(service))?;
        match rest.strip_prefix('.').unwrap_or(rest) {
            "" => Some(""),
            named => {
                let named = named.strip_prefix("dualstack.").unwrap_or(named);
                // The older hosts have a hyphen: s3-eu-west-1.
                let named = named.strip_prefix('-').unwrap_or(named);
                // Others name no region: s3-accelerate, s3-external-1.
                Some(if Region::new(named).is_ok_and(|region| region.may_be_of_aws()) { named } else { "" })
            }
        }
    }

    /// Returns true if the host's first labels are a bucket, below a host with further ones: an address that holds the bucket already.
    pub(crate) fn begins_with(&self, bucket: &str) -> bool {
        let Host::Name(name) = &self.host else { return false };
        let rest = name.strip_prefix(&bucket.to_ascii_lowercase()).and_then(|rest| rest.strip_prefix('.'));
        // `bucket.vpce-…` is the host of a private link to S3, whatever the bucket is called.
        rest.is_some_and(|rest| !rest.starts_with("vpce-"))
    }

    /// Returns true if the path's last segment is a bucket.
    pub(crate) fn ends_with(&self, bucket: &str) -> bool {
        self.path.rsplit('/').next() == Some(bucket)
    }

    /// Returns true if the host belongs to AWS.
    pub(crate) fn is_of_aws(&self) -> bool {
        matches!(&self.host, Host::Name(name) if Partition::of_host(name).is_some())
    }

    /// Returns true if the host is this machine itself.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.is_loopback(),
        }
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(literal) = text.strip_prefix('[') {
            return literal.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return match address {
                IpAddr::V4(address) => Some(Self::V4(address)),
                IpAddr::V6(_) => None,
            };
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        // A name whose last label is a number is a misspelt address, for example 10.0.0 or 1.2.3.400.
        let last = text.rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|b| b.is_ascii_digit());
        let is_name = text.len() <= 253 && text.split('.').all(is_host_label) && !is_number;
        is_name.then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let bracket = authority.rfind(']').unwrap_or_default();
    let Some(colon) = authority[bracket..].find(':').map(|index| index + bracket) else {
        return Some((authority, None));
    };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    // An IPv6 address without brackets has more than one colon; it is refused as a host, not as a port.
    if port.contains(':') {
        return Some((authority, None));
    }
    let digits_only = port.bytes().all(|b| b.is_ascii_digit());
    let number = port.parse().ok().filter(|number: &u16| digits_only && *number > 0)?;
    Some((host, Some(number)))
}

/// A label of an endpoint's host; `_` occurs in the names of containers.
fn is_host_label(text: &str) -> bool {
    is_label(&text.replace('_', "-"))
}
