//! Collectors in two tiers, a `load_balancing` exporter in front of samplers, as one configuration.

use super::{Migrated, Report, entries, items};
use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value, json};

/// Both names of the exporter.
const BALANCERS: &[&str] = &["load_balancing", "loadbalancing"];

/// Joins the configuration of the front tier with that of the samplers; one file that is both, or has no front, stays as it is.
///
/// # Errors
/// When there are pipelines that end in a `load_balancing` exporter, and no samplers behind them.
pub(crate) fn collector(files: &[Value]) -> anyhow::Result<Migrated> {
    let mut report = Report::default();
    let (mut fronts, mut rest) = (Vec::new(), Vec::new());
    for file in files {
        ensure!(
            file["service"]["pipelines"].is_object(),
            "a file has no service.pipelines"
        );
        if balanced(file).is_empty() {
            rest.push(file);
        } else {
            fronts.push(file);
        }
    }
    match (fronts.as_slice(), rest.as_slice()) {
        ([], [one]) => {
            report.exact("the file", "a Collector's configuration is read as it is");
            Ok(Migrated {
                tree: (*one).clone(),
                report,
            })
        }
        ([front], [samplers]) => {
            let tree = join(front, samplers, &mut report)?;
            Ok(Migrated { tree, report })
        }
        ([_], []) => bail!(
            "it hands traces to samplers by a load_balancing exporter: give the samplers' file too"
        ),
        _ => bail!("give the file of the front tier and that of the samplers, or a single one"),
    }
}

/// Pipelines of traces that end in a balancer.
fn balanced(file: &Value) -> Vec<&str> {
    let ends = |pipeline: &Value| items(&pipeline["exporters"]).iter().any(is_balancer);
    entries(&file["service"]["pipelines"])
        .filter(|(id, pipeline)| kind(id) == "traces" && ends(pipeline))
        .map(|(id, _)| id)
        .collect()
}

fn join(front: &Value, samplers: &Value, report: &mut Report) -> anyhow::Result<Value> {
    let mut tree = samplers.clone();
    let inner = entries(&samplers["service"]["pipelines"])
        .find(|(id, pipeline)| kind(id) == "traces" && samples(pipeline));
    let (inner, _) = inner.context("no pipeline of the samplers has a tail_sampling processor")?;
    let balanced = balanced(front);
    for id in entries(&front["service"]["pipelines"]).map(|(id, _)| id) {
        let pipeline = &front["service"]["pipelines"][id];
        let ids = bring(front, &mut tree, pipeline, report);
        if balanced.contains(&id) {
            let place = &mut tree["service"]["pipelines"][inner];
            place["receivers"] = ids["receivers"].clone();
            let mut processors = items(&ids["processors"]).to_vec();
            processors.extend(items(&place["processors"]).to_vec());
            place["processors"] = Value::Array(processors);
            report.changed(format!("pipeline {id}"), format!("its receivers and processors are now at the head of {inner}; the load_balancing exporter is gone, members of a `cluster` bring each span to its owner"));
            continue;
        }
        let free = free_name(&tree["service"]["pipelines"], id);
        tree["service"]["pipelines"][&free] = ids;
        report.exact(format!("pipeline {id}"), format!("taken over as {free}"));
    }
    remove_unused(&mut tree, "receivers", report);
    for part in ["extensions", "telemetry"] {
        if front["service"].get(part).is_some() {
            report.unsupported(
                format!("service.{part} of the front tier"),
                "that of the samplers holds",
            );
        }
    }
    Ok(tree)
}

/// Copies what a pipeline uses into the tree; returns the pipeline with the names that things have there.
fn bring(from: &Value, tree: &mut Value, pipeline: &Value, report: &mut Report) -> Value {
    let mut ids = Map::new();
    for part in ["receivers", "processors", "exporters"] {
        let mut names = Vec::new();
        for id in items(&pipeline[part]).iter().filter_map(Value::as_str) {
            if is_balancer(&json!(id)) {
                continue;
            }
            let section = if from["connectors"].get(id).is_some() {
                "connectors"
            } else {
                part
            };
            names.push(json!(bring_one(from, tree, section, id, report)));
        }
        if !names.is_empty() {
            ids.insert(part.to_owned(), Value::Array(names));
        }
    }
    Value::Object(ids)
}

/// Copies a component into the tree, and the exporter that a `spanmetrics` processor names; returns the name that it has there.
fn bring_one(
    from: &Value,
    tree: &mut Value,
    section: &str,
    id: &str,
    report: &mut Report,
) -> String {
    let mut settings = from[section][id].clone();
    if let Some(exporter) = settings.get("metrics_exporter").and_then(Value::as_str) {
        let name = bring_one(from, tree, "exporters", exporter, report);
        settings["metrics_exporter"] = json!(name);
    }
    let is_it = |name: &str| tree[section].get(name) == Some(&settings);
    let name = match tree[section].get(id) {
        Some(there) if *there != settings && section != "receivers" => {
            let names = std::iter::once(front_name(id)).chain(numbered(id));
            let known = names
                .take_while(|name| tree[section].get(name).is_some())
                .find(|name| is_it(name));
            known.unwrap_or_else(|| {
                let free = free_name(&tree[section], id);
                report.changed(
                    format!("{section} {id} of the front tier"),
                    format!("is now {free}, as the samplers have another one of that name"),
                );
                free
            })
        }
        _ => id.to_owned(),
    };
    tree[section][&name] = settings;
    name
}

