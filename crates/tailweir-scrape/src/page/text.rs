//! Prometheus' text, 0.0.4 and 1.0.0.

use super::scanner::{Places, Scanner, Strictness, lossy, undo};
use super::{Entry, Sample, SampleValue};
use crate::ScrapeError;
use crate::metadata::MetricType;
use std::ops::Range;

/// A page of text that is read.
pub(crate) struct TextPage<'p> {
    scanner: Scanner<'p>,
    /// The type that was said last, whatever it was said of.
    kind: MetricType,
    series: Range<usize>,
    places: Places,
}

impl<'p> TextPage<'p> {
    pub(super) fn new(page: &'p [u8]) -> Self {
        Self {
            scanner: Scanner { page, at: 0 },
            kind: MetricType::Unknown,
            series: 0..0,
            places: Places::default(),
        }
    }

    pub(super) fn series(&self) -> &'p [u8] {
        self.scanner.text(self.series.clone())
    }

    pub(super) fn labels(&self) -> Result<Vec<(String, String)>, ScrapeError> {
        self.scanner.labels(&self.places, self.kind)
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ScrapeError> {
        loop {
            self.scanner.skip_blanks();
            match self.scanner.peek() {
                None => return Ok(None),
                Some(b'\n') => self.scanner.at += 1,
                Some(b'#') => {
                    if let Some(entry) = self.comment()? {
                        return Ok(Some(entry));
                    }
                }
                Some(_) => return self.sample().map(Some),
            }
        }
    }

    /// A line that begins with `#`: something about a metric, or nothing.
    fn comment(&mut self) -> Result<Option<Entry>, ScrapeError> {
        self.scanner.at += 1;
        let blanks = self.scanner.at;
        self.scanner.skip_blanks();
        let is_apart = self.scanner.at > blanks;
        let is_help = is_apart && self.keyword(b"HELP");
        let is_said = is_help || (is_apart && self.keyword(b"TYPE"));
        if !is_said {
            self.scanner.take_while(|byte| byte != b'\n');
            return Ok(None);
        }
        let name = match self.scanner.name(true) {
            Some(name) => name,
            None => match self.scanner.quoted(true) {
                Some(name) => name,
                None => return self.scanner.malformed("a name of a metric was expected"),
            },
        };
        let name = lossy(self.scanner.text(name));
        let text = self.scanner.take_while(|byte| byte != b'\n');
        // One byte stands between name and text, whichever it is; blanks alone are nothing.
        let text = self.scanner.text(text);
        let is_blank = text.iter().all(|byte| matches!(byte, b' ' | b'\t'));
        let text = if is_blank { b"" } else { &text[1..] };
        if is_help {
            let Ok(help) = std::str::from_utf8(text) else {
                return self.scanner.malformed("a help text is not UTF-8");
            };
            let help = undo(help, &[('\\', '\\'), ('n', '\n')]);
            return Ok(Some(Entry::Help(name, help)));
        }
        self.kind = match text {
            b"counter" => MetricType::Counter,
            b"gauge" => MetricType::Gauge,
            b"histogram" => MetricType::Histogram,
            b"summary" => MetricType::Summary,
            b"untyped" => MetricType::Unknown,
            _ => return self.scanner.malformed("a type that there is not"),
        };
        Ok(Some(Entry::Type(name, self.kind)))
    }

    /// Steps over a word and the blanks behind it, if both are there.
    fn keyword(&mut self, word: &[u8]) -> bool {
        let start = self.scanner.at;
        if self.scanner.step_over_text(word) {
            let behind = self.scanner.at;
            self.scanner.skip_blanks();
            if self.scanner.at > behind {
                return true;
            }
        }
        self.scanner.at = start;
        false
    }

    fn sample(&mut self) -> Result<Entry, ScrapeError> {
        let start = self.scanner.at;
        self.places = Places::default();
        self.places.name = self.scanner.name(true);
        self.series = start..self.scanner.at;
        self.scanner.skip_blanks();
        if self.scanner.step_over(b'{') {
            self.scanner
                .braces(&mut self.places, Strictness::Lax, true)?;
            self.series = start..self.scanner.at;
        }
        if self.places.name.is_none() {
            return self.scanner.malformed("a name of a metric was expected");
        }
        self.scanner.skip_blanks();
        let value = self
            .scanner
            .take_while(|byte| !matches!(byte, b'{' | b' ' | b'\t' | b'\n'));
        let value = self.scanner.number(value)?;
        self.scanner.skip_blanks();
        let time = self.time()?;
        match self.scanner.peek() {
            None => {}
            Some(b'\n') => self.scanner.at += 1,
            Some(_) => return self.scanner.malformed("the end of the line was expected"),
        }
        Ok(Entry::Series(Sample {
            time,
            start: None,
            value: SampleValue::Number(value),
        }))
    }

    fn time(&mut self) -> Result<Option<i64>, ScrapeError> {
        let digits = self.scanner.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(self.scanner.text(digits)).unwrap_or_default();
        let time = text.parse();
        self.scanner.skip_blanks();
        match time {
            Ok(time) => Ok(Some(time)),
            Err(_) => self.scanner.malformed("a time is out of range"),
        }
    }
}
