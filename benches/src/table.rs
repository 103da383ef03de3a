//! How long a change of the routing table takes to be everywhere.

use crate::backend;
use crate::cluster::{Logs, Shape, Town};
use crate::gateway::quantile;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a process says when it knows a newer table.
const LEARNED: &str = "a newer routing table";

/// Forms a cluster, whose members join one after the other, and reads in their logs when each knew which table.
///
/// A change counts when all of them learned it: a process that takes two at once learns only the second.
pub(crate) fn spread(program: &Path, samplers: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let shape = Shape {
        samplers,
        copies: 2,
    };
    runtime.block_on(form(program, shape, folder.path()))?;
    let (processes, changes) = changes(folder.path())?;
    let everywhere = changes
        .into_values()
        .filter(|learned| learned.len() == processes);
    let mut spreads: Vec<Duration> = everywhere
        .filter_map(|learned| {
            let (first, last) = (learned.iter().min()?, learned.iter().max()?);
            Some(last.saturating_sub(*first))
        })
        .collect();
    ensure!(!spreads.is_empty(), "no table was learned by all");
    spreads.sort_unstable();
    let millis = |share| quantile(&spreads, share).as_secs_f64() * 1e3;
    println!(
        "{processes} processes, {} tables that all of them learned; from the first that knew to the last:",
        spreads.len()
    );
    println!(
        "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        millis(0.5),
        millis(0.99),
        millis(1.0)
    );
    Ok(())
}

/// Until every sampler has its slots.
async fn form(program: &Path, shape: Shape, folder: &Path) -> Result<()> {
    let (sink, _) = backend::start(Instant::now()).await?;
    Town::start(program, shape, sink, folder, Logs::Debug).await?;
    Ok(())
}

/// How many processes wrote logs, and when each epoch was learned, since the epoch of clocks.
fn changes(folder: &Path) -> Result<(usize, BTreeMap<u64, Vec<Duration>>)> {
    let mut processes = 0;
    let mut learned = BTreeMap::<u64, Vec<Duration>>::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        processes += 1;
        for line in fs::read_to_string(&path)?.lines() {
            let line: serde_json::Value = serde_json::from_str(line)?;
            if line["message"] == LEARNED {
                let epoch = line["epoch"].as_u64().context("a table without an epoch")?;
                learned.entry(epoch).or_default().push(moment(&line)?);
            }
        }
    }
    Ok((processes, learned))
}

fn moment(line: &serde_json::Value) -> Result<Duration> {
    let text = line["timestamp"]
        .as_str()
        .context("a line without a time")?;
    let time: jiff::Timestamp = text.parse()?;
    Ok(Duration::try_from(
        time.duration_since(jiff::Timestamp::UNIX_EPOCH),
    )?)
}
