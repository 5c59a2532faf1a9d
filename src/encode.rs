//! Percent-encoding: bytes in, the text that goes on the wire and into the signature out.
//!
//! One table serves the request line and the canonical request, so the two cannot differ. The unreserved characters are
//! those of the SigV4 text (`A-Z a-z 0-9 - . _ ~`, RFC 3986 section 2.3); S3 encodes a path once and never normalises it.

/// Appends `key` encoded as part of a path: every byte except the unreserved ones and `/` becomes `%XX`.
pub(crate) fn push_path(out: &mut String, key: &[u8]) {
    push(out, key, &PATH);
}

/// Appends `text` encoded as a query name or value: every byte except the unreserved ones becomes `%XX`.
pub(crate) fn push_query(out: &mut String, text: &[u8]) {
    push(out, text, &QUERY);
}

/// Decodes `%XX` and reads `+` as a blank, as S3 writes keys in a listing with `encoding-type=url`.
///
/// A `%` that starts no valid escape stays as it is, for servers that echo `EncodingType` without encoding.
pub(crate) fn decode_form(text: impl Into<String>) -> Vec<u8> {
    decode(text.into().into_bytes(), b' ')
}

/// Decodes `%XX` alone, as in the path of a URL.
pub(crate) fn decode_path(text: impl Into<String>) -> Vec<u8> {
    decode(text.into().into_bytes(), b'+')
}

/// Decodes in place: what is decoded is never longer.
fn decode(mut bytes: Vec<u8>, plus: u8) -> Vec<u8> {
    let (mut read, mut written) = (0, 0);
    while let Some(plain) = bytes[read..].iter().position(|byte| matches!(byte, b'%' | b'+')) {
        let (byte, length) = match bytes[read + plain..] {
            [b'%', high, low, ..] if is_hex(high) && is_hex(low) => (hex_value(high) * 16 + hex_value(low), 3),
            [b'%', ..] => (b'%', 1),
            _ => (plus, 1),
        };
        bytes.copy_within(read..read + plain, written);
        bytes[written + plain] = byte;
        (read, written) = (read + plain + length, written + plain + 1);
    }
    bytes.copy_within(read.., written);
    bytes.truncate(bytes.len() - (read - written));
    bytes
}

/// The bytes that stay as they are: all of them ASCII.
type Kept = [bool; 256];

const QUERY: Kept = kept(b"-._~");
const PATH: Kept = kept(b"-._~/");

/// Letters, digits and some more.
const fn kept(more: &[u8]) -> Kept {
    let (mut kept, mut byte) = ([false; 256], 0);
    while byte < kept.len() {
        kept[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut index = 0;
    while index < more.len() {
        kept[more[index] as usize] = true;
        index += 1;
    }
    kept
}

/// Copies what is kept in runs: most keys are one.
fn push(out: &mut String, mut bytes: &[u8], kept: &Kept) {
    out.reserve(bytes.len());
    loop {
        let run = bytes.iter().position(|byte| !kept[usize::from(*byte)]).unwrap_or(bytes.len());
        out.push_str(str::from_utf8(&bytes[..run]).expect("only ASCII is kept"));
        let Some((&byte, rest)) = bytes[run..].split_first() else { return };
        out.push('%');
        out.push(hex_digit(byte >> 4));
        out.push(hex_digit(byte & 0x0f));
        bytes = rest;
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 })
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_decode() {
        for (text, bytes) in [
            ("a+b", "a b"),
            ("a%2Bb", "a+b"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%4z%z4", "%4z%z4"),
            ("%e2%82%ac", "€"),
            ("%6f%6F", "oo"),
            ("", ""),
        ] {
            assert_eq!(decode_form(text), bytes.as_bytes(), "{text}");
        }
    }

    /// The tables are made when this is compiled, where no test could see how.
    #[test]
    fn tables_keep_what_is_unreserved() {
        for (more, table) in [(&b"-._~"[..], QUERY), (b"-._~/", PATH)] {
            let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
            assert!((0..=u8::MAX).all(|byte| kept(more)[usize::from(byte)] == is_kept(byte)));
            assert!((0..=u8::MAX).all(|byte| table[usize::from(byte)] == is_kept(byte)));
        }
    }
}
