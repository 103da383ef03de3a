//! Many runs at once.

use super::course::ControlCourse;
use super::defect::ControlDefect;
use super::{ControlRun, simulate_control};
use crate::simulation::each;
use std::ops::Range;
use std::sync::Mutex;

/// What became of many runs of a course.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlRuns {
    /// Runs that ended.
    pub runs: u64,
    /// Virtual seconds of all runs.
    pub seconds: u64,
    /// What was seen in all runs.
    pub events: u64,
    /// Tables and policies of all runs.
    pub changes: usize,
    /// The highest term of a run.
    pub term: u64,
    /// A run with a finding: its seed, and what it is.
    pub broken: Option<(u64, ControlRun)>,
}

impl ControlRuns {
    fn add(&mut self, seed: u64, run: ControlRun) {
        self.runs += 1;
        self.seconds += run.seconds;
        self.events += run.events;
        self.changes += run.changes;
        self.term = self.term.max(run.term);
        let known = self.broken.as_ref().map(|(seed, _)| *seed);
        if run.finding.is_some() && known.is_none_or(|known| seed < known) {
            self.broken = Some((seed, run));
        }
    }
}

/// Runs a course with each of these seeds, on all processors, until one has a finding.
#[must_use]
pub fn simulate_control_many(
    course: &'static ControlCourse,
    seeds: Range<u64>,
    defect: Option<ControlDefect>,
) -> ControlRuns {
    let all = Mutex::new(ControlRuns::default());
    each(seeds, |seed| {
        let run = simulate_control(course, seed, defect, false);
        let is_broken = run.finding.is_some();
        all.lock().expect("no run panics").add(seed, run);
        is_broken
    });
    all.into_inner().expect("no run panics")
}
