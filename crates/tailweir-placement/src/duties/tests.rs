//! A leader's duties, with the clock of the test.

mod leases;

use super::{Duties, Report, Wish};
use crate::{
    Command, Incarnation, MemberName, Outcome, Phase, RoutingTable, Second, TenureId, Weight,
};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Moment;

const LEASE: Duration = Duration::from_secs(3);

/// A leader's duties, with a table that does at once what they say, and a clock of its own.
struct Bench {
    duties: Duties,
    table: RoutingTable,
    now: Moment,
}

impl Bench {
    fn new() -> Self {
        let (table, now) = (RoutingTable::new(2), Moment::from_millis(7));
        Self {
            duties: Duties::new(Arc::new(table.clone()), LEASE, now),
            table,
            now,
        }
    }

    /// With these samplers, all with their slots.
    fn with(names: &[&str]) -> Self {
        let mut bench = Self::new();
        for name in names {
            bench.register(name);
        }
        bench.apply(&Command::Rebalance);
        bench.after(1000);
        assert!(bench.due().iter().all(|due| *due == Command::Rebalance));
        bench
    }

    fn apply(&mut self, command: &Command) -> Outcome {
        let outcome = self.table.apply(command);
        self.duties.see(Arc::new(self.table.clone()), self.now);
        outcome
    }

    fn register(&mut self, name: &str) -> Incarnation {
        let command = Command::register(named(name), "host:4319", "", Weight::ONE);
        match self.apply(&command) {
            Outcome::Registered(incarnation) => incarnation,
            other => panic!("{other:?}"),
        }
    }

    fn after(&mut self, milliseconds: u64) {
        self.now = self.now + Duration::from_millis(milliseconds);
    }

    /// All that is due now, done.
    fn due(&mut self) -> Vec<Command> {
        let mut done = Vec::new();
        while let Some(command) = self.duties.due(self.now) {
            self.apply(&command);
            done.push(command);
        }
        done
    }

    fn phase(&self, name: &str) -> Phase {
        let mut members = self.table.members();
        members
            .find(|(known, _)| known.as_str() == name)
            .unwrap()
            .1
            .phase
    }

    fn candidates(&self) -> Vec<(TenureId, crate::Epoch)> {
        super::repairs::tenures(&self.table)
            .filter(|(_, tenure)| matches!(tenure.second, Second::Candidate(_)))
            .map(|(id, tenure)| (id, tenure.view))
            .collect()
    }
}

fn named(name: &str) -> MemberName {
    MemberName::new(name).unwrap()
}

/// Scenario: three samplers come, each within a second of the one before; later another one, and one after that.
/// Guarantees: the first slots wait for a second without anybody new, later ones for half a second; each time there is one
/// rebalance.
#[test]
fn slots_move_once_nobody_comes_any_more() {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.register(name);
        bench.after(900);
        assert_eq!(bench.due(), []);
    }
    bench.after(100);
    assert_eq!(bench.due(), [Command::Rebalance]);
    for name in ["d", "e"] {
        bench.register(name);
        bench.after(400);
        assert_eq!(bench.due(), []);
    }
    bench.after(100);
    assert_eq!(bench.due(), [Command::Rebalance]);
    assert_eq!(bench.phase("e"), Phase::Active);
}

/// Scenario: samplers come without an end.
/// Guarantees: the first of them do not wait longer than five seconds.
#[test]
fn slots_do_not_wait_for_ever() {
    let mut bench = Bench::with(&["a"]);
    for number in 0..12 {
        bench.register(&format!("b-{number}"));
        assert_eq!(bench.due(), []);
        bench.after(400);
        bench.renew_all();
    }
    bench.after(400);
    assert_eq!(bench.due(), [Command::Rebalance]);
}

impl Bench {
    fn renew_all(&mut self) {
        let members: Vec<Incarnation> =
            self.table.members().map(|(_, it)| it.incarnation).collect();
        for member in members {
            self.duties.renew(member, None, self.now);
        }
    }
}

/// Scenario: candidates are reported to be in step, in two portions, with reports about nothing between them.
/// Guarantees: what comes within a second is one command, and what is about nothing is none.
#[test]
fn reports_are_few_commands() {
    let mut bench = Bench::with(&["a", "b", "c"]);
    bench.apply(&Command::Expire(vec![Incarnation(3)]));
    let candidates = bench.candidates();
    let (early, late) = candidates.split_at(candidates.len() / 2);
    assert!(!early.is_empty());
    let report = |bench: &mut Bench, all: &[_]| {
        for &(tenure, view) in all {
            bench.duties.report(Report::InSync { tenure, view });
            let wrong = view.next();
            bench.duties.report(Report::InSync {
                tenure,
                view: wrong,
            });
            bench.duties.report(Report::Clear { tenure, into: view });
        }
    };
    report(&mut bench, early);
    assert_eq!(bench.due(), [Command::InSync(early.to_vec())]);
    report(&mut bench, late);
    bench.after(900);
    assert_eq!(bench.due(), []);
    bench.after(100);
    assert_eq!(bench.due(), [Command::InSync(late.to_vec())]);
    assert_eq!(bench.candidates(), []);
}

