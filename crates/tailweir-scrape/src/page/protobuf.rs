//! Delimited messages of `io.prometheus.client.MetricFamily`.

mod family;
mod message;
mod series;

use super::{Entry, Exemplar, NativeWishes};
use crate::ScrapeError;
use family::Family;
use series::{OneSeries, series_of};
use std::collections::VecDeque;

/// A page of messages that is read.
pub(crate) struct ProtobufPage<'p> {
    page: &'p [u8],
    at: usize,
    wishes: NativeWishes,
    family: Option<Family<'p>>,
    /// What the family says of itself.
    said: VecDeque<Entry>,
    /// Series of one metric that were not handed out yet.
    waiting: VecDeque<OneSeries>,
    current: OneSeries,
}

impl<'p> ProtobufPage<'p> {
    pub(super) fn new(page: &'p [u8], wishes: NativeWishes) -> Self {
        Self {
            page,
            at: 0,
            wishes,
            family: None,
            said: VecDeque::new(),
            waiting: VecDeque::new(),
            current: OneSeries::default(),
        }
    }

    pub(super) fn series(&self) -> &[u8] {
        &self.current.key
    }

    pub(super) fn labels(&self) -> Vec<(String, String)> {
        self.current.labels.clone()
    }

    pub(super) fn exemplars(&self) -> Vec<Exemplar> {
        self.current.exemplars.clone()
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ScrapeError> {
        loop {
            if let Some(entry) = self.said.pop_front() {
                return Ok(Some(entry));
            }
            if let Some(mut series) = self.waiting.pop_front() {
                let sample = series.sample.take();
                self.current = series;
                if let Some(sample) = sample {
                    return Ok(Some(Entry::Series(sample)));
                }
            }
            let metric = match &mut self.family {
                Some(family) => family.next_metric().map_err(|it| self.malformed(it))?,
                None => None,
            };
            if let (Some(metric), Some(family)) = (metric, &self.family) {
                let series = series_of(family, metric, self.wishes);
                self.waiting = series.map_err(|it| self.malformed(it))?;
                continue;
            }
            if !self.next_family()? {
                return Ok(None);
            }
        }
    }

    /// Goes on to the next family; whether there is one.
    fn next_family(&mut self) -> Result<bool, ScrapeError> {
        let mut rest = &self.page[self.at..];
        if rest.is_empty() {
            return Ok(false);
        }
        let length = prost::decode_length_delimiter(&mut rest).ok();
        let content = length.and_then(|length| rest.get(..length));
        let Some(content) = content else {
            return Err(self.malformed("a message is longer than the page"));
        };
        let family = Family::read(content).map_err(|it| self.malformed(it))?;
        self.at = self.page.len() - rest.len() + content.len();
        if family.has_metrics() {
            self.said = family.entries();
        }
        self.family = Some(family);
        Ok(true)
    }

    fn malformed(&self, problem: &'static str) -> ScrapeError {
        let at = self.at;
        ScrapeError::Malformed { at, problem }
    }
}
