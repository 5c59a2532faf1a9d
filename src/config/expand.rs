//! `%{env:NAME}%` and `%{file:/path}%` in a string: the references found, their values put in.

use zeroize::Zeroizing;

/// A reference in a configuration's string, for the shell to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference<'a> {
    /// An environment variable.
    Env(&'a str),
    /// The content of a file.
    File(&'a str),
}

/// Looks up references: the value, or why there is none.
pub type Lookup<'a> = dyn FnMut(Reference<'_>) -> Result<String, String> + 'a;

/// Puts the values of all references into a string. A file's trailing line break is dropped.
///
/// # Errors
///
/// A reference of another kind, one that does not end, and those the lookup refuses.
pub(super) fn expand(text: &str, lookup: &mut Lookup<'_>) -> Result<Zeroizing<String>, String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%{") {
        out.push_str(before);
        let Some((reference, after)) = after.split_once("}%") else {
            return Err("a reference starts with %{ but does not end with }%".to_owned());
        };
        match reference.split_once(':') {
            Some(("env", name)) => out.push_str(&Zeroizing::new(lookup(Reference::Env(name))?)),
            Some(("file", path)) => out.push_str(without_line_break(&Zeroizing::new(lookup(Reference::File(path))?))),
            _ => return Err("a reference must be %{env:NAME}% or %{file:/path}%".to_owned()),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let mut lookup = |reference: Reference<'_>| match reference {
            Reference::Env("SECRET") => Ok("s3cr3t".to_owned()),
            Reference::File("/run/key") => Ok("from file\r\n".to_owned()),
            _ => Err("not there".to_owned()),
        };
        expand(text, &mut lookup).map(|text| text.to_string())
    }

    #[test]
    fn references_are_replaced_or_refused() {
        for (text, result) in [
            ("plain % {x}%", Ok("plain % {x}%")),
            ("%{env:SECRET}%", Ok("s3cr3t")),
            ("a-%{env:SECRET}%-%{file:/run/key}%!", Ok("a-s3cr3t-from file!")),
            ("%{env:NONE}%", Err("not there")),
            ("%{env:SECRET", Err("a reference starts with %{ but does not end with }%")),
            ("%{cmd:ls}%", Err("a reference must be %{env:NAME}% or %{file:/path}%")),
        ] {
            assert_eq!(expanded(text), result.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
    }
}
