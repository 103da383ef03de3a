//! The programs of a cluster, built from their modules once and kept by what they were built from.

use crate::deploy::tools;
use crate::{cache, output, root};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs that are modules of their own, and what is installed of them.
const MODULES: &[(&str, &str)] = &[
    ("coredns", "github.com/coredns/coredns@v1.15.0"),
    (
        "metrics-server",
        "sigs.k8s.io/metrics-server/cmd/metrics-server@v0.9.0",
    ),
];
/// The version that the module in `deploy/tools/kubernetes` requires, for the API to tell.
const VERSION: &str = "1.34.4";
/// What the module builds; the components are names of the first.
const PROGRAMS: &[&str] = &["kube", "etcd", "pause"];
const COMPONENTS: &[&str] = &[
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
];
/// What the programs are built from.
const SOURCES: &[&str] = &["go.mod", "go.sum", "main.go", "pause/main.go"];
/// What the system has to have, and the package that has it.
const SYSTEM: &[(&str, &str)] = &[
    ("/usr/bin/containerd", "containerd"),
    ("/usr/sbin/runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/sbin/conntrack", "conntrack"),
    ("/usr/bin/prometheus", "prometheus"),
];

/// Where the programs are.
pub(super) struct Programs {
    /// `bin` and `state` of the cluster.
    pub(super) folder: PathBuf,
    /// Helm 3.
    pub(super) helm: PathBuf,
}

impl Programs {
    /// Finds them, or builds and installs what is not there.
    pub(super) fn find() -> Result<Self> {
        output(Command::new("kubectl").args(["version", "--client"]))
            .context("there is no kubectl")?;
        for (file, package) in SYSTEM {
            if !Path::new(file).exists() {
                tools::install(package).with_context(|| format!("there is no {file}"))?;
            }
        }
        let folder = folder()?;
        let bin = folder.join("bin");
        fs::create_dir_all(&bin)?;
        build_components(&bin)?;
        for (program, module) in MODULES {
            if !bin.join(program).exists() {
                let mut go = Command::new("go");
                go.args(["install", "-trimpath", "-ldflags=-s -w", module]);
                output(go.env("GOBIN", &bin).env("CGO_ENABLED", "0"))
                    .with_context(|| format!("{program} cannot be built"))?;
            }
        }
        link(&pod_metrics()?, &bin.join("pod-metrics"))?;
        Ok(Self {
            folder,
            helm: tools::helm()?,
        })
    }

    /// Finds them if nothing has to be built or installed for it.
    ///
    /// # Errors
    /// What is not there.
    pub(super) fn find_built() -> Result<Self> {
        let bin = folder()?.join("bin");
        let modules = MODULES.iter().map(|(program, _)| program);
        let mut built: Vec<_> = PROGRAMS
            .iter()
            .chain(modules)
            .map(|it| bin.join(it))
            .collect();
        built.push(pod_metrics_program()?);
        for program in built {
            ensure!(
                program.exists(),
                "{} is not built: `cargo xtask verify-deploy --cluster` does that, in half an hour",
                program.display()
            );
        }
        for (file, package) in SYSTEM {
            ensure!(
                Path::new(file).exists(),
                "there is no {file}, which the package {package} has"
            );
        }
        Self::find()
    }
}

/// Where they are kept.
fn folder() -> Result<PathBuf> {
    let key = cache::key(&source(), SOURCES)?;
    let folder = cache::folder()?.join("kubernetes");
    Ok(folder.join(format!("{VERSION}-{key}")))
}

fn source() -> PathBuf {
    root().join("deploy/tools/kubernetes")
}

fn build_components(bin: &Path) -> Result<()> {
    let source = &source();
    build(source, ".", &bin.join("kube"), &stamp())?;
    let stripped = "-ldflags=-s -w";
    build(
        source,
        "go.etcd.io/etcd/server/v3",
        &bin.join("etcd"),
        stripped,
    )?;
    build(source, "./pause", &bin.join("pause"), stripped)?;
    for component in COMPONENTS {
        link(Path::new("kube"), &bin.join(component))?;
    }
    Ok(())
}

/// What serves the metrics of pods to autoscalers. It has a module and so a key of its own.
fn pod_metrics() -> Result<PathBuf> {
    let source = root().join("deploy/tools/pod-metrics");
    let program = pod_metrics_program()?;
    build(&source, ".", &program, "-ldflags=-s -w")?;
    Ok(program)
}

fn pod_metrics_program() -> Result<PathBuf> {
    let source = root().join("deploy/tools/pod-metrics");
    let key = cache::key(&source, &["go.mod", "go.sum", "main.go"])?;
    let folder = cache::folder()?.join("kubernetes");
    Ok(folder.join(format!("pod-metrics-{key}")))
}

/// Builds a package of a module, unless it is there.
fn build(source: &Path, package: &str, program: &Path, flags: &str) -> Result<()> {
    if program.exists() {
        return Ok(());
    }
    let mut go = Command::new("go");
    go.current_dir(source)
        .args(["build", "-trimpath", flags, "-o"])
        .arg(program)
        .arg(package)
        .env("CGO_ENABLED", "0");
    let built = output(&mut go).with_context(|| format!("{} cannot be built", program.display()));
    built.map(drop)
}

/// Makes a name for a program, whatever it stood for before.
fn link(program: &Path, name: &Path) -> Result<()> {
    if name.symlink_metadata().is_ok() {
        fs::remove_file(name)?;
    }
    Ok(symlink(program, name)?)
}

/// What the API says of itself; without it charts see the version 0.0.0.
fn stamp() -> String {
    let package = "k8s.io/component-base/version";
    let minor = VERSION.split('.').nth(1).unwrap_or_default();
    let values = [
        ("gitVersion", format!("v{VERSION}")),
        ("gitMajor", "1".to_owned()),
        ("gitMinor", minor.to_owned()),
        ("gitTreeState", "clean".to_owned()),
        ("buildDate", "1970-01-01T00:00:00Z".to_owned()),
    ];
    values
        .iter()
        .fold("-ldflags=-s -w".to_owned(), |flags, (name, value)| {
            format!("{flags} -X {package}.{name}={value}")
        })
}
