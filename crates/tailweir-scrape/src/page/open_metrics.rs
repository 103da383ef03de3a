//! OpenMetrics, 0.0.1 and 1.0.0.

use super::scanner::{Places, Scanner, Strictness, lossy, undo};
use super::{Entry, Exemplar, Sample, SampleValue};
use crate::ScrapeError;
use crate::metadata::MetricType;
use std::ops::Range;

/// A page of OpenMetrics that is read.
pub(crate) struct OpenMetricsPage<'p> {
    scanner: Scanner<'p>,
    /// The type that was said last, whatever it was said of.
    kind: MetricType,
    series: Range<usize>,
    places: Places,
    exemplar: Option<(Places, f64, Option<i64>)>,
}

impl<'p> OpenMetricsPage<'p> {
    pub(super) fn new(page: &'p [u8]) -> Self {
        Self {
            scanner: Scanner { page, at: 0 },
            kind: MetricType::Unknown,
            series: 0..0,
            places: Places::default(),
            exemplar: None,
        }
    }

    pub(super) fn series(&self) -> &'p [u8] {
        self.scanner.text(self.series.clone())
    }

    pub(super) fn labels(&self) -> Result<Vec<(String, String)>, ScrapeError> {
        self.scanner.labels(&self.places, self.kind)
    }

    pub(super) fn exemplars(&self) -> Result<Vec<Exemplar>, ScrapeError> {
        let Some((places, value, time)) = &self.exemplar else {
            return Ok(Vec::new());
        };
        let mut labels = Vec::with_capacity(places.labels.len());
        for (name, value) in &places.labels {
            let name = self.scanner.unescaped(name.clone())?;
            labels.push((name, self.scanner.unescaped(value.clone())?));
        }
        Ok(vec![Exemplar {
            labels,
            value: *value,
            time: *time,
        }])
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ScrapeError> {
        self.exemplar = None;
        match self.scanner.peek() {
            None => self.scanner.malformed("`# EOF` is missing"),
            Some(b'#') => self.comment(),
            Some(_) => self.sample().map(Some),
        }
    }

    /// A line that begins with `#`: something about a metric, or the end.
    fn comment(&mut self) -> Result<Option<Entry>, ScrapeError> {
        if self.scanner.step_over_text(b"# EOF") {
            self.scanner.step_over(b'\n');
            return match self.scanner.peek() {
                None => Ok(None),
                Some(_) => self.scanner.malformed("something stands behind `# EOF`"),
            };
        }
        let words: [&[u8]; 3] = [b"# HELP ", b"# TYPE ", b"# UNIT "];
        let word = words.into_iter().find(|it| self.scanner.step_over_text(it));
        let Some(word) = word else {
            return self
                .scanner
                .malformed("a comment that OpenMetrics does not have");
        };
        let name = match self.scanner.name(true) {
            Some(name) => name,
            None => match self.scanner.quoted(true) {
                Some(name) => name,
                None => return self.scanner.malformed("a name of a metric was expected"),
            },
        };
        if !self.scanner.step_over(b' ') {
            return self.scanner.malformed("a blank was expected");
        }
        let text = self.scanner.take_while(|byte| byte != b'\n');
        if !self.scanner.step_over(b'\n') {
            return self.scanner.malformed("`# EOF` is missing");
        }
        let (name, text) = (self.scanner.text(name), self.scanner.text(text));
        match word {
            b"# HELP " => self.help(name, text),
            b"# TYPE " => self.kind(name, text),
            _ => self.unit(name, text),
        }
    }

    fn help(&self, name: &[u8], text: &[u8]) -> Result<Option<Entry>, ScrapeError> {
        let Ok(help) = std::str::from_utf8(text) else {
            return self.scanner.malformed("a help text is not UTF-8");
        };
        let help = undo(help, &[('"', '"'), ('\\', '\\'), ('n', '\n')]);
        Ok(Some(Entry::Help(lossy(name), help)))
    }

    fn kind(&mut self, name: &[u8], text: &[u8]) -> Result<Option<Entry>, ScrapeError> {
        self.kind = match text {
            b"counter" => MetricType::Counter,
            b"gauge" => MetricType::Gauge,
            b"histogram" => MetricType::Histogram,
            b"gaugehistogram" => MetricType::GaugeHistogram,
            b"summary" => MetricType::Summary,
            b"info" => MetricType::Info,
            b"stateset" => MetricType::StateSet,
            b"unknown" => MetricType::Unknown,
            _ => return self.scanner.malformed("a type that there is not"),
        };
        Ok(Some(Entry::Type(lossy(name), self.kind)))
    }

    fn unit(&self, name: &[u8], text: &[u8]) -> Result<Option<Entry>, ScrapeError> {
        let stem = name.strip_suffix(text);
        if !text.is_empty() && !stem.is_some_and(|stem| stem.ends_with(b"_")) {
            return self
                .scanner
                .malformed("a unit that is not the end of its metric's name");
        }
        Ok(Some(Entry::Unit(lossy(name), lossy(text))))
    }

    fn sample(&mut self) -> Result<Entry, ScrapeError> {
        let start = self.scanner.at;
        self.places = Places::default();
        self.places.name = self.scanner.name(true);
        if self.scanner.step_over(b'{') {
            self.scanner
                .braces(&mut self.places, Strictness::Strict, true)?;
        }
        self.series = start..self.scanner.at;
        if self.places.name.is_none() {
            return self.scanner.malformed("a name of a metric was expected");
        }
        let value = self.number()?;
        let mut time = None;
        if self.has_number() {
            time = Some(self.time()?);
        }
        if self.scanner.step_over_text(b" # {") {
            self.read_exemplar()?;
        } else if !self.scanner.step_over(b'\n') {
            return self.scanner.malformed("the end of the line was expected");
        }
        Ok(Entry::Series(Sample {
            time,
            start: None,
            value: SampleValue::Number(value),
        }))
    }

    fn read_exemplar(&mut self) -> Result<(), ScrapeError> {
        let mut places = Places::default();
        self.scanner
            .braces(&mut places, Strictness::Strict, false)?;
        let value = self.number()?;
        let mut time = None;
        if self.has_number() {
            time = Some(self.time()?);
        }
        if !self.scanner.step_over(b'\n') {
            return self.scanner.malformed("the end of the line was expected");
        }
        self.exemplar = Some((places, value, time));
        Ok(())
    }

    /// Whether a blank and something that is no exemplar follow.
    fn has_number(&self) -> bool {
        let rest = &self.scanner.page[self.scanner.at..];
        matches!(rest, [b' ', next, ..] if !matches!(next, b' ' | b'\n'))
            && !rest.starts_with(b" # {")
    }

    /// A blank and a number.
    fn number(&mut self) -> Result<f64, ScrapeError> {
        if !self.scanner.step_over(b' ') {
            return self.scanner.malformed("a blank was expected");
        }
        let number = self
            .scanner
            .take_while(|byte| !matches!(byte, b' ' | b'\n'));
        self.scanner.number(number)
    }

    /// A blank and seconds, as milliseconds.
    fn time(&mut self) -> Result<i64, ScrapeError> {
        let seconds = self.number()?;
        match seconds.is_finite() {
            true => Ok((seconds * 1000.0) as i64),
            false => self.scanner.malformed("a time that is no number"),
        }
    }
}