/// Scenario: candidates are not in step for fifteen seconds, twice.
/// Guarantees: others take their place, each time.
#[test]
fn candidates_that_are_slow_are_exchanged() {
    let mut bench = Bench::with(&["a", "b", "c", "d"]);
    bench.apply(&Command::Expire(vec![Incarnation(4)]));
    for _ in 0..2 {
        let before = bench.candidates();
        for _ in 0..15 {
            bench.after(1000);
            bench.renew_all();
            assert_eq!(bench.due(), []);
        }
        bench.after(1);
        assert_eq!(bench.due(), [Command::Exchange(before.clone())]);
        assert_ne!(bench.candidates(), before);
    }
}

/// Scenario: two samplers want to leave while a third is being replaced, and one gives up.
/// Guarantees: the first waits for the copies, the second for the first; who no longer asks loses its turn.
#[test]
fn members_leave_one_at_a_time() {
    let mut bench = Bench::with(&["a", "b", "c", "d"]);
    bench.apply(&Command::Expire(vec![Incarnation(4)]));
    let candidates = bench.candidates();
    let wish = |bench: &mut Bench, name: &str| bench.duties.drain(&named(name), None, bench.now);
    wish(&mut bench, "a");
    wish(&mut bench, "b");
    assert_eq!(bench.due(), []);
    let waits = wish(&mut bench, "a");
    assert!(matches!(waits, Wish::Waits(reason) if reason.contains("to have their copy")));
    assert_eq!(
        wish(&mut bench, "b"),
        Wish::Waits("1 that asked before".to_owned())
    );
    assert_eq!(wish(&mut bench, "nobody"), Wish::Unknown);
    bench.apply(&Command::InSync(candidates));
    assert_eq!(bench.due(), [Command::Drain(Incarnation(1))]);
    assert_eq!(wish(&mut bench, "a"), Wish::Granted);
    wish(&mut bench, "c");
    let waits = wish(&mut bench, "b");
    assert_eq!(waits, Wish::Waits("a to leave".to_owned()));
    for _ in 0..3 {
        bench.after(2000);
        bench.renew_all();
        wish(&mut bench, "c");
        assert_eq!(bench.due(), []);
    }
    // Nobody needs it any more.
    bench.table = bench.cleared();
    bench.apply(&Command::Remove(named("a")));
    assert_eq!(bench.due(), [Command::Drain(Incarnation(3))]);
}

/// Scenario: a sampler wants to leave, and before its turn comes another process has its name; the first asks again.
/// Guarantees: the first has nothing to wait for, and the second is not sent away in its place.
#[test]
fn a_later_life_does_not_leave_for_an_earlier_one() {
    let mut bench = Bench::with(&["a", "b", "c"]);
    let first = Incarnation(1);
    let wish = |bench: &mut Bench| {
        let now = bench.now;
        bench.duties.drain(&named("a"), Some(first), now)
    };
    assert!(matches!(wish(&mut bench), Wish::Waits(_)));
    bench.apply(&Command::register(named("a"), "a:1", "zone", Weight::ONE));
    assert_eq!(wish(&mut bench), Wish::Granted);
    let due = bench.due();
    let is_drain = |command: &Command| matches!(command, Command::Drain(life) if *life != first);
    assert!(!due.iter().any(is_drain), "{due:?}");
}

/// Scenario: members are to leave one after the other, so soon that some slots have as many tenures as a slot may have and cannot
/// move again; then the older tenures are cleared.
/// Guarantees: such slots are tried again every five seconds, and at once when they can move: nobody that leaves keeps one.
#[test]
fn a_slot_that_could_not_move_is_not_forgotten() {
    let mut bench = Bench::with(&["a", "b", "c", "d", "e", "f"]);
    let leaving = [1, 2, 3, 4].map(Incarnation);
    for member in leaving {
        bench.apply(&Command::Drain(member));
    }
    let keeps = |bench: &Bench| {
        let mut tenures = super::repairs::tenures(&bench.table);
        tenures.any(|(id, _)| {
            let current = bench.table.tenures(id.slot).unwrap().current();
            leaving.contains(&current.owner)
        })
    };
    assert!(
        keeps(&bench),
        "no slot was full: the scenario shows nothing"
    );
    for _ in 0..2 {
        bench.after(4_999);
        bench.renew_all();
        assert_eq!(bench.due(), []);
        bench.after(1);
        assert_eq!(bench.due(), [Command::Rebalance]);
        assert!(keeps(&bench));
    }
    bench.after(10);
    bench.table = bench.cleared();
    bench.duties.see(Arc::new(bench.table.clone()), bench.now);
    assert_eq!(bench.due(), [Command::Rebalance]);
    assert!(!keeps(&bench));
    bench.after(5_000);
    bench.renew_all();
    assert_eq!(bench.due(), []);
}

impl Bench {
    /// The table once every closed tenure is cleared.
    fn cleared(&self) -> RoutingTable {
        let mut table = self.table.clone();
        let closing: Vec<_> = super::repairs::tenures(&self.table)
            .filter_map(|(id, tenure)| {
                let current = self.table.tenures(id.slot)?.current().created;
                (tenure.created != current).then_some((id, current))
            })
            .collect();
        table.apply(&Command::Clear(closing));
        table
    }
}
