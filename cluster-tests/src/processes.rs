//! The commands that run real processes.

use anyhow::{Context, Result, bail};
use clap::Args;
use cluster_tests::{
    CHAOS_SCENARIOS, ChaosScenario, Outcome, Verdicts, enter_namespace, find_binary, judge_again,
    outcome, run_chaos,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Where a run leaves what is known of it, below cargo's target folder.
const FOLDER: &str = "target/chaos";

/// What to run.
#[derive(Args)]
pub(crate) struct Chaos {
    /// Name of the scenario; see `list`.
    #[arg(long)]
    scenario: String,
    /// Chooses traces, times and victims.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the run leaves its history, verdicts and report. Default: `target/chaos/SCENARIO-SEED`.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Do not use network namespaces, although they are there.
    #[arg(long)]
    loopback: bool,
}

/// Runs the scenarios that matter most, one after the other.
#[derive(Args)]
pub(crate) struct Suite {
    /// Seed of the first round.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How often, each time with the next seed.
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// All scenarios instead.
    #[arg(long)]
    all: bool,
}

pub(crate) fn list() {
    for scenario in CHAOS_SCENARIOS {
        let mark = if scenario.in_suite { '*' } else { ' ' };
        println!("{mark} {:20} {}", scenario.name, scenario.about);
    }
}

pub(crate) fn chaos(arguments: &Chaos) -> Result<()> {
    let name = &arguments.scenario;
    let scenario = ChaosScenario::named(name)
        .with_context(|| format!("no scenario is called {name:?}; see `list`"))?;
    let binary = find_binary()?;
    if !arguments.loopback {
        enter_namespace(&binary)?;
    }
    let folder = match &arguments.output {
        Some(folder) => folder.clone(),
        None => folder(name, arguments.seed),
    };
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let verdicts = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        tokio::select! {
            verdicts = run_chaos(&scenario, arguments.seed, &binary, &folder) => verdicts,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    });
    tell(&verdicts?, &folder)
}

pub(crate) fn judge(folder: &Path) -> Result<()> {
    tell(&judge_again(folder)?, folder)
}

fn folder(scenario: &str, seed: u64) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    workspace.join(FOLDER).join(format!("{scenario}-{seed}"))
}

/// Says how a run came out; an error when it did not pass.
fn tell(verdicts: &Verdicts, folder: &Path) -> Result<()> {
    let run = &verdicts.run;
    println!(
        "{} with seed {}: {}",
        run.scenario,
        run.seed,
        outcome(verdicts)
    );
    for check in &verdicts.checks {
        let (number, statement) = (check.invariant.number(), check.invariant.statement());
        let (checked, what, violated) = (check.checked, &check.what, check.violated);
        if check.evaluated {
            println!("{number:5} {violated:5} broken of {checked} {what}: {statement}");
        } else {
            println!("{number:5} {what}");
        }
    }
    println!("report: {}", folder.join("report.md").display());
    match verdicts.outcome {
        Outcome::Passed => Ok(()),
        Outcome::Failed | Outcome::Invalid => bail!("{}", outcome(verdicts)),
    }
}

/// Each run is a process of its own, so that one that fails badly takes no other with it.
pub(crate) fn suite(arguments: &Suite) -> Result<()> {
    let this = std::env::current_exe().context("this program has no path")?;
    let mut failed = Vec::new();
    for seed in arguments.seed..arguments.seed + arguments.rounds {
        let wanted = |it: &&ChaosScenario| arguments.all || it.in_suite;
        for scenario in CHAOS_SCENARIOS.iter().filter(wanted) {
            let status = Command::new(&this)
                .args(["chaos", "--scenario", scenario.name])
                .args(["--seed", &seed.to_string()])
                .status()?;
            if !status.success() {
                failed.push(format!("chaos --scenario {} --seed {seed}", scenario.name));
            }
        }
    }
    if !failed.is_empty() {
        bail!("these did not pass:\n  {}", failed.join("\n  "));
    }
    Ok(())
}
