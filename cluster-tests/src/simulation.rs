//! Whole clusters on a virtual clock.
//!
//! Samplers run the product's own `Shard` and `LogShard`, controllers its `RoutingTable`, gateways its `Journey`, on the policies of a real
//! Collector configuration. What is simulated is only what lies between: clocks, connections, processes that die, and
//! a backend. Everything comes from one seed, so that a run that fails can be looked at as often as it takes.
//!
//! ```text
//! cargo run -p cluster-tests -- simulate                                  all courses
//! cargo run -p cluster-tests -- simulate --scenario wild --seed 7 --trace one run, told in full
//! ```

mod backend;
mod checks;
mod clock;
mod controllers;
mod course;
mod defect;
mod errand;
mod event;
mod faults;
mod gateway;
mod history;
mod many;
mod network;
mod policies;
mod sampler;
mod traffic;
mod wire;
mod world;

pub use course::{COURSES, Course};
pub use defect::Defect;
pub use faults::Kind;
pub(crate) use history::History;
pub(crate) use many::each;
pub use many::{Simulations, simulate_many};

use world::World;

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Of everything that happened: the same seed has the same.
    pub hash: u64,
    /// How much happened.
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
    /// Virtual seconds.
    pub seconds: u64,
    /// What is wrong, if anything is.
    pub finding: Option<String>,
    /// What happened, when that was asked for.
    pub lines: Vec<String>,
}

/// Runs a course once. The same course, seed and defect are the same run.
#[must_use]
pub fn simulate(
    course: &'static Course,
    seed: u64,
    defect: Option<Defect>,
    is_traced: bool,
) -> Simulated {
    let mut world = World::new(course, seed, defect, is_traced);
    world.run();
    Simulated {
        hash: world.history.hash(),
        events: world.history.events(),
        decided: world.verdicts.count(),
        records: world.backend.records.len(),
        duplicates: world.verdicts.duplicates,
        lost: world.controllers.lost.len(),
        late: world.verdicts.late_max / clock::MILLI,
        seconds: world.now / clock::SECOND,
        finding: world.finding,
        lines: world.history.into_lines(),
    }
}
