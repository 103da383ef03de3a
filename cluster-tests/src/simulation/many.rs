//! Many runs at once.

use super::course::Course;
use super::defect::Defect;
use super::{Simulated, simulate};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

/// What became of many runs of a course.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulations {
    /// Runs that ended.
    pub runs: u64,
    /// Virtual seconds of all runs.
    pub seconds: u64,
    /// Events of all runs.
    pub events: u64,
    /// Traces that were decided.
    pub decided: usize,
    /// Log records that reached the backend.
    pub records: usize,
    /// Spans that reached the backend more than once.
    pub duplicates: u64,
    /// Slots of which a tenure was lost.
    pub lost: usize,
    /// The longest that a decision was late, in milliseconds.
    pub late: u64,
    /// A run with a finding: its seed, and what it is.
    pub broken: Option<(u64, Simulated)>,
}

impl Simulations {
    fn add(&mut self, seed: u64, run: Simulated) {
        self.runs += 1;
        self.seconds += run.seconds;
        self.events += run.events;
        self.decided += run.decided;
        self.records += run.records;
        self.duplicates += run.duplicates;
        self.lost += run.lost;
        self.late = self.late.max(run.late);
        let known = self.broken.as_ref().map(|(seed, _)| *seed);
        if run.finding.is_some() && known.is_none_or(|known| seed < known) {
            self.broken = Some((seed, run));
        }
    }
}

/// Runs a course with each of these seeds, on all processors, until one has a finding.
#[must_use]
pub fn simulate_many(
    course: &'static Course,
    seeds: Range<u64>,
    defect: Option<Defect>,
) -> Simulations {
    let all = Mutex::new(Simulations::default());
    each(seeds, |seed| {
        let run = simulate(course, seed, defect, false);
        let is_broken = run.finding.is_some();
        all.lock().expect("no run panics").add(seed, run);
        is_broken
    });
    all.into_inner().expect("no run panics")
}

/// Does something with each of these seeds, on all processors, until it says of one that it is broken.
pub(crate) fn each(seeds: Range<u64>, run: impl Fn(u64) -> bool + Sync) {
    let (next, is_broken) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let work = || {
        while !is_broken.load(Relaxed) {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end {
                return;
            }
            is_broken.fetch_or(run(seed), Relaxed);
        }
    };
    let count = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(work);
        }
    });
}
