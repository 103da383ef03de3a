//! The state as a function of the log.

use super::State;
use crate::change::{Answer, Change};
use tailweir_placement::{Command, Incarnation, MemberName, RoutingTable, Weight};

fn register(name: &str) -> Change {
    let name = MemberName::new(name).unwrap();
    Change::from(&Command::register(name, "host:4319", "a", Weight::ONE))
}

/// A state with three samplers, one of which is lost.
fn state() -> State {
    let mut state = State::default();
    let changes = [
        Change::Form { copies: 2 },
        register("a"),
        register("b"),
        register("c"),
        Change::Rebalance,
        Change::from(&Command::Expire(vec![Incarnation(2)])),
        Change::Policies("processors:\n".to_owned()),
    ];
    for (index, change) in (1..).zip(&changes) {
        state.apply(index, change);
    }
    state
}

/// Scenario: a sampler registers before the first leader said what the cluster is like; that is said twice.
/// Guarantees: the sampler is refused; the first word counts.
#[test]
fn the_first_word_counts() {
    let mut state = State::default();
    let refused = state.apply(1, &register("a"));
    assert!(matches!(refused, Answer::Refused(reason) if reason.contains("still forming")));
    state.apply(2, &Change::Form { copies: 2 });
    assert_eq!(state.apply(3, &register("a")), Answer::Registered(1));
    state.apply(4, &Change::Form { copies: 1 });
    assert_eq!(state.table.members().count(), 1);
}

/// Scenario: controllers ask for ids with the first entries of a log, and a while later; a version before this one led in between, which
/// gave the number of the entry.
/// Guarantees: no id is that of a seed, whose ids are 1 to 7; each is above those before it, and none is given twice.
#[test]
fn an_id_that_is_given_is_nobody_elses() {
    let mut state = State::default();
    let mut given = 7;
    for index in [1, 2, 3, 4, 7, 8, 15, 1_000, 1_001] {
        let Answer::Id(id) = state.apply(index, &Change::AllocateId) else {
            panic!("no id");
        };
        assert!(id > given, "{id} after {given}");
        assert!(!(index..index + 1_000).contains(&id), "{id} comes again");
        given = id;
    }
}

/// Scenario: a state with repairs and policies goes into a snapshot and back.
/// Guarantees: nothing is lost, and what follows has the same effect; damaged bytes are refused and do not panic.
#[test]
fn a_snapshot_is_the_whole_state() {
    let mut before = state();
    let bytes = before.encode();
    let mut after = State::decode(&bytes).unwrap();
    for index in 8..10 {
        assert_eq!(after.table, before.table);
        assert_eq!(after.policies, before.policies);
        assert_eq!(after.formed, before.formed);
        let change = register("d");
        assert_eq!(after.apply(index, &change), before.apply(index, &change));
    }
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x80;
        let _ = State::decode(&damaged);
        let _ = State::decode(&bytes[..at]);
    }
}

/// Scenario: the table of three samplers is encoded.
/// Guarantees: pairs are written once and slots as runs, so that it is small enough for a hundred watchers.
#[test]
fn a_table_is_small_on_the_wire() {
    let table: RoutingTable = (*state().table).clone();
    let bytes = super::encode_table(&table);
    assert!(bytes.len() < 64 << 10, "{} bytes", bytes.len());
    assert_eq!(super::decode_table(&bytes).unwrap(), table);
}

fn propose(state: &mut State, text: &str, base: u64) -> Answer {
    let text = text.to_owned();
    state.apply(100, &Change::ProposePolicies { text, base })
}

/// Scenario: a file changes from one to two to three; processes propose it, some late, some with an older file.
/// Guarantees: each content is one revision, however many propose it; what was replaced is refused, also after a snapshot.
#[test]
fn the_policies_of_a_file_are_one_revision() {
    let mut state = state();
    for base in [0, 0, 2] {
        assert_eq!(propose(&mut state, "one", base), Answer::Revision(2));
    }
    assert_eq!(propose(&mut state, "two", 2), Answer::Revision(3));
    assert_eq!(propose(&mut state, "two", 2), Answer::Revision(3));
    // It never saw two.
    assert_eq!(propose(&mut state, "three", 2), Answer::Revision(4));
    let mut restarted = State::decode(&state.encode()).unwrap();
    for state in [&mut state, &mut restarted] {
        for (text, base) in [("one", 0), ("one", 2), ("two", 2), ("two", 3)] {
            let refused = propose(state, text, base);
            assert!(matches!(refused, Answer::Refused(reason) if reason.contains("revision 4")));
        }
        let policies = state.policies.as_ref().unwrap();
        assert_eq!((policies.revision, policies.file.as_str()), (4, "three"));
    }
}

/// Scenario: a file is changed back; then a process comes that slept through both changes.
/// Guarantees: who had the newest may go back, and that is a revision of its own; the late one cannot go forward again.
#[test]
fn a_file_can_be_changed_back() {
    let mut state = State::default();
    assert_eq!(propose(&mut state, "one", 0), Answer::Revision(1));
    assert_eq!(propose(&mut state, "two", 1), Answer::Revision(2));
    assert_eq!(propose(&mut state, "one", 2), Answer::Revision(3));
    assert_eq!(propose(&mut state, "one", 2), Answer::Revision(3));
    let late = propose(&mut state, "two", 1);
    assert!(matches!(late, Answer::Refused(_)), "{late:?}");
    assert_eq!(propose(&mut state, "two", 3), Answer::Revision(4));
}

/// Scenario: an operator applies policies before there is a file and after, and then the file changes.
/// Guarantees: the file stays below what was applied; who proposes it again changes nothing; another file ends both.
#[test]
fn the_last_change_counts() {
    let mut state = State::default();
    let in_force = |state: &State| {
        let policies = state.policies.clone().unwrap();
        (policies.file.clone(), policies.text.clone())
    };
    let both = |file: &str, text: &str| (file.to_owned(), text.to_owned());
    let apply = |state: &mut State, text: &str| state.apply(9, &Change::Policies(text.to_owned()));
    assert_eq!(apply(&mut state, "over"), Answer::Revision(1));
    assert_eq!(propose(&mut state, "one", 0), Answer::Revision(2));
    assert_eq!(in_force(&state), both("one", "over"));
    assert_eq!(apply(&mut state, "other"), Answer::Revision(3));
    assert_eq!(propose(&mut state, "one", 0), Answer::Revision(2));
    assert_eq!(in_force(&state), both("one", "other"));
    assert_eq!(propose(&mut state, "two", 2), Answer::Revision(4));
    assert_eq!(in_force(&state), both("two", ""));
}
