//! `cargo run --release -p tailweir-benches`: the benchmarks of `docs/benchmarks.md`.

#![expect(clippy::print_stdout, reason = "a command-line tool talks on stdout")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod backend;
mod cluster;
mod collecting;
mod component;
mod components;
mod drain;
mod gateway;
mod in_process;
mod load;
mod member;
mod pipelines;
mod process;
mod requests;
mod residence;
mod scrape;
mod table;
mod valgrind;
mod window;
mod work;
mod workload;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use cluster::Shape;
use gateway::{Figures, Subject, quantile};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tailweir_core::Signal;

/// Benchmarks of Tailweir.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Instructions and allocations a span, counted by valgrind.
    Instructions,
    /// Resident bytes for each byte held, and the cost of a span in a small and in a large window.
    Window,
    /// One piece of work, to be counted from outside.
    #[command(hide = true)]
    Work {
        /// Which.
        kind: String,
        /// How many requests.
        requests: u64,
    },
    /// Processors, connectors and the page of metrics in process: bytes in, bytes out.
    Components {
        /// Names of components, such as `attributes + resource`; all by default.
        #[arg(long)]
        only: Vec<String>,
        /// What to measure; `collector` is built from its modules and needs Go.
        #[arg(long, value_delimiter = ',', default_values = ["tailweir"])]
        subject: Vec<Peer>,
        /// Leaves out the counts of instructions and allocations, which need valgrind and minutes.
        #[arg(long)]
        clock_only: bool,
    },
    /// Components in a whole gateway, as a process on one core, with a generator and a backend on the other.
    Pipelines {
        /// Names of components; all by default.
        #[arg(long)]
        only: Vec<String>,
        /// What to measure; `collector` is built from its modules and needs Go.
        #[arg(long, value_delimiter = ',', default_values = ["tailweir"])]
        subject: Vec<Peer>,
        /// A built program of Tailweir; by default it is built as it is released.
        #[arg(long)]
        program: Option<PathBuf>,
        /// Seconds of measurement.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Records a second; 0 sends as fast as they are taken.
        #[arg(long, default_value_t = 0)]
        rate: u64,
    },
    /// A scrape of many series.
    Scrape {
        /// What to measure; `collector` is built from its modules and needs Go.
        #[arg(long, value_delimiter = ',', default_values = ["tailweir"])]
        subject: Vec<Peer>,
        /// A built program of Tailweir; by default it is built as it is released.
        #[arg(long)]
        program: Option<PathBuf>,
        /// How many.
        #[arg(long, default_value_t = 100_000)]
        series: usize,
    },
    /// One component, by the clock or, for so many requests, to be counted from outside.
    #[command(hide = true)]
    Component {
        /// Its name.
        name: String,
        /// The signal.
        signal: String,
        /// How many requests.
        #[arg(long)]
        requests: Option<usize>,
    },
    /// The whole gateway as a process on one core, with a generator and a backend on the other.
    Gateway {
        /// What to measure, one after the other; `collector` is built from its modules and needs Go.
        #[arg(long, value_delimiter = ',', default_values = ["tailweir"], num_args = 0..)]
        subject: Vec<Peer>,
        /// Another build of Tailweir to measure first, such as that of an earlier commit.
        #[arg(long)]
        before: Option<PathBuf>,
        /// Seconds of measurement after the window is full.
        #[arg(long, default_value_t = 15)]
        seconds: u64,
        /// Spans a second; 0 sends as fast as they are taken.
        #[arg(long, value_delimiter = ',', default_values_t = [40_000, 0])]
        rate: Vec<u64>,
    },
    /// Clusters as processes on one core, beside one process: processor time a span in each role.
    Cluster {
        /// How many samplers, one cluster after the other.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 3, 5, 9])]
        samplers: Vec<usize>,
        /// Copies of a span; one sampler has no other to give a second to.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
        copies: Vec<u8>,
        /// A built program; by default it is built as it is released.
        #[arg(long)]
        program: Option<PathBuf>,
        /// Seconds of measurement after the window is full.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Spans a second; 0 sends as fast as they are taken.
        #[arg(long, default_value_t = 40_000)]
        rate: u64,
    },
    /// How long a change of the routing table takes to be known everywhere: a cluster on one core forms.
    Table {
        /// How many samplers.
        #[arg(long, default_value_t = 9)]
        samplers: usize,
        /// A built program; by default it is built as it is released.
        #[arg(long)]
        program: Option<PathBuf>,
    },
}

/// A gateway that can be measured.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Peer {
    /// This project, as it is released.
    Tailweir,
    /// A real OpenTelemetry Collector.
    Collector,
}

impl Peer {
    fn build(&self) -> Result<Subject> {
        Ok(match self {
            Self::Tailweir => Subject {
                name: "Tailweir",
                program: tailweir()?,
            },
            Self::Collector => Subject {
                name: "Collector 0.161",
                program: build_collector()?,
            },
        })
    }
}

