//! What the crate writes about itself and about a configuration.

use crate::workbench::settings;
use serde_json::Value as Json;
use tailweir_config::{
    LoadOptions, Sources, components, load, print_config, print_tree, print_unredacted, read_yaml,
    reference_markdown, schema_json,
};

const CONFIG: &str = "receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}
processors:
  tail_sampling:
    policies: [{name: yes, type: string_attribute, string_attribute: {key: a, values: ['^a$', '5']}}]
  attributes: {actions: [{key: price, value: '$$5', action: upsert}]}
extensions: {bearertokenauth: {token: hush}, zpages: }
exporters:
  logging: {loglevel: info}
  otlp_http: {endpoint: 'http://me:hush@host', headers: {authorization: hush}}
service:
  extensions: [bearertokenauth, zpages]
  pipelines: {traces: {receivers: [otlp], processors: [tail_sampling, attributes], exporters: [otlp_http, logging]}}
";

/// Scenario: a configuration is printed with its defaults and loaded again.
/// Guarantees: the same configuration comes back, but for the secrets, which are not in the text.
#[test]
fn a_printed_configuration_can_be_loaded_again() {
    let first = settings(CONFIG);
    let printed = print_config(&first);
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("decision_wait: 30s"), "{printed}");
    let second = settings(&printed);
    assert_eq!(first.receivers, second.receivers);
    assert_eq!(print_config(&second), printed);
    let actions = |settings: &tailweir_config::Settings| {
        settings.effective()["processors"]["attributes"]["actions"].clone()
    };
    assert_eq!(actions(&first), actions(&second));
}

/// Scenario: the tree before any component read it is printed.
/// Guarantees: what looks like a secret by its key is redacted there as well.
#[test]
fn the_resolved_tree_is_printed_without_secrets() {
    let sources = Sources::new().config(format!("yaml:{CONFIG}"));
    let loaded = load(
        &sources,
        LoadOptions::default(),
        &tailweir_config::EmptyEnvironment,
    );
    let printed = print_tree(&loaded.resolved);
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("token: \"[REDACTED]\""), "{printed}");
}

/// Scenario: the schema is written.
/// Guarantees: it is JSON, every reference in it leads somewhere, and it knows each component by each
/// of its names.
#[test]
fn the_schema_knows_every_component() {
    let schema: Json = serde_json::from_str(&schema_json()).unwrap();
    let mut pending = vec![&schema];
    while let Some(value) = pending.pop() {
        match value {
            Json::Object(entries) => {
                if let Some(Json::String(reference)) = entries.get("$ref") {
                    let target = schema.pointer(reference.trim_start_matches('#'));
                    assert!(target.is_some_and(Json::is_object), "{reference}");
                }
                pending.extend(entries.values());
            }
            Json::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    for component in components() {
        for name in [component.name].iter().chain(component.old_names) {
            let patterns = &schema["properties"][component.role.section()]["patternProperties"];
            assert!(patterns.get(format!("^{name}(/.+)?$")).is_some(), "{name}");
        }
    }
    let wait = &schema["$defs"]["TailSampling"]["properties"]["decision_wait"];
    assert_eq!(wait["default"], "30s");
}

/// Scenario: the reference is written.
/// Guarantees: it has each component, its options with defaults, and no link without a target.
#[test]
fn the_reference_has_every_option() {
    let reference = reference_markdown();
    for component in components() {
        let heading = format!("### {} {}", component.name, component.role);
        assert!(reference.contains(&heading), "{heading}");
    }
    assert!(reference.contains("| `send_batch_size` | whole number | `8192` |"));
    assert!(reference.contains("`read_buffer_size` is accepted without effect"));
    for (start, _) in reference.match_indices("](#") {
        let anchor = &reference[start + 3..];
        let anchor = &anchor[..anchor.find(')').unwrap()];
        let target = reference.lines().any(|line| {
            line.strip_prefix("### ")
                .is_some_and(|title| title.to_lowercase() == anchor)
        });
        assert!(target, "{anchor}");
    }
}

/// Scenario: a file of the Collector is written back, with keys that have no value: processors with all their defaults, and a
/// protocol that is switched on so.
/// Guarantees: it is read again as it was, nothing left out.
#[test]
fn what_is_written_back_has_keys_without_a_value() {
    let text = "receivers: {otlp: {protocols: {grpc: , http: {endpoint: \"0.0.0.0:4318\"}}}}\nprocessors: {batch: , memory_limiter: {}}\nlist: [1, null, {a: }, []]\n";
    let tree = read_yaml("a.yaml", text).unwrap();
    let printed = print_unredacted(&tree);
    assert_eq!(read_yaml("a.yaml", &printed).unwrap(), tree, "{printed}");
    assert!(printed.contains("batch:\n") && tree["processors"]["batch"].is_null());
}
