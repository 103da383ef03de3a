//! Regular expressions as the Collector writes them, over bytes.
//!
//! Collector configurations hold Go regular expressions. They look like Rust's, but `\d`, `\w`, `\s`
//! and `\b` are ASCII, a brace that is no repetition is a literal, `\Q...\E` quotes, `[` is a literal
//! inside a class, and a repetition count ends at 1000. [`GoRegex`] translates one into the other, so a
//! pattern means here what it meant there, or is refused with the place that is wrong.

mod class;
mod replace;
mod set;
mod translate;

pub(crate) use replace::TooLong;
pub use set::GoRegexSet;

use crate::nearest::clip;
use std::borrow::Cow;
use std::ops::Range;
use translate::Translation;

/// A compiled pattern may take this much memory, in bytes, before it is refused.
const COMPILED_SIZE_MAX: usize = 10 << 20;

/// A pattern that comes from telemetry is compiled for every subject, so it must be small.
const COMPUTED_SIZE_MAX: usize = 256 << 10;

/// A pattern that is no Go regular expression, or whose compiled form is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid regular expression `{pattern}` at byte {offset}: {reason}")]
pub struct RegexError {
    pattern: String,
    offset: usize,
    reason: String,
}

impl RegexError {
    fn new(pattern: &str, offset: usize, reason: impl Into<String>) -> Self {
        Self {
            pattern: clip(pattern).into_owned(),
            offset,
            reason: reason.into(),
        }
    }

    /// Where in the pattern, in bytes from its start, the trouble begins.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong there, without the pattern.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A Go (RE2) regular expression, compiled.
///
/// Text is bytes. Bytes that are not UTF-8 count as one U+FFFD each, as they do in Go. Matching takes
/// time linear in the text; there is no backtracking.
///
/// ```
/// let digits = tailweir_ottl::GoRegex::new(r"^\d{3}$").unwrap();
/// assert!(digits.is_match(b"404"));
/// assert!(!digits.is_match("٤٠٤".as_bytes()), "\\d is ASCII in Go");
/// ```
#[derive(Debug, Clone)]
pub struct GoRegex {
    regex: regex::bytes::Regex,
    pub(crate) names: Box<[Option<String>]>,
}

/// Where the groups of a match stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPlaces<'t> {
    /// The text as Go reads it: what is no UTF-8 is replaced.
    pub text: Cow<'t, [u8]>,
    /// The place of each group, the whole match left out; nothing where a group took no part.
    pub groups: Vec<Option<Range<usize>>>,
}

impl GoRegex {
    /// Compiles a pattern, not anchored.
    ///
    /// # Errors
    /// [`RegexError`] when Go would refuse it, or when its compiled form exceeds 10 MiB.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        Self::within(pattern, COMPILED_SIZE_MAX)
    }

    /// Compiles a pattern that is not the operator's own; its compiled form may take 256 KiB.
    pub(crate) fn computed(pattern: &str) -> Result<Self, RegexError> {
        Self::within(pattern, COMPUTED_SIZE_MAX)
    }

    fn within(pattern: &str, size_max: usize) -> Result<Self, RegexError> {
        let Translation { text, names } = translate::translate(pattern)?;
        let regex = regex::bytes::RegexBuilder::new(&text)
            .size_limit(size_max)
            .build()
            .map_err(|error| RegexError::new(pattern, 0, reason_of(&error)))?;
        Ok(Self { regex, names })
    }

    /// Whether the pattern occurs anywhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(&as_go_reads(text))
    }

    /// Every group of the first match by number, the whole match first; empty where one took no part.
    pub(crate) fn groups(&self, text: &[u8]) -> Option<Vec<Vec<u8>>> {
        let text = as_go_reads(text);
        let captures = self.regex.captures(&text)?;
        let groups = captures.iter();
        Some(
            groups
                .map(|group| group.map_or(Vec::new(), |group| group.as_bytes().to_vec()))
                .collect(),
        )
    }

    /// Where the groups of the first match stand; nothing when the pattern does not occur.
    #[must_use]
    pub fn locate_groups<'t>(&self, text: &'t [u8]) -> Option<GroupPlaces<'t>> {
        let text = as_go_reads(text);
        let captures = self.regex.captures(&text)?;
        let groups = captures.iter().skip(1);
        let groups = groups
            .map(|group| group.map(|group| group.range()))
            .collect();
        Some(GroupPlaces { text, groups })
    }

    /// The text with each match replaced; nothing when the pattern does not occur.
    #[must_use]
    pub fn replace_each(
        &self,
        text: &[u8],
        mut replace: impl FnMut(&[u8]) -> Vec<u8>,
    ) -> Option<Vec<u8>> {
        let text = as_go_reads(text);
        let mut matches = self.regex.find_iter(&text).peekable();
        matches.peek()?;
        let mut out = Vec::with_capacity(text.len());
        let mut copied = 0;
        for found in matches {
            out.extend_from_slice(&text[copied..found.start()]);
            out.extend(replace(found.as_bytes()));
            copied = found.end();
        }
        out.extend_from_slice(&text[copied..]);
        Some(out)
    }

    /// Whether any group has a name.
    #[must_use]
    pub fn has_named_groups(&self) -> bool {
        self.names.iter().any(Option::is_some)
    }

    /// Every named group of the first match, in order, with what it holds (empty when the group took
    /// no part); nothing when the pattern does not occur.
    #[must_use]
    pub fn named_groups(&self, text: &[u8]) -> Option<Vec<(&str, Vec<u8>)>> {
        let text = as_go_reads(text);
        let captures = self.regex.captures(&text)?;
        let held = |index| {
            captures
                .get(index)
                .map_or(Vec::new(), |m| m.as_bytes().to_vec())
        };
        let named = self.names.iter().enumerate();
        Some(
            named
                .filter_map(|(index, name)| Some((name.as_deref()?, held(index))))
                .collect(),
        )
    }
}

fn reason_of(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("its compiled form exceeds {limit} bytes; use smaller repetition counts")
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("not supported: {}", last.trim_start_matches("error: "))
        }
    }
}

/// The text itself when it is UTF-8, else a copy with U+FFFD for every byte that is not.
fn as_go_reads(text: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(text).is_ok() {
        return Cow::Borrowed(text);
    }
    let mut replaced = Vec::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        replaced.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            replaced.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests;
