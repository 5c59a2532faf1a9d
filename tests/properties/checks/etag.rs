//! Entity tags: any texts, one a line.

use s3lite::{ETag, GetObject, KeyPrefix, Operation};

use super::input::Input;

/// Equality is one, and a tag goes back as it came, or not at all.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let tags: Vec<ETag> = (0..3).map(|_| ETag::new(input.line())).collect();
    for tag in &tags {
        assert_eq!(tag.to_string(), tag.as_str());
        assert_sent_as_it_came(tag);
        for other in &tags {
            assert_eq!(*tag == *other, core(tag) == core(other), "{tag} {other}");
        }
    }
}

/// What is left of a tag without quotes and weakness.
fn core(tag: &ETag) -> &str {
    let text = tag.as_str();
    let mut core = text.strip_prefix("W/").unwrap_or(text);
    while let Some(shorter) = core.strip_prefix('"').or_else(|| core.strip_suffix('"')) {
        core = shorter;
    }
    core
}

fn assert_sent_as_it_came(tag: &ETag) {
    let Ok(request) = GetObject::new("k").if_match(tag.as_str()).request(&KeyPrefix::default()) else { return };
    let sent = request.header("if-match").expect("it was given").to_str().expect("only ASCII is sent");
    assert_eq!(sent, tag.as_str());
}
