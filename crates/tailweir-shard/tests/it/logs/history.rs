//! Histories by chance.

use super::town::{Town, fragment, taken};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tailweir_placement::{Command, Incarnation};
use tailweir_testkit::trace_id;

/// What happens in a history, each to one of a few traces or members.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A record of the trace comes to the owner of its slot; another time the one before comes again.
    Sent(u64),
    Again(u64),
    /// The spans are decided: kept when the number is even. Every member hears of it, as one after another owns the slot.
    Decided(u64),
    Passes(u64),
    /// Letters of a member are lost until the next such step.
    Broken(u64),
    Drained(u64),
    Crashed(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1_u64..8).prop_map(Step::Sent),
        2 => (1_u64..8).prop_map(Step::Again),
        3 => (1_u64..8).prop_map(Step::Decided),
        2 => (1_u64..8).prop_map(Step::Passes),
        1 => (1_u64..5).prop_map(Step::Broken),
        1 => (1_u64..5).prop_map(Step::Drained),
        1 => (1_u64..5).prop_map(Step::Crashed),
    ]
}

/// Plays a history at a town of four, of which one is drained and one lost at most.
struct History {
    town: Town,
    tickets: u32,
    sent: BTreeMap<u32, (u64, String)>,
    last: BTreeMap<u64, String>,
    decided: BTreeSet<u64>,
    is_drained: bool,
    is_crashed: bool,
}

impl History {
    fn new() -> Self {
        Self {
            town: Town::new(4),
            tickets: 0,
            sent: BTreeMap::new(),
            last: BTreeMap::new(),
            decided: BTreeSet::new(),
            is_drained: false,
            is_crashed: false,
        }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Sent(n) => {
                let text = format!("{n}-{}", self.tickets);
                self.send(n, text);
            }
            Step::Again(n) => {
                if let Some(text) = self.last.get(&n).cloned() {
                    self.send(n, text);
                }
            }
            Step::Decided(n) => self.decide(n),
            Step::Passes(time) => self.town.pass(Duration::from_millis(time * 50)),
            Step::Broken(member) => {
                self.town.reconnect();
                self.town.cut_off = Some(member);
            }
            Step::Drained(member) if !self.is_drained && !self.is_lost(member) => {
                self.is_drained = true;
                self.town.change(&Command::Drain(Incarnation(member)));
            }
            Step::Crashed(member) if !self.is_crashed && !self.is_lost(member) => {
                self.town.reconnect();
                // Two members may go only one after the other: in between each row gets its copies.
                self.calm();
                self.is_crashed = true;
                self.town.crash(member);
            }
            Step::Drained(_) | Step::Crashed(_) => {}
        }
    }

    fn is_lost(&self, member: u64) -> bool {
        !self.town.table.names(Incarnation(member))
    }

    fn calm(&mut self) {
        for _ in 0..20 {
            self.town.pass(Duration::from_millis(100));
        }
    }

    fn send(&mut self, n: u64, text: String) {
        self.tickets += 1;
        let trace = trace_id(n);
        let owner = self.town.owner(trace);
        if self.town.shards.contains_key(&owner) {
            self.town
                .bring(owner, self.tickets, vec![fragment(trace, &text)]);
            self.town.settle();
        }
        self.last.insert(n, text.clone());
        self.sent.insert(self.tickets, (n, text));
    }

    fn decide(&mut self, n: u64) {
        self.decided.insert(n);
        let members: Vec<u64> = self.town.shards.keys().copied().collect();
        for member in members {
            self.town.decide(member, trace_id(n), n.is_multiple_of(2));
        }
        self.town.settle();
    }

    /// Everything is decided, and what was refused or sent on comes no more.
    fn end(&mut self) {
        self.town.reconnect();
        self.calm();
        for n in 1..8 {
            self.decide(n);
        }
        self.calm();
    }

    /// Texts of what was acknowledged and has to leave.
    fn owed(&self) -> BTreeSet<&str> {
        let acknowledged = self.sent.iter().filter(|(ticket, (n, _))| {
            n.is_multiple_of(2) && self.town.answers.get(ticket) == Some(&taken())
        });
        acknowledged.map(|(_, (_, text))| text.as_str()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scenario: any history of records, resends, decisions, time and broken connections, in which one member is drained and one is
    /// lost.
    /// Guarantees: what was acknowledged of kept traces leaves once, nothing of the others does, the books of each member balance,
    /// and in the end nobody keeps anything.
    #[test]
    fn what_is_acknowledged_goes_the_way_of_its_trace(steps in prop::collection::vec(step(), 1..40)) {
        let mut history = History::new();
        for step in steps {
            history.play(step);
        }
        history.end();
        let town = &history.town;
        let left: BTreeSet<&str> = town.texts().into_iter().collect();
        prop_assert_eq!(left.len(), town.left.len(), "nothing twice");
        prop_assert!(left.is_superset(&history.owed()), "{:?} of {:?}", left, history.owed());
        let of_kept = |text: &&str| text.starts_with(['2', '4', '6']);
        prop_assert!(left.iter().all(of_kept), "{:?}", left);
        for (member, shard) in &town.shards {
            let books = shard.books();
            let ends = [books.held, books.kept, books.undecided, books.overflow, books.dropped,
                books.undecided_dropped, books.duplicates, books.handed_over];
            let records: u64 = ends.iter().map(|amount| amount.records).sum();
            let bytes: u64 = ends.iter().map(|amount| amount.bytes).sum();
            prop_assert_eq!((books.taken.records, books.taken.bytes), (records, bytes));
            prop_assert!(shard.is_empty() && shard.copied_bytes() == 0, "{}: {:?}", member, books);
        }
    }
}
