//! Percent escapes decoded once more, by the slow way.

/// Decodes `%XX`; `plus` is what a `+` stands for. A `%` without two digits behind it stands for itself.
pub fn decode(text: &str, plus: char) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match escape(bytes, at) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { plus as u8 } else { bytes[at] });
                at += 1;
            }
        }
    }
    out
}

fn escape(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |index: usize| char::from(*bytes.get(index)?).to_digit(16);
    if bytes[at] == b'%' { Some((digit(at + 1)? * 16 + digit(at + 2)?) as u8) } else { None }
}

/// True if a text is what S3 wants between the slashes of a path, or in a query: unreserved characters and escapes in
/// capitals, nothing else.
pub fn is_encoded(text: &str) -> bool {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, after @ ..] if is_capital_hex(*high) && is_capital_hex(*low) => after,
            [byte, after @ ..] if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => after,
            _ => return false,
        }
    }
}

fn is_capital_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)
}
