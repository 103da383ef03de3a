//! Rewrites a Go pattern into Rust's syntax, and refuses what Go refuses.

use super::{RegexError, class};

/// Go ends repetition counts here.
const REPETITION_MAX: u32 = 1000;

/// Go's limit of nested groups.
const DEPTH_MAX: usize = 1000;

pub(super) struct Translation {
    /// The pattern in Rust's syntax, all groups unnamed.
    pub(super) text: String,
    /// The names of the groups by number; number 0 is the whole match.
    pub(super) names: Box<[Option<String>]>,
}

/// What the last element was: a repetition needs something to repeat.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Element,
    Repetition,
}

pub(super) fn translate(pattern: &str) -> Result<Translation, RegexError> {
    let mut translator = Translator {
        pattern,
        position: 0,
        text: String::with_capacity(pattern.len() + 16),
        names: vec![None],
        depth: 0,
        last: Last::Nothing,
        weight: 1,
        heaviest: vec![1],
    };
    while translator.peek().is_some() {
        translator.element()?;
    }
    if translator.depth > 0 {
        return Err(translator.error_at(pattern.len(), "missing closing )"));
    }
    Ok(Translation {
        text: translator.text,
        names: translator.names.into_boxed_slice(),
    })
}

pub(super) struct Translator<'p> {
    pattern: &'p str,
    position: usize,
    pub(super) text: String,
    names: Vec<Option<String>>,
    depth: usize,
    last: Last,
    /// How often the repetition counts inside the last element repeat something.
    weight: u32,
    /// The greatest of those in each open group, the pattern itself first.
    heaviest: Vec<u32>,
}

impl<'p> Translator<'p> {
    pub(super) fn rest(&self) -> &'p str {
        &self.pattern[self.position..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    pub(super) fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.position += prefix.len();
        }
        found
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn error_at(&self, offset: usize, reason: impl Into<String>) -> RegexError {
        RegexError::new(self.pattern, offset, reason)
    }

    /// Writes one character that stands for itself, outside or inside a class.
    pub(super) fn literal(&mut self, character: char) {
        match character {
            // Letters, digits and all beyond ASCII never need an escape.
            _ if character.is_ascii_alphanumeric() || !character.is_ascii() => {
                self.text.push(character);
            }
            '\0'..=' ' | '\x7f' => self.text.push_str(&format!("\\x{:02X}", character as u32)),
            '_' | '<' | '>' | '"' | '\'' | '%' | ',' | '/' | ':' | ';' | '=' | '@' | '`' | '!' => {
                self.text.push(character);
            }
            punctuation => {
                self.text.push('\\');
                self.text.push(punctuation);
            }
        }
    }

    fn element(&mut self) -> Result<(), RegexError> {
        let start = self.position;
        let Some(character) = self.next() else {
            return Ok(());
        };
        match character {
            '(' => return self.open(start),
            ')' => return self.close(start),
            '|' => {
                self.text.push('|');
                self.last = Last::Nothing;
                return Ok(());
            }
            '*' | '+' | '?' => return self.repeat(start, &character.to_string()),
            '{' => {
                if let Some((counts, most)) = self.counts(start)? {
                    self.repeat(start, &counts)?;
                    if !self.weigh(most) {
                        let reason =
                            format!("nested repeat counts multiply beyond {REPETITION_MAX}");
                        return Err(self.error_at(start, reason));
                    }
                    return Ok(());
                }
                self.literal('{');
            }
            '[' => class::bracketed(self, start)?,
            '\\' if self.take("Q") => return self.quoted(),
            '\\' => self.escape(start)?,
            '.' | '^' | '$' => self.text.push(character),
            other => self.literal(other),
        }
        self.last = Last::Element;
        self.weight = 1;
        Ok(())
    }

    /// Text up to `\E`, which stands for itself.
    fn quoted(&mut self) -> Result<(), RegexError> {
        let rest = self.rest();
        let end = rest.find("\\E").unwrap_or(rest.len());
        for character in rest[..end].chars() {
            self.literal(character);
            self.last = Last::Element;
            self.weight = 1;
        }
        self.position += end;
        self.take("\\E");
        Ok(())
    }

    /// Repeats the last element so often. Go bounds what nested counts multiply to.
    fn weigh(&mut self, times: u32) -> bool {
        self.weight = self.weight.saturating_mul(times.max(1));
        if let Some(heaviest) = self.heaviest.last_mut() {
            *heaviest = (*heaviest).max(self.weight);
        }
        self.weight <= REPETITION_MAX
    }

    fn open(&mut self, start: usize) -> Result<(), RegexError> {
        if !self.take("?") {
            self.names.push(None);
            self.text.push('(');
        } else if self.take("P<") || self.take("<") {
            let name = self.name(start)?;
            self.names.push(Some(name));
            self.text.push('(');
        } else {
            return self.flags(start);
        }
        self.enter(start)
    }

    fn enter(&mut self, start: usize) -> Result<(), RegexError> {
        self.depth += 1;
        self.heaviest.push(1);
        self.last = Last::Nothing;
        if self.depth > DEPTH_MAX {
            return Err(self.error_at(start, "groups are nested too deeply"));
        }
        Ok(())
    }

