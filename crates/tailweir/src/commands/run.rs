//! `tailweir run`, which is also `tailweir`: the gateway from start to end.

use crate::cli::{RunArguments, StatusLine};
use crate::configuration::{Accepted, Configuration, FilesRead};
use crate::logging::{self, RecentLines};
use crate::node::{Node, NodeOptions, PageSources};
use crate::own_metrics;
use crate::signals::{Event, Signals};
use crate::status_line::StatusLinePainter;
use crate::terminal::Terminal;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::Diagnostics;
use tailweir_control::PolicyRevision;
use tailweir_core::OWN_SPAN;
use tailweir_gateway::LedgerSnapshot;
use tailweir_telemetry::Figures;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::field::Empty;
use tracing::{Instrument, info_span};

/// How often the status line is painted.
const PAINT: Duration = Duration::from_millis(500);
/// Stands for "never" where a timer needs a period.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

pub(super) fn run(arguments: RunArguments) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::of(&arguments.config);
    let (outcome, files) = configuration.load();
    let accepted = outcome?;
    let is_live = match arguments.status_line {
        StatusLine::Auto => Terminal::can_repaint(),
        StatusLine::Always => true,
        StatusLine::Never => false,
    };
    let terminal = Terminal::new(is_live);
    let (own, recent, _lines) = logging::start(
        &accepted.settings.telemetry,
        &terminal,
        &own_metrics::source(),
    )?;
    if arguments.config.sources.is_empty() {
        tracing::info!("embedded configuration; `tailweir demo` in another terminal sends traces");
    }
    warn_of(&accepted.diagnostics);
    let process = Process {
        arguments,
        configuration,
        files,
        terminal,
        recent,
        own_policies: accepted.policies.clone(),
        policies: None,
        own_telemetry: own.figures().clone(),
    };
    let outcome = runtime()?.block_on(process.serve(accepted));
    own.end();
    outcome
}

/// A runtime with as many workers as there are cores, quotas of the cgroup counted.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("tailweir")
        .enable_all()
        .build()?;
    Ok(runtime)
}

/// A running process and what it was started with.
struct Process {
    arguments: RunArguments,
    configuration: Configuration,
    /// What the configuration in force, or the one refused last, was read from.
    files: FilesRead,
    terminal: Terminal,
    recent: RecentLines,
    /// The policies of the file that was accepted last.
    own_policies: String,
    /// Those that the controllers of the cluster gave last.
    policies: Option<Arc<PolicyRevision>>,
    /// What becomes of own telemetry.
    own_telemetry: Figures,
}

