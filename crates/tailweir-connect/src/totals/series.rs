//! Where sums are kept: by slot, resource, metric and attributes.

use super::options::Options;
use super::value::Value;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_otlp::{AttributeSet, Attributes, NewExemplar};

/// The sums of one slot.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Whether nothing of them is written yet.
    pub(super) is_closed: bool,
    /// By what tells resources apart.
    pub(super) resources: HashMap<Vec<u8>, Resource>,
}

/// The sums of one resource.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) attributes: AttributeSet,
    pub(super) last_seen: Moment,
    pub(super) metrics: BTreeMap<Head, HashMap<Vec<u8>, Series>>,
}

/// What tells the metrics of a resource apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) scope: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) unit: Vec<u8>,
    pub(super) description: Vec<u8>,
    pub(super) kind: Kind,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Sum,
    Histogram,
    Exponential,
}

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) attributes: AttributeSet,
    /// When what is written next began, in nanoseconds of the Unix epoch.
    pub(super) start: u64,
    /// The sum as it was written last; nothing before, and where changes are written.
    pub(super) total: Option<Value>,
    /// What was not written yet.
    pub(super) pending: Option<Value>,
    pub(super) exemplars: Vec<NewExemplar>,
    /// Whether it was written, here or by the owner before: its start is fixed then.
    pub(super) is_written: bool,
    pub(super) last_seen: Moment,
}

impl Series {
    /// Bytes that it takes, exemplars left out.
    pub(super) fn memory(&self, key: usize) -> usize {
        let values = [&self.total, &self.pending].into_iter().flatten();
        // The sum will be as large as what is to be added to it.
        let value = values.map(Value::memory).max().unwrap_or_default();
        size_of::<Self>() + key + self.attributes.length() + 2 * value
    }
}

impl Resource {
    /// One without series.
    pub(super) fn new(attributes: Attributes<'_>) -> Self {
        Self {
            attributes: AttributeSet::of(attributes),
            last_seen: Moment::ZERO,
            metrics: BTreeMap::new(),
        }
    }

    pub(super) fn series_count(&self) -> u64 {
        self.metrics
            .values()
            .map(|series| series.len() as u64)
            .sum()
    }

    fn all(&self) -> impl Iterator<Item = (&Vec<u8>, &Series)> {
        self.metrics.values().flatten()
    }

    /// Bytes that it takes with its series.
    pub(super) fn memory(&self) -> usize {
        let series = self.all().map(|(key, series)| series.memory(key.len()));
        size_of::<Self>() + self.attributes.length() + series.sum::<usize>()
    }
}

impl Sums {
    pub(super) fn memory(&self) -> usize {
        let resources = self.resources.iter();
        resources
            .map(|(key, resource)| key.len() + resource.memory())
            .sum()
    }

    /// What is known of them is what their owner before has written; they may be written here from now on.
    pub(super) fn open(&mut self) {
        self.is_closed = false;
        let resources = self.resources.values_mut();
        let all = resources.flat_map(|resource| resource.metrics.values_mut());
        for series in all.flat_map(HashMap::values_mut) {
            series.is_written = true;
        }
    }

    /// Forgets what was not heard of for too long.
    pub(super) fn expire(&mut self, now: Moment, options: &Options) {
        self.resources.retain(|_, resource| {
            if is_stale(now, resource.last_seen, options.resource_expiration) {
                return false;
            }
            resource.metrics.retain(|_, all| {
                all.retain(|_, series| {
                    series.pending.is_some()
                        || !is_stale(now, series.last_seen, options.series_expiration)
                });
                !all.is_empty()
            });
            !resource.metrics.is_empty()
        });
    }
}

fn is_stale(now: Moment, last_seen: Moment, after: Duration) -> bool {
    !after.is_zero() && now.since(last_seen) >= after
}
