//! A cluster as processes on one core: what a span costs in each role, beside one process without a cluster.

use crate::backend;
use crate::gateway::{self, Figures, Subject, WINDOW, configuration, path, quantile};
use crate::load::{Ids, Plan, send};
use crate::process::{Server, free_address};
use crate::workload::{REQUESTS, Template};
use anyhow::{Result, bail, ensure};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the members may take to become a cluster.
const FORMING_MAX: Duration = Duration::from_secs(60);

/// A cluster to be measured.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Samplers.
    pub(crate) samplers: usize,
    /// Copies of a span, 1 or 2.
    pub(crate) copies: u8,
}

/// Processor time a span, in nanoseconds.
struct Costs {
    gateway: f64,
    samplers: f64,
    controller: f64,
}

/// Measures one process, then each cluster, all at one rate.
pub(crate) fn compare(
    program: &Path,
    shapes: &[Shape],
    rate: Option<u64>,
    length: Duration,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let rounds = gateway::rounds();
    let subject = Subject {
        name: "one process",
        program: program.to_owned(),
    };
    let alone = runtime.block_on(gateway::measure(&subject, &rounds, rate, length))?;
    heading(&alone);
    for shape in shapes {
        let run = measure(program, *shape, &rounds, rate, length);
        print(*shape, &runtime.block_on(run)?, &alone);
    }
    Ok(())
}

fn heading(alone: &Figures) {
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>9} {:>12} {:>9} {:>9}",
        "ns CPU a span",
        "gateway",
        "samplers",
        "control",
        "total",
        "spans/s",
        "refused",
        "p99 ms",
        "x one process",
        "letters/s",
        "messages"
    );
    println!(
        "{:<28} {:>9} {:>9} {:>9} {:>9.0} {:>9.0} {:>7} {:>9.2} {:>12.2}",
        "one process",
        "",
        "",
        "",
        alone.nanos_per_span,
        alone.spans_per_second,
        alone.refused,
        quantile(&alone.latencies, 0.99).as_secs_f64() * 1e3,
        1.0
    );
}

fn print(shape: Shape, measured: &Measured, alone: &Figures) {
    let costs = &measured.costs;
    let total = costs.gateway + costs.samplers + costs.controller;
    println!(
        "{:<28} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>7} {:>9.2} {:>12.2} {:>9.0} {:>9.1}",
        format!("{} samplers, {} copies", shape.samplers, shape.copies),
        costs.gateway,
        costs.samplers,
        costs.controller,
        total,
        measured.spans_per_second,
        measured.refused,
        measured.latency.as_secs_f64() * 1e3,
        total / alone.nanos_per_span,
        measured.letters_per_second,
        measured.messages_per_letter
    );
}

struct Measured {
    costs: Costs,
    spans_per_second: f64,
    refused: u64,
    latency: Duration,
    /// Between all samplers, both ways.
    letters_per_second: f64,
    messages_per_letter: f64,
}

/// Fills the window at the rate, then measures for as long again.
async fn measure(
    program: &Path,
    shape: Shape,
    rounds: &Arc<Vec<[Template; REQUESTS]>>,
    rate: Option<u64>,
    length: Duration,
) -> Result<Measured> {
    let origin = Instant::now();
    let (sink, arrivals) = backend::start(origin).await?;
    let folder = tempfile::tempdir()?;
    let town = Town::start(program, shape, sink, folder.path(), Logs::Silent).await?;
    let ids = Arc::new(Ids::new(origin));
    let plan = |length| Plan::new(rate, length);
    let address = town.receives.to_string();
    let fill = plan(WINDOW + Duration::from_secs(2));
    send(&address, rounds, &ids, fill).await?;
    let (before, began, delivered) = (town.processor_times()?, Instant::now(), arrivals.spans());
    let letters_before = town.letters()?;
    let outcome = send(&address, rounds, &ids, plan(length)).await?;
    let (after, elapsed) = (town.processor_times()?, began.elapsed());
    let [letters, messages] = town.letters()?;
    let letters = letters - letters_before[0];
    let messages = messages - letters_before[1];
    ensure!(
        arrivals.spans() > delivered,
        "the cluster delivered nothing"
    );
    let spans = outcome.spans() as f64;
    let a_span = |role: usize| (after[role] - before[role]).as_nanos() as f64 / spans;
    Ok(Measured {
        costs: Costs {
            controller: a_span(0),
            samplers: a_span(1),
            gateway: a_span(2),
        },
        spans_per_second: spans / elapsed.as_secs_f64(),
        refused: outcome.refused,
        latency: quantile(&outcome.latencies, 0.99),
        letters_per_second: letters / elapsed.as_secs_f64(),
        messages_per_letter: messages / letters.max(1.0),
    })
}

