//! Buckets' names: which ones there can be, and which fit into a host.

use std::net::Ipv4Addr;

use super::is_label;
use crate::target::Scheme;

/// True for a name that leads to its own address and to no other: all else in it is encoded.
pub(super) fn is_sendable(name: &str) -> bool {
    let leads_on = |c: char| c.is_control() || matches!(c, '/' | '\\');
    !name.is_empty() && name != "." && name != ".." && !name.contains(leads_on)
}

/// True for a bucket that can stand before a host. S3's rule set takes three characters at least; a wildcard certificate covers
/// one label only.
pub(super) fn fits_into_host(name: &str, scheme: Scheme) -> bool {
    let dots_fit = scheme == Scheme::Http || !name.contains('.');
    let is_lower = !name.bytes().any(|b| b.is_ascii_uppercase());
    (3..=63).contains(&name.len())
        && dots_fit
        && is_lower
        && name.split('.').all(is_label)
        && name.parse::<Ipv4Addr>().is_err()
}

/// Says why a bucket cannot have a name (S3 User Guide, "Bucket naming rules").
///
/// Compatible stores keep S3's older rules, capitals and underscores, and Ceph names tenants with a colon.
pub(crate) fn bucket_problem(name: &str, custom_endpoint: bool) -> Option<&'static str> {
    let bytes = name.as_bytes();
    let is_plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let is_older = |b: &u8| b.is_ascii_uppercase() || matches!(b, b'_' | b':');
    let longest = if custom_endpoint { 255 } else { 63 };
    // A tenant before one colon may be empty: Ceph's legacy tenant.
    let (tenant, bare) = name.split_once(':').filter(|_| custom_endpoint).unwrap_or(("", name));
    if name.starts_with("arn:") && name.matches(':').count() > 1 {
        return Some("an ARN is not taken; write the bucket's name alone");
    }
    if name.starts_with("s3://") || name.contains('/') {
        return Some("it has no slash; write the bucket alone, and what comes after it into key-prefix");
    }
    if !bytes.iter().all(|b| is_plain(b) || is_older(b)) {
        return Some("it may have lower-case letters, digits, dots and hyphens");
    }
    if bare.contains(':') {
        return Some("it may have one colon at most, after a tenant of Ceph's");
    }
    if !custom_endpoint && bytes.iter().any(is_older) {
        return Some("on AWS it may have lower-case letters, digits, dots and hyphens");
    }
    if !(3..=longest).contains(&bare.len()) || tenant.len() > longest {
        return Some("it must have 3 to 63 characters (up to 255 on some services other than AWS)");
    }
    let is_edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    if !is_edge(bare.as_bytes().first()) || !is_edge(bytes.last()) {
        return Some("it must begin and end with a letter or digit");
    }
    if ["..", ".-", "-."].iter().any(|pair| name.contains(pair)) {
        return Some("a dot must stand between letters or digits");
    }
    if name.parse::<Ipv4Addr>().is_ok() {
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
