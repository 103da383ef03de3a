//! Shell-like patterns over dotted names.

use regex::bytes::Regex;
use std::fmt;

/// A pattern over a name whose parts are separated by dots: `*` stands for any text without a dot, `**`
/// for any text, `?` for one character that is no dot, `[a-z]` and `[!a-z]` for one of or none of a set,
/// `{a,b}` for one of several patterns. A backslash makes the next character stand for itself.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    regex: Regex,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// A `[` or `{` is not closed, or closed where none is open.
    #[error("a bracket or brace has no partner")]
    Unbalanced,
    /// The set between brackets is empty or upside down.
    #[error("a set of characters is malformed")]
    Set,
    /// The pattern takes too much memory.
    #[error("the pattern is too large")]
    TooLarge,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`GlobError`] says what is wrong.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        let pattern = Translation::of(text)?;
        let regex = Regex::new(&pattern).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => GlobError::TooLarge,
            _ => GlobError::Set,
        })?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// Whether the pattern stands for the whole of this name.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.regex.is_match(name)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A pattern on its way to a regular expression.
struct Translation<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    out: String,
    /// Braces that are open.
    depth: usize,
}

impl<'t> Translation<'t> {
    fn of(text: &'t str) -> Result<String, GlobError> {
        let mut translation = Self {
            rest: text.chars().peekable(),
            out: "(?s)\\A".to_owned(),
            depth: 0,
        };
        while let Some(next) = translation.rest.next() {
            translation.step(next)?;
        }
        if translation.depth > 0 {
            return Err(GlobError::Unbalanced);
        }
        translation.out.push_str("\\z");
        Ok(translation.out)
    }

    fn step(&mut self, next: char) -> Result<(), GlobError> {
        match next {
            '*' if self.rest.next_if_eq(&'*').is_some() => self.out.push_str(".*"),
            '*' => self.out.push_str("[^.]*"),
            '?' => self.out.push_str("[^.]"),
            '[' => self.set()?,
            '{' => {
                self.depth += 1;
                self.out.push_str("(?:");
            }
            '}' if self.depth > 0 => {
                self.depth -= 1;
                self.out.push(')');
            }
            ',' if self.depth > 0 => self.out.push('|'),
            ']' | '}' => return Err(GlobError::Unbalanced),
            '\\' => {
                let escaped = self.rest.next().unwrap_or('\\');
                self.literal(escaped);
            }
            other => self.literal(other),
        }
        Ok(())
    }

    fn literal(&mut self, character: char) {
        self.out
            .push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    /// One character of a set, or not of it when the set begins with `!`.
    fn set(&mut self) -> Result<(), GlobError> {
        self.out.push('[');
        if self.rest.next_if_eq(&'!').is_some() {
            self.out.push('^');
        }
        let mut is_empty = true;
        loop {
            match self.rest.next().ok_or(GlobError::Unbalanced)? {
                ']' if is_empty => return Err(GlobError::Set),
                ']' => break,
                '-' if !is_empty && self.rest.peek() != Some(&']') => self.out.push('-'),
                '\\' => {
                    let escaped = self.rest.next().ok_or(GlobError::Unbalanced)?;
                    self.literal(escaped);
                }
                other => self.set_member(other),
            }
            is_empty = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// In a set of a regular expression more characters have a meaning than outside of one.
    fn set_member(&mut self, character: char) {
        if matches!(character, '[' | '&' | '~' | '-' | '^') {
            self.out.push('\\');
            self.out.push(character);
        } else {
            self.literal(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Glob, GlobError};

    /// Scenario: names are held against patterns of every kind.
    /// Guarantees: one star ends at a dot, two do not, sets and alternatives choose one.
    #[test]
    fn stars_end_at_dots() {
        for (pattern, name, matches) in [
            ("http.*", "http.method", true),
            ("http.*", "http.request.method", false),
            ("http.**", "http.request.method", true),
            ("*", "http.method", false),
            ("ht?p", "http", true),
            ("ht?p", "ht.p", false),
            ("db.[a-m]ame", "db.name", false),
            ("db.[!a-m]ame", "db.name", true),
            ("{http,db}.name", "db.name", true),
            ("{http,db}.name", "rpc.name", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a+b", "a+b", true),
        ] {
            let glob = Glob::new(pattern).unwrap();
            assert_eq!(glob.matches(name.as_bytes()), matches, "{pattern} {name}");
        }
    }

    /// Scenario: brackets without partners and sets of nothing.
    /// Guarantees: they are refused, and nothing panics.
    #[test]
    fn malformed_patterns_are_refused() {
        for (pattern, error) in [
            ("[a", GlobError::Unbalanced),
            ("{a", GlobError::Unbalanced),
            ("a}", GlobError::Unbalanced),
            ("[]", GlobError::Set),
            ("[z-a]", GlobError::Set),
        ] {
            assert_eq!(Glob::new(pattern).unwrap_err(), error, "{pattern}");
        }
    }
}
