//! The counts of one resource.

use super::CountError;
use super::definition::Definition;
use crate::text::put_identity;
use std::collections::BTreeMap;
use tailweir_otlp::{
    AttributeSet, Attributes, MetricHead, NewNumberPoint, Number, ScopeMetricsWriter, Temporality,
};
use tailweir_ottl::Subject;
use tailweir_paths::Path;

/// Counts by definition and attributes. Bounded by the request that is counted.
#[derive(Debug)]
pub(super) struct Tally<'d> {
    definitions: &'d [Definition],
    /// By number of the definition, and by what tells attributes apart.
    counts: BTreeMap<(usize, Vec<u8>), (AttributeSet, u64)>,
    /// First and last time of what was looked at.
    times: Option<(u64, u64)>,
}

impl<'d> Tally<'d> {
    pub(super) fn new(definitions: &'d [Definition]) -> Self {
        Self {
            definitions,
            counts: BTreeMap::new(),
            times: None,
        }
    }

    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Points span the times of the items; 0 is none.
    pub(super) fn extend_time(&mut self, time: u64) {
        if time != 0 {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
    }

    /// Counts an item by each definition that it fits.
    pub(super) fn add(
        &mut self,
        sources: &[Attributes<'_>],
        subject: &impl Subject<Path>,
    ) -> Result<(), CountError> {
        for (number, definition) in self.definitions.iter().enumerate() {
            let Some(attributes) = definition.attributes(sources) else {
                continue;
            };
            if definition.holds(subject).map_err(CountError::Condition)? {
                let mut identity = Vec::new();
                put_identity(attributes.view(), |_| true, &mut identity);
                let fresh = || (attributes, 0);
                self.counts
                    .entry((number, identity))
                    .or_insert_with(fresh)
                    .1 += 1;
            }
        }
        Ok(())
    }

    /// Writes a sum for each definition that counted something. Answers how many points there are.
    pub(super) fn write(&self, now: u64, scope: &mut ScopeMetricsWriter<'_>) -> u64 {
        let (start, time) = self.times.unwrap_or((now, now));
        for (number, definition) in self.definitions.iter().enumerate() {
            let all = (number, Vec::new())..(number + 1, Vec::new());
            let mut counts = self.counts.range(all).map(|(_, count)| count).peekable();
            if counts.peek().is_none() {
                continue;
            }
            let head = MetricHead {
                name: &definition.name,
                description: &definition.description,
                unit: b"",
            };
            scope.sum(head, Temporality::Delta, true, |mut points| {
                for (attributes, count) in counts {
                    points.number(&NewNumberPoint {
                        attributes,
                        start,
                        time,
                        value: Number::Int(*count as i64),
                        exemplars: &[],
                    });
                }
            });
        }
        self.counts.len() as u64
    }
}
