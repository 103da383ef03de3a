//! `tailweir demo`: a shop's traffic, sent over the real socket, and what became of it.

mod client;
mod cluster;
mod scenario;
mod summary;
mod workload;

use crate::cli::{ConfigArguments, DemoArguments};
use crate::configuration::Configuration;
use crate::logging::RecentLines;
use crate::node::{Node, NodeOptions, PageSources};
use crate::probe;
use crate::status::StatusPage;
use crate::terminal::Terminal;
use anyhow::{Context, ensure};
use client::{Gateways, Pace, Sent};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tailweir_telemetry::Figures;
use tokio::time::Instant;
use workload::Workload;

/// How long one question to the admin listener may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the demo waits for the last traces to be decided and sent on.
const SETTLING_MAX: Duration = Duration::from_secs(90);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often progress is told where there is no live line.
const TELL: Duration = Duration::from_secs(5);

/// Where the demo sends and where it asks.
struct Target {
    endpoint: String,
    admin: String,
    /// The Tailweir that the demo started, if it had to.
    own: Option<Node>,
}

/// Runs the demo to its summary.
///
/// # Errors
/// When the Tailweir that is there takes no traces, or none can be started.
pub(crate) async fn run(arguments: DemoArguments, terminal: &Terminal) -> anyhow::Result<()> {
    if arguments.cluster {
        return cluster::run(&arguments, terminal).await;
    }
    let mut target = find_target(&arguments, terminal).await?;
    let before = status(&target.admin).await?;
    let mut gateways = Gateways::connect(&target.endpoint)
        .await
        .with_context(|| format!("no OTLP/gRPC on {}", target.endpoint))?;
    let seed = arguments.seed.unwrap_or_else(seed_of_the_moment);
    let pace = Pace {
        traces_per_second: arguments.rate,
        duration: arguments.duration,
    };
    terminal.print(&format!(
        "sending {} traces a second for {:?} to {} (seed {seed})\n",
        pace.traces_per_second, pace.duration, target.endpoint
    ))?;
    let mut progress = Progress::new(terminal);
    let mut workload = Workload::new(seed, arguments.decision_wait * 3 / 2);
    let admin = target.admin.clone();
    let (report, mut reports) = tokio::sync::watch::channel(Sent::default());
    let telling = async {
        while reports.changed().await.is_ok() {
            let sent = *reports.borrow_and_update();
            progress.tell(sent, &admin, &before).await;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let tell = |sent| {
        report.send_replace(sent);
    };
    let sending = client::send(&mut gateways, &mut workload, pace, tell, drop);
    let sent = tokio::select! {
        sent = sending => sent?,
        () = telling => anyhow::bail!("progress ended before the demo"),
    };
    let after = settle(&target.admin, sent, &before, &mut progress).await?;
    terminal.end_status();
    terminal.print(&summary::summary(sent, &before, &after))?;
    show_kept_trace(&target.admin, terminal).await?;
    if let Some(own) = target.own.take() {
        let _ = own.stop(PATIENCE).await;
    }
    ensure!(
        sent.refused_spans == 0,
        "{} spans were refused for good",
        sent.refused_spans
    );
    Ok(())
}

/// The Tailweir that answers at the admin address, or else a new one in this process.
async fn find_target(arguments: &DemoArguments, terminal: &Terminal) -> anyhow::Result<Target> {
    if let Ok(status) = status(&arguments.admin).await {
        terminal.print(&format!(
            "found tailweir {} at {}; what it keeps is shown there\n",
            status.process.version, arguments.admin
        ))?;
        return Ok(Target {
            endpoint: arguments.endpoint.clone(),
            admin: arguments.admin.clone(),
            own: None,
        });
    }
    let node = own_node(terminal, arguments.decision_wait).await?;
    terminal.print(&format!(
        "nothing answers at {}, so the demo starts a Tailweir of its own on the embedded \
         configuration\n",
        arguments.admin
    ))?;
    let endpoint = node
        .otlp_grpc_address()
        .await
        .context("no OTLP/gRPC listener")?;
    Ok(Target {
        endpoint: endpoint.to_string(),
        admin: node.admin_address().to_string(),
        own: Some(node),
    })
}

/// A node on the embedded configuration, on free ports, with a window of this length.
async fn own_node(terminal: &Terminal, decision_wait: Duration) -> anyhow::Result<Node> {
    let overrides = [
        "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0".to_owned(),
        "receivers.otlp.protocols.http.endpoint=127.0.0.1:0".to_owned(),
        format!(
            "processors.tail_sampling.decision_wait={}ms",
            decision_wait.as_millis()
        ),
    ];
    let configuration = Configuration::of(&ConfigArguments {
        overrides: overrides.into(),
        ..ConfigArguments::default()
    });
    let (loaded, _) = configuration.load();
    let options = NodeOptions {
        admin: Some("127.0.0.1:0".to_owned()),
        sources: configuration.names(),
        terminal: terminal.clone(),
        shows_kept: configuration.is_embedded(),
        own_telemetry: Figures::default(),
        pages: PageSources {
            gates: configuration.known_gates(),
            recent: RecentLines::default(),
        },
    };
    Node::start(loaded?.settings, options).await
}

async fn status(admin: &str) -> anyhow::Result<StatusPage> {
    let answer = probe::get(admin, "/status", PATIENCE).await?;
    ensure!(
        answer.status.is_success(),
        "{admin} answers {}",
        answer.status
    );
    let page = StatusPage::read(&answer.body)
        .with_context(|| format!("what listens on {admin} is not Tailweir"))?;
    ensure!(
        page.process.name == "tailweir",
        "what listens on {admin} is not Tailweir"
    );
    Ok(page)
}

/// Waits until all that was sent is decided and sent on, or nothing changes any more.
async fn settle(
    admin: &str,
    sent: Sent,
    before: &StatusPage,
    progress: &mut Progress<'_>,
) -> anyhow::Result<StatusPage> {
    let deadline = Instant::now() + SETTLING_MAX;
    loop {
        let page = status(admin).await?;
        let is_settled = page.traces().held.items == 0;
        if is_settled || Instant::now() >= deadline {
            return Ok(page);
        }
        progress.show(sent, &page, before);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Prints the trace that was kept last, as the exporter of the node showed it.
async fn show_kept_trace(admin: &str, terminal: &Terminal) -> anyhow::Result<()> {
    let answer = probe::get(admin, "/kept", PATIENCE).await?;
    if !answer.status.is_success() {
        return Ok(());
    }
    terminal.print(&format!("\nOne of the kept traces:\n\n{}\n", answer.body))?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "without a seed each demo is another one"
)]
fn seed_of_the_moment() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// Tells how the demo is getting on: on the live line, else a line now and then.
struct Progress<'a> {
    terminal: &'a Terminal,
    told: Option<Instant>,
}

impl<'a> Progress<'a> {
    fn new(terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            told: None,
        }
    }

    async fn tell(&mut self, sent: Sent, admin: &str, before: &StatusPage) {
        // A question that fails is asked again at the next turn.
        if let Ok(page) = status(admin).await {
            self.show(sent, &page, before);
        }
    }

    fn show(&mut self, sent: Sent, page: &StatusPage, before: &StatusPage) {
        let books = page.traces().since(&before.traces());
        let line = format!(
            "sent {} traces, {} spans | received {} | held {} | sent on {} | dropped {} spans",
            sent.traces,
            sent.spans,
            books.acknowledged.items,
            books.held.items,
            books.delivered.items,
            books.dropped_in_all().items,
        );
        if self.terminal.is_live() {
            self.terminal.show_status(&line);
        } else if self.told.is_none_or(|told| told.elapsed() >= TELL) {
            self.told = Some(Instant::now());
            // A closed output is noticed at the summary.
            let _ = self.terminal.print(&format!("{line}\n"));
        }
    }
}
