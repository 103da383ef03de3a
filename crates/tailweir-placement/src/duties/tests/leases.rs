//! Who is taken for lost, and when.

use super::{Bench, LEASE};
use crate::duties::{Duties, Presence};
use crate::{Command, Incarnation, Phase};
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
            let standing = bench.duties.renew(Incarnation(member), bench.now);
            assert_eq!(standing, Presence::Known);
        }
        assert_eq!(bench.due(), []);
    }
    bench.after(31);
    assert_eq!(bench.due(), [Command::Expire(vec![lost])]);
    assert_eq!(bench.phase("c"), Phase::Down);
    assert_eq!(bench.duties.renew(lost, bench.now), Presence::Down);
    let stranger = bench.duties.renew(Incarnation(9), bench.now);
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
        duties.renew(Incarnation(1), now);
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
                    self.duties.renew(Incarnation(member), self.now);
                }
            }
            done.extend(self.due());
        }
        done
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
                    bench.duties.renew(Incarnation(member), bench.now);
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
