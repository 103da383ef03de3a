//! Which pods the chart gives a token of Kubernetes' API, and what it lets them read.

use super::{Outcome, chart, tools};
use crate::{output, root};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A configuration with `k8s_attributes` processors, and what comes of it.
struct Case {
    mode: &'static str,
    /// Which value it is: `config`, or `alternateConfig` in its place.
    value: &'static str,
    /// The processor's settings.
    processor: Value,
    /// Pipelines, beside which there are samplers of traces and logs and a connector.
    pipelines: Value,
    /// Roles with a token, and roles of the API with their kinds, by name.
    given: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let case = |processor, pipelines, given| Case {
        mode: "cluster",
        value: "config",
        processor,
        pipelines,
        given,
    };
    let of_traces = |processors: &[&str]| json!({ "traces": { "receivers": ["otlp"], "processors": processors } });
    let front = || of_traces(&["k8s_attributes", "tail_sampling"]);
    let behind = || of_traces(&["tail_sampling", "k8s_attributes"]);
    let of_namespace = |metadata: &[&str]| json!({ "filter": { "namespace": "shop" }, "extract": { "metadata": metadata } });
    let of_logs = json!({ "logs": { "receivers": ["otlp"], "processors": ["tail_sampling/logs", "k8s_attributes"] } });
    let of_metrics =
        json!({ "metrics": { "receivers": ["otlp"], "processors": ["k8s_attributes"] } });
    let fed = json!({ "metrics": { "receivers": ["count"], "processors": ["k8s_attributes"] } });
    let variable = json!({ "filter": { "namespace": "${env:NAMESPACE}" } });
    let labels = json!({ "extract": { "labels": [{ "key": "tier", "from": "namespace", "tag_name": "t" }] } });
    vec![
        case(
            labels,
            front(),
            &["gateway", "ClusterRole: namespaces pods"],
        ),
        case(json!(null), behind(), &["sampler", "ClusterRole: pods"]),
        case(
            of_namespace(&["k8s.deployment.uid"]),
            behind(),
            &["sampler", "Role in shop: pods replicasets"],
        ),
        case(
            of_namespace(&["k8s.node.uid", "k8s.cluster.uid"]),
            front(),
            &[
                "gateway",
                "ClusterRole: namespaces nodes",
                "Role in shop: pods",
            ],
        ),
        case(variable, front(), &["gateway", "ClusterRole: pods"]),
        case(
            json!({}),
            of_logs,
            &["gateway", "sampler", "ClusterRole: pods"],
        ),
        case(json!({}), of_metrics, &["gateway", "ClusterRole: pods"]),
        case(json!({}), fed, &["gateway", "sampler", "ClusterRole: pods"]),
        case(json!({ "passthrough": true }), front(), &[]),
        case(json!({ "auth_type": "none" }), front(), &[]),
        case(json!({}), of_traces(&["tail_sampling"]), &[]),
        Case {
            mode: "single",
            ..case(json!({}), behind(), &["single", "ClusterRole: pods"])
        },
        Case {
            value: "alternateConfig",
            ..case(json!({}), front(), &["gateway", "ClusterRole: pods"])
        },
    ]
}

/// Renders each of them.
pub(super) fn check() -> Result<Outcome> {
    let Ok(helm) = tools::helm() else {
        return Ok(Outcome::Skipped("there is no Helm".into()));
    };
    let cases = cases();
    for case in &cases {
        let given = given(&helm, case)?;
        ensure!(
            given == case.given,
            "{} of {} gives {given:?}, not {:?}",
            case.processor,
            case.pipelines,
            case.given
        );
    }
    Ok(Outcome::Passed(format!(
        "{} configurations: who has a token, and what it may read",
        cases.len()
    )))
}

fn given(helm: &Path, case: &Case) -> Result<Vec<String>> {
    // Instead of the chart's own.
    let mut pipelines = json!({ "traces": null });
    for (id, pipeline) in case.pipelines.as_object().into_iter().flatten() {
        pipelines[id] = pipeline.clone();
    }
    let values = json!({
        "mode": case.mode,
        "cluster": { "tls": { "source": "insecure" } },
        (case.value): {
            "processors": {
                "k8s_attributes": case.processor,
                "tail_sampling/logs": { "trace_aware": { "sampler": "tail_sampling" } },
            },
            "connectors": { "count": {} },
            "service": { "pipelines": pipelines },
        },
    });
    let file = root().join("target/chart/values.json");
    fs::create_dir_all(file.parent().context("no folder")?)?;
    fs::write(&file, values.to_string())?;
    let mut template = Command::new(helm);
    template.args(["template", "tailweir", "--kube-version", chart::KUBERNETES]);
    template.arg(chart::folder()).arg("--values").arg(file);
    let rendered = output(&mut template)?;
    let mut given = Vec::new();
    for text in rendered.split("---\n").filter(|it| chart::is_own(it)) {
        let object = tailweir_config::read_yaml("rendered", text);
        given.extend(given_by(&object.map_err(|error| anyhow!("{error}"))?));
    }
    // Roles of the API after those of pods, which are written small.
    given.sort_by_key(|it| (it.contains(':'), it.clone()));
    Ok(given)
}

/// What an object gives.
fn given_by(object: &Value) -> Option<String> {
    let kind = object["kind"].as_str()?;
    if let "ClusterRole" | "Role" = kind {
        let rules = object["rules"].as_array()?.iter();
        let kinds = rules.filter_map(|rule| rule["resources"].as_array());
        let mut kinds: Vec<_> = kinds.flatten().filter_map(Value::as_str).collect();
        kinds.sort_unstable();
        let place = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => format!(" in {namespace}"),
            None => String::new(),
        };
        return Some(format!("{kind}{place}: {}", kinds.join(" ")));
    }
    let template = &object["spec"]["template"];
    if template["spec"]["automountServiceAccountToken"] != true {
        return None;
    }
    let role = &template["metadata"]["labels"]["app.kubernetes.io/component"];
    role.as_str().map(str::to_owned)
}
