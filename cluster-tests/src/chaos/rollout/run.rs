//! The whole rollout, change by change; each with its own history and verdicts.

use super::changes::{self, Change};
use super::kubernetes::Kubernetes;
use super::nodes::Nodes;
use super::release::{NAME, Release, Values};
use super::runner::Runner;
use super::watch::{Logs, Watch};
use crate::chaos::configuration::{BACKEND_PORT, OTLP_PORT, Pipeline, Role};
use crate::chaos::event::{Event, Ledger, Millis, Run};
use crate::chaos::generator::Generator;
use crate::chaos::history::History;
use crate::chaos::judge::{Acknowledged, acknowledged, judge};
use crate::chaos::policies::Share;
use crate::chaos::rest::rest;
use crate::chaos::scenario::{DECISION_WAIT, SHARES, SPREAD, USUAL};
use crate::chaos::sink::Sink;
use crate::chaos::verdict::Verdicts;
use crate::chaos::workload::Workload;
use crate::chaos::{admin, report};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

const NAMESPACE: &str = "tailweir-rollout";
/// Connections of the clients. The Service chooses a pod for each.
const CONNECTIONS: usize = 4;
/// Load before and after a change.
const BEFORE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(8);
/// After the last acknowledgement everything is decided and delivered in this time.
const DECIDED_MAX: Duration = DECISION_WAIT.saturating_add(Duration::from_secs(20));
const POLL: Duration = Duration::from_millis(250);
/// Values that the schema has to refuse.
const WRONG: &[(&str, &str)] = &[
    ("controller.replicas=2", "replicas"),
    ("sampler.replica=4", "replica"),
    ("cluster.lease=soon", "lease"),
];

/// Where a rollout runs and what it installs.
#[derive(Debug, Clone)]
pub struct RolloutOptions {
    /// The program `helm`.
    pub helm: PathBuf,
    /// The chart's folder.
    pub chart: PathBuf,
    /// The script that made the nodes.
    pub nodes: PathBuf,
    /// An address of this process that pods reach.
    pub backend: IpAddr,
    /// Where histories, logs and verdicts are left.
    pub folder: PathBuf,
    /// Chooses the traces.
    pub seed: u64,
    /// Only the changes of these names; all when it is empty.
    pub only: Vec<String>,
}

/// What came of a change.
#[derive(Debug, Clone)]
pub struct RolloutRow {
    /// The change.
    pub change: &'static str,
    /// What the checker says.
    pub verdicts: Verdicts,
    /// What became of traces whose spans were all acknowledged.
    pub acknowledged: Acknowledged,
}

/// Installs, changes and removes the release in each mode; `tell` hears of each change when it is judged.
///
/// # Errors
/// When Kubernetes, Helm or the harness fail. What the product does wrong is in the verdicts.
pub async fn run(options: &RolloutOptions, tell: impl Fn(&RolloutRow)) -> Result<Vec<RolloutRow>> {
    let kubernetes = Kubernetes::new(NAMESPACE);
    let release = Release::new(
        kubernetes,
        options.helm.clone(),
        options.chart.clone(),
        options.folder.clone(),
    );
    let known = || changes::SINGLE.iter().chain(changes::CLUSTER);
    for name in &options.only {
        ensure!(
            known().any(|change| change.name == name),
            "there is no change {name:?}"
        );
    }
    release.prepare().await?;
    let mut course = Course {
        options,
        nodes: Nodes::new(options.nodes.clone(), 3),
        release,
        rows: Vec::new(),
    };
    course.through(false, changes::SINGLE, &tell).await?;
    course.through(true, changes::CLUSTER, &tell).await?;
    Ok(course.rows)
}

struct Course<'a> {
    options: &'a RolloutOptions,
    nodes: Nodes,
    release: Release,
    rows: Vec<RolloutRow>,
}

