//! The programs of a cluster, built from their modules once and kept by what they were built from.

use crate::deploy::tools;
use crate::{cache, output, root};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const COREDNS: &str = "github.com/coredns/coredns@v1.15.0";
/// The version that the module in `deploy/tools/kubernetes` requires, for the API to tell.
const VERSION: &str = "1.34.4";
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
        let source = root().join("deploy/tools/kubernetes");
        let key = cache::key(&source, SOURCES)?;
        let folder = cache::folder()?.join("kubernetes");
        let folder = folder.join(format!("{VERSION}-{key}"));
        let bin = folder.join("bin");
        fs::create_dir_all(&bin)?;
        build_components(&source, &bin)?;
        if !bin.join("coredns").exists() {
            let mut go = Command::new("go");
            go.args(["install", "-trimpath", "-ldflags=-s -w", COREDNS]);
            output(go.env("GOBIN", &bin).env("CGO_ENABLED", "0"))
                .context("CoreDNS cannot be built")?;
        }
        Ok(Self {
            folder,
            helm: tools::helm()?,
        })
    }
}

fn build_components(source: &Path, bin: &Path) -> Result<()> {
    let build = |package: &str, program: &str, flags: &str| -> Result<()> {
        if bin.join(program).exists() {
            return Ok(());
        }
        let mut go = Command::new("go");
        go.current_dir(source)
            .args(["build", "-trimpath", flags, "-o"])
            .arg(bin.join(program))
            .arg(package)
            .env("CGO_ENABLED", "0");
        let built = output(&mut go).with_context(|| format!("{program} cannot be built"));
        built.map(drop)
    };
    build(".", "kube", &stamp())?;
    build("go.etcd.io/etcd/server/v3", "etcd", "-ldflags=-s -w")?;
    build("./pause", "pause", "-ldflags=-s -w")?;
    for component in COMPONENTS {
        let link = bin.join(component);
        if !link.exists() {
            symlink("kube", &link)?;
        }
    }
    Ok(())
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
