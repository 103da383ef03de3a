//! Clusters on a virtual clock: the product's own shards, under everything that may happen to them.

use cluster_tests::{COURSES, Course, Defect, Simulations, simulate, simulate_many};

fn course(name: &str) -> &'static Course {
    Course::named(name).unwrap_or_else(|| panic!("there is no course {name}"))
}

fn run(course: &'static Course, seeds: u64) -> Simulations {
    let found = simulate_many(course, 0..seeds, None);
    if let Some((seed, run)) = &found.broken {
        let name = course.name;
        panic!(
            "{:?}; to see how: cargo run -p cluster-tests -- simulate --scenario {name} --seed {seed} --trace",
            run.finding
        );
    }
    found
}

/// Scenario: every course of events, with 67 seeds each: a thousand runs; most have faults.
/// Guarantees: I1 to I6; decisions are neither early nor late; log records go the way of their trace (L1 to L5); and at rest nothing
/// is held, waits or is kept for others.
#[test]
fn clusters_keep_their_promises_whatever_happens() {
    for course in COURSES {
        let found = run(course, 67);
        assert!(found.decided > 1_000, "{}: {found:?}", course.name);
        assert!(found.records > 1_000, "{}: {found:?}", course.name);
        assert_eq!(found.lost > 0, course.loses, "{}: {found:?}", course.name);
    }
}

/// Scenario: a course with everything in it, twice with one seed, once with another.
/// Guarantees: the same seed is the same history, so that a finding can be looked at; another seed is another.
#[test]
fn the_same_seed_is_the_same_history() {
    let once = |seed| simulate(course("wild"), seed, None, false);
    let (first, again, other) = (once(5), once(5), once(6));
    assert_eq!(first, again);
    assert_ne!(first.hash, other.hash);
}

/// Where a broken rule shows.
fn shows_in(defect: Defect) -> &'static str {
    match defect {
        Defect::SkipReplica | Defect::RestartTimers | Defect::DropVerdicts => "crash",
        Defect::IgnoreView => "partition",
        Defect::DoubleExport | Defect::UntoldLogs | Defect::DoubleLogs => "calm",
        Defect::NoRemind => "links",
        Defect::OpenEarly
        | Defect::DropDelivered
        | Defect::ForgottenLogs
        | Defect::NamelessLogs => "scale",
        Defect::SlotsBeforeLogs => "wild",
        Defect::DrainByName => "rolling-and-crash",
    }
}

/// Scenario: each rule is broken in turn by the host around the product's code.
/// Guarantees: the checks see it.
#[test]
fn every_defect_is_seen() {
    let is_missed = |defect: &&Defect| {
        let found = simulate_many(course(shows_in(**defect)), 0..60, Some(**defect));
        found.broken.is_none()
    };
    let missed: Vec<_> = Defect::ALL.iter().filter(is_missed).collect();
    assert!(missed.is_empty(), "not seen: {missed:?}");
}
