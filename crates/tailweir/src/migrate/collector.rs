//! Collectors in two tiers, a `load_balancing` exporter in front of samplers, as one configuration.

use super::joining::Joining;
use super::{Migrated, Report, entries, items, kind};
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::collections::BTreeSet;

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
        if !is_front(file) {
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

/// Whether it hands traces to samplers.
fn is_front(file: &Value) -> bool {
    entries(&file["service"]["pipelines"])
        .any(|(id, pipeline)| kind(id) == "traces" && is_balanced(pipeline))
}

fn join(front: &Value, samplers: &Value, report: &mut Report) -> anyhow::Result<Value> {
    let pipelines = &samplers["service"]["pipelines"];
    let sampled = entries(pipelines)
        .find(|(id, pipeline)| kind(id) == "traces" && samples(pipeline))
        .context("no pipeline of the samplers has a tail_sampling processor")?;
    // What the front tier sends to.
    let receivers = items(&sampled.1["receivers"]).iter();
    let wire: Vec<&Value> = receivers.filter(|id| is_kind(id, "otlp")).collect();
    let mut joining = Joining::new(front, samplers, report);
    let fronts = || entries(&front["service"]["pipelines"]);
    let is_other = |pipeline: &&Value| !is_balanced(pipeline);
    for (id, pipeline) in fronts().filter(|(_, pipeline)| is_other(pipeline)) {
        let name = joining.take(id, pipeline, None);
        joining
            .report
            .exact(format!("pipeline {id}"), format!("taken over as {name}"));
    }
    let balanced: Vec<_> = fronts()
        .filter(|(_, pipeline)| is_balanced(pipeline))
        .collect();
    let signals: BTreeSet<&str> = balanced.iter().map(|(id, _)| kind(id)).collect();
    for signal in &signals {
        let of_signal = balanced.iter().filter(|(id, _)| kind(id) == *signal);
        let of_signal: Vec<_> = of_signal.copied().collect();
        let fed = entries(pipelines).filter(|(id, pipeline)| {
            let mut taken = items(&pipeline["receivers"]).iter();
            kind(id) == *signal && taken.any(|id| wire.contains(&id))
        });
        let fed: Vec<&str> = fed.map(|(id, _)| id).collect();
        match (of_signal.as_slice(), fed.as_slice()) {
            (all, []) => {
                for (id, _) in all {
                    let why = format!(
                        "the samplers have no pipeline of {signal} that takes what comes from it"
                    );
                    joining.report.unsupported(format!("pipeline {id}"), why);
                }
            }
            ([(id, pipeline)], [inner]) if ends_in_balancers(pipeline) => {
                joining.put_in_front(id, pipeline, inner, &wire);
            }
            (all, fed) => joining.forward(all, fed, &wire),
        }
    }
    for (id, _) in entries(pipelines).filter(|(id, _)| !signals.contains(kind(id))) {
        joining.tell_of_clients(id, &wire);
    }
    Ok(joining.finish())
}

fn is_balanced(pipeline: &Value) -> bool {
    items(&pipeline["exporters"]).iter().any(is_balancer)
}

/// Whether what goes through it goes to samplers alone.
fn ends_in_balancers(pipeline: &Value) -> bool {
    items(&pipeline["exporters"]).iter().all(is_balancer)
}

fn samples(pipeline: &Value) -> bool {
    let mut processors = items(&pipeline["processors"]).iter();
    processors.any(|id| is_kind(id, "tail_sampling"))
}

pub(super) fn is_balancer(id: &Value) -> bool {
    BALANCERS.iter().any(|balancer| is_kind(id, balancer))
}

fn is_kind(id: &Value, wanted: &str) -> bool {
    id.as_str().is_some_and(|id| kind(id) == wanted)
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

    /// Scenario: both tiers have the same processors with the same settings, one of them none at all.
    /// Guarantees: each is there twice, at its place, by two names.
    #[test]
    fn what_both_tiers_do_is_done_twice() {
        let processors =
            json!({"memory_limiter": {"limit_mib": 9}, "batch": null, "tail_sampling": {}});
        let tier = |processors_of: &[&str], exporter: &str| {
            json!({
                "receivers": {"otlp": {"protocols": {"grpc": null}}},
                "processors": processors,
                "exporters": {exporter: null},
                "service": {"pipelines": {"traces":
                    {"receivers": ["otlp"], "processors": processors_of, "exporters": [exporter]}}},
            })
        };
        let front = tier(&["memory_limiter", "batch"], "load_balancing");
        let samplers = tier(&["memory_limiter", "tail_sampling", "batch"], "debug");
        let migrated = collector(&[samplers, front]).unwrap();
        assert_eq!(
            migrated.tree["service"]["pipelines"]["traces"]["processors"],
            json!([
                "memory_limiter/front",
                "batch/front",
                "memory_limiter",
                "tail_sampling",
                "batch"
            ])
        );
        let processors = &migrated.tree["processors"];
        assert_eq!(processors["memory_limiter/front"], json!({"limit_mib": 9}));
        assert_eq!(processors.get("batch/front"), Some(&json!(null)));
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

    /// Scenario: a front tier that also keeps all traces elsewhere and counts them, with an extension and telemetry; samplers that
    /// count with a connector of the same name, and take traces in a second pipeline.
    /// Guarantees: all of it goes on: the front's other ends, by their own settings; what was sent to samplers goes to each pipeline
    /// that took it; one processor stays one; extensions and telemetry come along.
    #[test]
    fn what_the_front_does_beside_balancing_goes_on() {
        let front = json!({
            "extensions": {"health_check": {}},
            "receivers": {"otlp": {"protocols": {"grpc": {}}}},
            "processors": {"memory_limiter": {"limit_mib": 100}},
            "connectors": {"span_metrics": {}, "routing": {
                "default_pipelines": ["traces"], "table": [{"condition": "true", "pipelines": ["traces", "traces/in"]}]}},
            "exporters": {"load_balancing": {}, "otlp/archive": {"endpoint": "archive:4317"}, "debug": {}},
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"logs": {"level": "warn"}},
                "pipelines": {
                    "traces/in": {"receivers": ["otlp"], "exporters": ["routing"]},
                    "traces": {"receivers": ["routing"], "processors": ["memory_limiter"],
                        "exporters": ["load_balancing", "otlp/archive", "span_metrics"]},
                    "metrics": {"receivers": ["span_metrics"], "processors": ["memory_limiter"], "exporters": ["debug"]},
                },
            },
        });
        let samplers = json!({
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "0.0.0.0:9"}}}, "zipkin": {}},
            "processors": {"memory_limiter": {"limit_mib": 900}, "tail_sampling": {"policies": []}},
            "connectors": {"span_metrics": {}},
            "exporters": {"otlp": {"endpoint": "tempo:4317"}, "debug": {}},
            "service": {"pipelines": {
                "traces": {"receivers": ["otlp", "zipkin"], "processors": ["tail_sampling"], "exporters": ["otlp", "span_metrics"]},
                "traces/all": {"receivers": ["otlp"], "exporters": ["debug"]},
                "metrics": {"receivers": ["span_metrics"], "exporters": ["debug"]},
            }},
        });
        let migrated = collector(&[front, samplers]).unwrap();
        assert_eq!(
            migrated.tree["service"],
            json!({
                "extensions": ["health_check"],
                "telemetry": {"logs": {"level": "warn"}},
                "pipelines": {
                    "traces/in": {"receivers": ["otlp"], "exporters": ["routing"]},
                    "traces/front": {"receivers": ["routing"], "processors": ["memory_limiter/front"],
                        "exporters": ["otlp/archive", "span_metrics/front", "forward"]},
                    "metrics/front": {"receivers": ["span_metrics/front"], "processors": ["memory_limiter/front"], "exporters": ["debug"]},
                    "traces": {"receivers": ["zipkin", "forward"], "processors": ["tail_sampling"], "exporters": ["otlp", "span_metrics"]},
                    "traces/all": {"receivers": ["forward"], "exporters": ["debug"]},
                    "metrics": {"receivers": ["span_metrics"], "exporters": ["debug"]},
                },
            })
        );
        let routing = &migrated.tree["connectors"]["routing"];
        assert_eq!(routing["default_pipelines"], json!(["traces/front"]));
        assert_eq!(
            routing["table"][0]["pipelines"],
            json!(["traces/front", "traces/in"])
        );
        assert_eq!(
            migrated.tree["receivers"]["otlp"],
            json!({"protocols": {"grpc": {}}})
        );
        assert_eq!(
            migrated.report.count(Fit::Unsupported),
            0,
            "{}",
            migrated.report
        );
    }

    /// Scenario: a front tier that balances logs and metrics too, where samplers take the logs alone; both with an extension of one
    /// name, and telemetry of their own.
    /// Guarantees: the logs reach the samplers' pipeline; what has no place any more is told by name.
    #[test]
    fn what_has_no_place_is_told() {
        let pipeline = |exporter: &str| json!({"receivers": ["otlp"], "exporters": [exporter]});
        let front = json!({
            "extensions": {"health_check": {"endpoint": "a:1"}},
            "receivers": {"otlp": {"protocols": {"grpc": {}}}},
            "service": {"extensions": ["health_check"], "telemetry": {}, "pipelines": {
                "traces": pipeline("load_balancing"), "logs": pipeline("load_balancing"), "metrics": pipeline("load_balancing"),
            }},
        });
        let mut sampled = pipeline("nop");
        sampled["processors"] = json!(["tail_sampling"]);
        let samplers = json!({
            "extensions": {"health_check": {"endpoint": "b:1"}},
            "receivers": {"otlp": {}},
            "processors": {"tail_sampling": {}},
            "exporters": {"nop": {}},
            "service": {"extensions": ["health_check"], "telemetry": {},
                "pipelines": {"traces": sampled, "logs": pipeline("nop")}},
        });
        let migrated = collector(&[front, samplers]).unwrap();
        let report = migrated.report.to_string();
        let pipelines = &migrated.tree["service"]["pipelines"];
        assert_eq!(pipelines["logs"], pipeline("nop"));
        assert!(pipelines.get("metrics").is_none(), "{pipelines}");
        for told in [
            "pipeline metrics",
            "extension health_check",
            "service.telemetry",
        ] {
            assert!(
                report.contains(&format!("no equivalent: {told}")),
                "{report}"
            );
        }
    }
}
