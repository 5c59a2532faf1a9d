//! Reads S3's XML answers, element by element. The only file that names quick-xml.
//!
//! Order, namespaces and unknown elements do not matter; the root's name does: an error document, a proxy's HTML page or
//! nothing at all must never pass for an empty result. Entities beyond XML's own five, document types, depth and size are
//! refused, so a hostile answer costs no more than its bytes.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Error, ErrorKind, Result};

/// The largest document that is read. A listing of 1,000 keys of 1,024 bytes, all escaped, stays below 8 MiB.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// S3's own answers are 5 deep.
const MAX_DEPTH: usize = 32;

/// A document being read; inside an element until [`child`](Self::child) returns `None` or [`text`](Self::text) its text.
pub(crate) struct Document<'a> {
    reader: Reader<&'a [u8]>,
    /// What the reader reads, as text.
    text: &'a str,
    root: String,
    depth: usize,
}

/// An element that was read, without its namespace prefix.
pub(crate) struct Field<'a> {
    pub name: Cow<'a, str>,
    pub text: Cow<'a, str>,
}

/// An element that was entered.
pub(crate) struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// The name without its namespace prefix.
    pub fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }
}

impl<'a> Document<'a> {
    /// Opens a document and enters its root element, whatever its name.
    pub fn open(body: &'a [u8]) -> Result<Self> {
        if body.len() > MAX_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, format!("the answer's XML exceeds {MAX_BYTES} bytes")));
        }
        let text = std::str::from_utf8(body).map_err(|error| malformed("it is not UTF-8").with_source(error))?;
        let text = text.trim_start_matches('\u{feff}').trim_ascii_start();
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut document = Self { reader, text, root: String::new(), depth: 0 };
        document.root = match document.child()? {
            Some(root) => root.name().to_owned(),
            None => return Err(malformed("it is empty")),
        };
        Ok(document)
    }

    /// Opens a document whose root must have a name.
    pub fn open_as(body: &'a [u8], root: &str) -> Result<Self> {
        let document = Self::open(body)?;
        if document.root != root {
            let shown = document.root.chars().filter(|c| c.is_ascii_graphic());
            let found: String = shown.take(40).collect();
            return Err(malformed(&format!("its root is <{found}>, not <{root}>")));
        }
        Ok(document)
    }

    /// The root element's name.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Enters the next child of the current element, or leaves the element if there is none left.
    pub fn child(&mut self) -> Result<Option<Element<'a>>> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Element(start))),
                Event::End(_) => return Ok(None),
                Event::Eof if self.depth == 0 => return Ok(None),
                Event::Eof => return Err(malformed("it ends early")),
                _ => {}
            }
        }
    }

    /// Reads the text of the current element and leaves it. Elements inside are passed over.
    pub fn text(&mut self) -> Result<Cow<'a, str>> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.event()? {
                Event::Text(part) => append(&mut text, part.xml10_content()),
                Event::CData(part) => append(&mut text, part.xml10_content()),
                Event::GeneralRef(part) => match part.resolve_char_ref() {
                    Ok(Some(character)) => text.to_mut().push(character),
                    Ok(None) => text.to_mut().push_str(predefined(&part.xml10_content())?),
                    Err(error) => return Err(malformed("a character reference is wrong").with_source(error)),
                },
                Event::Start(_) => self.skip()?,
                Event::End(_) => return Ok(text),
                Event::Eof => return Err(malformed("it ends early")),
                _ => {}
            }
        }
    }

    /// Reads the next child and its text, and leaves it; `None` if there is none left, when the current element is left.
    pub fn field(&mut self) -> Result<Option<Field<'a>>> {
        if let Some(field) = self.plain_field() {
            return Ok(Some(field));
        }
        let Some(child) = self.child()? else { return Ok(None) };
        let name = Cow::Owned(child.name().to_owned());
        Ok(Some(Field { name, text: self.text()? }))
    }

    /// Takes `<Name>text</Name>` without the reader, which would check every piece for UTF-8 again: most of a listing is
    /// written so. Anything else is left to the reader, which goes on where this ends.
    fn plain_field(&mut self) -> Option<Field<'a>> {
        // Uncovered: what the reader has left is an end of the text.
        let (read, rest) = self.text.split_at_checked(self.text.len() - self.reader.get_ref().len())?;
        // After an empty element the reader still has its end to tell.
        if self.depth >= MAX_DEPTH || read.ends_with("/>") {
            return None;
        }
        let (name, rest) = rest.strip_prefix('<')?.split_once('>')?;
        let (text, rest) = rest.split_once('<')?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphabetic()) && !name.is_empty() && !text.contains('\r');
        let rest = rest.strip_prefix('/')?.strip_prefix(name)?.strip_prefix('>').filter(|_| is_plain)?;
        let text = if text.contains('&') { resolved(text)? } else { Cow::Borrowed(text) };
        *self.reader.get_mut() = rest.as_bytes();
        Some(Field { name: Cow::Borrowed(name), text })
    }

    /// Leaves the current element without reading it.
    pub fn skip(&mut self) -> Result<()> {
        let depth = self.depth;
        while self.depth >= depth {
            if matches!(self.event()?, Event::Eof) {
                return Err(malformed("it ends early"));
            }
        }
        Ok(())
    }

    /// Demands that nothing but blanks and comments follows the root element.
    pub fn finish(mut self) -> Result<()> {
        loop {
            match self.event()? {
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.xml10_content().trim().is_empty() => {}
                _ => return Err(malformed("something follows its root element")),
            }
        }
    }

    fn event(&mut self) -> Result<Event<'a>> {
        let event = self.reader.read_event().map_err(|error| malformed("it is not well-formed").with_source(error))?;
        match &event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::Text(text) if self.root.is_empty() && !text.xml10_content().trim().is_empty() => {
                return Err(malformed("text stands before its root element"));
            }
            Event::DocType(_) => return Err(malformed("it has a document type")),
            _ => {}
        }
        if self.depth > MAX_DEPTH {
            return Err(malformed("it is nested too deep"));
        }
        Ok(event)
    }
}

