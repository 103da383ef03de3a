//! The control plane on a virtual clock: the product's controllers with openraft, their log and snapshots, the control
//! service, clients and an operator, over the product's links, on the simulated network of `turmoil`.
//!
//! What is simulated lies below them: connections ([`tailweir_link::Network`]), disks ([`tailweir_control::Disk`]), time. A
//! disk that a machine crashes with keeps what it said was safe; of the rest a part. Links are slow, held, cut one way or
//! both. What must hold is looked at after each step of 20 ms, and at the end everything has to come to rest.
//!
//! What happens is drawn from the seed: faults, latencies, disks, after which silence a controller wants to lead. What is
//! left to chance is what tokio draws where two events of one process are ready in the same instant, so that the same seed
//! is nearly always the same history.

mod course;
mod defect;
mod disk;
mod faults;
mod many;
mod network;
mod operator;
mod panics;
mod rest;
mod seat;
mod watch;
mod world;

pub use course::{CONTROL_COURSES, ControlCourse};
pub use defect::ControlDefect;
pub use faults::Harm;
pub use many::{ControlRuns, simulate_control_many};

use world::World;

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlRun {
    /// Of everything that was seen: ids, leaders, terms, tables, revisions and lives, with their times.
    pub hash: u64,
    /// How much was seen.
    pub events: u64,
    /// Tables and policies that were seen.
    pub changes: usize,
    /// The highest term.
    pub term: u64,
    /// Virtual seconds.
    pub seconds: u64,
    /// What is wrong, if anything is.
    pub finding: Option<String>,
    /// What happened, when that was asked for.
    pub lines: Vec<String>,
}

/// Runs a course once.
#[must_use]
pub fn simulate_control(
    course: &'static ControlCourse,
    seed: u64,
    defect: Option<ControlDefect>,
    is_traced: bool,
) -> ControlRun {
    panics::watch();
    let mut world = World::new(course, seed, defect, is_traced);
    world.run();
    let seconds = world.elapsed().as_secs();
    let (watch, history) = world.into_history();
    ControlRun {
        hash: history.hash(),
        events: history.events(),
        changes: watch.changes(),
        term: watch.term(),
        seconds,
        finding: watch.finding,
        lines: history.into_lines(),
    }
}
