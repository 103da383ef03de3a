//! `tailweir cluster`: what can be asked of a running cluster.

use super::{ConfigArguments, duration};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use tailweir_core::Slot;
use tailweir_placement::{Epoch, MemberName, TenureId};

/// Sub-commands of `cluster`.
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Show controllers, samplers and slots, as one process knows them
    Status(LookArguments),
    /// Show who owns and who copies which slots
    Slots(SlotsArguments),
    /// Show each change of the routing table as it comes, until interrupted
    Watch(LookArguments),
    /// Ask a sampler to leave, and wait until it may: its slots move, and it finishes what it holds
    Drain(DrainArguments),
    /// Take a sampler out that is not to come back, or a controller
    Remove(RemoveArguments),
    /// Give up tenures that nobody holds any more, with all that they held
    Forget(ForgetArguments),
}

/// Whom to ask how the cluster stands.
#[derive(Debug, Clone, Args)]
pub(crate) struct LookArguments {
    /// Admin address of any process of the cluster
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "localhost:8888",
        env = "TAILWEIR_ADMIN"
    )]
    pub(crate) admin: String,
    /// Longest time to wait for an answer
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `cluster slots`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SlotsArguments {
    #[command(flatten)]
    pub(crate) look: LookArguments,
    /// Show the tenures of this slot alone
    #[arg(long, value_name = "NUMBER")]
    pub(crate) slot: Option<usize>,
}

/// How to reach the controllers: the configuration of a process of the cluster.
#[derive(Debug, Clone, Args)]
pub(crate) struct ChangeArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `cluster drain`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DrainArguments {
    /// The sampler
    #[arg(value_parser = MemberName::new)]
    pub(crate) name: MemberName,
    /// Longest time to wait for its turn
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) patience: Duration,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// Arguments of `cluster remove`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RemoveArguments {
    /// The sampler
    #[arg(value_parser = MemberName::new)]
    pub(crate) name: MemberName,
    /// It is a controller
    #[arg(long)]
    pub(crate) controller: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// Arguments of `cluster forget`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ForgetArguments {
    /// The tenures, as `cluster slots` shows them
    #[arg(value_name = "SLOT@EPOCH", required = true, value_parser = tenure)]
    pub(crate) tenures: Vec<TenureId>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// Arguments of `policy apply`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApplyArguments {
    /// A processors: section with the tail_sampling blocks that are to be in force, over the configuration
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

/// Reads the name of a tenure.
fn tenure(text: &str) -> Result<TenureId, String> {
    let parsed = text.split_once('@').and_then(|(slot, created)| {
        let slot = Slot::new(slot.parse().ok()?)?;
        let created = Epoch(created.parse().ok()?);
        Some(TenureId { slot, created })
    });
    parsed.ok_or_else(|| "not a tenure such as 1733@12".to_owned())
}
