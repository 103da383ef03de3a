//! A run from end to end: network, processes, load, faults, rest, verdicts.

use super::cluster::Cluster;
use super::configuration::{BACKEND_PORT, MEMORY_MAX, Pipeline};
use super::event::{Event, Memory, Millis, Run};
use super::generator::Generator;
use super::history::History;
use super::judge::judge;
use super::network::Network;
use super::policies::Share;
use super::rest::rest;
use super::runner::Runner;
use super::scenario::{DECISION_WAIT, SHARES, SPREAD, Scenario, USUAL};
use super::sink::Sink;
use super::verdict::Verdicts;
use super::workload::Workload;
use super::{admin, cut, decisions, report};
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// After the last acknowledgement everything is decided and delivered in this time.
const DECIDED_MAX: Duration = DECISION_WAIT.saturating_add(Duration::from_secs(15));

/// Runs a scenario with the program at `binary`; leaves all that is known of the run in `folder`.
///
/// # Errors
/// When the harness cannot do what it is asked to. What the product does wrong is in the verdicts.
pub async fn run(scenario: &Scenario, seed: u64, binary: &Path, folder: &Path) -> Result<Verdicts> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let history = Arc::new(History::create(&folder.join("history.jsonl"))?);
    let network = Network::build().await?;
    history.record(Event::Run(describe(scenario, seed, &network)));
    let backend = SocketAddr::new(network.backend(), BACKEND_PORT);
    let sink = Sink::start(history.clone(), backend).await?;
    let pipeline = Pipeline {
        decision_wait: DECISION_WAIT,
        share_percent: SHARES.0,
        backend,
        controllers: Vec::new(),
    };
    let shape = scenario.shape;
    let mut cluster =
        Cluster::start(binary, folder, network, shape, pipeline, history.clone()).await?;
    if scenario.steps.iter().any(|step| step.needs_namespaces()) {
        cut::can_cut(&cluster.members[0].place)
            .map_err(anyhow::Error::msg)
            .context("the scenario is not available here")?;
    }
    cluster.form().await?;
    let generator = generate(scenario, seed, &cluster, history.clone())?;
    let random = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let mut runner = Runner::new(history.clone(), cluster, sink, generator.load(), random);
    let done = runner.run(scenario.steps).await;
    if let Err(error) = &done {
        history.note(format!("the run ends early: {error:#}"));
    }
    done?;
    history.note("no more traces are begun");
    generator.finish().await?;
    rest(&history, DECIDED_MAX, async || {
        runner.cluster.check_alive()?;
        runner.cluster.weigh();
        Ok(held(&runner.cluster).await)
    })
    .await?;
    finish(&mut runner, &history, folder).await
}

fn describe(scenario: &Scenario, seed: u64, network: &Network) -> Run {
    Run {
        scenario: scenario.name.to_owned(),
        seed,
        shape: scenario.shape.describe(),
        network: network.name().to_owned(),
        decision_wait: DECISION_WAIT.as_millis() as Millis,
        reloads: scenario.reloads(),
        refuses_nothing: scenario.refuses_nothing,
        requires: scenario.requires(),
        breaks: scenario.breaks.to_vec(),
        may_break: Vec::new(),
    }
}

fn generate(
    scenario: &Scenario,
    seed: u64,
    cluster: &Cluster,
    history: Arc<History>,
) -> Result<Generator> {
    let gateways = cluster.gateways();
    let later = if scenario.reloads() {
        SHARES.1
    } else {
        SHARES.0
    };
    let (share, later_share) = (Share::of(SHARES.0)?, Share::of(later)?);
    let workload = Workload::new(seed, gateways.len(), SPREAD, share, later_share);
    Generator::start(history, workload, &gateways, USUAL)
}

/// Spans that members hold, or nothing when one does not say.
async fn held(cluster: &Cluster) -> Option<i64> {
    let mut held = 0;
    for member in cluster.members.iter().filter(|member| member.is_running()) {
        let status = admin::page(member.admin(), "/status").await.ok()?;
        held += admin::ledger(&member.name, false, &status).ok()?.held;
    }
    Some(held)
}

/// Reads the books, stops everything, reads the logs, judges.
async fn finish(runner: &mut Runner, history: &History, folder: &Path) -> Result<Verdicts> {
    let cluster = &mut runner.cluster;
    for member in cluster.members.iter().filter(|member| member.is_running()) {
        let status = admin::page(member.admin(), "/status").await?;
        let ledger = admin::ledger(&member.name, member.starts == 1, &status)?;
        history.record(Event::Ledger(ledger));
    }
    // Gateways first, so that nothing is refused; controllers last.
    for member in cluster.members.iter_mut().rev() {
        history.record(Event::Memory(Memory {
            node: member.name.clone(),
            bytes: member.memory,
            limit: MEMORY_MAX,
        }));
        if member.is_running() {
            let ending = member.kill().await?;
            history.note(format!("{} is stopped: {ending}", member.name));
        }
    }
    for member in &cluster.members {
        let decisions = decisions::read(&member.name, &member.log());
        history.record_all(decisions.into_iter().map(Event::Decision));
    }
    let events = history.close()?;
    let verdicts = judge(&events)?;
    report::write(folder, &events, &verdicts)?;
    Ok(verdicts)
}

/// Judges a run again from what it left.
///
/// # Errors
/// When its history cannot be read.
pub fn judge_again(folder: &Path) -> Result<Verdicts> {
    let events = super::history::read(&folder.join("history.jsonl"))?;
    if events.is_empty() {
        bail!("the history in {} is empty", folder.display());
    }
    let verdicts = judge(&events)?;
    report::write(folder, &events, &verdicts)?;
    Ok(verdicts)
}
