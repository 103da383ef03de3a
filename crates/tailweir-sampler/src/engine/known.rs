//! Spans that are there already are left out.

use super::Engine;
use super::append::Appended;
use super::incoming::Incoming;
use crate::gather::Group;
use crate::seen::{FEW, Sight};

impl Engine {
    /// Lists the spans that were not there, in order.
    pub(super) fn leave_out_duplicates(
        &mut self,
        index: u32,
        incoming: Incoming<'_>,
        group: &Group,
        numbers: impl Iterator<Item = u32>,
        accepted: &mut Vec<u32>,
    ) {
        if !self.settings.dedupe {
            accepted.extend(numbers);
            return;
        }
        let trace = self.table.traces.get_mut(index);
        let (seen, last) = (&mut trace.seen, trace.last);
        let before = seen.bytes();
        if seen.is_few() && trace.summary.spans.saturating_add(group.count) > FEW {
            seen.keep_ids(self.store.span_ids(last), self.seed);
        }
        for number in numbers {
            let (id, span) = incoming.named_span(number);
            let is_new = match seen.enter(id, span, self.seed) {
                Sight::New => true,
                Sight::Known => false,
                Sight::Unsure => {
                    let arriving = accepted.iter().map(|&other| incoming.named_span(other));
                    let mut there = self.store.spans(last).chain(arriving);
                    if seen.is_few() {
                        !there.any(|known| known == (id, span))
                    } else {
                        seen.keep_fingerprints(there, self.seed);
                        seen.enter(id, span, self.seed) == Sight::New
                    }
                }
            };
            if is_new {
                accepted.push(number);
            }
        }
        self.table.seen_bytes += seen.bytes() - before;
    }

    pub(super) fn count_duplicates(
        &mut self,
        incoming: Incoming<'_>,
        group: &Group,
        accepted: &[u32],
        appended: &mut Appended,
    ) {
        let duplicates = u64::from(group.count) - accepted.len() as u64;
        if duplicates == 0 {
            return;
        }
        let length = |&number: &u32| incoming.entry(number).length() as u64;
        let bytes = group.bytes - accepted.iter().map(length).sum::<u64>();
        appended.duplicates += duplicates;
        self.counters.appended.add(duplicates, bytes);
        self.counters.duplicates.add(duplicates, bytes);
    }
}
