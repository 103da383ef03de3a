//! Several patterns that are looked for at once.

use super::{COMPILED_SIZE_MAX, GoRegex, as_go_reads};
use regex::bytes::{RegexSet, RegexSetBuilder};

/// Patterns of which any may occur in a text.
#[derive(Debug)]
pub struct GoRegexSet {
    patterns: Box<[GoRegex]>,
    /// All of them in one, so that a text is gone over once however many there are; nothing where one is the
    /// only one, or all together exceed the size that one may have.
    together: Option<RegexSet>,
}

impl GoRegexSet {
    /// These patterns.
    #[must_use]
    pub fn new(patterns: Vec<GoRegex>) -> Self {
        let texts = patterns.iter().map(|pattern| pattern.regex.as_str());
        let together = RegexSetBuilder::new(texts)
            .size_limit(COMPILED_SIZE_MAX)
            .build();
        Self {
            together: together.ok().filter(|_| patterns.len() > 1),
            patterns: patterns.into(),
        }
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &GoRegex> {
        self.patterns.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether any of them occurs anywhere in the text.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        let text = as_go_reads(text);
        match &self.together {
            Some(together) => together.is_match(&text),
            None => self.iter().any(|pattern| pattern.regex.is_match(&text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GoRegex, GoRegexSet};

    fn set(patterns: &[&str]) -> GoRegexSet {
        let patterns = patterns
            .iter()
            .map(|pattern| GoRegex::new(pattern).unwrap());
        GoRegexSet::new(patterns.collect())
    }

    /// Scenario: no pattern, one, two with flags and groups of the same name, and so many that together they
    /// are too large.
    /// Guarantees: a text matches when one of them does, flags hold for their own pattern alone, and bytes
    /// that are no UTF-8 count as U+FFFD.
    #[test]
    fn a_text_matches_when_any_pattern_does() {
        assert!(set(&[]).is_empty() && !set(&[]).is_match(b""));
        assert!(set(&["b+"]).is_match(b"abc") && !set(&["b+"]).is_match(b"B"));
        let two = set(&["(?i)^(?P<x>a)$", "(?P<x>b)\u{fffd}"]);
        assert_eq!(two.iter().count(), 2);
        assert!(two.together.is_some());
        for (text, matches) in [
            (&b"A"[..], true),
            (b"b\xff", true),
            (b"B\xff", false),
            (b"ab", false),
        ] {
            assert_eq!(two.is_match(text), matches, "{text:?}");
        }
        let large = set(&["x\\pL{200}", "y\\pL{200}", "z\\pL{200}", "ab"]);
        assert!(large.together.is_none());
        assert!(large.is_match(b"ab") && !large.is_match(b"x"));
    }
}
