//! Counts of values by size: a histogram as plain numbers, published with the other counters.

/// How many values fell at or below each bound, and how many above all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buckets {
    bounds: &'static [u64],
    counts: Vec<u64>,
}

impl Buckets {
    /// Bounds of the Collector for the time of a decision round, in milliseconds.
    pub(crate) const MILLISECONDS: &'static [u64] = &[
        1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 3000, 4000, 5000,
        10_000, 20_000, 30_000, 50_000,
    ];
    /// Bounds of the Collector for the size of a batch, in items.
    pub(crate) const BATCH_ITEMS: &'static [u64] = &[
        10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000,
        10_000, 20_000, 30_000, 50_000, 100_000,
    ];

    /// No values yet.
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
        }
    }

    /// The same bounds, no values.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.bounds)
    }

    /// These counts, one more than there are bounds.
    pub(crate) fn of(bounds: &'static [u64], counts: &[u64]) -> Self {
        debug_assert_eq!(counts.len(), bounds.len() + 1);
        Self {
            bounds,
            counts: counts.to_vec(),
        }
    }

    /// Counts a value.
    pub(crate) fn add(&mut self, value: u64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        self.counts[bucket] += 1;
    }

    /// Adds the counts of others with the same bounds.
    pub(crate) fn merge(&mut self, others: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&others.counts) {
            *count += more;
        }
    }

    /// How many values there are up to each bound and above the one before it; without a bound, above all.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().copied())
    }

    /// What there is more than in `before`, each value as the bound of its bucket; a value above all
    /// bounds counts as twice the last.
    pub(crate) fn since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (u64, u64)> + 'a {
        let last = self.bounds.last().copied().unwrap_or(0);
        let values = self.bounds.iter().copied().chain([2 * last]);
        let new = self.counts.iter().zip(&before.counts);
        let new = new.map(|(now, before)| now.saturating_sub(*before));
        values.zip(new).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Buckets;

    /// Scenario: values at, above and beyond the bounds are counted in two rounds.
    /// Guarantees: bounds are inclusive, and a round tells only what is new.
    #[test]
    fn a_round_tells_what_is_new() {
        let mut buckets = Buckets::new(&[10, 20]);
        for value in [0, 10, 11] {
            buckets.add(value);
        }
        let before = buckets.clone();
        let all: Vec<_> = buckets.since(&Buckets::new(&[10, 20])).collect();
        assert_eq!(all, [(10, 2), (20, 1)]);
        buckets.add(21);
        assert_eq!(buckets.since(&before).collect::<Vec<_>>(), [(40, 1)]);
    }
}