    fn name(&mut self, start: usize) -> Result<String, RegexError> {
        let rest = self.rest();
        let end = rest
            .find('>')
            .ok_or_else(|| self.error_at(start, "invalid named capture"))?;
        let name = &rest[..end];
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(self.error_at(start, "invalid named capture"));
        }
        self.position += end + 1;
        Ok(name.to_owned())
    }

    /// `(?i)`, `(?s-m:`, `(?:`: only the flags that Go has.
    fn flags(&mut self, start: usize) -> Result<(), RegexError> {
        let begin = self.position;
        let rest = self.rest();
        let length = rest
            .find([')', ':'])
            .ok_or_else(|| self.error_at(start, "missing closing )"))?;
        let (flags, closer) = (&rest[..length], rest.as_bytes()[length]);
        let parts: Vec<_> = flags.splitn(2, '-').collect();
        let known = |part: &&str| part.chars().all(|flag| "imsU".contains(flag));
        let negated_is_empty = parts.get(1).is_some_and(|part| part.is_empty());
        if !parts.iter().all(known) || negated_is_empty || (flags.is_empty() && closer == b')') {
            return Err(self.error_at(
                begin - 1,
                "unknown group syntax; Go has (?: and the flags i, m, s, U",
            ));
        }
        self.position += length + 1;
        // Rust refuses a flag given twice, which Go takes.
        let mut unique = String::new();
        for flag in flags.chars() {
            if !unique.contains(flag) {
                unique.push(flag);
            }
        }
        self.text.push_str("(?");
        self.text.push_str(&unique);
        self.text.push(char::from(closer));
        if closer == b':' {
            return self.enter(start);
        }
        Ok(())
    }

    fn close(&mut self, start: usize) -> Result<(), RegexError> {
        if self.depth == 0 {
            return Err(self.error_at(start, "unexpected )"));
        }
        self.depth -= 1;
        self.weight = self.heaviest.pop().unwrap_or(1);
        self.weigh(1);
        self.text.push(')');
        self.last = Last::Element;
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,5}` after its brace, and its greatest number; nothing when it is just a brace.
    fn counts(&mut self, start: usize) -> Result<Option<(String, u32)>, RegexError> {
        let Some(end) = self.rest().find('}') else {
            return Ok(None);
        };
        let inside = &self.rest()[..end];
        let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
        let is_number = |text: &str| {
            let plain = text.len() == 1 || !text.starts_with('0');
            !text.is_empty() && plain && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(low) || !(high.is_empty() || is_number(high)) {
            return Ok(None);
        }
        let count = |text: &str| {
            text.parse::<u32>()
                .ok()
                .filter(|count| *count <= REPETITION_MAX)
        };
        let (least, most) = (
            count(low),
            if high.is_empty() {
                count(low)
            } else {
                count(high)
            },
        );
        let Some(most) = most.filter(|most| least.is_some_and(|least| least <= *most)) else {
            let reason = format!("invalid repeat count {{{inside}}}; at most {REPETITION_MAX}");
            return Err(self.error_at(start, reason));
        };
        self.position += end + 1;
        Ok(Some((format!("{{{inside}}}"), most)))
    }

    fn repeat(&mut self, start: usize, operator: &str) -> Result<(), RegexError> {
        match self.last {
            Last::Nothing => Err(self.error_at(start, "missing argument to repetition operator")),
            Last::Repetition => Err(self.error_at(start, "invalid nested repetition operator")),
            Last::Element => {
                self.text.push_str(operator);
                if self.take("?") {
                    self.text.push('?');
                }
                self.last = Last::Repetition;
                Ok(())
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<(), RegexError> {
        if class::shorthand(self, start)? {
            return Ok(());
        }
        match self.peek() {
            Some('A') => self.text.push_str("\\A"),
            Some('z') => self.text.push_str("\\z"),
            Some('b') => self.text.push_str("(?-u:\\b)"),
            Some('B') => self.text.push_str("(?-u:\\B)"),
            Some('C') => {
                return Err(self.error_at(start, "\\C, a single byte, is not supported"));
            }
            _ => {
                let character = self.escaped(start)?;
                self.literal(character);
                return Ok(());
            }
        }
        self.next();
        Ok(())
    }

    /// The character that an escape names, after its backslash.
    pub(super) fn escaped(&mut self, start: usize) -> Result<char, RegexError> {
        let Some(character) = self.next() else {
            return Err(self.error_at(start, "trailing backslash at end of expression"));
        };
        let named = match character {
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            't' => Some('\t'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            'v' => Some('\x0b'),
            '0'..='7' => self.octal(character),
            'x' => self.hexadecimal(),
            punctuation if punctuation.is_ascii() && !punctuation.is_ascii_alphanumeric() => {
                Some(punctuation)
            }
            _ => None,
        };
        named.ok_or_else(|| {
            let sequence = &self.pattern[start..self.position];
            self.error_at(start, format!("invalid escape sequence `{sequence}`"))
        })
    }

    /// Up to three octal digits. One digit from 1 to 7 alone would be a back-reference.
    fn octal(&mut self, first: char) -> Option<char> {
        let digit = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        if first != '0' && digit(self.peek()).is_none() {
            return None;
        }
        let mut value = first.to_digit(8)?;
        for _ in 0..2 {
            let Some(next) = digit(self.peek()) else {
                break;
            };
            value = value * 8 + next;
            self.next();
        }
        char::from_u32(value)
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.take("{") {
            let end = self.rest().find('}')?;
            let digits = &self.rest()[..end];
            self.position += end + 1;
            digits
        } else {
            let digits = self.rest().get(..2)?;
            self.position += 2;
            digits
        };
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = plain.then(|| u32::from_str_radix(digits, 16).ok())?;
        char::from_u32(value?)
    }
}
