//! The `cluster` section.

use crate::workbench::{self, Memory, load_text, settings};
use std::time::Duration;
use tailweir_config::{Cluster, ClusterRole, LoadOptions, Sources, load};

const REST: &str = "
receivers: {nop: }
exporters: {nop: }
service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
";

fn with_cluster(section: &str) -> String {
    format!("cluster: {section}{REST}")
}

fn errors(section: &str) -> Vec<String> {
    workbench::errors(&load_text(&with_cluster(section)))
}

/// Scenario: a configuration without the section, and one with the least that a cluster needs.
/// Guarantees: the first is no cluster; in the second everything else has its default.
#[test]
fn a_cluster_is_there_only_when_it_is_written() {
    assert_eq!(settings(REST).cluster, None);
    let section = "{id: production, controllers: ['c:4319'], data_dir: /d, insecure: true}";
    let cluster = settings(&with_cluster(section)).cluster.unwrap();
    let wanted = Cluster {
        id: "production".to_owned(),
        controllers: vec!["c:4319".to_owned()],
        data_dir: "/d".to_owned(),
        insecure: true,
        ..Cluster::default()
    };
    assert_eq!(cluster, wanted);
    assert!(cluster.has(ClusterRole::Sampler) && cluster.has(ClusterRole::Controller));
    assert_eq!(cluster.lease, Duration::from_secs(3));
    assert_eq!(cluster.advertised("pod-0"), "pod-0:4319");
}

/// Scenario: a pod's address before a port, of IPv4, and of IPv6 with and without brackets.
/// Guarantees: each is taken, and others are told one that they can dial.
#[test]
fn an_address_of_ipv6_needs_no_brackets() {
    for (written, dialled) in [
        ("10.0.0.7:4319", "10.0.0.7:4319"),
        ("fd00::7:4319", "[fd00::7]:4319"),
        ("[fd00::7]:4319", "[fd00::7]:4319"),
    ] {
        let rest = "controllers: ['c:4319'], data_dir: /d, insecure: true";
        let section = format!("{{id: a, advertise: '{written}', {rest}}}");
        let cluster = settings(&with_cluster(&section)).cluster.unwrap();
        assert_eq!(cluster.advertised("pod-0"), dialled);
    }
}

/// Scenario: an empty section.
/// Guarantees: all that is missing is told at once, with what to write.
#[test]
fn all_that_is_missing_is_told_at_once() {
    let errors = errors("");
    let wanted = [
        "cluster: the cluster has no id (add `id: production`",
        "cluster: no controller is named (add `controllers: [",
        "cluster: nothing says how processes of the cluster know each other (add `tls: {ca_file",
        "cluster: a controller needs a directory for what it agreed to (add `data_dir: ",
    ];
    assert_eq!(errors.len(), wanted.len(), "{errors:#?}");
    for (error, wanted) in errors.iter().zip(wanted) {
        assert!(error.contains(wanted), "{error}\n{wanted}");
    }
}

/// Scenario: one mistake in each option.
/// Guarantees: each is told at its own place.
#[test]
fn each_mistake_is_told_at_its_place() {
    let sound = [
        ("id", "a"),
        ("controllers", "['a:1', 'b:1', 'c:1']"),
        ("data_dir", "/d"),
        ("insecure", "true"),
    ];
    let cases = [
        ("id", "a b", "`id` is not a name"),
        ("name", "a/b", "`name` is not a name"),
        ("roles", "[samplr]", "did you mean `sampler`?"),
        ("roles", "[]", "the process has no role"),
        ("listen", "host", "`listen` is not an address"),
        ("advertise", "0.0.0.0:4319", "which reaches nobody"),
        ("advertise", "':::4319'", "which reaches nobody"),
        ("advertise", "host", "`advertise` is not `host:port`"),
        (
            "controllers",
            "['a:0']",
            "the controller is not `host:port`",
        ),
        (
            "controllers",
            "['a:1', 'a:1']",
            "the controller is listed twice",
        ),
        ("weight", "0", "`weight` is not 1 to 100"),
        ("replication", "3", "`replication` is not 1 to 2"),
        ("lease", "10ms", "`lease` is not 1s to 1m"),
        ("drain_timeout", "2h", "`drain_timeout` is not 0s to 1h"),
        (
            "tls",
            "{ca_file: a, cert_file: b, key_file: c}",
            "unused (keep one",
        ),
        ("wieght", "2", "unknown option `wieght`"),
    ];
    for (key, value, wanted) in cases {
        let mut lines: Vec<String> = sound
            .iter()
            .filter(|(known, _)| *known != key)
            .map(|(key, value)| format!("  {key}: {value}\n"))
            .collect();
        lines.push(format!("  {key}: {value}\n"));
        let errors = errors(&format!("\n{}", lines.concat()));
        let [error] = &errors[..] else {
            panic!("{key}: {errors:#?}")
        };
        assert!(error.contains(wanted), "{error}\n{wanted}");
        let line = match key {
            // Told where the other of the two stands.
            "tls" => 5,
            _ => lines.len() + 1,
        };
        assert!(
            error.starts_with(&format!("config.yaml:{line}:")),
            "{error}"
        );
    }
}

/// Scenario: a text changes policies, adds a processor, or changes the cluster.
/// Guarantees: only the first is a change of policies alone.
#[test]
fn a_change_of_policies_is_known_from_others() {
    let policies = "processors: {tail_sampling: {policies: [{name: a, type: always_sample}]}}";
    let with = |text: &str| {
        let sources = Sources::new()
            .config(format!("yaml:{REST}"))
            .text("first", policies)
            .text("second", text);
        let loaded = load(&sources, LoadOptions::default(), &Memory::default());
        loaded.settings.unwrap()
    };
    let now = with(policies);
    let is_change = |text: &str| now.is_same_but_for_policies(&with(text));
    assert!(is_change(
        "processors: {tail_sampling: {policies: [{name: b, type: always_sample}]}}"
    ));
    assert!(!is_change("processors: {batch: {timeout: 1s}}"));
    assert!(!is_change("exporters: {nop/other: }"));
    assert!(!is_change(
        "service: {pipelines: {traces/other: {receivers: [nop], exporters: [nop]}}}"
    ));
}

/// Scenario: flags give values of the section, one of them wrong, over a file that has the section.
/// Guarantees: they win over the file, lists and blocks included, and a mistake names the flag.
#[test]
fn flags_win_over_the_file() {
    let mut memory = Memory::default();
    let file = with_cluster("{id: a, name: b, controllers: ['c:1'], data_dir: /d, insecure: true}");
    memory.files.insert("config.yaml", file);
    let sources = Sources::new()
        .config("config.yaml")
        .option("--cluster-name", "cluster::name", "\"7\"")
        .option("--cluster-roles", "cluster::roles", "[\"gateway\"]");
    let load = |sources: &Sources| load(sources, LoadOptions::default(), &memory);
    let cluster = load(&sources).settings.unwrap().cluster.unwrap();
    assert_eq!((cluster.id.as_str(), cluster.name.as_str()), ("a", "7"));
    assert_eq!(cluster.roles, [ClusterRole::Gateway]);
    let wrong = load(&sources.option("--cluster-weight", "cluster::weight", "many"));
    let error = wrong.diagnostics.errors().next().unwrap().to_string();
    assert!(error.starts_with("--cluster-weight:1:"), "{error}");
}