/// Puts XML's own five entities into a text; `None` if it has others.
fn resolved(text: &str) -> Option<Cow<'static, str>> {
    let (mut resolved, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        let (entity, after) = after.split_once(';')?;
        resolved.push_str(before);
        resolved.push_str(predefined(entity).ok()?);
        rest = after;
    }
    resolved.push_str(rest);
    Some(Cow::Owned(resolved))
}

fn append<'a>(text: &mut Cow<'a, str>, part: Cow<'a, str>) {
    if text.is_empty() {
        *text = part;
    } else {
        text.to_mut().push_str(&part);
    }
}

fn predefined(entity: &str) -> Result<&'static str> {
    Ok(match entity {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(malformed("it uses an entity that XML does not define")),
    })
}

fn malformed(why: &str) -> Error {
    Error::passing_protocol(format!("the answer is not the XML that S3 gives: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `<r>` and returns its `<k>` texts.
    fn read(body: &[u8]) -> Result<Vec<String>> {
        let mut document = Document::open_as(body, "r")?;
        let mut texts = Vec::new();
        while let Some(child) = document.child()? {
            match child.name() {
                "k" => texts.push(document.text()?.into_owned()),
                _ => document.skip()?,
            }
        }
        document.finish()?;
        Ok(texts)
    }

    /// As [`read`], by fields.
    fn read_fields(body: &[u8]) -> Result<Vec<String>> {
        let mut document = Document::open_as(body, "r")?;
        let mut texts = Vec::new();
        while let Some(field) = document.field()? {
            texts.extend((field.name == "k").then(|| field.text.into_owned()));
        }
        document.finish()?;
        Ok(texts)
    }

    /// Most of a listing is read so; that it is quicker, `cargo bench` shows.
    #[test]
    fn a_plain_field_is_read_without_the_reader() {
        let taken = |body: &'static str| {
            let mut document = Document::open_as(body.as_bytes(), "r").expect("it begins well");
            document.plain_field().map(|field| format!("{}={}", field.name, field.text))
        };
        for (body, field) in [
            ("<r><k>a</k></r>", Some("k=a")),
            ("<r><k></k></r>", Some("k=")),
            ("<r><k>a&amp;b</k></r>", Some("k=a&b")),
            ("<r/>", None),
            ("<r><></></r>", None),
            ("<r><k/></r>", None),
            ("<r><k>a\r\n</k></r>", None),
            ("<r><s:k>a</s:k></r>", None),
            ("<r><k>a<i/></k></r>", None),
            ("<r> <k>a</k></r>", None),
        ] {
            assert_eq!(taken(body).as_deref(), field, "{body}");
        }
    }

    #[test]
    fn what_s3_writes_is_read() {
        for (body, texts) in [
            ("<r/>", &[][..]),
            ("\u{feff}<?xml version=\"1.0\"?>\n<r xmlns=\"x\"><k>a</k> <k/></r>\n", &["a", ""]),
            ("<s:r xmlns:s='x'><s:k> a </s:k><o><k>no</k></o><k>b</k></s:r><!-- end -->", &[" a ", "b"]),
            ("<r><k>&lt;a&amp;b&gt;&quot;&apos;&#10;&#x1F600;</k></r>", &["<a&b>\"'\n😀"]),
            ("<r><k>a<![CDATA[<b>&amp;]]>c</k><k>a<i>x</i>b</k></r>", &["a<b>&amp;c", "ab"]),
            ("  \n<r><k>leading blanks</k></r>", &["leading blanks"]),
            ("<r><o/><k>a</k><k/><k>b</k></r>", &["a", "", "b"]),
            ("<r><k>a\r\nb</k><k >c</k ><k></k><k>&#xe9;</k><k>d&amp;</k></r>", &["a\nb", "c", "", "é", "d&"]),
        ] {
            for read in [read, read_fields] {
                let read = read(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
                assert_eq!(read, texts, "{body}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = nested(MAX_DEPTH);
        for (body, why) in [
            ("", "it is empty"),
            ("  \n", "it is empty"),
            ("no markup", "text stands before"),
            ("<html><body>busy</body></html>", "its root is <html>"),
            ("<Error><Code>SlowDown</Code></Error>", "its root is <Error>"),
            ("<r><k>a</k>", "it ends early"),
            ("<r><k>a", "it ends early"),
            ("<r><k>a</r>", "not well-formed"),
            ("<r><k></r>", "not well-formed"),
            ("<r></r><r></r>", "something follows"),
            ("<r></r>trailing", "something follows"),
            ("<!DOCTYPE r [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><r/>", "document type"),
            ("<r><k>&e;</k></r>", "entity"),
            ("<r><k>&#x110000;</k></r>", "character reference"),
            (&deep, "too deep"),
        ] {
            for read in [read, read_fields] {
                let text = read(body.as_bytes()).expect_err(body).to_string();
                assert!(text.contains(why), "{body}: {text}");
            }
        }
        assert!(read(b"<r><k>\xff</k></r>").expect_err("not UTF-8").to_string().contains("UTF-8"));
        assert_eq!(read(&vec![b' '; MAX_BYTES + 1]).expect_err("too large").kind(), ErrorKind::LimitExceeded);
    }

    /// Elements in each other, below the root.
    fn nested(depth: usize) -> String {
        "<r>".to_owned() + &"<k>".repeat(depth) + &"</k>".repeat(depth) + "</r>"
    }

    #[test]
    fn what_is_just_within_the_limits_is_read() {
        let mut large = b"<r></r>".to_vec();
        large.resize(MAX_BYTES, b' ');
        let deep = nested(MAX_DEPTH - 1);
        for read in [read, read_fields] {
            assert_eq!(read(&large).expect("as large as it may be"), [""; 0]);
            assert_eq!(read(deep.as_bytes()).expect("as deep as it may be"), [""]);
        }
    }
}
