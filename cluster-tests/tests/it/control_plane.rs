//! The control plane on a virtual clock: Raft, disks, connections and clients under everything that may happen to them.

use cluster_tests::{
    CONTROL_COURSES, ControlCourse, ControlDefect, simulate_control, simulate_control_many,
};
use std::collections::BTreeSet;

fn course(name: &str) -> &'static ControlCourse {
    ControlCourse::named(name).unwrap_or_else(|| panic!("there is no course {name}"))
}

/// Scenario: every course of events, with eight seeds each; most have faults.
/// Guarantees: one leader a term, one table an epoch, nothing goes back, ids and lives are one's own, what was acknowledged
/// stays; and without faults everything comes to rest.
#[test]
fn the_control_plane_keeps_its_promises_whatever_happens() {
    for course in CONTROL_COURSES {
        let found = simulate_control_many(course, 0..8, None);
        if let Some((seed, run)) = &found.broken {
            let name = course.name;
            panic!(
                "{:?}; to see how: cargo run -p cluster-tests -- simulate --scenario {name} --seed {seed} --trace",
                run.finding
            );
        }
        assert!(found.changes > 20, "{}: {found:?}", course.name);
    }
}

/// A history that a seed of the course with everything in it has had twice, of six at most.
fn history_of(seed: u64) -> Option<u64> {
    let mut seen = BTreeSet::new();
    let histories =
        (0..6).map(|_| simulate_control(course("control-wild"), seed, None, false).hash);
    histories.into_iter().find(|hash| !seen.insert(*hash))
}

/// Scenario: the course with everything in it, with each of two seeds until one of its histories comes again.
/// Guarantees: a seed comes back to a history: whatever was seen, and when. What tokio draws makes it another one now and then, and
/// with six chances for that no seed would come back by luck. Another seed is another history.
#[test]
fn a_seed_of_the_control_plane_comes_back_to_its_history() {
    let histories = [0, 1].map(history_of);
    assert!(histories.iter().all(Option::is_some), "{histories:?}");
    assert_ne!(histories[0], histories[1]);
}

/// Where a mistake of the host shows.
fn shows_in(defect: ControlDefect) -> &'static str {
    match defect {
        ControlDefect::ForgetVotes
        | ControlDefect::LoseSynced
        | ControlDefect::EmptyLog
        | ControlDefect::OldDisk => "control-crash",
        ControlDefect::TwinDisk => "control-lost-disk",
        ControlDefect::HastyOperator => "control-partition",
        ControlDefect::GhostSampler => "control-samplers",
    }
}

/// Scenario: the host around the product's code makes each mistake in turn.
/// Guarantees: the checks see it within 20 runs.
#[test]
fn every_mistake_around_the_control_plane_is_seen() {
    let is_missed = |defect: &&ControlDefect| {
        let course = course(shows_in(**defect));
        let found = simulate_control_many(course, 0..20, Some(**defect));
        found.broken.is_none()
    };
    let missed: Vec<_> = ControlDefect::ALL.iter().filter(is_missed).collect();
    assert!(missed.is_empty(), "not seen: {missed:?}");
}