/// Receivers that only took what the front tier sent.
fn remove_unused(tree: &mut Value, section: &str, report: &mut Report) {
    let used: Vec<String> = entries(&tree["service"]["pipelines"])
        .flat_map(|(_, pipeline)| items(&pipeline[section]).to_vec())
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let Some(all) = tree[section].as_object_mut() else {
        return;
    };
    let unused: Vec<_> = all
        .keys()
        .filter(|id| !used.contains(id))
        .cloned()
        .collect();
    for id in unused {
        all.remove(&id);
        report.changed(
            format!("{section} {id}"),
            "removed, nothing uses it any more",
        );
    }
}

fn free_name(section: &Value, id: &str) -> String {
    let is_free = |name: &String| section.get(name).is_none();
    let mut names = [id.to_owned(), front_name(id)]
        .into_iter()
        .chain(numbered(id));
    names.find(is_free).unwrap_or_else(|| front_name(id))
}

/// What something of the front tier is called where its name is taken.
fn front_name(id: &str) -> String {
    match id.contains('/') {
        true => format!("{id}_front"),
        false => format!("{id}/front"),
    }
}

/// And where that is taken too.
fn numbered(id: &str) -> impl Iterator<Item = String> + use<> {
    let base = front_name(id);
    (2..).map(move |number| format!("{base}_{number}"))
}

fn samples(pipeline: &Value) -> bool {
    items(&pipeline["processors"])
        .iter()
        .any(|id| id.as_str().is_some_and(|id| kind(id) == "tail_sampling"))
}

fn is_balancer(id: &Value) -> bool {
    id.as_str().is_some_and(|id| BALANCERS.contains(&kind(id)))
}

/// The part of an id before its slash.
fn kind(id: &str) -> &str {
    id.split('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::collector;
    use crate::migrate::Fit;
    use serde_json::json;

    /// Scenario: a front tier with a batch processor and a balancer, and samplers with another batch processor.
    /// Guarantees: one pipeline takes the front's receivers and has both processors in order; the balancer, and the receiver that only
    /// took from it, are gone; what was renamed is told.
    #[test]
    fn two_tiers_become_one() {
        let front = json!({
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}}}},
            "processors": {"batch": {"timeout": "1s"}},
            "exporters": {"load_balancing": {}, "debug": {}},
            "service": {"pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["load_balancing"]},
                "logs": {"receivers": ["otlp"], "exporters": ["debug"]},
            }},
        });
        let samplers = json!({
            "receivers": {"otlp/inner": {"protocols": {"grpc": {}}}},
            "processors": {"batch": {"timeout": "9s"}, "tail_sampling": {"policies": []}},
            "exporters": {"otlp": {"endpoint": "tempo:4317", "headers": {"authorization": "${env:TOKEN}"}}},
            "service": {"pipelines": {"traces/sampled":
                {"receivers": ["otlp/inner"], "processors": ["tail_sampling", "batch"], "exporters": ["otlp"]}}},
        });
        let migrated = collector(&[samplers, front]).unwrap();
        let pipelines = &migrated.tree["service"]["pipelines"];
        assert_eq!(
            pipelines["traces/sampled"],
            json!({"receivers": ["otlp"], "processors": ["batch/front", "tail_sampling", "batch"], "exporters": ["otlp"]})
        );
        assert_eq!(
            pipelines["logs"],
            json!({"receivers": ["otlp"], "exporters": ["debug"]})
        );
        assert_eq!(
            migrated.tree["processors"]["batch/front"],
            json!({"timeout": "1s"})
        );
        assert!(migrated.tree["receivers"].get("otlp/inner").is_none());
        assert!(migrated.tree["exporters"].get("load_balancing").is_none());
        assert_eq!(
            migrated.report.count(Fit::Changed),
            3,
            "{}",
            migrated.report
        );
    }

    /// Scenario: a front tier counts spans by a `spanmetrics` processor, whose exporter a pipeline of metrics has too; the samplers
    /// have another exporter of that name.
    /// Guarantees: the exporter comes along once, under a name of its own, and the processor names it so.
    #[test]
    fn what_a_processor_counts_goes_where_it_went() {
        let front = json!({
            "processors": {"spanmetrics": {"metrics_exporter": "prometheus"}},
            "exporters": {"loadbalancing": {}, "prometheus": {"endpoint": "0.0.0.0:8889"}},
            "service": {"pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["spanmetrics"], "exporters": ["loadbalancing"]},
                "metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]},
            }},
        });
        let samplers = json!({
            "processors": {"tail_sampling": {}},
            "exporters": {"prometheus": {"endpoint": "0.0.0.0:9999"}},
            "service": {"pipelines": {"traces": {"receivers": ["otlp"], "processors": ["tail_sampling"], "exporters": ["prometheus"]}}},
        });
        let migrated = collector(&[front, samplers]).unwrap();
        let tree = &migrated.tree;
        assert_eq!(
            tree["processors"]["spanmetrics"]["metrics_exporter"],
            "prometheus/front"
        );
        assert_eq!(
            tree["exporters"],
            json!({"prometheus": {"endpoint": "0.0.0.0:9999"}, "prometheus/front": {"endpoint": "0.0.0.0:8889"}})
        );
        assert_eq!(
            tree["service"]["pipelines"]["metrics"]["exporters"],
            json!(["prometheus/front"])
        );
    }

    /// Scenario: a front tier alone, and a sampler alone.
    /// Guarantees: the first is refused, as nothing would sample; the second stays as it is.
    #[test]
    fn a_front_needs_its_samplers() {
        let pipeline = |exporter: &str| json!({"service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": [exporter]}}}});
        let error = collector(&[pipeline("loadbalancing/a")]).unwrap_err();
        assert!(error.to_string().contains("samplers' file"), "{error}");
        assert_eq!(
            collector(&[pipeline("otlp")]).unwrap().tree,
            pipeline("otlp")
        );
    }
}
