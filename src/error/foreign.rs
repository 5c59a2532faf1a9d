//! Text that others wrote, made fit for an error.

/// How much of such a text is kept.
const MAX_BYTES: usize = 300;

/// Takes foreign text into an error: bounded, without characters that would reach a terminal or hide in it, and without a
/// signature, should the answer echo the request.
pub(crate) fn printable(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let secret = SECRET_MARKS.iter().filter_map(|mark| lower.find(mark)).min();
    let (text, end) = secret.map_or((text, ""), |start| (&text[..start], "***"));
    let mut kept = String::new();
    for character in text.trim().chars().map(|c| if is_shown(c) { c } else { ' ' }) {
        if kept.len() + character.len_utf8() > MAX_BYTES {
            break;
        }
        kept.push(character);
    }
    kept + end
}

/// Where an echoed request would show what it is signed with.
const SECRET_MARKS: [&str; 3] = ["aws4-hmac-sha256", "x-amz-security-token", "signature="];

/// Control characters move a terminal's cursor; those of format turn text around or take no place.
fn is_shown(character: char) -> bool {
    let is_format = matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !character.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_kept_in_whole_characters() {
        let short = "a".repeat(MAX_BYTES - 1);
        for (text, kept) in [
            (format!("{short}b"), format!("{short}b")),
            (format!("{short}bc"), format!("{short}b")),
            (format!("{short}é"), short.clone()),
            (format!("{short} Signature=0a"), format!("{short}***")),
        ] {
            assert_eq!(printable(&text), kept);
        }
    }
}