impl Process {
    async fn serve(mut self, accepted: Accepted) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let options = NodeOptions {
            admin: self.arguments.admin.clone(),
            sources: self.configuration.names(),
            terminal: self.terminal.clone(),
            shows_kept: self.configuration.is_embedded(),
            own_telemetry: self.own_telemetry.clone(),
            pages: PageSources {
                gates: self.configuration.known_gates(),
                recent: self.recent.clone(),
            },
        };
        // A sampler starts once the controllers know it, which may take as long as these are away.
        let node = tokio::select! {
            node = Box::pin(Node::start(accepted.settings, options)) => node?,
            signal = signals.stop() => {
                tracing::info!(signal, "stopped before it had started");
                return Ok(ExitCode::SUCCESS);
            }
        };
        node.propose_policies(&self.own_policies);
        let ending = self.attend(&node, &mut signals).await;
        self.terminal.end_status();
        let stopped = self.stop(&node, &mut signals).await;
        Ok(match ending {
            Ending::Asked => stopped,
            Ending::Failed => ExitCode::FAILURE,
        })
    }

    /// Reloads and paints until a signal says stop, or a part of the process fails that it cannot go on without.
    async fn attend(&mut self, node: &Node, signals: &mut Signals) -> Ending {
        let mut watch = interval(self.arguments.watch_interval);
        let mut paint = interval(if self.terminal.is_live() {
            PAINT
        } else {
            NEVER
        });
        let mut painter = StatusLinePainter::default();
        loop {
            tokio::select! {
                event = signals.next() => match event {
                    Event::Stop(signal) => {
                        tracing::info!(signal, "stopping");
                        return Ending::Asked;
                    }
                    Event::Reload => {
                        tracing::info!("reload asked for by SIGHUP");
                        self.reload(node).await;
                    }
                },
                policies = node.policies_after(self.revision()) => {
                    let revision = policies.revision;
                    let span = info_span!(target: OWN_SPAN, "policies", revision);
                    self.take_over(node, policies).instrument(span).await;
                }
                error = node.failed() => {
                    tracing::error!(%error, "stopping, so that a restart can mend it");
                    return Ending::Failed;
                }
                _ = watch.tick() => {
                    if self.files_have_changed().await {
                        tracing::info!("configuration file changed");
                        self.reload(node).await;
                    }
                }
                _ = paint.tick() => {
                    if let Ok(page) = node.view().status().await {
                        self.terminal.show_status(&painter.line(&page));
                    }
                }
            }
        }
    }

    /// Files may be on a slow mount, so they are read beside the runtime's workers.
    async fn files_have_changed(&self) -> bool {
        let files = self.files.clone();
        let looking = tokio::task::spawn_blocking(move || files.have_changed());
        looking.await.unwrap_or(false)
    }

    /// The revision of the policies that the controllers gave; 0 before the first.
    fn revision(&self) -> u64 {
        let policies = self.policies.as_ref();
        policies.map_or(0, |policies| policies.revision)
    }

    /// Policies of the cluster come into force, unless they are those that are.
    async fn take_over(&mut self, node: &Node, policies: Arc<PolicyRevision>) {
        let revision = policies.revision;
        tracing::info!(revision, "policies of the cluster");
        let before = self.policies.replace(Arc::clone(&policies));
        let is_same = match &before {
            Some(before) => (&before.file, &before.text) == (&policies.file, &policies.text),
            None => policies.file == self.own_policies && policies.text.is_empty(),
        };
        if is_same {
            node.view().note_policies(revision);
        } else {
            self.reload(node).await;
        }
    }

    /// Reads the file again. What it says beside policies comes into force at once; in a cluster its policies do so
    /// everywhere together, once the controllers have made a revision of them.
    async fn reload(&mut self, node: &Node) {
        let span = info_span!(target: OWN_SPAN, "reload", otel.status_description = Empty);
        if !self.reload_now(node).instrument(span.clone()).await {
            span.record("otel.status_description", "the configuration was refused");
        }
    }

    /// Whether what was read is in force.
    async fn reload_now(&mut self, node: &Node) -> bool {
        let (own, files) = self.configuration.load();
        self.files = files;
        let outcome = own.and_then(|own| {
            self.own_policies.clone_from(&own.policies);
            node.propose_policies(&own.policies);
            match &self.policies {
                Some(policies) => self.configuration.with_revision(policies).load().0,
                None => Ok(own),
            }
        });
        match outcome {
            Ok(accepted) => {
                warn_of(&accepted.diagnostics);
                let is_in_force = node.reload(accepted.settings).await;
                if is_in_force {
                    node.view().note_policies(self.revision());
                }
                is_in_force
            }
            Err(refused) => {
                for mistake in refused.lines() {
                    tracing::error!(mistake, "configuration refused");
                }
                let mistakes = refused.mistakes();
                tracing::error!(mistakes, "the configuration before stays in force");
                node.view().note_refused(refused.first());
                false
            }
        }
    }

    /// Drains within the drain time; a second signal ends that at once.
    async fn stop(&self, node: &Node, signals: &mut Signals) -> ExitCode {
        let stopping = node.stop(self.arguments.drain_time);
        tokio::pin!(stopping);
        tokio::select! {
            shutdown = &mut stopping => {
                log_ledger(&shutdown.ledger);
                if shutdown.in_time {
                    tracing::info!("stopped");
                } else {
                    let lost_items = lost(&shutdown.ledger);
                    tracing::error!(lost_items, "stopped before everything was sent");
                }
                ExitCode::SUCCESS
            }
            signal = signals.stop() => {
                node.abort();
                let shutdown = stopping.await;
                log_ledger(&shutdown.ledger);
                let lost_items = lost(&shutdown.ledger);
                tracing::error!(signal, lost_items, "stopped at once; what was held is lost");
                ExitCode::FAILURE
            }
        }
    }
}

/// Why a process stops.
enum Ending {
    /// By a signal.
    Asked,
    /// By itself.
    Failed,
}

fn warn_of(diagnostics: &Diagnostics) {
    for warning in diagnostics.warnings() {
        tracing::warn!(warning = %warning, "configuration");
    }
}

/// What is gone, and what is still held by a process that is about to end.
fn lost(ledger: &LedgerSnapshot) -> u64 {
    let rows = ledger.signals.values();
    rows.map(|row| row.held.items + row.lost_items()).sum()
}

/// A line for each signal that was seen.
fn log_ledger(ledger: &LedgerSnapshot) {
    for (signal, row) in &ledger.signals {
        let dropped: u64 = row.dropped.values().map(|amount| amount.items).sum();
        if row.taken.items == 0 && row.refused.items == 0 {
            continue;
        }
        tracing::info!(
            signal,
            acknowledged = row.acknowledged.items,
            taken = row.taken.items,
            copied = row.copied.items,
            delivered = row.delivered.items,
            dropped,
            spooled = row.spooled.items,
            held = row.held.items,
            handed_over = row.handed_over.items,
            lost = row.lost_items(),
            refused = row.refused.items,
            "final ledger"
        );
    }
}

/// Ticks at this period, the first time after one; never when it is zero.
fn interval(period: Duration) -> tokio::time::Interval {
    let period = if period.is_zero() { NEVER } else { period };
    let mut interval = tokio::time::interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
