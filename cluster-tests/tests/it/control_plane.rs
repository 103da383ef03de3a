//! The control plane on a virtual clock: Raft, disks, connections and clients under everything that may happen to them.

use cluster_tests::{
    CONTROL_COURSES, ControlCourse, ControlDefect, simulate_control, simulate_control_many,
};

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

/// Scenario: the course with everything in it, twice with each of two seeds.
/// Guarantees: the same seed is the same history: whatever was seen, and when. Another seed is another.
#[test]
fn the_same_seed_of_the_control_plane_is_the_same_history() {
    let once = |seed| simulate_control(course("control-wild"), seed, None, false);
    let mut hashes: Vec<u64> = (0..2)
        .map(|seed| {
            let (first, again) = (once(seed), once(seed));
            assert_eq!(first, again, "seed {seed}");
            first.hash
        })
        .collect();
    hashes.dedup();
    assert_eq!(hashes.len(), 2);
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
