//! `tailweir size`: what a load needs, from a rate or from a running process.

use crate::cli::SizeArguments;
use crate::probe;
use crate::sizing::{Load, Process};
use crate::terminal::Terminal;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Longest time that an answer of a running process may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &SizeArguments, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let mut load = match &arguments.from {
        Some(admin) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(measure(admin, arguments))?
        }
        None => Load {
            spans_per_second: arguments
                .spans_per_second
                .context("say --spans-per-second, or --from a running process")?,
            span_bytes: arguments.span_bytes,
            spans_per_trace: arguments.spans_per_trace,
            window: arguments.window,
        },
    };
    load.spans_per_second *= arguments.peak;
    terminal.print(&report(&load, arguments)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What a running process has taken so far: spans, their bytes, and traces.
struct Taken {
    spans: f64,
    bytes: f64,
    traces: f64,
    at: Instant,
}

/// Looks at a process twice, and sees what came in between.
async fn measure(admin: &str, arguments: &SizeArguments) -> anyhow::Result<Load> {
    let before = look(admin).await?;
    tokio::time::sleep(arguments.during).await;
    let after = look(admin).await?;
    let spans = after.spans - before.spans;
    ensure!(
        spans > 0.0,
        "{admin} took no spans in {:?}; measure while it works",
        arguments.during
    );
    let traces = after.traces - before.traces;
    Ok(Load {
        spans_per_second: spans / (after.at - before.at).as_secs_f64(),
        span_bytes: (after.bytes - before.bytes) / spans,
        spans_per_trace: if traces > 0.0 {
            spans / traces
        } else {
            arguments.spans_per_trace
        },
        window: arguments.window,
    })
}

async fn look(admin: &str) -> anyhow::Result<Taken> {
    let answer = probe::get(admin, "/status?format=json", PATIENCE).await?;
    let at = Instant::now();
    let page: Value =
        serde_json::from_str(&answer.body).with_context(|| format!("{admin} is no Tailweir"))?;
    let number = |value: &Value| {
        value
            .as_f64()
            .with_context(|| format!("{admin} has no books of traces"))
    };
    let books = &page["ledger"]["signals"]["traces"]["acknowledged"];
    let samplers = page["samplers"].as_array().map_or(&[][..], Vec::as_slice);
    Ok(Taken {
        spans: number(&books["items"])?,
        bytes: number(&books["bytes"])?,
        traces: samplers
            .iter()
            .filter_map(|sampler| sampler["new_traces"].as_f64())
            .sum(),
        at,
    })
}

fn report(load: &Load, arguments: &SizeArguments) -> anyhow::Result<String> {
    let need = load.need();
    let single = load.single();
    let gateways = load.gateways();
    let samplers = load.samplers(u32::from(arguments.replication), arguments.memory_mib_max);
    let mut text = String::new();
    writeln!(
        text,
        "At the peak {:.0} spans/s of {:.0} bytes, {:.1} to a trace, wait {:?} for their decision:",
        load.spans_per_second, load.span_bytes, load.spans_per_trace, load.window
    )?;
    writeln!(
        text,
        "  held at once          {:.1} MiB, {} traces (num_traces: at least {})",
        need.held_bytes / 1_048_576.0,
        need.traces,
        need.traces * 2
    )?;
    writeln!(text, "\nOne process\n  {}", line(&single))?;
    writeln!(
        text,
        "\nA cluster with {} of each span\n  gateways   {}\n  samplers   {}",
        copies(arguments.replication),
        line(&gateways),
        line(&samplers)
    )?;
    writeln!(text, "\nAs values of the chart")?;
    writeln!(
        text,
        "  mode: cluster\n  cluster: {{replication: {}}}",
        arguments.replication
    )?;
    for (role, process) in [("gateway", &gateways), ("sampler", &samplers)] {
        writeln!(
            text,
            "  {role}:\n    replicas: {}\n    resources: {{requests: {{cpu: {}m, memory: {memory}Mi}}, limits: {{memory: {memory}Mi}}}}",
            process.count,
            (process.cores * 1000.0).round(),
            memory = process.memory_mib
        )?;
    }
    Ok(text)
}

fn copies(replication: u8) -> &'static str {
    if replication == 2 {
        "two copies"
    } else {
        "one copy"
    }
}

fn line(process: &Process) -> String {
    let Process {
        count,
        memory_mib,
        cores,
    } = process;
    let each = if *count == 1 { "" } else { " each" };
    format!("{count} x {memory_mib} MiB of memory and {cores:.1} cores{each}")
}
