//! The command line of the cluster's checks.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report")]

mod processes;
mod rollouts;
mod simulations;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use cluster_tests::{Mutant, SCENARIOS, Scenario, check, walk};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Checks the cluster: its protocol, and its processes")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists scenarios and mutants of the model, and scenarios of real processes.
    List,
    /// Runs whole clusters on a virtual clock.
    Simulate(simulations::Simulate),
    /// Runs real processes, does something to them, and judges what came of it.
    Chaos(processes::Chaos),
    /// Runs the scenarios of real processes that matter most (marked `*` in the list).
    Suite(processes::Suite),
    /// Rolls the chart out on a Kubernetes, changes it in every way, and judges what came of it.
    Rollout(rollouts::Rollout),
    /// Judges a run of real processes again from the folder that it left.
    Judge {
        /// The folder.
        folder: PathBuf,
    },
    /// Runs scenarios through every order of events.
    Model {
        /// Names of scenarios; all when none is given.
        scenarios: Vec<String>,
        /// Most states a scenario.
        #[arg(long, default_value_t = 50_000_000)]
        states: usize,
        /// Most seconds a scenario.
        #[arg(long, default_value_t = 3_600)]
        seconds: u64,
        /// A rule to take out.
        #[arg(long)]
        mutant: Option<String>,
    },
    /// Walks at random through scenarios.
    Walk {
        /// Names of scenarios; all when none is given.
        scenarios: Vec<String>,
        /// Seed of the first walk.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Walks a scenario.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// A rule to take out.
        #[arg(long)]
        mutant: Option<String>,
    },
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::List => list(),
        Command::Simulate(simulate) => simulations::run(&simulate)?,
        Command::Chaos(chaos) => processes::chaos(&chaos)?,
        Command::Suite(suite) => processes::suite(&suite)?,
        Command::Rollout(rollout) => rollouts::run(&rollout)?,
        Command::Judge { folder } => processes::judge(&folder)?,
        Command::Model {
            scenarios,
            states,
            seconds,
            mutant,
        } => {
            for scenario in chosen(&scenarios, mutant.as_deref())? {
                model(scenario, states, Duration::from_secs(seconds))?;
            }
        }
        Command::Walk {
            scenarios,
            seed,
            count,
            mutant,
        } => {
            for scenario in chosen(&scenarios, mutant.as_deref())? {
                walks(&scenario, seed, count)?;
            }
        }
    }
    Ok(())
}

fn list() {
    println!("model:");
    for scenario in SCENARIOS {
        println!("{:24} {scenario:?}", scenario.name);
    }
    println!("mutants: {:?}", Mutant::ALL);
    simulations::list();
    println!("chaos (those of the suite have a *):");
    processes::list();
}

fn chosen(names: &[String], mutant: Option<&str>) -> Result<Vec<Scenario>> {
    let mutant = mutant
        .map(|name| {
            let mut all = Mutant::ALL.iter();
            all.find(|mutant| format!("{mutant:?}") == name)
                .with_context(|| format!("no mutant is called {name:?}; see `list`"))
        })
        .transpose()?;
    let found: Vec<Scenario> = if names.is_empty() {
        SCENARIOS.to_vec()
    } else {
        let named = names.iter().map(|name| {
            Scenario::named(name)
                .with_context(|| format!("no scenario is called {name:?}; see `list`"))
        });
        named.collect::<Result<_>>()?
    };
    Ok(match mutant {
        Some(&mutant) => found
            .into_iter()
            .map(|scenario| scenario.without(mutant))
            .collect(),
        None => found,
    })
}

fn model(scenario: Scenario, states: usize, time: Duration) -> Result<()> {
    let name = scenario.name;
    let found = check(scenario, states, time);
    if let Some((rule, path)) = found.broken {
        for (number, action) in path.iter().enumerate() {
            println!("{:3} {action:?}", number + 1);
        }
        bail!("{name}: broken after {} states: {rule}", found.states);
    }
    let how = if found.exhausted {
        "exhausted"
    } else {
        "bounded"
    };
    println!(
        "{name:24} {:>12} states, depth {:>3}, {how}",
        found.states, found.depth
    );
    Ok(())
}

fn walks(scenario: &Scenario, seed: u64, count: u64) -> Result<()> {
    let name = scenario.name;
    let found = walk(scenario, seed, count);
    if let Some((rule, seed, path)) = found.broken {
        for (number, action) in path.iter().enumerate() {
            println!("{:3} {action:?}", number + 1);
        }
        bail!("{name}: broken in the walk with seed {seed}: {rule}");
    }
    println!(
        "{name:24} {} walks, {} steps, {} came to rest",
        found.walks, found.steps, found.rested
    );
    Ok(())
}
