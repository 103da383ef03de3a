//! Spans that a member took, and what became of them.

use crate::{Town, WAIT};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use tailweir_core::Slot;
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::{request, span, trace_id};

/// Members of each town.
const MEMBERS: usize = 4;
/// How often one of them is taken for lost in a history: each time rows change by the thousand.
const LOST_MAX: usize = 3;

/// Spans and bytes that came to a member, from gateways or with tenures that it took over.
fn taken(town: &Town, member: usize) -> (u64, u64) {
    let appended = town.shards[member].engine().counters().appended;
    let (spans, bytes) = town.shards[member].taken_over();
    (appended.spans + spans, appended.bytes + bytes)
}

/// What became of spans and bytes at a member: they are held, dropped, were known, leave, have left, or are somebody else's.
fn accounted(town: &Town, member: usize) -> (u64, u64) {
    let (shard, out) = (&town.shards[member], &town.out[member]);
    let counters = shard.engine().counters();
    let inside = [counters.held, counters.discarded, counters.duplicates];
    let inside = inside.map(|amount| (amount.spans, amount.bytes));
    let kept = out.kept.iter().map(|kept| (kept.spans, kept.span_bytes));
    let gone = out.abandoned.iter().map(|gone| (gone.spans, gone.bytes));
    let leaving = [shard.leaving(), town.delivered[member]];
    let all = inside.into_iter().chain(leaving).chain(kept).chain(gone);
    all.fold((0, 0), |sum, (spans, bytes)| (sum.0 + spans, sum.1 + bytes))
}

fn incarnation(member: usize) -> Incarnation {
    Incarnation(member as u64 + 1)
}

/// Scenario: a kept trace was handed out and is not delivered yet when its second member is lost, then its owner.
/// Guarantees: whoever got its spans as they go out has taken them, in its books too, before it delivers them and after.
#[test]
fn spans_that_come_as_they_go_out_are_taken_by_their_next_owner() {
    let mut town = Town::new(MEMBERS as u64, 2, usize::MAX);
    let trace = trace_id(1);
    let first = town.owner(trace);
    town.bring(first, 1, request().span(span(trace, 1).error()));
    town.carry();
    town.pass(WAIT);
    assert_eq!(town.out[first].kept.len(), 1);
    let rows = town.table.tenures(Slot::of(trace, 0)).unwrap();
    let second = rows.current().second.member().unwrap();
    town.lost = Some(second.0 as usize - 1);
    town.change(&Command::Expire(vec![second]));
    town.lost = Some(first);
    town.change(&Command::Expire(vec![incarnation(first)]));

    let third = town.owner(trace);
    assert!(third != first && incarnation(third) != second);
    assert_eq!(taken(&town, third).0, 1);
    assert_eq!(taken(&town, third), accounted(&town, third));
    // The fence of a member that was promoted is closed for a second.
    town.pass(Duration::from_millis(1_500));
    town.pass(Duration::from_millis(200));
    assert_eq!(town.deliver(third), 1);
    assert_eq!(taken(&town, third), accounted(&town, third));
}

/// Scenario: the copy of a late span of a kept trace is lost, and its owner is taken for lost.
/// Guarantees: the span is on its way out at its owner until that hears of it, and then somebody else's.
#[test]
fn late_spans_without_a_copy_are_on_the_books() {
    let mut town = Town::new(3, 2, usize::MAX);
    let trace = trace_id(1);
    let owner = town.owner(trace);
    town.bring(owner, 1, request().span(span(trace, 1).error()));
    town.carry();
    town.pass(WAIT);
    assert_eq!(town.deliver(owner), 1);
    town.lost = Some(owner);
    town.bring(owner, 2, request().span(span(trace, 2)));
    assert_eq!(town.shards[owner].leaving().0, 1);
    assert_eq!(taken(&town, owner), accounted(&town, owner));
    town.change(&Command::Expire(vec![incarnation(owner)]));
    town.lost = None;
    town.change(&Command::Renew(incarnation(owner)));
    assert_eq!(town.shards[owner].leaving().0, 0);
    assert_eq!(town.out[owner].abandoned.len(), 1);
    assert_eq!(taken(&town, owner), accounted(&town, owner));
}

/// What happens in a history, each to one of a few traces or members.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A span of the trace comes to the owner of its slot, with an error when the number is even; another time the one before
    /// comes again.
    Sent(u64),
    Again(u64),
    Passes(u64),
    /// What a member has handed out reaches the backend.
    Delivered(usize),
    /// A member is heard by nobody, and replaced; whoever was so before is back.
    Lost(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u64..8).prop_map(Step::Sent),
        2 => (1_u64..8).prop_map(Step::Again),
        4 => (1_u64..8).prop_map(Step::Passes),
        1 => (0..MEMBERS).prop_map(Step::Delivered),
        3 => (0..MEMBERS).prop_map(Step::Lost),
    ]
}

struct History {
    town: Town,
    spans: u64,
    /// The last span of each trace.
    last: BTreeMap<u64, u64>,
    losses: usize,
}

impl History {
    fn play(&mut self, step: Step) {
        match step {
            Step::Sent(n) => {
                self.spans += 1;
                self.last.insert(n, self.spans);
                self.send(n, self.spans);
            }
            Step::Again(n) => {
                if let Some(&id) = self.last.get(&n) {
                    self.send(n, id);
                }
            }
            Step::Passes(time) => self.town.pass(WAIT / 8 * time as u32),
            Step::Delivered(member) => {
                self.town.deliver(member);
            }
            Step::Lost(member) => self.lose(member),
        }
    }

    fn send(&mut self, n: u64, id: u64) {
        let trace = trace_id(n);
        let span = span(trace, id);
        let is_kept = n.is_multiple_of(2);
        let span = if is_kept { span.error() } else { span };
        let owner = self.town.owner(trace);
        let ticket = self.spans as u32;
        self.town.bring(owner, ticket, request().span(span));
        self.town.carry();
    }

    fn lose(&mut self, member: usize) {
        if self.losses == LOST_MAX || self.town.lost == Some(member) {
            return;
        }
        self.losses += 1;
        if let Some(before) = self.town.lost.take() {
            self.town.change(&Command::Renew(incarnation(before)));
        }
        self.town.lost = Some(member);
        let lost = vec![incarnation(member)];
        self.town.change(&Command::Expire(lost));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Scenario: any history of spans, resends, time and deliveries, in which members are taken for lost, replaced, and come back.
    /// Guarantees: at each member what it took is what became of it, in spans and in bytes, at any time.
    #[test]
    fn what_a_member_took_is_accounted_for(steps in prop::collection::vec(step(), 1..40)) {
        let mut history = History {
            town: Town::new(MEMBERS as u64, 2, usize::MAX),
            spans: 0,
            last: BTreeMap::new(),
            losses: 0,
        };
        for step in steps {
            history.play(step);
            let town = &history.town;
            for member in 0..MEMBERS {
                let (taken, accounted) = (taken(town, member), accounted(town, member));
                prop_assert_eq!(taken, accounted, "member {} after {:?}", member, step);
            }
        }
    }
}
