//! A file's bytes to its text, or to what is wrong with them: whoever saved it in another encoding is told so.

use zeroize::Zeroizing;

/// Takes the bytes of a file as UTF-8, which TOML and the shared files are.
///
/// # Errors
///
/// The line that is not UTF-8, or that the file is in UTF-16; none of its content.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Zeroizing<String>, String> {
    // Latin text in UTF-16, as editors of Windows save it, has a zero in each of its first pairs.
    let is_utf_16 =
        bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(4).any(|b| *b == 0);
    if is_utf_16 {
        return Err("it is in UTF-16; save it as UTF-8".to_owned());
    }
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = Zeroizing::new(error.into_bytes());
        let line = bytes[..valid].iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8; save it as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf_8_is_told() {
        const UTF_16: &str = "it is in UTF-16; save it as UTF-8";
        for (bytes, told) in [
            (&b"a = 1\n"[..], Ok("a = 1\n")),
            (b"", Ok("")),
            (b"\xc3\xa9\n", Ok("é\n")),
            (b"abcd\0", Ok("abcd\0")),
            (b"\xff\xfea ", Err(UTF_16)),
            (b"\xfe\xff a", Err(UTF_16)),
            (b"a\0", Err(UTF_16)),
            (b"abc\0", Err(UTF_16)),
            (b"\xe9", Err("line 1 is not UTF-8; save it as UTF-8")),
            (b"ab\nc\n\nd\xe9\n", Err("line 4 is not UTF-8; save it as UTF-8")),
        ] {
            let found = decode(bytes.to_vec());
            assert_eq!(found.as_ref().map(|text| text.as_str()).map_err(String::as_str), told, "{bytes:?}");
        }
    }
}
