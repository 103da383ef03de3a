//! What both languages of text have in common: names, quoted texts, labels.

use crate::ScrapeError;
use crate::labels::{BUCKET, NAME, QUANTILE};
use crate::metadata::MetricType;
use crate::number;
use std::ops::Range;

/// A place in a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'p> {
    pub(super) page: &'p [u8],
    pub(super) at: usize,
}

/// Where the parts of a series stand, without their quotes.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The name of the metric.
    pub(super) name: Option<Range<usize>>,
    /// Names and values of labels.
    pub(super) labels: Vec<(Range<usize>, Range<usize>)>,
}

/// How strict the language is inside braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Blanks stand anywhere, commas where one likes, line breaks in values.
    Lax,
    /// Nothing of this.
    Strict,
}

impl<'p> Scanner<'p> {
    pub(super) fn malformed<T>(&self, problem: &'static str) -> Result<T, ScrapeError> {
        let at = self.at;
        Err(ScrapeError::Malformed { at, problem })
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.page.get(self.at).copied()
    }

    /// Steps over a byte, if it is this one.
    pub(super) fn step_over(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Steps over a text, if it is there.
    pub(super) fn step_over_text(&mut self, text: &[u8]) -> bool {
        let is_there = self.page[self.at..].starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    /// Steps over bytes as long as they are wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        let rest = &self.page[start..];
        let length = rest.iter().position(|byte| !wanted(*byte));
        self.at += length.unwrap_or(rest.len());
        start..self.at
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// A name of a metric (with colons) or of a label; nothing where there is none.
    pub(super) fn name(&mut self, with_colons: bool) -> Option<Range<usize>> {
        let may_begin =
            |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (with_colons && byte == b':');
        if !self.peek().is_some_and(may_begin) {
            return None;
        }
        Some(self.take_while(|byte| may_begin(byte) || byte.is_ascii_digit()))
    }

    /// A quoted text; nothing where there is none. The place is without the quotes.
    pub(super) fn quoted(&mut self, with_line_breaks: bool) -> Option<Range<usize>> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let mut at = self.at + 1;
        loop {
            match self.page.get(at)? {
                b'"' => break,
                b'\\' if *self.page.get(at + 1)? == b'\n' => return None,
                b'\\' => at += 2,
                b'\n' if !with_line_breaks => return None,
                _ => at += 1,
            }
        }
        let content = self.at + 1..at;
        self.at = at + 1;
        Some(content)
    }

    /// What stands between braces, the first of which is behind us. `places` has the name, if there was one; exemplars
    /// have none.
    pub(super) fn braces(
        &mut self,
        places: &mut Places,
        strictness: Strictness,
        may_name: bool,
    ) -> Result<(), ScrapeError> {
        let is_lax = strictness == Strictness::Lax;
        loop {
            self.blanks(is_lax);
            if self.step_over(b'}') {
                return Ok(());
            }
            let (name, is_quoted) = match self.name(false) {
                Some(name) => (name, false),
                None => (self.quoted_name(may_name || is_lax)?, true),
            };
            self.blanks(is_lax);
            if is_quoted && matches!(self.peek(), Some(b',' | b'}')) {
                if !may_name || places.name.is_some() {
                    return self.malformed("a name of a metric that has one");
                }
                places.name = Some(name);
                self.step_over(b',');
                continue;
            }
            if !self.step_over(b'=') {
                return self.malformed("`=` was expected behind the name of a label");
            }
            self.blanks(is_lax);
            let Some(value) = self.quoted(is_lax) else {
                return self.malformed("a value in quotes was expected");
            };
            if std::str::from_utf8(&self.page[value.clone()]).is_err() {
                return self.malformed("a value of a label is not UTF-8");
            }
            places.labels.push((name, value));
            self.blanks(is_lax);
            if !self.step_over(b',') && !is_lax && self.peek() != Some(b'}') {
                return self.malformed("`,` or `}` was expected behind a label");
            }
        }
    }

    fn quoted_name(&mut self, with_line_breaks: bool) -> Result<Range<usize>, ScrapeError> {
        match self.quoted(with_line_breaks) {
            Some(name) => Ok(name),
            None => self.malformed("a name of a label was expected"),
        }
    }

    fn blanks(&mut self, are_allowed: bool) {
        if are_allowed {
            self.skip_blanks();
        }
    }

    pub(super) fn text(&self, place: Range<usize>) -> &'p [u8] {
        &self.page[place]
    }

    /// The number that stands there.
    pub(super) fn number(&self, place: Range<usize>) -> Result<f64, ScrapeError> {
        let text = std::str::from_utf8(self.text(place)).ok();
        match text.and_then(number::parse) {
            Some(number) => Ok(number),
            None => self.malformed("a number was expected"),
        }
    }

    /// The labels that stand at these places. Bounds and quantiles are spelled as OpenMetrics does.
    pub(super) fn labels(
        &self,
        places: &Places,
        kind: MetricType,
    ) -> Result<Vec<(String, String)>, ScrapeError> {
        let name = places.name.clone().unwrap_or_default();
        let mut labels = vec![(NAME.to_owned(), self.unescaped(name)?)];
        for (name, value) in &places.labels {
            let name = self.unescaped(name.clone())?;
            let mut value = self.unescaped(value.clone())?;
            let is_number = (kind == MetricType::Summary && name == QUANTILE)
                || (kind == MetricType::Histogram && name == BUCKET);
            if is_number {
                value = number::parse(&value).map_or(value, number::in_label);
            }
            labels.push((name, value));
        }
        Ok(labels)
    }

    /// Text with `\"`, `\\` and `\n` undone.
    pub(super) fn unescaped(&self, place: Range<usize>) -> Result<String, ScrapeError> {
        let Ok(text) = std::str::from_utf8(self.text(place.clone())) else {
            let lossy = String::from_utf8_lossy(self.text(place)).into_owned();
            return Err(ScrapeError::BadName(lossy));
        };
        Ok(undo(text, &[('"', '"'), ('\\', '\\'), ('n', '\n')]))
    }
}

/// Text in which a backslash and one of these characters become another.
pub(super) fn undo(text: &str, escapes: &[(char, char)]) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escape = match (character, characters.peek()) {
            ('\\', Some(next)) => escapes.iter().find(|(written, _)| written == next),
            _ => None,
        };
        match escape {
            Some((_, meant)) => {
                characters.next();
                out.push(*meant);
            }
            None => out.push(character),
        }
    }
    out
}

/// A place of a page as text, whatever its bytes.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
