//! Writing of the few XML documents the server answers with.

/// `<name>text</name>` with the text escaped.
pub fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// Escapes markup, and control characters as numeric references: S3 writes those too, although XML
/// 1.0 has no spelling for most of them. It is why clients ask for `encoding-type=url`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_ascii_control() => {
                escaped.push_str(&format!("&#x{:x};", u32::from(control)));
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}
