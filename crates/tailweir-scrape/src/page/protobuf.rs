//! Delimited messages of `io.prometheus.client.MetricFamily`.

mod family;
mod message;
mod series;

use super::{Entry, Exemplar, NativeWishes, Sample};
use crate::ScrapeError;
use family::Family;
use series::{MetricSeries, OneSeries};
use std::collections::VecDeque;

/// A page of messages that is read.
pub(crate) struct ProtobufPage<'p> {
    page: &'p [u8],
    at: usize,
    wishes: NativeWishes,
    family: Option<Family<'p>>,
    /// What the family says of itself.
    said: VecDeque<Entry>,
    /// The metric whose series are handed out.
    metric: Option<MetricSeries>,
    current: OneSeries,
    /// Bytes of all series so far, each with its labels.
    length: u64,
    length_max: u64,
}

impl<'p> ProtobufPage<'p> {
    pub(super) fn new(page: &'p [u8], wishes: NativeWishes, length_max: u64) -> Self {
        Self {
            page,
            at: 0,
            wishes,
            family: None,
            said: VecDeque::new(),
            metric: None,
            current: OneSeries::default(),
            length: 0,
            length_max,
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
            if let Some(sample) = self.next_series()? {
                return Ok(Some(Entry::Series(sample)));
            }
            let metric = match &mut self.family {
                Some(family) => family.next_metric().map_err(|it| self.malformed(it))?,
                None => None,
            };
            if let (Some(metric), Some(family)) = (metric, &self.family) {
                self.metric = Some(MetricSeries::new(family.kind, metric, self.wishes));
                continue;
            }
            if !self.next_family()? {
                return Ok(None);
            }
        }
    }

    /// Goes on to the next series of the metric; its sample, if there is one.
    fn next_series(&mut self) -> Result<Option<Sample>, ScrapeError> {
        let (Some(metric), Some(family)) = (&mut self.metric, &self.family) else {
            return Ok(None);
        };
        let next = metric.next(&family.name);
        let Some((series, sample)) = next.map_err(|it| self.malformed(it))? else {
            self.metric = None;
            return Ok(None);
        };
        // A page writes labels once that each of many buckets bears.
        self.length = self.length.saturating_add(series.key.len() as u64);
        if self.length > self.length_max {
            let limit = self.length_max;
            return Err(ScrapeError::SeriesTooLong { limit });
        }
        self.current = series;
        Ok(Some(sample))
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
