//! The command that rolls the chart out.

use anyhow::{Result, bail};
use clap::Args;
use cluster_tests::{Outcome, RolloutOptions, outcome, run_rollout, write_rollout_table};
use std::net::IpAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Where and what. `KUBECONFIG` says which cluster; `BIN` and `STATE` are those of the script.
#[derive(Args)]
pub(crate) struct Rollout {
    /// The program `helm`.
    #[arg(long)]
    helm: PathBuf,
    /// The chart's folder.
    #[arg(long)]
    chart: PathBuf,
    /// The script that made the nodes.
    #[arg(long)]
    nodes: PathBuf,
    /// An address of this machine that pods reach.
    #[arg(long)]
    backend: IpAddr,
    /// Where histories, logs and verdicts are left.
    #[arg(long)]
    output: PathBuf,
    /// Chooses the traces.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only this change; may be given several times.
    #[arg(long)]
    only: Vec<String>,
}

pub(crate) fn run(arguments: &Rollout) -> Result<()> {
    std::fs::create_dir_all(&arguments.output)?;
    let options = RolloutOptions {
        helm: arguments.helm.clone(),
        chart: arguments.chart.clone(),
        nodes: arguments.nodes.clone(),
        backend: arguments.backend,
        folder: arguments.output.canonicalize()?,
        seed: arguments.seed,
        only: arguments.only.clone(),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let rows = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        let tell = |row: &_| {
            let cluster_tests::RolloutRow {
                change, verdicts, ..
            } = row;
            println!("{change}: {}", outcome(verdicts));
        };
        tokio::select! {
            rows = Box::pin(run_rollout(&options, tell)) => rows,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    })?;
    let table = write_rollout_table(&options.folder, &rows)?;
    print!("{}", std::fs::read_to_string(&table)?);
    let passed = |row: &&cluster_tests::RolloutRow| row.verdicts.outcome == Outcome::Passed;
    let failed: Vec<_> = rows.iter().filter(|row| !passed(row)).collect();
    if !failed.is_empty() {
        let names: Vec<_> = failed.iter().map(|row| row.change).collect();
        bail!(
            "these did not pass: {}; see {}",
            names.join(", "),
            table.display()
        );
    }
    Ok(())
}
