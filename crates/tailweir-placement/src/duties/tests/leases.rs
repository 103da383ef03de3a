//! Who is taken for lost, and when.

use super::{Bench, LEASE};
use crate::duties::{Duties, Presence};
use crate::{Command, Epoch, Incarnation, Phase};
use std::sync::Arc;
use std::time::Duration;

/// Scenario: one of three samplers is silent; it comes back later; a stranger renews.
/// Guarantees: it is down after its lease with its margin and not before, and has to be taken back; the stranger is told that
/// it is none.
#[test]
fn a_lease_runs_out_with_a_margin() {
    let mut bench = Bench::with(&["a", "b", "c"]);
    let lost = Incarnation(3);
    bench.renew_all();
    for _ in 0..4 {
        bench.after(1000);
        for member in [1, 2] {
            let standing = bench.duties.renew(Incarnation(member), None, bench.now);
            assert_eq!(standing, Presence::Known);
        }
        assert_eq!(bench.due(), []);
    }
    bench.after(31);
    assert_eq!(bench.due(), [Command::Expire(vec![lost])]);
    assert_eq!(bench.phase("c"), Phase::Down);
    assert_eq!(bench.duties.renew(lost, None, bench.now), Presence::Down);
    let stranger = bench.duties.renew(Incarnation(9), None, bench.now);
    assert_eq!(stranger, Presence::Unknown);
    bench.apply(&Command::Renew(lost));
    bench.after(500);
    // Its slots have gone to others.
    assert_eq!(bench.due(), [Command::Rebalance]);
}

/// Scenario: another controller leads after a leader that had almost given a sampler up.
/// Guarantees: with the new leader the sampler has a whole lease; and slots are looked at once, whatever the one before was
/// about to do.
#[test]
fn a_new_leader_gives_whole_leases() {
    let bench = Bench::with(&["a", "b"]);
    let (table, start) = (Arc::new(bench.table.clone()), bench.now);
    let mut duties = Duties::new(table, LEASE, start);
    let mut due = |seconds: f64| {
        let now = start + Duration::from_secs_f64(seconds);
        duties.renew(Incarnation(1), None, now);
        duties.due(now)
    };
    assert_eq!(due(1.0), Some(Command::Rebalance));
    assert_eq!([2.0, 3.0, 4.0].map(&mut due), [None, None, None]);
    assert_eq!(due(4.1), Some(Command::Expire(vec![Incarnation(2)])));
}

/// Scenario: the leader itself does not come to look for ten seconds; later nobody at all is heard; then two of three are.
/// Guarantees: nobody is taken for lost because of that; a sampler that is silent while the others are heard is.
#[test]
fn a_leader_that_could_not_hear_takes_nobody_for_lost() {
    let mut bench = Bench::with(&["a", "b", "c"]);
    bench.renew_all();
    bench.after(10_000);
    assert_eq!(bench.due(), []);
    for _ in 0..20 {
        bench.after(1000);
        assert_eq!(bench.due(), []);
    }
    assert_eq!(bench.live(4, &[1, 2]), []);
    assert_eq!(
        bench.live(1, &[1, 2]),
        [Command::Expire(vec![Incarnation(3)])]
    );
}

impl Bench {
    /// Lets seconds pass in which the leader looks when it does, and each of these members renews its lease once a second, one
    /// after the other. Gives back what was due.
    fn live(&mut self, seconds: u64, renewing: &[u64]) -> Vec<Command> {
        let mut done = Vec::new();
        for look in 0..seconds * 20 {
            self.after(50);
            for (place, &member) in (0..).zip(renewing) {
                if look % 20 == 4 * place {
                    self.duties.renew(Incarnation(member), None, self.now);
                }
            }
            done.extend(self.due());
        }
        done
    }
}

/// Scenario: three samplers renew every second; one of them hears nothing of a newer table, for less or more than fifteen seconds,
/// then it does; another is always one table behind, and gets on.
/// Guarantees: the one that hears nothing for too long is taken for lost and not taken back before it knows the newest table; who
/// gets on is not.
#[test]
fn who_lives_and_does_not_hear_of_tables_is_lost() {
    for (deaf, is_lost) in [(15, false), (22, true)] {
        let mut bench = Bench::with(&["a", "b", "c"]);
        let old = bench.table.epoch();
        let mut lost = Vec::new();
        for second in 0..deaf {
            bench.register(&format!("late-{second}"));
            let newest = bench.table.epoch();
            bench.after(1000);
            for (member, known) in [(1, newest), (2, Epoch(newest.0 - 1)), (3, old)] {
                let member = Incarnation(member);
                let presence = bench.duties.renew(member, Some(known), bench.now);
                assert_eq!(presence, Presence::Known, "{member} at {second} s");
            }
            let due = bench.due().into_iter();
            lost.extend(due.filter_map(|due| match due {
                Command::Expire(lost) => Some(lost),
                _ => None,
            }));
        }
        let lost = lost.concat();
        assert_eq!(lost.contains(&Incarnation(3)), is_lost, "{lost:?}");
        assert!(!lost.contains(&Incarnation(2)), "{lost:?}");
        let newest = Some(bench.table.epoch());
        let presence = bench.duties.renew(Incarnation(3), newest, bench.now);
        assert_eq!(presence == Presence::Down, is_lost);
    }
}

/// Scenario: five samplers renew every second, each at another moment; nobody is heard for some seconds, less or more than a lease
/// lasts, or for a minute; then one after the other is heard again.
/// Guarantees: none is taken for lost: neither the one that was heard first before, nor those that are heard last again.
#[test]
fn members_that_nobody_can_hear_are_not_lost_one_after_the_other() {
    let all = [1, 2, 3, 4, 5];
    for silence in [2, 3, 4, 5, 60] {
        let mut bench = Bench::with(&["a", "b", "c", "d", "e"]);
        assert_eq!(bench.live(3, &all), []);
        assert_eq!(bench.live(silence, &[]), [], "{silence} s of silence");
        assert_eq!(bench.live(3, &all), [], "after {silence} s of silence");
    }
}

/// Scenario: one of several samplers, or of two, dies while the others renew every second; and the only one there is dies.
/// Guarantees: it is taken for lost as soon as its lease and the margin are over, whether one or several are heard; the only one
/// is not, because nobody could take over.
#[test]
fn a_dead_member_is_lost_as_soon_as_one_other_is_heard_all_the_while() {
    for names in [&["a", "b"][..], &["a", "b", "c", "d", "e"]] {
        let mut bench = Bench::with(names);
        let all: Vec<u64> = (1..=names.len() as u64).collect();
        let (dead, living) = all.split_last().unwrap();
        assert_eq!(bench.live(3, &all), []);
        // Its last renewal was up to a second ago.
        let mut silent = 1000 - 50 * (4 * living.len() as u64 + 1);
        let lost = loop {
            assert!(silent < 60_000, "nobody is lost of {names:?}");
            bench.after(50);
            silent += 50;
            for &member in living {
                if silent.is_multiple_of(1000) {
                    bench.duties.renew(Incarnation(member), None, bench.now);
                }
            }
            if let [lost] = &bench.due()[..] {
                break lost.clone();
            }
        };
        assert_eq!(lost, Command::Expire(vec![Incarnation(*dead)]));
        assert_eq!(silent, 4_050, "{names:?}");
    }
    let mut bench = Bench::with(&["a"]);
    assert_eq!(bench.live(60, &[]), []);
}
