//! What must hold of every address that a request goes to.

use s3lite::Target;

use super::percent;

/// Demands one Host, one path and one query, and nothing that would be read as more than that.
pub fn assert_sound(target: &Target) {
    let (host, path, query) = (target.host(), target.path(), target.query());
    assert!(is_host(host), "{host:?} is no host");
    assert!(path.starts_with('/'), "{path:?} does not start with a slash");
    assert!(path.split('/').all(percent::is_encoded), "{path:?} is not encoded");
    assert!(query.split(['&', '=']).all(percent::is_encoded), "{query:?} is not encoded");
    let whole = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    assert_eq!(target.path_and_query(), whole);
}

/// A DNS name or an address, and a port that its scheme does not imply.
pub fn is_host(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    };
    port.is_none_or(is_port) && (is_name(host) || is_address(host))
}

fn is_port(text: &str) -> bool {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    canonical && text.parse::<u16>().is_ok()
}

fn is_address(text: &str) -> bool {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    in_brackets.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        || text.parse::<std::net::Ipv4Addr>().is_ok()
}

/// RFC 1123 with underscores; 253 characters at most.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}
