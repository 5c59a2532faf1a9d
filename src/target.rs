//! One request's address, in the form in which it is sent and signed: Host, encoded path and encoded query.
//!
//! Each part is encoded once, here; the request line and the canonical request use the same text.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use crate::encode;
use crate::error::{Error, Result};

/// Where one request goes: scheme, Host, encoded path and encoded query.
///
/// `Display` gives the whole URL, as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    host: Arc<str>,
    /// The encoded path, then `?` and the encoded query if there is one.
    path_and_query: String,
    path_length: usize,
}

/// The scheme of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// Returns `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns the port that a URL of this scheme need not name.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Target {
    /// Encodes a path and query pairs for a host.
    ///
    /// `host` is the Host header as sent: without the scheme's default port, IPv6 in brackets. `path` is the decoded path
    /// with its leading `/`; S3 keeps every byte of it, so none is normalised. The pairs are decoded too; they are sorted
    /// as the signature wants them.
    ///
    /// # Errors
    ///
    /// A host that is none, or has a path or a user before it; a path without its leading `/`. Either would lead to another host.
    pub fn new<'a>(
        scheme: Scheme,
        host: impl Into<Arc<str>>,
        path: impl AsRef<[u8]>,
        query: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<Self> {
        let (host, path) = (host.into(), path.as_ref());
        if !is_host(&host) {
            return Err(Error::bad_input(format!(
                "{host:?} is no host: it is a name or an address, with a port or without"
            )));
        }
        if path.first() != Some(&b'/') {
            return Err(Error::bad_input(
                "the path must begin with a slash; without one it would become a part of the host",
            ));
        }
        Ok(Self::of_parts(scheme, host, &[path], query))
    }

    /// As [`new`](Self::new), of a path in parts.
    pub(crate) fn of_parts<'a>(
        scheme: Scheme,
        host: Arc<str>,
        path: &[&[u8]],
        query: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let length: usize = path.iter().map(|part| part.len()).sum();
        let mut path_and_query = String::with_capacity(length + 16);
        for part in path {
            encode::push_path(&mut path_and_query, part);
        }
        let path_length = path_and_query.len();
        push_sorted(&mut path_and_query, query);
        Self { scheme, host, path_and_query, path_length }
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the Host header.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the encoded path, which starts with `/`.
    pub fn path(&self) -> &str {
        &self.path_and_query[..self.path_length]
    }

    /// Returns the encoded query, sorted, without its `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.path_and_query.get(self.path_length + 1..).unwrap_or("")
    }

    /// Returns the whole URL, with a signature if its query has one: treat it as a password then.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme.as_str(), self.host, self.path_and_query)
    }

    /// Returns the request target of the request line.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

/// True for a Host header: a name or an address, and perhaps a port (RFC 9110 section 7.2).
fn is_host(text: &str) -> bool {
    let is_port =
        |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let name = match text.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') && !is_port(port) => return false,
        Some((name, port)) if !port.ends_with(']') => name,
        _ => text,
    };
    if let Some(address) = name.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && name.bytes().all(is_inner) && !name.starts_with('.') && !name.contains("..")
}

/// Appends `?` and the encoded pairs in the order of their encoded names, then values (SigV4, canonical query string).
fn push_sorted<'a>(out: &mut String, query: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
    let mut pairs: Vec<(String, String)> = query
        .into_iter()
        .map(|(name, value)| {
            let (mut encoded_name, mut encoded_value) = (String::new(), String::new());
            encode::push_query(&mut encoded_name, name);
            encode::push_query(&mut encoded_value, value);
            (encoded_name, encoded_value)
        })
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

/// The whole URL, but for the query of one that is signed.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_signed = self.query().split('&').any(|pair| pair.starts_with("X-Amz-Signature="));
        let shown = if is_signed { self.path() } else { self.path_and_query() };
        write!(f, "{}://{}{shown}", self.scheme.as_str(), self.host)?;
        if is_signed { f.write_str("?***") } else { Ok(()) }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query may be somebody's signature.
        write!(f, "Target({}://{}{})", self.scheme.as_str(), self.host, self.path())
    }
}
