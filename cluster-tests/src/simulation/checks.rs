//! What must hold throughout and at the end.

mod logs;
mod rest;

use super::backend::Delivery;
use super::clock::{MILLI, SECOND, Time};
use super::controllers::slots;
use super::network::Place;
use super::world::{WATCH, World};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use tailweir_core::{Slot, TraceId};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId, Tenures};
use tailweir_sampler::{AbandonReason, AbandonedTrace};
use tailweir_shard::{Kept, Ruled, Ruling};
use tailweir_tenure::Ruling as _;

use super::traffic::SLOT_SEED;

/// How late a decision may be after its members have been well, connected and in step.
const LATE: Time = 1_500 * MILLI;
/// A slot whose rows changed is not counted as settled for so long.
const CHANGED: Time = SECOND;
/// Spans that were delivered so long before anything went wrong are not delivered again.
const FREED: Time = 2 * SECOND;

/// What the checks remember.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// The first ruling on each trace.
    first: BTreeMap<TraceId, (Time, Ruled)>,
    /// Who ruled in each view of a tenure.
    owners: BTreeMap<(TenureId, Epoch), Incarnation>,
    /// When the log shard of a member heard of a trace.
    told: BTreeMap<(Incarnation, TraceId), Time>,
    slots: BTreeMap<Slot, Settled>,
    /// When something was last not as it should be: a fault, a broken connection, a row without a copy.
    unsettled: Time,
    /// From when to when a member was faulty or replaced.
    failing: Vec<(Time, Time)>,
    pub(crate) duplicates: u64,
    pub(crate) late_max: Time,
}

/// A slot, as far as the time of its decisions goes.
#[derive(Debug)]
struct Settled {
    rows: Tenures,
    /// When its rows last changed, or one of its members was not well, not connected or not in step.
    unsettled: Time,
    /// When a tenure of it was last closing, so that its owner had not heard of all verdicts.
    closing: Time,
}

impl Verdicts {
    pub(crate) fn count(&self) -> usize {
        self.first.len()
    }

    fn failed(&mut self, now: Time) {
        match self.failing.last_mut() {
            Some((_, until)) if *until + 2 * WATCH >= now => *until = now,
            _ => self.failing.push((now, now)),
        }
    }

    /// Whether a member failed in this time.
    fn has_failed(&self, from: Time, to: Time) -> bool {
        let mut failing = self.failing.iter();
        failing.any(|&(begin, end)| begin <= to + WATCH && end + WATCH >= from)
    }
}

impl World {
    fn is_lost(&self, trace: TraceId) -> bool {
        self.controllers.lost.contains(&Slot::of(trace, SLOT_SEED))
    }

    /// A member may act on a verdict.
    pub(crate) fn ruled(&mut self, me: Incarnation, ruling: Ruling) {
        let (trace, ruled) = (ruling.trace, ruling.ruled);
        let keeps = ruled.keeps();
        self.note(&[20, me.0, u64::from(keeps)], || {
            format!("member {me} rules on {trace} in {}: {keeps}", ruling.tenure)
        });
        let view = (ruling.tenure, ruling.view);
        let owner = *self.verdicts.owners.entry(view).or_insert(me);
        if owner != me {
            let (tenure, view) = view;
            self.find(format!(
                "I7: {owner} and {me} rule in view {view} of {tenure}"
            ));
        }
        if self.is_lost(trace) {
            return;
        }
        match self.verdicts.first.get(&trace) {
            Some((at, first)) if *first != ruled => {
                let at = *at as f64 / SECOND as f64;
                self.find(format!(
                    "I3: {trace} has two verdicts: {first:?} at {at:.3} s, now {ruled:?}"
                ));
            }
            Some(_) => {}
            None => {
                self.verdicts.first.insert(trace, (self.now, ruled));
                self.check_time(trace);
            }
        }
    }

    /// Not before the window is over, and soon after it.
    fn check_time(&mut self, trace: TraceId) {
        let window = self.course.window * SECOND;
        let Some(known) = self.traffic.traces.get(&trace) else {
            return self.find(format!("I6: nobody sent {trace}"));
        };
        let wait = if self.course.traces_max < 1_000 {
            0
        } else {
            window * 985 / 1_000
        };
        let earliest = known.first_brought.map(|at| at + wait);
        if earliest.is_none_or(|earliest| self.now < earliest) {
            return self.find(format!("{trace} was decided before its time"));
        }
        let latest = known.first_taken.map(|at| at + window * 1_010 / 1_000);
        if let Some(latest) = latest {
            let slot = self.verdicts.slots.get(&Slot::of(trace, SLOT_SEED));
            let since = latest.max(slot.map_or(self.now, |slot| slot.unsettled));
            let late = self.now.saturating_sub(since);
            self.verdicts.late_max = self.verdicts.late_max.max(late);
            if late > LATE {
                let late = late as f64 / SECOND as f64;
                self.find(format!("{trace} was decided {late:.3} s late"));
            }
        }
    }

    /// Spans were let go without a decision.
    pub(crate) fn abandoned(&mut self, me: Incarnation, lost: AbandonedTrace) {
        self.note(&[21, me.0], || format!("member {me} let go: {lost:?}"));
        if lost.reason != AbandonReason::GivenBack {
            self.find(format!("member {me} gave up {lost:?}"));
        }
    }

