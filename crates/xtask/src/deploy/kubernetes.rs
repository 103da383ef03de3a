//! A real Kubernetes of three nodes on this machine, as `deploy/tools/kubernetes` makes it.
//!
//! Its programs are built from their modules and kept below the cache, by what they were built from. Its nodes are
//! network namespaces without a way out. Dropping it stops everything that it started.

mod applied;
mod attributes;
mod examples;
mod pod;
mod programs;
mod rollout;

use super::{DeployArguments, Outcome, Tally};
use crate::{Profile, image, output, root, run as run_command};
use anyhow::{Context, Result};
use programs::Programs;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Nodes, each in a zone of its own.
const NODES: u32 = 3;
/// The network namespace of the control plane.
const NETWORK: &str = "tailweir-kube";
/// Its address, which pods reach.
const CONTROL: &str = "10.10.0.1";
/// The image as nodes know it.
const IMAGE: (&str, &str) = ("tailweir.local/tailweir", "test");
/// The change under load that takes few minutes and replaces every pod.
const UPGRADE: &str = "upgrade of all roles";

/// Starts the cluster and runs what needs it.
pub(super) fn stages(arguments: &DeployArguments, tally: &mut Tally) {
    let Some(cluster) = start(arguments, Programs::find, tally) else {
        return;
    };
    let stages: &[(&str, Stage)] = &[
        ("image in a pod", pod::check),
        ("examples before the API", examples::check),
        ("attributes of pods", attributes::check),
        ("Terraform, applied", applied::check),
        ("chart by Helm 4", rollout::check_helm_4),
    ];
    // A name that is none of these is one of a change under load.
    let mut changes = arguments.only.clone();
    changes.retain(|only| stages.iter().all(|(name, _)| name != only));
    for (name, stage) in stages {
        if arguments.only.is_empty() || arguments.only.iter().any(|only| only == name) {
            tally.tell(name, stage(&cluster));
        }
    }
    if arguments.only.is_empty() || !changes.is_empty() {
        let rolled_out = rollout::check(&cluster, &changes, Profile::Release);
        tally.tell("chart rolled out under load", rolled_out);
    }
}

/// Installs the chart, tests it, upgrades it under load and uninstalls it, where a cluster can be had at once.
pub(super) fn upgrade(arguments: &DeployArguments, tally: &mut Tally) {
    if let Some(cluster) = start(arguments, Programs::find_built, tally) {
        let upgraded = rollout::check(&cluster, &[UPGRADE.to_owned()], Profile::Development);
        tally.tell("chart upgraded under load", upgraded);
    }
}

/// Starts the cluster with the programs that are found so, and tells of it.
fn start(
    arguments: &DeployArguments,
    find: fn() -> Result<Programs>,
    tally: &mut Tally,
) -> Option<Kubernetes> {
    const NAME: &str = "a Kubernetes of three nodes";
    match Kubernetes::start(arguments.binary.as_deref(), find) {
        Ok(Started::Running(cluster)) => {
            tally.tell(NAME, cluster.version().map(Outcome::Passed));
            Some(cluster)
        }
        Ok(Started::Impossible(why)) => {
            tally.tell(NAME, Ok(Outcome::Skipped(why)));
            None
        }
        Err(error) => {
            tally.tell(NAME, Err(error));
            None
        }
    }
}

/// What is done with a running cluster.
type Stage = fn(&Kubernetes) -> Result<Outcome>;

/// Whether there is a cluster.
enum Started {
    Running(Kubernetes),
    Impossible(String),
}

/// A running cluster.
struct Kubernetes {
    programs: Programs,
    script: PathBuf,
    /// What the script keeps.
    state: PathBuf,
}

impl Kubernetes {
    fn start(binary: Option<&Path>, find: fn() -> Result<Programs>) -> Result<Started> {
        if output(Command::new("id").arg("-u"))?.trim() != "0" {
            return Ok(Started::Impossible("nodes need root".to_owned()));
        }
        let mut namespaces = Command::new("unshare");
        if let Err(error) = output(namespaces.args(["--net", "--mount", "--uts", "true"])) {
            return Ok(Started::Impossible(format!(
                "nodes need namespaces: {error:#}"
            )));
        }
        let programs = match find() {
            Ok(programs) => programs,
            Err(error) => return Ok(Started::Impossible(format!("{error:#}"))),
        };
        let state = programs.folder.join("state");
        let cluster = Self {
            script: root().join("deploy/tools/kubernetes/cluster.sh"),
            programs,
            state,
        };
        // What an earlier run left, had it been killed.
        cluster.ask(&["down"])?;
        let images = cluster.state.join("images");
        fs::create_dir_all(&images)?;
        image::write_single(
            &cluster.programs.folder.join("bin/pause"),
            "tailweir.local/pause:1",
            &images.join("pause.tar"),
        )?;
        let written = super::image(binary, "cluster")?;
        let archive = written.layout.with_file_name("tailweir.tar");
        fs::copy(archive, images.join("tailweir.tar"))?;
        cluster.ask(&["up", &NODES.to_string()])?;
        Ok(Started::Running(cluster))
    }

    /// Asks the script.
    fn ask(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.script);
        run_command(self.environment(command.args(arguments)))
    }

    /// What the script, and whoever calls it, has to know.
    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let configuration = self.configuration();
        command
            .env("BIN", self.programs.folder.join("bin"))
            .env("STATE", &self.state)
            .env("NETWORK", NETWORK)
            .env("KUBECONFIG", &configuration)
            .env("KUBE_CONFIG_PATH", configuration)
    }

    fn configuration(&self) -> PathBuf {
        self.state.join("pki/admin.conf")
    }

    /// A command in the network of the control plane.
    fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{NETWORK}"))
            .arg(program);
        self.environment(&mut command);
        command
    }

    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        output(self.inside("kubectl").args(arguments))
    }

    fn version(&self) -> Result<String> {
        let path = "jsonpath={.items[*].status.nodeInfo.kubeletVersion}";
        let said = self.kubectl(&["get", "nodes", "--output", path])?;
        let version = said.split(' ').next().context("there is no node")?;
        Ok(format!(
            "{version}, {} nodes ready",
            said.split(' ').count()
        ))
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        if let Err(error) = self.ask(&["down"]) {
            println!("the cluster is not stopped: {error:#}");
        }
    }
}
