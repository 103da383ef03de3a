//! The Terraform module, applied: made, seen to need no change, changed, removed.

use super::{IMAGE, Kubernetes};
use crate::deploy::{Outcome, terraform};
use crate::output;
use anyhow::{Context, Result, ensure};
use std::fs;

/// A root module with what differs from the module's defaults: one process, and the image that the nodes have.
fn configuration(revision: u32) -> String {
    let (repository, tag) = IMAGE;
    format!(
        r#"provider "helm" {{}}

module "tailweir" {{
  source    = "../../modules/tailweir"
  chart     = "../../../helm/tailweir"
  mode      = "single"
  namespace = "tailweir-terraform"
  image     = {{ repository = "{repository}", tag = "{tag}", pullPolicy = "Never" }}
  single    = {{ cpu = "50m", memory = "128Mi" }}
  extra_values = [yamlencode({{ podAnnotations = {{ revision = "{revision}" }} }})]
}}

output "endpoint" {{
  value = module.tailweir.otlp_grpc_endpoint
}}
"#
    )
}

/// Applies, plans again, changes, destroys.
pub(super) fn check(cluster: &Kubernetes) -> Result<Outcome> {
    let scratch = match terraform::scratch("terraform-applied")? {
        Ok(scratch) => scratch,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let folder = scratch.join("terraform/examples/applied");
    fs::create_dir_all(&folder)?;
    let write = |revision| fs::write(folder.join("main.tf"), configuration(revision));
    let run = |arguments: &[&str]| {
        let mut command = cluster.inside("terraform");
        command
            .current_dir(&folder)
            .args(arguments)
            .arg("-no-color");
        output(terraform::environment(&scratch, &mut command))
    };
    let apply = ["apply", "-auto-approve", "-input=false"];
    let unchanged = ["plan", "-detailed-exitcode", "-input=false"];
    write(1)?;
    run(&["get"])?;
    run(&apply)?;
    // 2 would say that there is something to change.
    run(&unchanged).context("a second plan has changes")?;
    let uid = pod(cluster)?;
    write(2)?;
    let changed = run(&apply)?;
    ensure!(changed.contains("1 changed"), "{changed}");
    run(&unchanged).context("a plan after the change has changes")?;
    ensure!(pod(cluster)? != uid, "the upgrade replaced no pod");
    let destroyed = run(&["destroy", "-auto-approve", "-input=false"])?;
    ensure!(destroyed.contains("1 destroyed"), "{destroyed}");
    cluster.kubectl(&["delete", "namespace", "tailweir-terraform"])?;
    Ok(Outcome::Passed(
        "applied, no change in a second plan, upgraded, destroyed".to_owned(),
    ))
}

fn pod(cluster: &Kubernetes) -> Result<String> {
    let path = "jsonpath={.metadata.uid}";
    cluster.kubectl(&[
        "--namespace",
        "tailweir-terraform",
        "get",
        "pod",
        "tailweir-0",
        "--output",
        path,
    ])
}
