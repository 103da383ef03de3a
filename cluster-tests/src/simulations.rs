//! The command that runs clusters on a virtual clock.

use anyhow::{Result, bail};
use clap::Args;
use cluster_tests::{
    CONTROL_COURSES, COURSES, ControlCourse, ControlDefect, Course, Defect, simulate,
    simulate_control, simulate_control_many, simulate_many,
};
use std::fmt;
use std::ops::Range;

/// Which runs.
#[derive(Args)]
pub(crate) struct Simulate {
    /// A course of events; all when none is given. See `list`.
    #[arg(long)]
    scenario: Option<String>,
    /// The first seed, or the only one.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds of each course, from 0 or from the one that is given. Default: 80, of those of the control plane 20, or
    /// that one.
    #[arg(long)]
    seeds: Option<u64>,
    /// A rule to break.
    #[arg(long)]
    mutant: Option<String>,
    /// Tells everything that happens.
    #[arg(long)]
    trace: bool,
}

const SEEDS: u64 = 80;
/// Of a course of the control plane, which takes longer.
const CONTROL_SEEDS: u64 = 20;

pub(crate) fn list() {
    for course in COURSES {
        println!("{:24} {course:?}", course.name);
    }
    println!("mutants of simulations: {:?}", Defect::ALL);
    for course in CONTROL_COURSES {
        println!("{:24} {course:?}", course.name);
    }
    println!("mutants of the control plane: {:?}", ControlDefect::ALL);
}

pub(crate) fn run(arguments: &Simulate) -> Result<()> {
    let name = arguments.scenario.as_deref();
    let (courses, control) = match name {
        None => (COURSES.iter().collect(), CONTROL_COURSES.iter().collect()),
        Some(name) => (
            Vec::from_iter(Course::named(name)),
            Vec::from_iter(ControlCourse::named(name)),
        ),
    };
    if courses.is_empty() && control.is_empty() {
        bail!(
            "no course is called {:?}; see `list`",
            name.unwrap_or_default()
        );
    }
    // Without a name a mutant says of which courses it is.
    let mutant = arguments.mutant.as_deref();
    let (defect, control_defect) = (
        named(mutant, Defect::ALL),
        named(mutant, ControlDefect::ALL),
    );
    for course in courses
        .into_iter()
        .filter(|_| mutant.is_none() || defect.is_some())
    {
        runs(course, arguments.seeds(SEEDS), defect, arguments.trace)?;
    }
    for course in control
        .into_iter()
        .filter(|_| mutant.is_none() || control_defect.is_some())
    {
        control_runs(
            course,
            arguments.seeds(CONTROL_SEEDS),
            control_defect,
            arguments.trace,
        )?;
    }
    mutant
        .filter(|_| defect.is_none() && control_defect.is_none())
        .map_or(Ok(()), |name| {
            bail!("no mutant is called {name:?}; see `list`")
        })
}

impl Simulate {
    fn seeds(&self, count: u64) -> Range<u64> {
        let first = self.seed.unwrap_or(0);
        let given = if self.seed.is_some() { 1 } else { count };
        first..first + self.seeds.unwrap_or(given)
    }
}

fn named<T: Copy + fmt::Debug>(name: Option<&str>, all: &[T]) -> Option<T> {
    let mut all = all.iter();
    all.find(|one| Some(&*format!("{one:?}")) == name).copied()
}

/// The command that tells how a run came to its finding.
fn again(course: &str, seed: u64, defect: Option<impl fmt::Debug>) -> String {
    let broken = defect.map(|defect| format!(" --mutant {defect:?}"));
    format!(
        "to see how: cargo run -p cluster-tests -- simulate --scenario {course} --seed {seed}{} --trace",
        broken.unwrap_or_default()
    )
}

/// Runs seeds of a course, and stops at the first with a finding.
fn runs(
    course: &'static Course,
    seeds: Range<u64>,
    defect: Option<Defect>,
    trace: bool,
) -> Result<()> {
    let name = course.name;
    if trace {
        for seed in seeds.clone() {
            let run = simulate(course, seed, defect, true);
            run.lines.iter().for_each(|line| println!("{line}"));
        }
    }
    let found = simulate_many(course, seeds, defect);
    if let Some((seed, run)) = found.broken {
        let (finding, again) = (run.finding.unwrap_or_default(), again(name, seed, defect));
        bail!("{finding}\nafter {} s of {name}; {again}", run.seconds);
    }
    println!(
        "{name:24} {:>5} runs, {:>6} s, {:>9} events, {:>7} traces decided, latest {:>5} ms, {:>5} \
         duplicates, {:>6} log records, {} slots lost",
        found.runs,
        found.seconds,
        found.events,
        found.decided,
        found.late,
        found.duplicates,
        found.records,
        found.lost
    );
    Ok(())
}

/// Runs seeds of a course of the control plane, and stops at the first with a finding. A run that is told is run once: the
/// next may differ where two events of a process come in the same instant.
fn control_runs(
    course: &'static ControlCourse,
    seeds: Range<u64>,
    defect: Option<ControlDefect>,
    trace: bool,
) -> Result<()> {
    let name = course.name;
    let told = |seed, finding: Option<String>, seconds| match finding {
        Some(finding) => bail!(
            "{finding}\nafter {seconds} s of {name}; {}",
            again(name, seed, defect)
        ),
        None => Ok(()),
    };
    if trace {
        for seed in seeds {
            let run = simulate_control(course, seed, defect, true);
            run.lines.iter().for_each(|line| println!("{line}"));
            println!("hash {:016x}", run.hash);
            told(seed, run.finding, run.seconds)?;
        }
        return Ok(());
    }
    let found = simulate_control_many(course, seeds, defect);
    if let Some((seed, run)) = found.broken {
        return told(seed, run.finding, run.seconds);
    }
    println!(
        "{name:24} {:>5} runs, {:>6} s, {:>9} events, {:>7} tables and policies, at most {:>3} terms",
        found.runs, found.seconds, found.events, found.changes, found.term
    );
    Ok(())
}
