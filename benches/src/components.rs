//! What components cost in process, beside those of a Collector in the same run.

use crate::component::{Addresses, Component, NOTHING, chosen};
use crate::gateway::path;
use crate::requests::{RECORDS, requests};
use crate::valgrind::{self, Counts};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tailweir_core::Signal;

/// Runs of each subject, one after the other in turns; the best counts, because others only slow it down.
const ROUNDS: usize = 3;
/// Requests of a short and of a long run under valgrind; each is in the short one.
const COUNTED: [u64; 2] = [16, 48];

/// What is measured.
pub(crate) struct Plan<'a> {
    /// Names of components; empty: all.
    pub(crate) only: &'a [String],
    /// The program of the Collector, if it takes part.
    pub(crate) collector: Option<&'a Path>,
    /// Whether to count instructions and allocations: takes minutes.
    pub(crate) counts: bool,
}

/// A row of the table.
struct Row {
    nanos: f64,
    counts: Option<Counts>,
    /// Nanoseconds and allocations of a record in the Collector.
    collector: Option<(f64, f64)>,
}

/// Prints a line for each component and signal.
pub(crate) fn compare(plan: &Plan<'_>) -> Result<()> {
    println!(
        "{:<26} {:<8} {:>7} {:>9} {:>7} {:>7} {:>9} {:>10} {:>7} {:>7} {:>6}",
        "a record",
        "signal",
        "ns",
        "Collector",
        "ratio",
        "above",
        "Collector",
        "ratio above",
        "instr.",
        "alloc.",
        "Coll."
    );
    let mut bare = BTreeMap::new();
    for component in chosen(plan.only)?.filter(|component| component.is_pure) {
        for &signal in component.signals {
            let row = measure(plan, component, signal)?;
            print(component, signal, &row, bare.get(&signal));
            if component.name == NOTHING {
                bare.insert(signal, row);
            }
        }
    }
    Ok(())
}

fn measure(plan: &Plan<'_>, component: &Component, signal: Signal) -> Result<Row> {
    let mut row = Row {
        nanos: f64::INFINITY,
        counts: None,
        collector: None,
    };
    for _ in 0..ROUNDS {
        row.nanos = row.nanos.min(ours(component, signal)?);
        if let Some(program) = plan.collector {
            let (nanos, allocations) = theirs(program, component, signal)?;
            let best = row.collector.map_or(nanos, |(best, _)| nanos.min(best));
            row.collector = Some((best, allocations));
        }
    }
    if plan.counts {
        let arguments = |requests: u64| {
            let words = ["component", component.name, signal.name(), "--requests"];
            let words = words.into_iter().map(String::from);
            words.chain([requests.to_string()]).collect()
        };
        row.counts = Some(valgrind::count(COUNTED, RECORDS as f64, arguments)?);
    }
    Ok(row)
}

fn ours(component: &Component, signal: Signal) -> Result<f64> {
    let program = std::env::current_exe()?;
    let figures = figures(&program, &["component", component.name, signal.name()])?;
    figures.first().copied().context("no figure")
}

fn theirs(program: &Path, component: &Component, signal: Signal) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let (configuration, bodies) = (
        folder.path().join("config.yaml"),
        folder.path().join("bodies"),
    );
    fs::write(
        &configuration,
        component.configuration(signal, Addresses::NONE),
    )?;
    let mut content = Vec::new();
    for body in requests(signal) {
        content.extend_from_slice(&u32::try_from(body.len())?.to_be_bytes());
        content.extend_from_slice(&body);
    }
    fs::write(&bodies, content)?;
    let arguments = [
        "component",
        path(&configuration)?,
        signal.name(),
        path(&bodies)?,
    ];
    match figures(program, &arguments)?[..] {
        [nanos, allocations] => Ok((nanos, allocations)),
        _ => anyhow::bail!("the Collector gave no two figures"),
    }
}

/// The numbers that a program prints, run on the first core.
fn figures(program: &Path, arguments: &[&str]) -> Result<Vec<f64>> {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).args(arguments);
    // Tailweir's own allocator keeps the pages of large bodies; here that of the system is told to.
    for threshold in ["TOP_PAD_", "MMAP_THRESHOLD_", "TRIM_THRESHOLD_"] {
        command.env(format!("MALLOC_{threshold}"), (64 << 20).to_string());
    }
    let output = command.env("GOMAXPROCS", "1").output()?;
    ensure!(
        output.status.success(),
        "{} {arguments:?}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?)
}

fn print(component: &Component, signal: Signal, row: &Row, bare: Option<&Row>) {
    let dash = || "-".to_owned();
    let above = bare.map(|bare| row.nanos - bare.nanos);
    let collector = row.collector.map(|(nanos, _)| nanos);
    let collector_above = collector
        .zip(bare.and_then(|bare| bare.collector))
        .map(|(nanos, (bare, _))| nanos - bare);
    let nanos = |nanos: Option<f64>| nanos.map_or_else(dash, |nanos| format!("{nanos:.0}"));
    let ratio = |ours: Option<f64>, theirs: Option<f64>| {
        let both = theirs.zip(ours);
        both.map_or_else(dash, |(theirs, ours)| format!("{:.1}", theirs / ours))
    };
    println!(
        "{:<26} {:<8} {:>7} {:>9} {:>7} {:>7} {:>9} {:>10} {:>7} {:>7} {:>6}",
        component.name,
        signal.name(),
        nanos(Some(row.nanos)),
        nanos(collector),
        ratio(Some(row.nanos), collector),
        nanos(above),
        nanos(collector_above),
        ratio(above, collector_above),
        nanos(row.counts.map(|counts| counts.instructions)),
        row.counts
            .map_or_else(dash, |counts| format!("{:.3}", counts.allocations)),
        row.collector
            .map_or_else(dash, |(_, allocations)| format!("{allocations:.1}")),
    );
}
