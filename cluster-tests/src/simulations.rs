//! The command that runs clusters on a virtual clock.

use anyhow::{Context, Result, bail};
use clap::Args;
use cluster_tests::{COURSES, Course, Defect, simulate, simulate_many};

/// Which runs.
#[derive(Args)]
pub(crate) struct Simulate {
    /// A course of events; all when none is given. See `list`.
    #[arg(long)]
    scenario: Option<String>,
    /// The first seed, or the only one.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds of each course, from 0 or from the one that is given. Default: 80, or that one.
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

pub(crate) fn list() {
    for course in COURSES {
        println!("{:24} {course:?}", course.name);
    }
    println!("mutants of simulations: {:?}", Defect::ALL);
}

pub(crate) fn run(arguments: &Simulate) -> Result<()> {
    let defect = arguments.mutant.as_deref().map(defect).transpose()?;
    let first = arguments.seed.unwrap_or(0);
    let given = if arguments.seed.is_some() { 1 } else { SEEDS };
    let count = arguments.seeds.unwrap_or(given);
    for course in courses(arguments.scenario.as_deref())? {
        runs(course, first..first + count, defect, arguments.trace)?;
    }
    Ok(())
}

fn courses(name: Option<&str>) -> Result<Vec<&'static Course>> {
    let Some(name) = name else {
        return Ok(COURSES.iter().collect());
    };
    let found = Course::named(name);
    let found = found.with_context(|| format!("no course is called {name:?}; see `list`"))?;
    Ok(vec![found])
}

fn defect(name: &str) -> Result<Defect> {
    let mut all = Defect::ALL.iter();
    let found = all.find(|defect| format!("{defect:?}") == name);
    let found = found.with_context(|| format!("no mutant is called {name:?}; see `list`"))?;
    Ok(*found)
}

/// Runs seeds of a course, and stops at the first with a finding.
fn runs(
    course: &'static Course,
    seeds: std::ops::Range<u64>,
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
        let broken = defect.map(|defect| format!(" --mutant {defect:?}"));
        bail!(
            "{}\nafter {} s of {name}; to see how: cargo run -p cluster-tests -- simulate \
             --scenario {name} --seed {seed}{} --trace",
            run.finding.unwrap_or_default(),
            run.seconds,
            broken.unwrap_or_default(),
        );
    }
    println!(
        "{name:24} {:>5} runs, {:>6} s, {:>9} events, {:>7} traces decided, latest {:>5} ms, {:>5} \
         duplicates, {} slots lost",
        found.runs,
        found.seconds,
        found.events,
        found.decided,
        found.late,
        found.duplicates,
        found.lost
    );
    Ok(())
}
