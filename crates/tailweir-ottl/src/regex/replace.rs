//! Replacing what a pattern finds, with templates as Go has them: `$1`, `${name}`, `$$`.

use super::{GoRegex, as_go_reads};
use std::borrow::Cow;
use std::ops::Range;

/// What replacing would make is too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// What a pattern found, and what the template makes of it.
pub(crate) type Expansion = (Vec<u8>, Vec<u8>);

impl GoRegex {
    /// The text with each occurrence replaced by what the template makes of it; nothing when there is none.
    pub(crate) fn replace_all(
        &self,
        text: &[u8],
        template: &[u8],
        length_max: usize,
    ) -> Result<Option<Vec<u8>>, TooLong> {
        let source = Source::new(text);
        let mut out = Vec::new();
        let mut copied = 0;
        let mut is_found = false;
        for captures in self.regex.captures_iter(&source.read) {
            is_found = true;
            let part = source.range(&captures);
            out.extend_from_slice(&text[copied..part.start]);
            self.expand(&captures, template, &mut out);
            copied = part.end;
            if out.len() > length_max {
                return Err(TooLong);
            }
        }
        out.extend_from_slice(&text[copied..]);
        Ok(is_found.then_some(out))
    }

    /// What a template makes of the first occurrence; nothing when there is none.
    #[must_use]
    pub fn expand_first(&self, text: &[u8], template: &[u8]) -> Option<Vec<u8>> {
        let text = as_go_reads(text);
        let captures = self.regex.captures(&text)?;
        let mut out = Vec::new();
        self.expand(&captures, template, &mut out);
        Some(out)
    }

    /// Each occurrence, and what the template makes of it.
    pub(crate) fn find_all(
        &self,
        text: &[u8],
        template: &[u8],
        length_max: usize,
    ) -> Result<Vec<Expansion>, TooLong> {
        let source = Source::new(text);
        let mut found = Vec::new();
        let mut length = 0;
        for captures in self.regex.captures_iter(&source.read) {
            let mut expanded = Vec::new();
            self.expand(&captures, template, &mut expanded);
            length += expanded.len();
            if length > length_max {
                return Err(TooLong);
            }
            found.push((text[source.range(&captures)].to_vec(), expanded));
        }
        Ok(found)
    }

    fn expand(&self, captures: &regex::bytes::Captures<'_>, template: &[u8], out: &mut Vec<u8>) {
        let mut rest = template;
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(b"$") {
                out.push(b'$');
                rest = after;
                continue;
            }
            match reference(rest) {
                Some((name, after)) => {
                    self.put_group(captures, name, out);
                    rest = after;
                }
                None => out.push(b'$'),
            }
        }
        out.extend_from_slice(rest);
    }

    /// What the group of this number or name holds.
    fn put_group(&self, captures: &regex::bytes::Captures<'_>, name: &str, out: &mut Vec<u8>) {
        let number = name
            .parse()
            .ok()
            .filter(|_| name.bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|_| !name.starts_with('0') || name.len() == 1);
        let group = match number {
            Some(number) => captures.get(number),
            None => {
                let named = self.names.iter().enumerate();
                let mut groups = named.filter(|(_, known)| known.as_deref() == Some(name));
                groups.find_map(|(number, _)| captures.get(number))
            }
        };
        if let Some(group) = group {
            out.extend_from_slice(group.as_bytes());
        }
    }
}

/// The name after a `$`, with or without braces, and what follows it.
fn reference(rest: &[u8]) -> Option<(&str, &[u8])> {
    let (is_braced, body) = match rest.strip_prefix(b"{") {
        Some(body) => (true, body),
        None => (false, rest),
    };
    let valid = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default(),
    };
    let length = valid
        .find(|letter: char| letter != '_' && !letter.is_alphanumeric())
        .unwrap_or(valid.len());
    let (name, after) = (&valid[..length], &body[length..]);
    match (name.is_empty(), is_braced) {
        (true, _) => None,
        (false, true) => Some((name, after.strip_prefix(b"}")?)),
        (false, false) => Some((name, after)),
    }
}

/// A text as Go reads it, and where its bytes came from.
struct Source<'t> {
    read: Cow<'t, [u8]>,
    /// For each byte that was read, and for the end, where it is in the text; empty when it is the same.
    places: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(text: &'t [u8]) -> Self {
        let read = as_go_reads(text);
        let mut places = Vec::new();
        if matches!(read, Cow::Owned(_)) {
            let mut at = 0;
            for chunk in text.utf8_chunks() {
                places.extend(at..at + chunk.valid().len());
                at += chunk.valid().len();
                for _ in chunk.invalid() {
                    // U+FFFD has three bytes.
                    places.extend([at; 3]);
                    at += 1;
                }
            }
            places.push(at);
        }
        Self { read, places }
    }

    /// Where a match is in the text.
    fn range(&self, captures: &regex::bytes::Captures<'_>) -> Range<usize> {
        let found = captures.get(0).map_or(0..0, |found| found.range());
        match self.places.get(found.start).zip(self.places.get(found.end)) {
            Some((start, end)) => *start..*end,
            None => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GoRegex, TooLong};

    fn replaced(pattern: &str, text: &[u8], template: &str) -> String {
        let regex = GoRegex::new(pattern).unwrap();
        let out = regex.replace_all(text, template.as_bytes(), 1000).unwrap();
        String::from_utf8_lossy(&out.unwrap_or_default()).into_owned()
    }

    /// Scenario: templates with numbers, names, braces, dollars, and what looks like a reference and is none.
    /// Guarantees: each means what it means in Go.
    #[test]
    fn templates_refer_to_groups() {
        let pattern = r"(\w+)@(?P<host>\w+)";
        for (template, expected) in [
            ("$2 at $1", "b at a"),
            ("${host}x$hostx", "bx"),
            ("$1x|${1}x", "|ax"),
            ("$$1|$|${}|${1", "$1|$|${}|${1"),
            ("$0|$9|$01", "a@b||"),
        ] {
            assert_eq!(
                replaced(pattern, b"<a@b>", template),
                format!("<{expected}>")
            );
        }
    }

    /// Scenario: a pattern that matches nothing at all, anywhere, and text that is not UTF-8.
    /// Guarantees: an empty match beside another match is none, and bytes outside matches stay.
    #[test]
    fn what_is_not_matched_stays() {
        assert_eq!(replaced("a*", b"baac", "x"), "xbxcx");
        let regex = GoRegex::new("b").unwrap();
        let out = regex.replace_all(b"\xffb\xfe", b"c", 1000);
        assert_eq!(out.unwrap().unwrap(), b"\xffc\xfe");
    }

    /// Scenario: every byte is replaced by something long.
    /// Guarantees: it ends with an error once there is too much.
    #[test]
    fn the_length_is_bounded() {
        let regex = GoRegex::new("").unwrap();
        let (text, template) = (vec![b'a'; 5000], vec![b'b'; 5000]);
        assert_eq!(regex.replace_all(&text, &template, 1 << 20), Err(TooLong));
        assert_eq!(regex.find_all(&text, &template, 1 << 20), Err(TooLong));
    }
}