fn main() -> Result<()> {
    match Cli::parse().bench {
        Bench::Instructions => {
            println!("{:<44} {:>8} {:>8}", "a span", "instr.", "alloc.");
            work::count_all(|cost| {
                println!(
                    "{:<44} {:>8.0} {:>8.3}",
                    cost.name, cost.instructions, cost.allocations
                );
            })
        }
        Bench::Window => residence::print(),
        Bench::Work { kind, requests } => work::perform(&kind, requests),
        Bench::Components {
            only,
            subject,
            clock_only,
        } => compare_components(&only, &subject, !clock_only),
        Bench::Pipelines {
            only,
            subject,
            program,
            seconds,
            rate,
        } => pipelines::compare(&pipelines::Plan {
            only: &only,
            subjects: &build(&subject, program.as_deref())?,
            rate: (rate > 0).then_some(rate),
            length: Duration::from_secs(seconds),
        }),
        Bench::Scrape {
            subject,
            program,
            series,
        } => scrape::compare(&build(&subject, program.as_deref())?, series),
        Bench::Component {
            name,
            signal,
            requests,
        } => component(&name, &signal, requests),
        Bench::Gateway {
            subject,
            before,
            seconds,
            rate,
        } => {
            let mut subjects = build(&subject, None)?;
            let name = "Before";
            subjects.splice(0..0, before.map(|program| Subject { name, program }));
            compare(&subjects, &rate, Duration::from_secs(seconds))
        }
        Bench::Table { samplers, program } => {
            let program = program.map_or_else(tailweir, Ok)?;
            table::spread(&program, samplers)
        }
        Bench::Cluster {
            samplers,
            copies,
            program,
            seconds,
            rate,
        } => {
            let program = program.map_or_else(tailweir, Ok)?;
            let (shapes, rate) = (shapes(&samplers, &copies), (rate > 0).then_some(rate));
            cluster::compare(&program, &shapes, rate, Duration::from_secs(seconds))
        }
    }
}

fn compare_components(only: &[String], subject: &[Peer], counts: bool) -> Result<()> {
    let is_wanted = subject.contains(&Peer::Collector);
    let collector = is_wanted.then(build_collector).transpose()?;
    components::compare(&components::Plan {
        only,
        collector: collector.as_deref(),
        counts,
    })
}

/// Builds what is measured, except for a program that is there already.
fn build(peers: &[Peer], program: Option<&Path>) -> Result<Vec<Subject>> {
    let subject = |peer: &Peer| match (peer, program) {
        (Peer::Tailweir, Some(program)) => Ok(Subject {
            name: "Tailweir",
            program: program.to_owned(),
        }),
        _ => peer.build(),
    };
    peers.iter().map(subject).collect()
}

fn component(name: &str, signal: &str, requests: Option<usize>) -> Result<()> {
    let mut all = component::COMPONENTS.iter();
    let component = all.find(|component| component.name == name);
    let component = component.with_context(|| format!("there is no component called {name}"))?;
    let mut signals = Signal::ALL.into_iter();
    let signal = signals.find(|known| known.name() == signal);
    let signal = signal.context("there is no such signal")?;
    if let Some(requests) = requests {
        return in_process::perform(component, signal, requests);
    }
    println!("{:.3}", in_process::clock(component, signal)?);
    Ok(())
}

/// Every number of samplers with every number of copies that it allows.
fn shapes(samplers: &[usize], copies: &[u8]) -> Vec<Shape> {
    let all = samplers
        .iter()
        .flat_map(|&samplers| copies.iter().map(move |&copies| Shape { samplers, copies }));
    all.filter(|shape| shape.samplers >= usize::from(shape.copies))
        .collect()
}

/// Runs every subject at every rate, on this thread: the generator and the backend share a core.
fn compare(subjects: &[Subject], rates: &[u64], length: Duration) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let rounds = gateway::rounds();
    println!(
        "workload: {:.0} bytes a span, 256 spans a request",
        gateway::bytes_per_span(&rounds)
    );
    for &rate in rates {
        for subject in subjects {
            let wanted = (rate > 0).then_some(rate);
            let figures = runtime.block_on(gateway::measure(subject, &rounds, wanted, length))?;
            print(subject, wanted, &figures);
        }
    }
    Ok(())
}

fn print(subject: &Subject, rate: Option<u64>, figures: &Figures) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{} at {}",
        subject.name,
        rate.map_or("saturation".into(), |rate| format!("{rate} spans/s"))
    );
    println!(
        "  {:.0} spans/s acknowledged, {} requests refused",
        figures.spans_per_second, figures.refused
    );
    println!(
        "  {:.3} us server CPU per span",
        figures.nanos_per_span / 1e3
    );
    println!(
        "  acknowledged after {:.2} / {:.2} ms (p50 / p99)",
        milliseconds(quantile(&figures.latencies, 0.5)),
        milliseconds(quantile(&figures.latencies, 0.99)),
    );
    println!(
        "  at the backend {:.1} / {:.1} ms after the deadline (p50 / p99 of {} traces)",
        milliseconds(quantile(&figures.lateness, 0.5)),
        milliseconds(quantile(&figures.lateness, 0.99)),
        figures.lateness.len(),
    );
    println!(
        "  {:.1} MB resident; idle {:.1} MB; listening after {:.1} ms",
        figures.resident_bytes as f64 / 1e6,
        figures.idle_bytes as f64 / 1e6,
        milliseconds(figures.listening_after),
    );
}

/// The top folder of the repository.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds Tailweir as it is released.
fn tailweir() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--profile", "dist", "--package", "tailweir"])
        .current_dir(root());
    run(&mut cargo)?;
    Ok(target().join("dist/tailweir"))
}

/// Builds the Collector of `benches/collector` from its released modules.
fn build_collector() -> Result<PathBuf> {
    let program = target().join("collector");
    let mut go = Command::new("go");
    go.args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(root().join("benches/collector"));
    run(&mut go)?;
    Ok(program)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {command:?}"))?;
    anyhow::ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
