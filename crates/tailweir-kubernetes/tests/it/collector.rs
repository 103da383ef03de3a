//! Held against what the Collector made of the same objects and resources.

use crate::workbench::Bench;
use serde_json::{Map, Value as Json, json};
use tailweir_core::Signal;
use tailweir_kubernetes::Kind;

const VECTORS: &str = include_str!("../vectors/collector.json");

/// Scenario: a cluster of pods of every sort of owner, with labels, several containers, shared addresses and none; 20
/// ways to configure the processor; 38 resources, of each signal, that say something or nothing of their pod.
/// Guarantees: each resource gets the attributes, and only those, that the processor of the Collector gave it when it
/// was asked (v0.160.0, against a server that answered with these objects).
///
/// Conforms: processor `k8s_attributes` | traces, metrics, logs | `extract`, `pod_association`, `exclude`,
/// `passthrough` | same
#[test]
fn resources_get_what_the_collector_gives_them() {
    let vectors: Json = serde_json::from_str(VECTORS).unwrap();
    let mut compared = 0;
    for configuration in vectors["configurations"].as_array().unwrap() {
        // What the Collector's resolver makes of a dollar sign is not the processor's.
        let bench = Bench::new(configuration["processor"].as_str().unwrap());
        read_all(&bench, &vectors["objects"]);
        let expected = configuration["expected"].as_array().unwrap();
        let resources = vectors["resources"].as_array().unwrap();
        for (resource, expected) in resources.iter().zip(expected) {
            let before = resource["attributes"].as_object().unwrap();
            for signal in Signal::ALL {
                let client = resource["client"].as_str();
                let after = bench.enrich_of(signal, client, &typed(before));
                let added = after
                    .into_iter()
                    .filter(|(name, value)| before.get(name) != Some(value));
                let added: Map<String, Json> = added.collect();
                assert_eq!(
                    &Json::from(added),
                    expected,
                    "{} {signal} {resource}",
                    configuration["name"]
                );
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 20 * 38);
}

/// Owners first, as they are asked for first.
fn read_all(bench: &Bench, objects: &Json) {
    for feed in bench.rules.feeds().iter().rev() {
        let path = feed.list(None);
        let (path, query) = path.split_once('?').unwrap();
        let mut items = objects[path].as_array().unwrap().as_slice();
        if query.contains("kube-system") {
            items = &items[..1];
        }
        bench.list(feed.kind(), items, 0);
        assert!(feed.kind() == Kind::Pod || path.ends_with(feed.kind().plural()));
    }
}

/// As OTLP's JSON has it.
fn typed(attributes: &Map<String, Json>) -> Json {
    let value = |value: &Json| match value {
        Json::Number(number) => json!({ "intValue": number }),
        Json::Array(_) => json!({ "arrayValue": { "values": [] } }),
        other => json!({ "stringValue": other }),
    };
    let pairs = attributes.iter();
    pairs
        .map(|(key, it)| json!({ "key": key, "value": value(it) }))
        .collect()
}
