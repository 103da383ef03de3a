//! Pipelines, connectors and what they refer to.

use crate::workbench::{lines, load_text, settings, with_processors};
use tailweir_config::{Cause, Diagnostics};
use tailweir_core::Signal;

fn causes(diagnostics: &Diagnostics) -> Vec<Cause> {
    diagnostics.errors().map(|error| error.cause).collect()
}

/// Scenario: pipelines that are joined by a connector; one lists an exporter twice.
/// Guarantees: they come in order of the file, with names and signals, without duplicates.
#[test]
fn pipelines_come_in_order_and_without_duplicates() {
    let settings = settings(
        "receivers: {otlp: {protocols: {grpc: , http: }}}
connectors: {forward: }
exporters: {debug: , nop: }
service:
  pipelines:
    traces/in: {receivers: [otlp], exporters: [forward]}
    traces: {receivers: [forward], exporters: [debug, nop, debug]}
    logs: {receivers: [otlp], exporters: [nop]}",
    );
    let ids: Vec<String> = settings
        .pipelines
        .iter()
        .map(|pipeline| pipeline.id.to_string())
        .collect();
    assert_eq!(ids, ["traces/in", "traces", "logs"]);
    assert_eq!(settings.pipelines[1].exporters.len(), 2);
    assert_eq!(settings.pipelines[2].id.signal, Signal::Logs);
    let location = settings.location("service::pipelines::traces").unwrap();
    assert_eq!(location.to_string(), "config.yaml:7:5");
}

/// Scenario: three pipelines of which two feed each other, and a connector between signals.
/// Guarantees: the cycle is named once, in order; `forward` does not change the signal.
#[test]
fn pipelines_must_not_feed_themselves() {
    let cycle = load_text(
        "receivers: {nop: }
exporters: {nop: }
connectors: {forward/1: , forward/2: }
service:
  pipelines:
    traces/start: {receivers: [nop], exporters: [forward/1]}
    traces/a: {receivers: [forward/1], exporters: [forward/2, nop]}
    traces/b: {receivers: [forward/2], exporters: [forward/1]}",
    );
    assert_eq!(causes(&cycle.diagnostics), [Cause::Cycle]);
    assert!(lines(&cycle.diagnostics)[0].contains("traces/a -> traces/b -> traces/a"));
    let across = load_text(
        "receivers: {nop: }
exporters: {nop: }
connectors: {forward: }
service:
  pipelines:
    traces: {receivers: [nop], exporters: [forward]}
    logs: {receivers: [forward], exporters: [nop]}",
    );
    assert_eq!(
        causes(&across.diagnostics),
        [Cause::Dangling, Cause::Dangling]
    );
}

/// Scenario: a queue is to be kept by an extension that is not there, one that does not run, and one that keeps nothing; by
/// one that does, while senders wait for the outcome; then as it should be, and where there is no queue.
/// Guarantees: each mistake is refused where it is written, though the Collector would notice some only at start.
///
/// Conforms: extension `file_storage` | a `storage` that is not configured, or does not run; `wait_for_result` with
/// it | better: refused by `validate`, not only at start
#[test]
fn a_queue_on_disk_needs_a_storage_that_runs() {
    let config = |extensions: &str, running: &str, queue: &str| {
        format!(
            "receivers: {{nop: }}
extensions: {{{extensions}}}
exporters: {{otlp_grpc: {{endpoint: a:4317, sending_queue: {{{queue}}}}}}}
service: {{extensions: [{running}], pipelines: {{traces: {{receivers: [nop], exporters: [otlp_grpc]}}}}}}"
        )
    };
    let (there, queue) = (
        "file_storage/q: {max_size: 1000}",
        "storage: file_storage/q",
    );
    let impatient = "storage: file_storage/q, wait_for_result: true";
    for (text, problem) in [
        (config("", "", queue), "is not configured"),
        (config(there, "", queue), "does not run"),
        (
            config("health_check: ", "health_check", "storage: health_check"),
            "keeps no queues",
        ),
        (
            config(there, "file_storage/q", impatient),
            "exclude each other",
        ),
    ] {
        let told = lines(&load_text(&text).diagnostics).join("\n");
        assert!(
            told.contains("error: exporters::otlp_grpc::sending_queue"),
            "{told}"
        );
        assert!(told.contains(problem), "{told}");
    }
    for queue in [queue, "storage: nothing, enabled: false"] {
        let loaded = load_text(&config(there, "file_storage/q", queue));
        assert!(loaded.settings.is_some(), "{}", loaded.diagnostics);
    }
}