/// Whether the members of a cluster write logs, beside their configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logs {
    /// None of them does.
    Silent,
    /// All do, in JSON, into files called `NAME.log`.
    Debug,
}

/// A running cluster of one controller, samplers and one gateway.
pub(crate) struct Town {
    receives: SocketAddr,
    controller: Server,
    samplers: Vec<Server>,
    gateway: Server,
    /// Where the samplers have their pages.
    pages: Vec<SocketAddr>,
}

impl Town {
    pub(crate) async fn start(
        program: &Path,
        shape: Shape,
        sink: SocketAddr,
        folder: &Path,
        logs: Logs,
    ) -> Result<Self> {
        let (receives, controls) = (free_address()?, free_address()?);
        let file = folder.join("cluster.yaml");
        let one_process = configuration(&receives.to_string(), &sink.to_string());
        let section = format!(
            "cluster:
  id: benchmark
  controllers: [{controls}]
  replication: {}
  insecure: true
",
            shape.copies
        );
        fs::write(&file, one_process + &section)?;
        let mut admins = Vec::new();
        let mut member = |name: &str, role: &str, listen: SocketAddr| {
            let admin = free_address()?;
            admins.push(admin);
            let (admin_flag, listen) = (admin.to_string(), listen.to_string());
            let data = folder.join(name);
            let log = folder.join(format!("{name}.log"));
            let telemetry = telemetry(logs, path(&log)?);
            let arguments = [
                "--config",
                path(&file)?,
                "--config",
                &telemetry,
                "--admin",
                &admin_flag,
                "--cluster-name",
                name,
                "--cluster-roles",
                role,
                "--cluster-listen",
                &listen,
                "--cluster-advertise",
                &listen,
                "--cluster-data-dir",
                path(&data)?,
            ];
            Server::start(program, &arguments, admin)
        };
        let controller = member("controller", "controller", controls)?;
        let samplers = (0..shape.samplers)
            .map(|number| member(&format!("sampler-{number}"), "sampler", free_address()?))
            .collect::<Result<Vec<_>>>()?;
        let gateway = member("gateway", "gateway", free_address()?)?;
        for admin in &admins {
            wait_until_ready(*admin).await?;
        }
        Ok(Self {
            pages: admins[1..=shape.samplers].to_vec(),
            receives,
            controller,
            samplers,
            gateway,
        })
    }

    /// Processor time so far of the controller, of all samplers, and of the gateway.
    fn processor_times(&self) -> Result<[Duration; 3]> {
        let samplers = self.samplers.iter().map(Server::processor_time);
        Ok([
            self.controller.processor_time()?,
            samplers.sum::<Result<Duration>>()?,
            self.gateway.processor_time()?,
        ])
    }

    /// Letters that samplers wrote to each other so far, and the messages in them.
    fn letters(&self) -> Result<[f64; 2]> {
        let mut sums = [0.0; 2];
        for page in &self.pages {
            let page = get(*page, "/metrics")?;
            sums[0] += sum_of(&page, "tailweir_peer_sent_letters", "");
            let of_letters = "stream=\"letters\"";
            sums[1] += sum_of(&page, "tailweir_peer_sent_messages", of_letters);
        }
        Ok(sums)
    }
}

/// The sum of the series of this name, as far as they have this label.
fn sum_of(page: &str, name: &str, label: &str) -> f64 {
    let series = page.lines().filter(|line| line.starts_with(name));
    let series = series.filter(|line| line.contains(label));
    let values = series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

fn telemetry(logs: Logs, file: &str) -> String {
    match logs {
        Logs::Silent => "yaml:service::telemetry::logs::level: error".to_owned(),
        Logs::Debug => format!(
            "yaml:service: {{telemetry: {{logs: {{level: debug, encoding: json, output_paths: [{file}], sampling: {{enabled: false}}}}}}}}"
        ),
    }
}

async fn wait_until_ready(admin: SocketAddr) -> Result<()> {
    let began = Instant::now();
    while !is_ready(admin).unwrap_or(false) {
        if began.elapsed() > FORMING_MAX {
            bail!("a member was not ready within {FORMING_MAX:?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn is_ready(admin: SocketAddr) -> std::io::Result<bool> {
    Ok(get(admin, "/readyz")?.starts_with("HTTP/1.1 200"))
}

/// What this path answers, with its head.
fn get(admin: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: member\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
