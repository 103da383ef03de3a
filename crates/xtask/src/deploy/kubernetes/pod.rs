//! The image in a pod, as locked up as a pod can be.

use super::{IMAGE, Kubernetes};
use crate::deploy::Outcome;
use crate::root;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;

const NAMESPACE: &str = "tailweir-image";
const POD: &str = "tailweir";
const MEMORY_BYTES: u64 = 256 << 20;
const USER: u32 = 65532;
/// Longest that Kubernetes waits between SIGTERM and SIGKILL. A drain of an idle process takes no second.
const GRACE_SECONDS: u32 = 60;

/// Runs it to readiness, asks how it stands, and stops it.
pub(super) fn check(cluster: &Kubernetes) -> Result<Outcome> {
    cluster.kubectl(&["create", "namespace", NAMESPACE])?;
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    cluster.kubectl(&["label", "namespace", NAMESPACE, restricted])?;
    let file = root().join("target/image/pod.json");
    fs::write(&file, pod().to_string())?;
    cluster.kubectl(&["apply", "--filename", &file.to_string_lossy()])?;
    let within =
        |arguments: &[&str]| cluster.kubectl(&[&["--namespace", NAMESPACE], arguments].concat());
    within(&[
        "wait",
        "--for=condition=Ready",
        "pod/tailweir",
        "--timeout=60s",
    ])?;
    let status = within(&[
        "get",
        "--raw",
        &format!("/api/v1/namespaces/{NAMESPACE}/pods/{POD}:8888/proxy/status"),
    ])?;
    let (budget, shards) = check_limits(&serde_json::from_str(&status)?)?;
    let healthy = within(&["exec", POD, "--", "tailweir", "healthcheck"])?;
    ensure!(healthy.trim() == "ready", "the health check says {healthy}");
    ensure!(
        within(&["exec", POD, "--", "sh"]).is_err(),
        "there is a shell in the image"
    );
    let said = stop(cluster)?;
    cluster.kubectl(&["delete", "namespace", NAMESPACE])?;
    Ok(Outcome::Passed(format!(
        "ready as {USER}, read-only, without capabilities; {budget} bytes of {MEMORY_BYTES} for traces, {shards} shard for half a core; {said}"
    )))
}

fn pod() -> Value {
    let (name, tag) = IMAGE;
    let probe = |period: u32| {
        json!({
            "exec": { "command": ["tailweir", "healthcheck"] },
            "periodSeconds": period,
            "timeoutSeconds": 3,
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": POD, "namespace": NAMESPACE },
        "spec": {
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": USER,
                "runAsGroup": USER,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": POD,
                "image": format!("{name}:{tag}"),
                "imagePullPolicy": "Never",
                // The API server asks for the status, from outside of the pod.
                "args": ["--status-line=never", "--admin=0.0.0.0:8888"],
                "readinessProbe": probe(1),
                "livenessProbe": probe(5),
                "resources": { "limits": { "memory": MEMORY_BYTES.to_string(), "cpu": "500m" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

/// The budget follows the limit of memory, the shards that of the CPU.
fn check_limits(status: &Value) -> Result<(u64, u64)> {
    let sampler = &status["samplers"][0];
    let amount = |name: &str| {
        let amount = sampler[name].as_u64();
        amount.with_context(|| format!("the status has no {name}"))
    };
    let (budget, shards) = (amount("memory_budget_bytes")?, amount("shards")?);
    ensure!(
        (MEMORY_BYTES / 4..MEMORY_BYTES).contains(&budget),
        "the budget of {budget} bytes does not follow the limit of {MEMORY_BYTES}"
    );
    ensure!(shards == 1, "half a core has {shards} shards");
    Ok((budget, shards))
}

/// Deletes the pod while its log is read to the end.
fn stop(cluster: &Kubernetes) -> Result<String> {
    let mut follow = cluster.inside("kubectl");
    follow.args(["--namespace", NAMESPACE, "logs", "--follow", POD]);
    let log = follow.stdout(std::process::Stdio::piped()).spawn()?;
    let ended = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
    // A finalizer keeps the pod until its end was read.
    let patch = r#"{"metadata":{"finalizers":["tailweir.local/read"]}}"#;
    let within =
        |arguments: &[&str]| cluster.kubectl(&[&["--namespace", NAMESPACE], arguments].concat());
    within(&["patch", "pod", POD, "--patch", patch])?;
    within(&["delete", "pod", POD, "--wait=false"])?;
    let wait = format!("--for={ended}=0");
    within(&["wait", &wait, "pod/tailweir", "--timeout=60s"])?;
    let none = r#"{"metadata":{"finalizers":null}}"#;
    within(&["patch", "pod", POD, "--patch", none])?;
    let said = String::from_utf8(log.wait_with_output()?.stdout)?;
    ensure!(
        said.contains("stopping") && said.contains("stopped"),
        "SIGTERM was no drain:\n{said}"
    );
    Ok("SIGTERM drains, and it ends with 0".to_owned())
}
