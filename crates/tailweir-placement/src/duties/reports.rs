//! What samplers report, in few commands.

use crate::{Command, Epoch, Report, RoutingTable, TenureId};
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_core::Moment;

/// At most one command of a kind in this time, so that epochs stay few.
const PERIOD: Duration = Duration::from_secs(1);

/// Reports that no command holds yet. Bounded by the tenures of the table, because others are not taken.
#[derive(Debug, Default)]
pub(super) struct Reports {
    waiting: BTreeSet<Report>,
    last_in_sync: Option<Moment>,
    last_clear: Option<Moment>,
}

impl Reports {
    /// Takes a report, if it is still about something.
    pub(super) fn add(&mut self, table: &RoutingTable, report: Report) {
        if report.counts(table) {
            self.waiting.insert(report);
        }
    }

    pub(super) fn see(&mut self, table: &RoutingTable) {
        self.waiting.retain(|report| report.counts(table));
    }

    pub(super) fn due(&mut self, now: Moment) -> Option<Command> {
        let is_time = |last: Option<Moment>| last.is_none_or(|last| now >= last + PERIOD);
        if is_time(self.last_in_sync) {
            let in_sync = self.take(|report| match report {
                Report::InSync { tenure, view } => Some((tenure, view)),
                Report::Clear { .. } => None,
            });
            if !in_sync.is_empty() {
                self.last_in_sync = Some(now);
                return Some(Command::InSync(in_sync));
            }
        }
        if is_time(self.last_clear) {
            let clear = self.take(|report| match report {
                Report::Clear { tenure, into } => Some((tenure, into)),
                Report::InSync { .. } => None,
            });
            if !clear.is_empty() {
                self.last_clear = Some(now);
                return Some(Command::Clear(clear));
            }
        }
        None
    }

    fn take(&mut self, of: impl Fn(Report) -> Option<(TenureId, Epoch)>) -> Vec<(TenureId, Epoch)> {
        let taken = self.waiting.iter().copied().filter_map(&of).collect();
        self.waiting.retain(|&report| of(report).is_none());
        taken
    }
}
