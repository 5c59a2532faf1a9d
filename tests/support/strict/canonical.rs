//! AWS's canonical forms of path, query and header values, and the demand that the wire already has
//! them.
//!
//! S3 decodes what it receives and encodes it anew for the signature, so a client is only safe when
//! what it sends is what it signs. Dot segments and repeated slashes are part of the key and are
//! never touched.

/// Decoded query pairs in wire order; names and values are any bytes.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The canonical URI of a key (virtual-host style) or of `bucket/key` (path style): a slash, then
/// the bytes encoded with their slashes kept.
///
/// The slash in front is always added: the key `/x` has the canonical URI `//x`.
pub fn canonical_uri(raw_key_bytes: &[u8]) -> String {
    format!("/{}", percent_encode(raw_key_bytes, b"/"))
}

/// The canonical query of decoded pairs: each name and value encoded, sorted by encoded name, then
/// by encoded value.
pub fn canonical_query(pairs: &[(Vec<u8>, Vec<u8>)]) -> String {
    let mut encoded: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| (percent_encode(name, b""), percent_encode(value, b""))).collect();
    encoded.sort();
    let joined: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

/// Encodes all bytes but `A-Za-z0-9-._~` and those in `keep` as `%XX` in upper case.
pub fn percent_encode(bytes: &[u8], keep: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if unreserved || keep.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Decodes `%XX`; a plus sign stands for itself.
pub fn percent_decode(raw: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let escape = tail.get(..2).and_then(|digits| hex::decode(digits).ok());
        let [byte] = escape.as_deref().unwrap_or_default() else {
            return Err(format!("broken percent escape in {}", lossy(raw)));
        };
        bytes.push(*byte);
        rest = &tail[2..];
    }
    Ok(bytes)
}

/// The bytes after the path's leading slash, provided that the path is spelled canonically on the
/// wire.
pub fn decode_path(wire: &[u8]) -> Result<Vec<u8>, String> {
    let after_slash = wire.strip_prefix(b"/").ok_or_else(|| format!("path without leading slash: {}", lossy(wire)))?;
    let decoded = percent_decode(after_slash)?;
    let canonical = canonical_uri(&decoded);
    if canonical.as_bytes() != wire {
        return Err(format!("path on the wire is {}, canonical is {canonical}", lossy(wire)));
    }
    Ok(decoded)
}

/// The decoded pairs of a raw query, provided that each name and value is spelled canonically on
/// the wire.
///
/// A name without `=` is the same as one with an empty value. The order on the wire is free.
pub fn decode_query(wire: &[u8]) -> Result<Pairs, String> {
    if wire.is_empty() {
        return Ok(Vec::new());
    }
    wire.split(|&byte| byte == b'&').map(decode_pair).collect()
}

fn decode_pair(wire: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut halves = wire.splitn(2, |&byte| byte == b'=');
    let name = decode_query_part(halves.next().unwrap_or_default())?;
    let value = decode_query_part(halves.next().unwrap_or_default())?;
    if name.is_empty() {
        return Err(format!("query pair without a name: {:?}", lossy(wire)));
    }
    Ok((name, value))
}

fn decode_query_part(wire: &[u8]) -> Result<Vec<u8>, String> {
    let decoded = percent_decode(wire)?;
    let canonical = percent_encode(&decoded, b"");
    if canonical.as_bytes() != wire {
        return Err(format!("query on the wire has {}, canonical is {canonical}", lossy(wire)));
    }
    Ok(decoded)
}

/// A header value as it is signed: trimmed, each inner run of blanks made one space.
pub fn canonical_value(wire: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = wire.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// Bytes for a reason text.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
