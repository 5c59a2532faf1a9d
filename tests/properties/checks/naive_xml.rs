//! XML read once more, by the slow way: a tree of copies. It is as lenient as the reader under test where that is harmless
//! (attributes are not looked at), and knows nothing else of it.

/// An element with all that is in it.
#[derive(Default)]
pub struct Node {
    full_name: String,
    pub children: Vec<Node>,
    /// Its own text, without that of its children; `None` if it has a reference that XML does not define.
    pub text: Option<String>,
}

impl Node {
    fn new(full_name: &str) -> Self {
        Self { full_name: full_name.to_owned(), children: Vec::new(), text: Some(String::new()) }
    }

    /// The name without its prefix.
    pub fn name(&self) -> &str {
        self.full_name.split_once(':').map_or(self.full_name.as_str(), |(_, name)| name)
    }

    /// The children with a name.
    pub fn named<'a>(&'a self, name: &'static str) -> impl DoubleEndedIterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name() == name)
    }

    /// The text of the last child with a name.
    pub fn last_text(&self, name: &'static str) -> Option<&str> {
        self.named(name).next_back()?.text.as_deref()
    }

    fn add(&mut self, text: Option<String>) {
        self.text = self.text.take().zip(text).map(|(before, text)| before + &text);
    }
}

/// Reads a document; what it returns holds the root as its only child. `None` for what is not XML.
pub fn read(document: &str) -> Option<Node> {
    let mut open = vec![Node::new("")];
    let mut rest = document;
    while let Some(start) = rest.find('<') {
        open.last_mut()?.add(text_of(&rest[..start]));
        rest = markup(&rest[start..], &mut open)?;
    }
    let mut whole = open.pop().filter(|_| open.is_empty())?;
    whole.add(text_of(rest));
    Some(whole)
}

/// Takes what starts with `<`; returns what follows it.
fn markup<'a>(text: &'a str, open: &mut Vec<Node>) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix("<!--") {
        return rest.split_once("-->").map(|(_, after)| after);
    }
    if let Some(rest) = text.strip_prefix("<![CDATA[") {
        let (content, after) = rest.split_once("]]>")?;
        open.last_mut()?.add(Some(with_line_feeds(content)));
        return Some(after);
    }
    if let Some(rest) = text.strip_prefix("<?") {
        return rest.split_once("?>").map(|(_, after)| after);
    }
    if let Some(rest) = text.strip_prefix("</") {
        let (name, after) = rest.split_once('>')?;
        close(open, trim_end(name))?;
        return Some(after);
    }
    if text.starts_with("<!") { None } else { start_tag(text, open) }
}

fn start_tag<'a>(text: &'a str, open: &mut Vec<Node>) -> Option<&'a str> {
    let end = end_of_tag(text)?;
    let (inside, after) = (&text[1..end], &text[end + 1..]);
    let (inside, is_empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
    let name = inside.split(is_blank).next().unwrap_or_default();
    open.push(Node::new(name));
    if is_empty {
        close(open, name)?;
    }
    Some(after)
}

fn close(open: &mut Vec<Node>, name: &str) -> Option<()> {
    let node = open.pop().filter(|node| node.full_name == name)?;
    open.last_mut()?.children.push(node);
    Some(())
}

/// A `>` in quotes ends no tag.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(index),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// Replaces the references in a text; `None` if there is one that XML does not define.
fn text_of(raw: &str) -> Option<String> {
    let mut parts = raw.split('&');
    let mut text = with_line_feeds(parts.next()?);
    for part in parts {
        let (name, after) = part.split_once(';')?;
        text.push(reference(name)?);
        text += &with_line_feeds(after);
    }
    Some(text)
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    let number = name.strip_prefix('#')?;
    let (number, radix) = number.strip_prefix('x').map_or((number, 10), |number| (number, 16));
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_digit(radix));
    let code = u32::from_str_radix(number, radix).ok().filter(|code| is_number && *code != 0)?;
    char::from_u32(code)
}

/// XML 1.0, 2.11: every end of a line is one line feed.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}
