//! Spans of a pod, through the chart, with what Kubernetes knows of the pod.
//!
//! ```text
//! test -> checkout (a Deployment, as an agent) -> Service -> the chart with k8s_attributes -> backend, whose log is read
//! ```

use super::{IMAGE, Kubernetes};
use crate::deploy::{Outcome, chart};
use crate::root;
use crate::servers::until;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const NAMESPACE: &str = "tailweir-attributes";

/// Labels of pods and namespaces decide what is kept, and come out.
pub(super) fn check(cluster: &Kubernetes) -> Result<Outcome> {
    let stage = Stage {
        cluster,
        folder: root().join("target/attributes"),
    };
    fs::create_dir_all(&stage.folder)?;
    cluster.kubectl(&["create", "namespace", NAMESPACE])?;
    cluster.kubectl(&["label", "namespace", NAMESPACE, "tier=front"])?;
    stage.apply("backend", &[&backend(), &service("backend")])?;
    stage.apply("checkout", &[&agent("checkout")])?;
    stage.apply("search", &[&agent("search")])?;
    stage.install()?;
    for name in ["backend", "checkout", "search"] {
        stage.kubectl(&[
            "rollout",
            "status",
            &format!("deployment/{name}"),
            "--timeout=90s",
        ])?;
    }
    let said = stage.until_told()?;
    ensure!(stage.lists_pods(NAMESPACE)?, "pods may not be listed");
    ensure!(
        !stage.lists_pods("default")?,
        "pods of other namespaces may be listed"
    );
    stage.helm(&["uninstall", "tailweir", "--wait"])?;
    let kinds = "roles,rolebindings,clusterroles,clusterrolebindings";
    let roles = cluster.kubectl(&["get", kinds, "--all-namespaces", "--output=name"])?;
    ensure!(!roles.contains(NAMESPACE), "the role outlives the release");
    cluster.kubectl(&["delete", "namespace", NAMESPACE])?;
    Ok(Outcome::Passed(said))
}

struct Stage<'a> {
    cluster: &'a Kubernetes,
    folder: PathBuf,
}

impl Stage<'_> {
    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.cluster
            .kubectl(&[&["--namespace", NAMESPACE], arguments].concat())
    }

    fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut helm = self.cluster.inside(&self.cluster.programs.helm);
        crate::output(helm.args(["--namespace", NAMESPACE]).args(arguments))
    }

    fn apply(&self, name: &str, objects: &[&Value]) -> Result<()> {
        let file = self.folder.join(name).with_extension("json");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        fs::write(&file, list.to_string())?;
        self.kubectl(&["apply", "--filename", &file.to_string_lossy()])
            .map(drop)
    }

    fn install(&self) -> Result<()> {
        let values = self.folder.join("values.json");
        fs::write(&values, chart_values().to_string())?;
        let folder = chart::folder();
        let install = [
            "install",
            "tailweir",
            &*folder.to_string_lossy(),
            "--values",
        ];
        let values = values.to_string_lossy().into_owned();
        let wait = [&*values, "--wait", "--timeout", "3m"];
        self.helm(&[&install[..], &wait].concat()).map(drop)
    }

    /// Whether the release may list the pods of a namespace.
    fn lists_pods(&self, namespace: &str) -> Result<bool> {
        let account = format!("--as=system:serviceaccount:{NAMESPACE}:tailweir");
        let ask = [
            "auth",
            "can-i",
            "--list",
            &account,
            "--namespace",
            namespace,
        ];
        let allowed = self.cluster.kubectl(&ask)?;
        let mut kinds = allowed.lines().filter_map(|line| line.split(' ').next());
        Ok(kinds.any(|kind| kind == "pods"))
    }

    /// Sends until the backend has what it must have: other pods may be known before the newest.
    fn until_told(&self) -> Result<String> {
        let (mut told, mut traces, mut log) = (None, 0, String::new());
        let looked = until("span of a pod at the backend", || {
            for agent in ["checkout", "search"] {
                traces += 1;
                self.send(agent, traces)?;
            }
            log = self.kubectl(&["logs", "deployment/backend"])?;
            told = self.judge(&log)?;
            Ok(told.is_some())
        });
        looked.with_context(|| format!("the backend has:\n{log}"))?;
        let told = told.context("nothing was told")?;
        Ok(format!("{told}; {traces} traces were sent"))
    }

    /// A trace of one span, which the API server posts to the agent: as one for Zipkin, because `kubectl` does not say
    /// that it is JSON.
    fn send(&self, agent: &str, number: u64) -> Result<()> {
        let request = json!([{
            "traceId": format!("{number:032x}"),
            "id": format!("{number:016x}"),
            "name": format!("span of {agent}"),
        }]);
        let file = self.folder.join("span.json");
        fs::write(&file, request.to_string())?;
        let pod = self.pod(agent, "{.items[0].metadata.name}")?;
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:9411/proxy/api/v2/spans");
        let post = ["create", "--raw", &path, "--filename"];
        self.cluster
            .kubectl(&[&post[..], &[&*file.to_string_lossy()]].concat())
            .map(drop)
    }

    fn pod(&self, name: &str, path: &str) -> Result<String> {
        let path = format!("jsonpath={path}");
        self.kubectl(&[
            "get",
            "pods",
            "--selector",
            &format!("app={name}"),
            "--output",
            &path,
        ])
    }

    /// What the backend says of the spans of `checkout`; nothing while it does not say all.
    fn judge(&self, log: &str) -> Result<Option<String>> {
        if !log.contains("span of checkout") {
            return Ok(None);
        }
        let of = |path: &str| self.pod("checkout", path);
        let node = of("{.items[0].spec.nodeName}")?;
        let deployment = self.kubectl(&[
            "get",
            "deployment/checkout",
            "--output=jsonpath={.metadata.uid}",
        ])?;
        let expected = [
            ("k8s.pod.name", of("{.items[0].metadata.name}")?),
            ("k8s.pod.uid", of("{.items[0].metadata.uid}")?),
            ("k8s.pod.ip", of("{.items[0].status.podIP}")?),
            ("k8s.namespace.name", NAMESPACE.to_owned()),
            ("k8s.node.name", node.clone()),
            (
                "k8s.node.uid",
                self.cluster.kubectl(&[
                    "get",
                    "node",
                    &node,
                    "--output=jsonpath={.metadata.uid}",
                ])?,
            ),
            ("k8s.deployment.name", "checkout".to_owned()),
            ("k8s.deployment.uid", deployment),
            ("k8s.container.name", "agent".to_owned()),
            ("app", "checkout".to_owned()),
            ("tier", "front".to_owned()),
        ];
        let is_there = |(name, value): &(&str, String)| {
            let shown = format!("-> {name}: Str({value})");
            log.lines().any(|line| line.contains(&shown))
        };
        if !expected.iter().all(is_there) {
            return Ok(None);
        }
        ensure!(
            !log.contains("span of search"),
            "a pod whose label no policy wants was kept:\n{log}"
        );
        let count = expected.len();
        Ok(Some(format!(
            "{count} attributes of a pod, by its address, seen by the policy before, and no pods of other namespaces"
        )))
    }
}

