//! Tools that are not Rust, installed by name and version, below `target/tools` or, where that takes minutes, in a cache
//! that outlives the folder.

use crate::{cache, output, root};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const HELM: (&str, &str) = ("helm.sh/helm/v3/cmd/helm", "v3.22.0");
const HELM_4: (&str, &str) = ("helm.sh/helm/v4/cmd/helm", "v4.3.2");
const KUBE_SCORE: (&str, &str) = ("github.com/zegl/kube-score/cmd/kube-score", "v1.20.0");
const COMPOSE: (&str, &str) = ("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2");
const KUBERNETES_VALIDATE: &str = "kubernetes-validate==1.37.0";

/// Helm 3, built from its module.
pub(super) fn helm() -> Result<PathBuf> {
    build_helm(HELM)
}

/// Helm 4.
pub(super) fn helm_4() -> Result<PathBuf> {
    build_helm(HELM_4)
}

fn build_helm((module, version): (&str, &str)) -> Result<PathBuf> {
    let folder = cache::folder()?.join("helm").join(version);
    let helm = folder.join("helm");
    if !helm.exists() {
        go_install(module, version, &folder)
            .with_context(|| format!("Helm {version} cannot be built: it needs Go"))?;
    }
    Ok(helm)
}

fn go_install(module: &str, version: &str, folder: &Path) -> Result<()> {
    let mut go = Command::new("go");
    go.args(["install", "-trimpath", "-ldflags=-s -w"]);
    output(go.arg(format!("{module}@{version}")).env("GOBIN", folder)).map(drop)
}

/// A lint of Kubernetes' objects, built from its module.
pub(super) fn kube_score() -> Result<PathBuf> {
    let (module, version) = KUBE_SCORE;
    let folder = cache::folder()?.join("kube-score").join(version);
    let lint = folder.join("kube-score");
    if !lint.exists() {
        go_install(module, version, &folder).context("kube-score cannot be built: it needs Go")?;
    }
    Ok(lint)
}

/// The loader of Docker Compose, as a program that checks a file.
pub(super) fn compose_loader() -> Result<PathBuf> {
    let (module, version) = COMPOSE;
    let folder = cache::folder()?.join("compose").join(version);
    // Go calls it by the last part of its path.
    let loader = folder.join("cmd");
    if !loader.exists() {
        go_install(module, version, &folder)
            .context("the loader of compose files cannot be built: it needs Go")?;
    }
    Ok(loader)
}

/// The Helm provider of Terraform, built from its module in a copy of `deploy/tools`.
pub(super) fn helm_provider() -> Result<PathBuf> {
    let provider = root().join("target/tools/bin/terraform-provider-helm");
    if !provider.exists() {
        let folder = root().join("target/tools/src");
        std::fs::create_dir_all(&folder)?;
        let source = root().join("deploy/tools/terraform-provider-helm");
        output(Command::new("cp").arg("-r").arg(source).arg(&folder))?;
        let mut go = Command::new("go");
        go.current_dir(folder.join("terraform-provider-helm"))
            .args(["build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&provider)
            .arg("github.com/hashicorp/terraform-provider-helm")
            .env("CGO_ENABLED", "0");
        output(&mut go).context("the Helm provider cannot be built: it needs Go")?;
    }
    Ok(provider)
}

/// `kubernetes-validate`, from PyPI: the schemas of Kubernetes' own objects.
pub(super) fn kubernetes_validate() -> Result<PathBuf> {
    let folder = root().join("target/tools/python");
    let tool = folder.join("bin/kubernetes-validate");
    if !tool.exists() {
        output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        output(Command::new(folder.join("bin/pip")).args([
            "install",
            "--quiet",
            KUBERNETES_VALIDATE,
        ]))?;
    }
    Ok(tool)
}

/// The Python of `kubernetes-validate`, which has what that needs: `jsonschema` and PyYAML.
pub(super) fn python_with_schemas() -> Result<PathBuf> {
    Ok(kubernetes_validate()?.with_file_name("python"))
}

/// A program of the system; its package is installed when it is not there.
pub(super) fn system(program: &str, package: &str) -> Result<PathBuf> {
    if output(Command::new(program).arg("--version")).is_err() {
        install(package).with_context(|| format!("there is no {program}"))?;
    }
    Ok(program.into())
}

/// Installs a package of the system.
pub(super) fn install(package: &str) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "--no-install-recommends", package]);
    output(apt.env("DEBIAN_FRONTEND", "noninteractive"))
        .with_context(|| format!("the package {package} cannot be installed"))?;
    Ok(())
}