    /// A batch is at the backend.
    pub(crate) fn delivered(&mut self, me: Incarnation, kept: &Kept, released: Time, now: Time) {
        let mut scan = Scan::new();
        if Scan::traces(&kept.bytes, &ScanLimits::default(), &mut scan).is_err() {
            return self.find(format!("I6: {} is not OTLP", kept.tenure));
        }
        if scan.spans.len() as u64 != kept.spans {
            self.find(format!(
                "a batch of {} says {}",
                scan.spans.len(),
                kept.spans
            ));
        }
        for entry in &scan.spans {
            let trace = entry.head.trace_id;
            let bytes = entry.span(&kept.bytes).0;
            let known = self.traffic.traces.get(&trace);
            let sent = known.into_iter().flat_map(|known| &known.spans);
            let index = sent.map(|span| &span.bytes).position(|sent| *sent == bytes);
            let Some(index) = index else {
                return self.find(format!("I6: a span of {trace} is not as it was sent"));
            };
            self.note(&[22, me.0, index as u64], || {
                format!("span {index} of {trace} is delivered by {me}")
            });
            let delivery = Delivery {
                released,
                arrived: now,
                by: Some(me),
                tenure: Some(kept.tenure),
            };
            self.check_again(trace, index, &delivery);
            let all = self.backend.delivered.entry((trace, index)).or_default();
            all.push(delivery);
        }
    }

    /// A span may come again only when a member failed about then.
    fn check_again(&mut self, trace: TraceId, index: usize, again: &Delivery) {
        let Some(before) = self.backend.delivered.get(&(trace, index)) else {
            return;
        };
        self.verdicts.duplicates += 1;
        if let Some(first) = self.unexcused(before, again) {
            let twice = format!("I5: span {index} of {trace} came twice: {first}; and {again}");
            self.find(twice);
        }
    }

    /// One of these deliveries after which there was no reason for another.
    fn unexcused<'a>(&self, before: &'a [Delivery], again: &Delivery) -> Option<&'a Delivery> {
        before.iter().find(|first| {
            // A batch that the backend refused may be older than the one that overtook it.
            let from = first.arrived.min(again.released).saturating_sub(FREED);
            let to = first.arrived.max(again.released);
            !self.course.is_cramped() && !self.verdicts.has_failed(from, to)
        })
    }

    /// Looks on: is something wrong, and is everything over?
    pub(crate) fn watch(&mut self) {
        let now = self.now;
        if self.course.is_rolling && now / WATCH == 70 {
            self.roll();
        }
        let is_whole = self.controllers.is_whole();
        let is_well = (0..self.samplers.len()).all(|node| self.is_well(node));
        if !is_whole || !is_well || self.network.has_blocked() {
            self.verdicts.failed(now);
        }
        if !is_whole || !is_well || !self.network.is_whole() {
            self.verdicts.unsettled = now;
        }
        self.watch_slots();
        self.check_books();
        self.check_rest(now);
        if !self.is_over {
            self.later(WATCH, super::event::Event::Watch);
        }
    }

    /// Whether a machine does what it should.
    fn is_well(&self, node: usize) -> bool {
        let machine = &self.samplers[node];
        machine.is_absent || (self.incarnation(node).is_some() && machine.asleep.is_none())
    }

    fn watch_slots(&mut self) {
        let table = Arc::clone(&self.controllers.table);
        for slot in slots() {
            let Some(rows) = table.tenures(slot) else {
                continue;
            };
            let is_settled = self.is_settled(rows);
            let known = self.verdicts.slots.entry(slot).or_insert_with(|| Settled {
                rows: rows.clone(),
                unsettled: self.now,
                closing: self.now,
            });
            if !rows.closing().is_empty() {
                known.closing = self.now;
            }
            if known.rows != *rows {
                known.rows = rows.clone();
                known.unsettled = self.now + CHANGED;
            } else if !is_settled {
                known.unsettled = known.unsettled.max(self.now);
            }
        }
    }

    /// Whether all members of these tenures are well, connected and in step.
    fn is_settled(&self, rows: &Tenures) -> bool {
        let members = rows.all().iter().flat_map(|row| {
            let second = row.second.member();
            [row.owner].into_iter().chain(second)
        });
        let nodes: Vec<Option<usize>> = members
            .map(|member| {
                let node = self.controllers.home(member)?;
                let is_it = self.incarnation(node) == Some(member) && self.is_well(node);
                is_it.then_some(node)
            })
            .collect();
        let is_connected = |a: usize, b: usize| {
            let (a, b) = (Place::Sampler(a), Place::Sampler(b));
            a == b || (self.network.is_up(a, b) && !self.network.is_blocked(a, b))
        };
        let nodes: Option<Vec<usize>> = nodes.into_iter().collect();
        let in_step = rows.all().iter().all(|row| self.controllers.is_copied(row));
        in_step
            && nodes.is_some_and(|nodes| {
                let mut all = nodes.iter();
                all.all(|&a| nodes.iter().all(|&b| is_connected(a, b)))
            })
    }
}

/// The simulated rows of a table, in a few words.
pub(crate) fn table(table: &RoutingTable) -> String {
    let mut text = format!("{}:", table.epoch());
    for (name, member) in table.members() {
        let _ = write!(text, " {name}={}/{:?}", member.incarnation, member.phase);
    }
    let mut last = None;
    for slot in slots() {
        let tenures = table.tenures(slot);
        if tenures != last {
            let rows = tenures.map(|tenures| tenures.all()).unwrap_or_default();
            let _ = write!(text, "\n             {}:", slot.index());
            for row in rows {
                let _ = write!(
                    text,
                    " [{}.{} {} {:?}]",
                    row.created, row.view, row.owner, row.second
                );
            }
            last = tenures;
        }
    }
    text
}
