//! `tailweir cluster`: how a cluster stands, asked of any process by its admin listener; and what changes it, asked of the
//! controllers as a process of the cluster, because these take nothing from strangers.

mod text;

use crate::cli::{
    ApplyArguments, ChangeArguments, ClusterCommand, DrainArguments, ForgetArguments,
    LookArguments, RemoveArguments, SlotsArguments,
};
use crate::cluster::{ClusterPage, SlotRun, link, name_of};
use crate::configuration::Configuration;
use crate::probe;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;
use tailweir_control::{Drain, Operator};
use tailweir_placement::Epoch;

/// How often a watched process is asked.
const LOOK: Duration = Duration::from_millis(500);
/// How often a wish to drain is repeated.
const AGAIN: Duration = Duration::from_secs(1);

/// `tailweir policy apply`: checks policies against the configuration, and gives them to the controllers.
pub(super) fn apply(arguments: &ApplyArguments, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    let ApplyArguments { file, change } = arguments;
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let configuration = Configuration::of(&change.config);
    let (now, then) = (
        configuration.load().0?,
        configuration.with_policies(&text).load().0?,
    );
    if !now.settings.is_same_but_for_policies(&then.settings) {
        bail!(
            "{} changes more than tail_sampling processors that the configuration has; the rest needs a new file in each process",
            file.display()
        );
    }
    runtime()?.block_on(async {
        let revision = operator(change)?.apply_policies(&text).await?;
        let text = format!("the policies are revision {revision}");
        say(change, terminal, &json!({"revision": revision}), &text)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

pub(super) fn run(command: &ClusterCommand, terminal: &Terminal) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match command {
            ClusterCommand::Status(look) => status(look, terminal).await,
            ClusterCommand::Slots(arguments) => slots(arguments, terminal).await,
            ClusterCommand::Watch(look) => watch(look, terminal).await,
            ClusterCommand::Drain(arguments) => drain(arguments, terminal).await,
            ClusterCommand::Remove(arguments) => remove(arguments, terminal).await,
            ClusterCommand::Forget(arguments) => forget(arguments, terminal).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A page of the admin listener.
async fn look_at<Page: DeserializeOwned>(look: &LookArguments, path: &str) -> anyhow::Result<Page> {
    let answer = probe::get(&look.admin, path, look.timeout).await?;
    if !answer.status.is_success() {
        bail!("{}: {}", look.admin, answer.body.trim_end());
    }
    serde_json::from_str(&answer.body).with_context(|| {
        format!(
            "{} answers, but not as this version of Tailweir",
            look.admin
        )
    })
}

async fn status(look: &LookArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let page: ClusterPage = look_at(look, "/cluster").await?;
    let text = match look.json {
        true => json_of(&page)?,
        false => text::status(&page),
    };
    Ok(terminal.print(&text)?)
}

async fn slots(arguments: &SlotsArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let mut runs: Vec<SlotRun> = look_at(&arguments.look, "/cluster/slots").await?;
    if let Some(slot) = arguments.slot {
        runs.retain(|run| (run.first..run.first + run.slots).contains(&slot));
    }
    let text = match (arguments.look.json, arguments.slot) {
        (true, _) => json_of(&runs)?,
        (false, Some(slot)) => text::slot(slot, &runs),
        (false, None) => text::slots(&runs),
    };
    Ok(terminal.print(&text)?)
}

async fn watch(look: &LookArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let mut shown: Option<ClusterPage> = None;
    let mut interval = tokio::time::interval(LOOK);
    loop {
        interval.tick().await;
        let page: ClusterPage = look_at(look, "/cluster").await?;
        let known = shown.as_ref();
        let is_new = known.is_none_or(|known| text::is_changed(known, &page));
        if is_new {
            let text = match look.json {
                // A line each, for programs.
                true => format!("{}\n", serde_json::to_string(&page)?),
                false => text::line(&page),
            };
            terminal.print(&text)?;
            shown = Some(page);
        }
    }
}

/// Calls to the controllers of the configuration.
fn operator(change: &ChangeArguments) -> anyhow::Result<Operator> {
    let (outcome, _) = Configuration::of(&change.config).load();
    let cluster = outcome?.settings.cluster;
    let cluster =
        cluster.context("the configuration has no cluster section; name one by --config")?;
    let link = link(&cluster, &name_of(&cluster)?)?;
    Ok(Operator::new(link, cluster.controllers))
}

async fn drain(arguments: &DrainArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let DrainArguments {
        name,
        patience,
        change,
    } = arguments;
    let mut operator = operator(change)?;
    let mut told = String::new();
    let waiting = async {
        loop {
            match operator.drain(name, None).await? {
                Drain::Granted => return anyhow::Ok(()),
                Drain::Waits(reason) if reason != told => {
                    terminal.note(&format!("{name} waits for {reason}\n"))?;
                    told = reason;
                }
                Drain::Waits(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    let granted = tokio::time::timeout(*patience, waiting).await;
    granted.with_context(|| format!("{name} was not granted its leave within {patience:?}"))??;
    say(
        change,
        terminal,
        &json!({"name": name.as_str(), "granted": true}),
        &format!("{name} drains: its slots have moved, and it finishes what it holds"),
    )
}

async fn remove(arguments: &RemoveArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let mut operator = operator(&arguments.change)?;
    let name = &arguments.name;
    let epoch = match arguments.controller {
        true => operator.remove_controller(name).await?,
        false => operator.remove(name).await?,
    };
    changed(
        &arguments.change,
        terminal,
        epoch,
        &format!("{name} is removed"),
    )
}

async fn forget(arguments: &ForgetArguments, terminal: &Terminal) -> anyhow::Result<()> {
    let epoch = operator(&arguments.change)?
        .forget(&arguments.tenures)
        .await?;
    let text = format!("{} tenures are given up", arguments.tenures.len());
    changed(&arguments.change, terminal, epoch, &text)
}

fn changed(
    change: &ChangeArguments,
    terminal: &Terminal,
    epoch: Epoch,
    text: &str,
) -> anyhow::Result<()> {
    let text = format!("{text}; the routing table has epoch {epoch}");
    say(change, terminal, &json!({"epoch": epoch.0}), &text)
}

fn say(
    change: &ChangeArguments,
    terminal: &Terminal,
    json: &serde_json::Value,
    text: &str,
) -> anyhow::Result<()> {
    let text = match change.json {
        true => json_of(json)?,
        false => format!("{text}\n"),
    };
    Ok(terminal.print(&text)?)
}

fn json_of(page: &impl Serialize) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(page)?))
}
