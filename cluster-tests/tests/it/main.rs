//! The hand-over protocol under the model checker, and the rules that it depends on; clusters under simulation; and real processes.

mod control_plane;
mod processes;
mod simulations;

use cluster_tests::{Mutant, Scenario, check, walk};
use std::time::Duration;

fn scenario(name: &str) -> Scenario {
    let found = Scenario::named(name);
    found.unwrap_or_else(|| panic!("there is no scenario {name}"))
}

/// Runs a scenario through every order of events.
fn exhaust(name: &str) {
    let found = check(scenario(name), 20_000_000, Duration::from_secs(1_200));
    assert!(found.broken.is_none(), "{name}: {:#?}", found.broken);
    assert!(found.exhausted, "{name}: {found:?}");
}

/// Scenario: one pair; a member crashes and comes back as a new incarnation; or is taken for dead while it goes on;
/// clients send again what was acknowledged.
/// Guarantees: S1 to S5, whatever the order of events.
#[test]
fn one_tenure_survives_a_crash_and_a_false_suspicion() {
    exhaust("crash-one-span");
    exhaust("suspicion-one-span");
    exhaust("resends");
}

/// Scenario: a slot moves once: two spans of a trace, or a kept and a dropped trace.
/// Guarantees: the same.
#[test]
fn a_move_splits_no_trace() {
    exhaust("move");
    exhaust("two-traces");
}

/// Scenario: a slot with one copy moves twice.
/// Guarantees: the same.
#[test]
fn one_copy_moves_without_loss() {
    exhaust("one-copy");
}

/// Scenario: moves, crashes, suspicions, losses of messages and evacuations together, more than can be exhausted.
/// Guarantees: no random walk breaks a rule.
#[test]
fn walks_through_everything_break_no_rule() {
    let scenarios = [
        "wild",
        "wild-on-and-on",
        "wild-losses",
        "on-and-on",
        "there-and-back",
        "move-crash",
        "evacuated",
        "one-copy-evacuated",
    ];
    for name in scenarios {
        let found = walk(&scenario(name), 0, 1_000);
        assert!(found.broken.is_none(), "{name}: {:#?}", found.broken);
        assert!(found.rested > 100, "{name}: {found:?}");
    }
}

/// How a mutant is found: in which scenario, by every order of events or by walks.
fn is_caught(mutant: Mutant) -> bool {
    let walked = |name, count| {
        walk(&scenario(name).without(mutant), 0, count)
            .broken
            .is_some()
    };
    match mutant {
        Mutant::NoManifest | Mutant::DropVerdictsOnMove | Mutant::NoClose => walked("move", 3_000),
        Mutant::SealAlone => walked("move-crash", 3_000),
        Mutant::OpenNotRecorded => walked("wild-on-and-on", 6_000),
        Mutant::AskLastOnly => walked("on-and-on", 6_000),
        Mutant::UnconditionalClear => walked("there-and-back", 6_000),
        Mutant::SkipReplica
        | Mutant::IgnoreView
        | Mutant::ExportBeforeRecord
        | Mutant::VerdictsFreed
        | Mutant::LateOnOneCopy
        | Mutant::OldIncarnation
        | Mutant::ClearBeforeDelivery
        | Mutant::CandidateActsEarly
        | Mutant::InSyncBeforeFrames => walked("crash", 6_000),
    }
}

/// Scenario: each rule is taken out in turn.
/// Guarantees: the checks see it: none of the rules is there for nothing.
#[test]
fn every_mutant_is_caught() {
    let missed: Vec<_> = Mutant::ALL
        .iter()
        .filter(|&&mutant| !is_caught(mutant))
        .collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
