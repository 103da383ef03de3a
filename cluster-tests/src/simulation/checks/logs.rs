//! What must hold of log records: they go the way of their trace.

use super::{LATE, Verdicts, World};
use crate::simulation::backend::Delivery;
use crate::simulation::clock::{SECOND, Time};
use crate::simulation::sampler::Logs;
use crate::simulation::traffic::slot_of;
use bytes::Bytes;
use tailweir_core::TraceId;
use tailweir_placement::Incarnation;
use tailweir_sampler::LogFate;
use tailweir_shard::{LeavingLogs, LogAmount, LogBooks};
use tailweir_tenure::Ruling as _;

impl World {
    /// A log shard is told what was decided beside it.
    pub(crate) fn told(&mut self, me: Incarnation, decided: &[(TraceId, bool)]) {
        for &(trace, _) in decided {
            let told = &mut self.verdicts.told;
            told.entry((me, trace)).or_insert(self.now);
        }
    }

    /// Records leave a member: because their trace is kept, or because nobody has decided about it for so long.
    pub(crate) fn check_leaving(&mut self, me: Incarnation, leaving: &LeavingLogs) {
        let records = self.traffic.records_in(&leaving.bytes);
        if leaving.amount.records != records.len() as u64 {
            let records = records.len();
            self.find(format!("{records} records leave as {:?}", leaving.amount));
        }
        for number in records.into_iter().flatten() {
            let record = &mut self.traffic.records[number];
            record.is_overflow |= leaving.place.is_none();
            let (LogFate::OfTrace(trace), Some(brought)) = (record.fate, record.brought) else {
                continue;
            };
            if !record.is_overflow {
                self.check_leave(me, number, trace, brought);
            } else if !self.course.is_cramped() {
                self.find(format!("record {number} found no room"));
            }
        }
    }

    /// A record of a kept trace leaves soon after the verdict; another only if nobody had heard of one when its time was over.
    fn check_leave(&mut self, me: Incarnation, number: usize, trace: TraceId, brought: Time) {
        if self.is_lost(trace) || self.course.is_cramped() {
            return;
        }
        let first = self.verdicts.first.get(&trace);
        let settled = self.verdicts.slots.get(&slot_of(trace));
        let settled = settled.map_or(self.now, |slot| slot.unsettled.max(slot.closing));
        // When its member should have heard, stored it and its verdict, and let it go.
        let heard = first
            .map_or(self.now, |(at, _)| *at)
            .max(settled)
            .max(brought)
            + 2 * LATE;
        if self.verdicts.keeps(trace) {
            let late = self.now.saturating_sub(heard);
            if late > 0 {
                let late = late as f64 / SECOND as f64;
                self.find(format!(
                    "record {number} of {trace} leaves {me} {late:.3} s late"
                ));
            }
            return;
        }
        let logged = self.traffic.traces.get(&trace);
        let logged = logged.and_then(|trace| trace.first_logged);
        let over = logged.map_or(self.now, |logged| logged + self.wait());
        let told = self.verdicts.told.get(&(me, trace)).copied();
        if self.now < over || heard < over || told.is_some_and(|told| told < over) {
            self.find(format!(
                "L2: record {number} of {trace} leaves {me}, and its trace is not kept"
            ));
        }
    }

    /// How long records wait at least, from the first of their trace on, by whatever clock.
    fn wait(&self) -> Time {
        2 * self.course.window * SECOND * 98 / 100
    }

    /// Records that needed no decision are at the backend.
    pub(crate) fn passed(&mut self, records: &Bytes) {
        self.delivered_logs(None, records, self.now);
    }

    /// Records are at the backend.
    pub(crate) fn delivered_logs(
        &mut self,
        by: Option<Incarnation>,
        bytes: &Bytes,
        released: Time,
    ) {
        for number in self.traffic.records_in(bytes) {
            let Some(number) = number else {
                return self.find(format!("L5: {by:?} delivers a record as nobody sent it"));
            };
            self.note(&[23, number as u64], || {
                format!("record {number} is delivered by {by:?}")
            });
            let delivery = Delivery {
                released,
                arrived: self.now,
                by,
                tenure: None,
            };
            self.check_record_again(number, &delivery);
            let all = self.backend.records.entry(number).or_default();
            all.push(delivery);
        }
    }

    /// A record may come again when a member failed about then, or where nobody could know it.
    fn check_record_again(&mut self, number: usize, again: &Delivery) {
        let Some(before) = self.backend.records.get(&number) else {
            return;
        };
        let record = &self.traffic.records[number];
        let is_known = matches!(record.fate, LogFate::OfTrace(_)) && !record.is_timeless;
        let is_sent_again = self.traffic.requests[record.request].attempts > 1;
        if is_sent_again && !is_known || record.is_overflow {
            return;
        }
        if let Some(first) = self.unexcused(before, again) {
            let twice = format!("L3: record {number} came twice: {first}; and {again}");
            self.find(twice);
        }
    }

    /// Whether the books of all log shards balance, and say what they may.
    pub(super) fn check_books(&mut self) {
        let mut wrong = None;
        for (node, machine) in self.samplers.iter().enumerate() {
            let process = machine.process.as_ref();
            let own = process.and_then(|process| process.registered.as_ref());
            let Some(books) = own.map(|own| own.logs.shard.books()) else {
                continue;
            };
            let is_odd = books.undecided_dropped.records > 0
                || (books.undecided.records > 0 && self.course.is_planned());
            if !balances(books) || is_odd {
                wrong = Some(format!("L4: the books of sampler-{node}: {books:?}"));
            }
        }
        if let Some(wrong) = wrong {
            self.find(wrong);
        }
    }

    /// Whether an acknowledged record is where it should be.
    pub(super) fn wrong_with_record(&self, number: usize) -> Option<String> {
        let record = &self.traffic.records[number];
        let is_there = self.backend.records.contains_key(&number);
        match record.fate {
            LogFate::UntracedLeftOut if is_there => {
                return Some(format!("L2: record {number} was to be left out"));
            }
            LogFate::UntracedLeftOut => return None,
            LogFate::OfTrace(trace) if self.is_lost(trace) || !self.verdicts.keeps(trace) => {
                return None;
            }
            _ => {}
        }
        // Without room it passed, and nobody had a copy.
        (!is_there && !record.is_overflow)
            .then(|| format!("L1: record {number} of {:?} is lost", record.fate))
    }
}

impl Verdicts {
    fn keeps(&self, trace: TraceId) -> bool {
        self.first
            .get(&trace)
            .is_some_and(|(_, ruled)| ruled.keeps())
    }
}

/// What a log shard still has when everything is over.
pub(super) fn left_of(logs: &Logs) -> usize {
    let shard = &logs.shard;
    usize::from(!shard.is_empty())
        + shard.waiting_traces()
        + shard.owned_bytes() as usize
        + shard.copied_bytes()
        + logs.onward()
}

fn balances(books: &LogBooks) -> bool {
    let ends = [
        books.held,
        books.kept,
        books.undecided,
        books.overflow,
        books.dropped,
        books.undecided_dropped,
        books.duplicates,
        books.handed_over,
    ];
    let sum = |of: fn(&LogAmount) -> u64| ends.iter().map(of).sum::<u64>();
    books.taken.records == sum(|amount| amount.records)
        && books.taken.bytes == sum(|amount| amount.bytes)
}