impl Course<'_> {
    /// From `helm install` to `helm uninstall`.
    async fn through(
        &mut self,
        is_cluster: bool,
        all: &'static [Change],
        tell: &impl Fn(&RolloutRow),
    ) -> Result<()> {
        let only = &self.options.only;
        let wanted = |it: &&Change| only.is_empty() || only.iter().any(|name| name == it.name);
        let chosen: Vec<&Change> = all.iter().filter(wanted).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let mut values = Values {
            is_cluster,
            samplers: 3,
            autoscaling: None,
            generation: 1,
            pipeline: Pipeline {
                decision_wait: DECISION_WAIT,
                share_percent: SHARES.0,
                backend: SocketAddr::new(self.options.backend, BACKEND_PORT),
                controllers: Vec::new(),
            },
        };
        self.release.install(&values).await?;
        self.release.test().await.context("helm test")?;
        for (wrong, word) in WRONG {
            let said = self.release.refused(wrong).await?;
            ensure!(
                said.contains(word),
                "{wrong} was refused without {word}: {said}"
            );
        }
        for change in chosen {
            let row = self
                .row(change, &mut values)
                .await
                .with_context(|| format!("{:?}", change.name))?;
            tell(&row);
            self.rows.push(row);
        }
        self.release.uninstall().await
    }

    async fn row(&self, change: &Change, values: &mut Values) -> Result<RolloutRow> {
        let folder = self
            .options
            .folder
            .join(change.name.replace([' ', ','], "-"));
        fs::create_dir_all(&folder)?;
        let history = Arc::new(History::create(&folder.join("history.jsonl"))?);
        let seed = self.options.seed + self.rows.len() as u64;
        history.record(Event::Run(describe(change, values, seed)));
        let sink = Sink::start(history.clone(), values.pipeline.backend).await?;
        let kubernetes = self.release.kubernetes.clone();
        let watch = Watch::start(kubernetes.clone(), folder.join("logs")).await?;
        let service = SocketAddr::new(kubernetes.service(NAME).await?, OTLP_PORT);
        until_answered(service).await?;
        let workload = workload(change, values, seed)?;
        let clients = [service; CONNECTIONS];
        let generator = Generator::start(history.clone(), workload, &clients, USUAL)?;
        tokio::time::sleep(BEFORE).await;
        let mut runner = Runner {
            history: history.clone(),
            release: &self.release,
            values,
            nodes: &self.nodes,
            load: generator.load(),
            random: fastrand::Rng::with_seed(seed),
        };
        let done = runner.change(change).await;
        if let Err(error) = &done {
            history.note(format!("the change fails: {error:#}"));
        }
        tokio::time::sleep(AFTER).await;
        history.note("no more traces are begun");
        generator.finish().await?;
        let rested = rest(&history, DECIDED_MAX, async || {
            let books = books(&kubernetes).await.ok();
            Ok(books.map(|books| books.iter().map(|it| it.held).sum()))
        })
        .await;
        let logs = watch.finish().await?;
        drop(sink);
        done?;
        rested?;
        finish(&kubernetes, &history, &logs).await?;
        let events = history.close()?;
        let verdicts = judge(&events)?;
        report::write(&folder, &events, &verdicts)?;
        Ok(RolloutRow {
            change: change.name,
            verdicts,
            acknowledged: acknowledged(&events)?,
        })
    }
}

fn describe(change: &Change, values: &Values, seed: u64) -> Run {
    let shape = if values.is_cluster {
        format!("3 controllers, {} samplers, 2 gateways", values.samplers)
    } else {
        "one process".to_owned()
    };
    Run {
        scenario: change.name.to_owned(),
        seed,
        shape,
        network: report::KUBERNETES.to_owned(),
        decision_wait: DECISION_WAIT.as_millis() as Millis,
        reloads: change.step == changes::Step::Policies,
        refuses_nothing: change.is_planned,
        requires: change.requirements(),
        breaks: change.breaks.to_vec(),
        may_break: change.may_break.to_vec(),
    }
}

fn workload(change: &Change, values: &Values, seed: u64) -> Result<Workload> {
    let share = values.pipeline.share_percent;
    let later = match change.step {
        changes::Step::Policies => SHARES.1,
        _ => share,
    };
    let (share, later) = (Share::of(share)?, Share::of(later)?);
    Ok(Workload::new(seed, CONNECTIONS, SPREAD, share, later))
}

/// Waits until this machine knows the way to a Service, which takes Kubernetes a moment after a pod is ready.
async fn until_answered(service: SocketAddr) -> Result<()> {
    let start = Instant::now();
    loop {
        let connected = tokio::time::timeout(POLL, TcpStream::connect(service));
        if matches!(connected.await, Ok(Ok(_))) {
            return Ok(());
        }
        ensure!(start.elapsed() < DECIDED_MAX, "{service} does not answer");
        tokio::time::sleep(POLL).await;
    }
}

/// The books of every pod that answers.
async fn books(kubernetes: &Kubernetes) -> Result<Vec<Ledger>> {
    let mut books = Vec::new();
    for pod in kubernetes.pods().await? {
        if pod.role == Role::Controller {
            continue;
        }
        let address = pod.admin().context("a pod has no address")?;
        let status = admin::page(address, "/status").await?;
        books.push(admin::ledger(&pod.life(), false, &status)?);
    }
    Ok(books)
}

/// Reads the books of those that run and of those that have ended, and all decisions.
async fn finish(kubernetes: &Kubernetes, history: &History, logs: &Logs) -> Result<()> {
    history.record_all(books(kubernetes).await?.into_iter().map(Event::Ledger));
    history.record_all(logs.closed_books()?.into_iter().map(Event::Ledger));
    history.record_all(logs.decisions()?.into_iter().map(Event::Decision));
    Ok(())
}

/// The table of all rows, for people.
#[must_use]
pub fn table(rows: &[RolloutRow]) -> String {
    let mut text = "\
| change | all spans acknowledged | to keep for certain | whole | fragments | gone | attempts refused, unanswered, given back unsent | longest wait | outcome |
|---|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for row in rows {
        let (counted, figures) = (row.acknowledged, &row.verdicts.figures);
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {}, {}, {} | {} ms | {} |\n",
            row.change,
            counted.traces,
            counted.to_keep,
            counted.whole,
            counted.fragments,
            counted.gone,
            figures.refused_attempts,
            figures.unanswered_attempts,
            figures.returned_attempts,
            figures.accepted_again_max,
            report::outcome(&row.verdicts),
        ));
    }
    text
}

/// Writes the table beside the histories.
///
/// # Errors
/// When the file cannot be written.
pub fn write_table(folder: &Path, rows: &[RolloutRow]) -> Result<PathBuf> {
    let file = folder.join("table.md");
    fs::write(&file, table(rows))?;
    Ok(file)
}
