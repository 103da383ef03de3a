//! Spans that are there already are left out.

use super::Engine;
use super::append::Appended;
use super::incoming::Incoming;
use crate::gather::Group;
use crate::seen::{FEW, Sight};

impl Engine {
    /// Lists the spans that were not there, in order. Exact: what the filter is unsure of is compared
    /// with every id of the trace.
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
        if trace.seen.is_few() && trace.summary.spans.saturating_add(group.count) > FEW {
            let ids = self.store.span_ids(trace.last);
            trace.seen.make_many(ids, self.seed);
            self.table.seen_bytes += trace.seen.bytes();
        }
        let before = trace.seen.bytes();
        for number in numbers {
            let id = incoming.entry(number).head.span_id;
            let is_new = match trace.seen.enter(id, self.seed) {
                Sight::New => true,
                Sight::Known => false,
                Sight::Unsure => {
                    let held = self.store.span_ids(trace.last);
                    let arriving = accepted
                        .iter()
                        .map(|&other| incoming.entry(other).head.span_id);
                    !held.chain(arriving).any(|known| known == id)
                }
            };
            if is_new {
                accepted.push(number);
            }
        }
        self.table.seen_bytes += trace.seen.bytes() - before;
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
