//! Series of one resource, by their dimensions.

use crate::histogram::{Histogram, Shape};
use crate::now::Now;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use std::time::Duration;
use tailweir_core::{Moment, SeededState};
use tailweir_otlp::{AttributeSet, EncodedValue, NewExemplar};

/// How long a series without changes is kept because exemplars of it wait for decisions.
const WAITING: Duration = Duration::from_secs(600);
/// The attribute of a series that stands for all that found no room.
pub(crate) const OVERFLOW: &[u8] = b"otel.metric.overflow";

/// What is counted for one combination of dimensions.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) attributes: AttributeSet,
    /// When it began, in nanoseconds of the Unix epoch.
    pub(crate) start: u64,
    pub(crate) last_seen: Moment,
    pub(crate) count: u64,
    /// Whether it was written before. The first point of a sum is zero, so that its first increase shows.
    pub(crate) is_known: bool,
    pub(crate) histogram: Option<Histogram>,
    pub(crate) exemplars: Vec<NewExemplar>,
    /// Exemplars that wait for the decision on their trace.
    pub(crate) waiting: u32,
    /// What only a service graph counts.
    pub(crate) second: Option<Box<Second>>,
}

/// The other side of a request.
#[derive(Debug)]
pub(crate) struct Second {
    /// Durations as the client saw them.
    pub(crate) histogram: Histogram,
    /// Requests that failed.
    pub(crate) failed: u64,
}

/// The series of one or two metrics that have the same dimensions. Bounded by `limit` and by the room
/// that the caller leaves; past them there is one series for the rest.
#[derive(Debug)]
pub(crate) struct Table {
    series: HashMap<Vec<u8>, Series, SeededState>,
    overflow: Option<Box<Series>>,
    /// Most series; 0: no limit.
    limit: usize,
}

/// A span or event on its way to its series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) moment: Moment,
    pub(crate) unix_nanos: u64,
    /// Whether there is memory for another series.
    pub(crate) has_room: bool,
}

/// Where a span or event is counted.
pub(crate) struct Found<'t> {
    pub(crate) series: &'t mut Series,
    /// Whether it stands for all that found no room.
    pub(crate) is_overflow: bool,
    /// Bytes that a new series takes.
    pub(crate) grown: usize,
}

impl Table {
    pub(crate) fn new(limit: usize, seed: u64) -> Self {
        Self {
            series: HashMap::with_hasher(SeededState::new(seed)),
            overflow: None,
            limit,
        }
    }

    /// How many series there are, that of the rest included.
    pub(crate) fn len(&self) -> usize {
        self.series.len() + usize::from(self.overflow.is_some())
    }

    /// The series of this key; a new one with these attributes when there is none.
    pub(crate) fn get_or_insert(
        &mut self,
        key: &[u8],
        arrival: Arrival,
        shape: Option<&Shape>,
        attributes: impl FnOnce() -> AttributeSet,
    ) -> Found<'_> {
        let is_full = (self.limit > 0 && self.len() >= self.limit) || !arrival.has_room;
        match self.series.entry_ref(key) {
            EntryRef::Occupied(entry) => {
                let series = entry.into_mut();
                series.last_seen = arrival.moment;
                Found {
                    series,
                    is_overflow: false,
                    grown: 0,
                }
            }
            EntryRef::Vacant(_) if is_full => rest(&mut self.overflow, arrival, shape),
            EntryRef::Vacant(entry) => {
                let series = entry.insert(Series::new(attributes(), arrival, shape));
                let grown = series.memory(key.len());
                Found {
                    series,
                    is_overflow: false,
                    grown,
                }
            }
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.series.clear();
        self.overflow = None;
    }

    /// Forgets what was counted, and the series for which nothing waits that is of now. Answers how many bytes these took.
    pub(crate) fn begin_anew(&mut self, now: Now) -> usize {
        let mut freed = 0;
        self.series.retain(|key, series| {
            let is_forgotten = series.waiting == 0 || now.moment.since(series.last_seen) >= WAITING;
            match is_forgotten {
                true => freed += series.memory(key.len()),
                false => series.begin_anew(now.unix_nanos),
            }
            !is_forgotten
        });
        freed + self.overflow.take().map_or(0, |series| series.memory(0))
    }

    /// The series of this key, if there is one.
    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Series> {
        self.series.get_mut(key)
    }

    /// The series of all that found no room, if there is one.
    pub(crate) fn rest_mut(&mut self) -> Option<&mut Series> {
        self.overflow.as_deref_mut()
    }

    /// Every series with its key; that of the rest has none.
    pub(crate) fn each(&mut self) -> impl Iterator<Item = (Option<&[u8]>, &mut Series)> {
        let all = self
            .series
            .iter_mut()
            .map(|(key, series)| (Some(&**key), series));
        let rest = self.overflow.iter_mut().map(|series| (None, &mut **series));
        all.chain(rest)
    }

    /// Forgets the series that were not seen for so long. Answers how many bytes they took.
    pub(crate) fn expire(&mut self, now: Moment, after: Duration) -> usize {
        let mut freed = 0;
        let is_stale = |series: &Series| now.since(series.last_seen) >= after;
        self.series.retain(|key, series| {
            if is_stale(series) {
                freed += series.memory(key.len());
            }
            !is_stale(series)
        });
        if let Some(series) = self.overflow.take_if(|series| is_stale(series)) {
            freed += series.memory(0);
        }
        freed
    }

    /// Bytes that its series take.
    pub(crate) fn memory(&self) -> usize {
        let all = self
            .series
            .iter()
            .map(|(key, series)| series.memory(key.len()));
        let rest = self.overflow.iter().map(|series| series.memory(0));
        all.chain(rest).sum()
    }
}

/// The series of all that find no room.
fn rest<'t>(
    overflow: &'t mut Option<Box<Series>>,
    arrival: Arrival,
    shape: Option<&Shape>,
) -> Found<'t> {
    let is_new = overflow.is_none();
    let series = overflow.get_or_insert_with(|| {
        let mut attributes = AttributeSet::default();
        attributes.put(OVERFLOW, &EncodedValue::bool(true));
        Box::new(Series::new(attributes, arrival, shape))
    });
    Found {
        grown: if is_new { series.memory(0) } else { 0 },
        series,
        is_overflow: true,
    }
}

impl Series {
    fn new(attributes: AttributeSet, arrival: Arrival, shape: Option<&Shape>) -> Self {
        Self {
            attributes,
            start: arrival.unix_nanos,
            last_seen: arrival.moment,
            count: 0,
            is_known: false,
            histogram: shape.map(Histogram::new),
            exemplars: Vec::new(),
            waiting: 0,
            second: None,
        }
    }

    /// Counts from zero, from this time on.
    fn begin_anew(&mut self, unix_nanos: u64) {
        self.count = 0;
        self.start = unix_nanos;
        self.exemplars.clear();
        if let Some(histogram) = &mut self.histogram {
            *histogram = histogram.emptied();
        }
    }

    /// Whether it says anything new.
    pub(crate) fn has_news(&self) -> bool {
        self.count > 0 || !self.exemplars.is_empty()
    }

    /// Bytes that it takes at most, exemplars left out.
    fn memory(&self, key: usize) -> usize {
        let histogram = self.histogram.as_ref().map_or(0, Histogram::memory);
        size_of::<Self>() + key + self.attributes.length() + histogram
    }

    /// Counts a span or event that stands for so many.
    pub(crate) fn add(&mut self, duration: f64, times: u64) {
        self.count = self.count.wrapping_add(times);
        if let Some(histogram) = &mut self.histogram {
            histogram.observe(duration, times);
        }
    }
}
