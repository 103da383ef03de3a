//! Native histograms: runs of buckets as pages write them, made one run, or coarser.

use crate::ScrapeError;

/// Most buckets of one side, gaps included.
const BUCKETS_MAX: usize = 64 << 10;
/// The coarsest schema.
const SCHEMA_MIN: i32 = -4;
/// The finest schema that a page should have.
const SCHEMA_MAX: i32 = 8;
/// Schemas that Prometheus knows to be exponential, also those that it does not keep. Others are none: what would have to
/// be made coarser for very long, and buckets of their own bounds, which pages do not write.
const KNOWN: std::ops::RangeInclusive<i32> = -9..=52;

/// A native histogram.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Native {
    pub(crate) schema: i32,
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    pub(crate) positive: Side,
    pub(crate) negative: Side,
}

/// Buckets on one side of zero, without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Side {
    /// Number of the first bucket, as OTLP counts: one less than Prometheus.
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
    /// How many of them a page wrote.
    written: usize,
}

/// A run of buckets: the gap before it, and how many it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) gap: i32,
    pub(crate) length: u32,
}

impl Side {
    /// Buckets of these runs.
    pub(crate) fn new(runs: &[Run], counts: &[u64]) -> Result<Self, &'static str> {
        let described: u64 = runs.iter().map(|run| u64::from(run.length)).sum();
        if described != counts.len() as u64 {
            return Err("a native histogram does not have the buckets that it describes");
        }
        // Runs without buckets only widen the gap before the next.
        let mut rest = counts.iter();
        let mut side = Self::default();
        let mut gap = 0_i64;
        for run in runs {
            gap += i64::from(run.gap);
            if run.length == 0 {
                continue;
            }
            if side.counts.is_empty() {
                side.offset = i32::try_from(gap - 1).map_err(|_| "a bucket is out of range")?;
            } else {
                let gap =
                    usize::try_from(gap).map_err(|_| "buckets of a native histogram overlap")?;
                side.grow(gap)?;
            }
            gap = 0;
            side.written += run.length as usize;
            side.counts.extend(rest.by_ref().take(run.length as usize));
        }
        side.trim();
        side.check()
    }

    fn grow(&mut self, gap: usize) -> Result<(), &'static str> {
        let length = self.counts.len().saturating_add(gap);
        if length > BUCKETS_MAX {
            return Err("a native histogram has gaps that are too wide");
        }
        self.counts.resize(length, 0);
        Ok(())
    }

    fn check(self) -> Result<Self, &'static str> {
        match self.counts.len() <= BUCKETS_MAX {
            true => Ok(self),
            false => Err("a native histogram has too many buckets"),
        }
    }

    /// Without empty buckets at both ends.
    fn trim(&mut self) {
        let first = self.counts.iter().position(|count| *count > 0);
        let Some(first) = first else {
            *self = Self::default();
            return;
        };
        let last = self.counts.iter().rposition(|count| *count > 0);
        self.counts.truncate(last.unwrap_or(first) + 1);
        self.counts.drain(..first);
        self.offset = self.offset.saturating_add(first as i32);
    }

    /// Pairs of buckets become one.
    fn halve(&mut self) {
        let mut halved: Vec<u64> = Vec::with_capacity(self.counts.len() / 2 + 1);
        let first = self.offset >> 1;
        for (index, count) in (0_i32..).zip(&self.counts) {
            let place = (self.offset.saturating_add(index) >> 1) - first;
            match halved.get_mut(place as usize) {
                Some(bucket) => *bucket = bucket.saturating_add(*count),
                None => halved.push(*count),
            }
        }
        self.offset = first;
        self.counts = halved;
    }

    /// Buckets that hold something, as Prometheus counts them.
    fn used(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }
}

impl Native {
    /// Makes it coarser, until its buckets are no finer than `finest`, and no more than `most` of them are used.
    pub(crate) fn reduce(&mut self, finest: i32, most: u64) -> Result<(), ScrapeError> {
        if !KNOWN.contains(&self.schema) {
            return Err(ScrapeError::BadSchema {
                schema: self.schema,
                least: *KNOWN.start(),
                most: *KNOWN.end(),
            });
        }
        // The finest that there should be is no bound, as in Prometheus.
        while finest < SCHEMA_MAX && self.schema > finest {
            self.halve();
        }
        while most > 0 && (self.positive.used() + self.negative.used()) as u64 > most {
            if self.schema <= SCHEMA_MIN {
                return Err(ScrapeError::TooManyBuckets { limit: most });
            }
            self.halve();
        }
        Ok(())
    }

    fn halve(&mut self) {
        self.schema -= 1;
        self.positive.halve();
        self.negative.halve();
    }
}

/// The finest schema whose buckets have this ratio at least.
pub(crate) fn finest_schema(ratio: f64) -> i32 {
    let ratio = if ratio <= 1.0 { 1.00271 } else { ratio };
    let schema = (-ratio.log2().log2()).floor();
    (schema.max(f64::from(SCHEMA_MIN)) as i32).min(SCHEMA_MAX)
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, Native, Run, Side};
    use crate::ScrapeError;

    fn native(schema: i32) -> Native {
        let run = Run { gap: 5, length: 3 };
        Native {
            schema,
            count: 6,
            positive: Side::new(&[run], &[1, 2, 3]).unwrap(),
            ..Native::default()
        }
    }

    /// Scenario: native histograms of every schema that Prometheus knows are made as coarse as schema 0, or as they can be.
    /// Guarantees: none is refused; what is finer becomes schema 0 and keeps its counts; what is coarser stays.
    #[test]
    fn known_schemas_are_made_coarser() {
        for schema in KNOWN {
            let mut histogram = native(schema);
            assert_eq!(histogram.reduce(0, 0), Ok(()));
            assert_eq!(histogram.schema, schema.min(0));
            assert_eq!(histogram.positive.counts.iter().sum::<u64>(), 6);
        }
    }

    /// Scenario: schemas beyond those that Prometheus knows, that of buckets with bounds of their own, and the largest
    /// there are, which to make coarser step by step would take two thousand million steps.
    /// Guarantees: each is refused by its number before anything is done, whatever is asked for.
    #[test]
    fn other_schemas_are_refused() {
        for schema in [53, -10, -53, i32::MAX, i32::MIN] {
            for (finest, most) in [(0, 0), (8, 0), (8, 1)] {
                let mut histogram = native(schema);
                let error = ScrapeError::BadSchema {
                    schema,
                    least: -9,
                    most: 52,
                };
                assert_eq!(histogram.reduce(finest, most), Err(error));
                assert_eq!(histogram, native(schema));
            }
        }
    }
}