/// Scenario: an exporter names an authenticator that is not there, one that does not run, and one of
/// the wrong sort; then the right one.
/// Guarantees: each is refused where it is named, though the Collector would notice only at start.
#[test]
fn authenticators_must_run_and_be_of_the_right_sort() {
    let config = |extensions: &str, running: &str, name: &str| {
        format!(
            "receivers: {{nop: }}
extensions: {{{extensions}}}
exporters: {{otlp_grpc: {{endpoint: a:4317, auth: {{authenticator: {name}}}}}}}
service: {{extensions: [{running}], pipelines: {{traces: {{receivers: [nop], exporters: [otlp_grpc]}}}}}}"
        )
    };
    let server = "basicauth: {htpasswd: {inline: 'a:b'}}";
    let client = "basicauth: {client_auth: {username: a, password: b}}";
    for (text, problem) in [
        (
            config("health_check: ", "health_check", "basicauth"),
            "is not configured",
        ),
        (config(client, "", "basicauth"), "does not run"),
        (
            config(server, "basicauth", "basicauth"),
            "cannot sign calls",
        ),
        (
            config("health_check: ", "health_check", "health_check"),
            "is not an authenticator",
        ),
    ] {
        let loaded = load_text(&text);
        let told = lines(&loaded.diagnostics).join("\n");
        assert!(
            told.contains("config.yaml:3:65: error: exporters::otlp_grpc::auth"),
            "{told}"
        );
        assert!(told.contains(problem), "{told}");
    }
    assert!(
        load_text(&config(client, "basicauth", "basicauth"))
            .settings
            .is_some()
    );
}

/// Scenario: a batch processor stands before the sampler, and one behind it.
/// Guarantees: only the one before is warned of, and the configuration runs.
#[test]
fn a_batch_before_the_sampler_is_warned_of() {
    let blocks =
        "  tail_sampling: {policies: [{name: a, type: always_sample}]}\n  batch:\n  batch/2:";
    let loaded = load_text(&with_processors(blocks, "batch, tail_sampling, batch/2"));
    assert!(loaded.settings.is_some());
    let warnings: Vec<String> = loaded
        .diagnostics
        .warnings()
        .map(ToString::to_string)
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`batch` before the sampler"));
}

/// Scenario: `groupbytrace` in front of a sampler, in front of a balancer, and in front of neither.
/// Guarantees: it runs where something behind it does its work, which is told; else it is refused.
///
/// Conforms: processor `group_by_trace` | traces | all options, in front of `tail_sampling` or `load_balancing` | no
/// effect: these put traces together by themselves; a warning says so
/// Conforms: processor `group_by_trace` | traces | elsewhere | not offered: use `tail_sampling` or `load_balancing`
/// behind it
#[test]
fn grouping_is_left_to_what_is_behind_it() {
    let with = |processors: &str, exporter: &str| {
        load_text(&format!(
            "receivers: {{nop: }}
processors:
  groupbytrace: {{wait_duration: 10s, num_traces: 1000}}
  tail_sampling: {{policies: [{{name: all, type: always_sample}}]}}
exporters:
  nop:
  load_balancing: {{resolver: {{static: {{hostnames: [a]}}}}, protocol: {{otlp: }}}}
service: {{pipelines: {{traces: {{receivers: [nop], processors: [{processors}], exporters: [{exporter}]}}}}}}"
        ))
    };
    for (processors, exporter, said) in [
        (
            "groupbytrace, tail_sampling",
            "nop",
            "the sampler behind it",
        ),
        ("groupbytrace", "load_balancing", "to one place"),
    ] {
        let loaded = with(processors, exporter);
        let told = loaded.diagnostics.to_string();
        assert!(loaded.settings.is_some() && told.contains(said), "{told}");
    }
    for processors in ["groupbytrace", "tail_sampling, groupbytrace"] {
        let loaded = with(processors, "nop");
        assert_eq!(causes(&loaded.diagnostics), [Cause::NotAllowed]);
    }
}