fn chart_values() -> Value {
    let (repository, tag) = IMAGE;
    let policy = json!({
        "name": "checkout",
        "type": "string_attribute",
        "string_attribute": { "key": "app", "values": ["checkout"] },
    });
    let extract = json!({
        "metadata": [
            "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.pod.ip", "k8s.node.name", "k8s.node.uid",
            "k8s.deployment.name", "k8s.deployment.uid", "k8s.container.name",
        ],
        "labels": [{ "key": "app", "tag_name": "app" }, { "key": "tier", "tag_name": "tier", "from": "namespace" }],
    });
    json!({
        "mode": "single",
        "image": { "repository": repository, "tag": tag, "pullPolicy": "Never" },
        "single": { "resources": { "requests": { "cpu": "100m", "memory": "256Mi" }, "limits": { "memory": "256Mi" } } },
        "config": {
            "receivers": { "otlp": { "protocols": {
                "grpc": { "endpoint": "0.0.0.0:4317" }, "http": { "endpoint": "0.0.0.0:4318" },
            } } },
            "processors": {
                "k8s_attributes": { "filter": { "namespace": NAMESPACE }, "extract": extract, "wait_for_metadata": true },
                "tail_sampling": { "decision_wait": "1s", "policies": [policy] },
            },
            "exporters": { "otlp_grpc": { "endpoint": format!("backend.{NAMESPACE}.svc:4317"), "tls": { "insecure": true } } },
            "service": { "pipelines": { "traces": {
                "receivers": ["otlp"], "processors": ["k8s_attributes", "tail_sampling"], "exporters": ["otlp_grpc"],
            } } },
        },
    })
}

/// Shows all that it is sent.
fn backend() -> Value {
    let receivers = "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}, http: {endpoint: '0.0.0.0:4318'}}}}";
    let shows = "exporters: {debug: {verbosity: detailed}}";
    let traces = "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}";
    deployment("backend", &[receivers, shows, traces])
}

/// Sends on what it is sent, from an address of its own.
fn agent(name: &str) -> Value {
    let receivers = "receivers: {zipkin: {endpoint: '0.0.0.0:9411'}}";
    let sends = format!(
        "exporters: {{otlp_grpc: {{endpoint: 'tailweir.{NAMESPACE}.svc:4317', tls: {{insecure: true}}}}}}"
    );
    let traces = "service: {pipelines: {traces: {receivers: [zipkin], exporters: [otlp_grpc]}}}";
    deployment(name, &[receivers, &sends, traces])
}

/// The image, with each part of a configuration.
fn deployment(name: &str, parts: &[&str]) -> Value {
    let (repository, tag) = IMAGE;
    let labels = json!({ "app": name });
    let configurations = parts.iter().map(|part| format!("--config=yaml:{part}"));
    let mut arguments: Vec<_> = configurations.collect();
    arguments.push("--status-line=never".to_owned());
    let container = json!({
        "name": "agent",
        "image": format!("{repository}:{tag}"),
        "imagePullPolicy": "Never",
        "args": arguments,
        "readinessProbe": { "exec": { "command": ["tailweir", "healthcheck"] }, "periodSeconds": 1, "timeoutSeconds": 3 },
    });
    let template = json!({
        "metadata": { "labels": labels },
        "spec": { "automountServiceAccountToken": false, "containers": [container] },
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": { "replicas": 1, "selector": { "matchLabels": labels }, "template": template },
    })
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "selector": { "app": name }, "ports": [{ "name": "otlp", "port": 4317 }] },
    })
}
