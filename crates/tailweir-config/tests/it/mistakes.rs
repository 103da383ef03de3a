//! How mistakes are told.

use crate::workbench::{Memory, assert_error, errors, lines, load_text, with_processors};
use tailweir_config::{Cause, LoadOptions, Sources, load};

/// Scenario: a configuration with a misspelt option, a misspelt section, a wrong type and a dangling
/// reference.
/// Guarantees: all of them are told at once, each with its line and column, and the nearest name.
#[test]
fn every_mistake_is_told_at_once() {
    let loaded = load_text(
        "recievers: {otlp: }
receivers: {otlp: {protocols: {grpc: {endpont: x}}}}
processors: {batch: {timeout: soon}}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], processors: [batch, btach], exporters: [debug]}}}
",
    );
    assert!(loaded.settings.is_none());
    let mut errors = errors(&loaded);
    errors.sort();
    let starts = [
        "config.yaml:1:1: error: unknown section `recievers` (did you mean `receivers`?",
        "config.yaml:2:39: error: receivers::otlp::protocols::grpc: unknown option `endpont` (did you \
         mean `endpoint`?",
        "config.yaml:3:31: error: processors::batch::timeout: not a duration",
        "config.yaml:5:71: error: service::pipelines::traces: the processor `btach` is not configured \
         (did you mean `batch`?",
    ];
    assert_eq!(errors.len(), starts.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(starts) {
        assert!(error.starts_with(start), "{error}\n{start}");
    }
}

/// Scenario: a mistake in the middle of a line is printed.
/// Guarantees: the line is shown and the carets stand under the whole word.
#[test]
fn the_carets_stand_under_the_word() {
    let text = with_processors("  batch: {timeout: soon}", "batch");
    let shown = load_text(&text).diagnostics.to_string();
    let wanted = "error: processors::batch::timeout: not a duration
 --> config.yaml:4:20
  |
4 |   batch: {timeout: soon}
  |                    ^^^^
  = help: write a number with a unit (ns, us, ms, s, m, h), such as `10s` or `1m30s`
";
    assert!(shown.contains(wanted), "{shown}");
}

/// Scenario: mistakes in lines that hold a password, a token, headers, and in values that come from
/// variables.
/// Guarantees: nothing secret is printed, neither in quoted lines nor in messages.
#[test]
fn secrets_are_not_printed() {
    let mut memory = Memory::default();
    memory.variables.insert("TOKEN", "hush-variable".to_owned());
    memory.files.insert(
        "config.yaml",
        "receivers: {otlp: {protocols: {grpc: }}}
extensions:
  basicauth: {client_auth: {username: me, password: hush-password, pasword: hush-misspelt}}
exporters:
  otlp_http: {endpoint: 'http://me:hush-url@host', timeout: '${env:TOKEN}', headers: {a: hush-header, b: 5}}
  debug: {verbosity: '${env:TOKEN}', sampling_initial: '${env:TOKEN}'}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug, otlp_http]}}}
"
        .to_owned(),
    );
    let loaded = load(
        &Sources::new().config("config.yaml"),
        LoadOptions::default(),
        &memory,
    );
    let shown = format!("{}{:?}", loaded.diagnostics, lines(&loaded.diagnostics));
    assert!(loaded.diagnostics.errors().count() >= 4, "{shown}");
    for secret in ["hush-variable", "hush-password", "hush-header", "hush-url"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

/// Scenario: the endpoint of an exporter is a number.
/// Guarantees: that is told, and not that there is no endpoint.
#[test]
fn one_mistake_is_told_once() {
    let loaded = load_text(
        "receivers: {nop: }
exporters: {otlp_grpc: {endpoint: 4317}}
service: {pipelines: {traces: {receivers: [nop], exporters: [otlp_grpc]}}}",
    );
    let causes: Vec<Cause> = loaded
        .diagnostics
        .errors()
        .map(|error| error.cause)
        .collect();
    assert_eq!(causes, [Cause::WrongType], "{}", loaded.diagnostics);
}

/// Scenario: a substitution without quotes in a flow map, and a tab.
/// Guarantees: both are refused as YAML, with what to do.
#[test]
fn common_slips_of_yaml_are_explained() {
    let bare = load_text("a: {b: ${env:X}}").diagnostics.to_string();
    assert!(bare.contains("a substitution must be in quotes"), "{bare}");
    let tab = load_text("a:\n\tb: 1").diagnostics.to_string();
    assert!(tab.contains("by spaces, not by tabs"), "{tab}");
}

/// Scenario: components of the Collector that are not here, used and unused, and one that nobody has.
/// Guarantees: what is used is refused with what to use instead; what is unused is passed with a
/// warning; the unknown name gets the nearest known one.
#[test]
fn missing_components_are_told_with_what_to_use_instead() {
    let loaded = load_text(
        "receivers: {otlp: {protocols: {grpc: }}, kafka: {brokers: [a]}, hostmetrics: }
exporters: {debug: , debgu: }
service: {pipelines: {traces: {receivers: [otlp, kafka], exporters: [debug, debgu]}}}",
    );
    let found = |cause: Cause| -> Vec<String> {
        let of_cause = loaded.diagnostics.iter().filter(|item| item.cause == cause);
        of_cause.map(ToString::to_string).collect()
    };
    let absent = found(Cause::AbsentComponent);
    assert_eq!(absent.len(), 2, "{absent:?}");
    assert!(absent[0].contains("error") && absent[0].contains("let a Collector receive it"));
    assert!(absent[1].contains("warning") && absent[1].contains("no pipeline uses this one"));
    let unknown = found(Cause::UnknownComponent);
    assert!(unknown[0].contains("did you mean `debug`?"), "{unknown:?}");
    assert!(found(Cause::Dangling).is_empty());
}

/// Scenario: options of the Collector that are not here.
/// Guarantees: what would be lost silently is refused with the reason; what does nothing is taken with
/// a warning, and its type is checked.
#[test]
fn options_that_are_not_here_are_refused_or_told() {
    let loaded = load_text(
        "receivers: {nop: }
exporters:
  otlp_grpc:
    endpoint: a:4317
    write_buffer_size: 1
    sending_queue: {storage: file_storage}
  load_balancing:
    resolver: {static: {hostnames: [a]}}
    protocol: {otlp: {sending_queue: {storage: file_storage}}}
  otlp_http: {endpoint: 'http://a', proxy_url: 'http://b', force_attempt_http2: maybe}
service: {pipelines: {traces: {receivers: [nop], exporters: [otlp_grpc, otlp_http]}}}",
    );
    let told = lines(&loaded.diagnostics).join("\n");
    for part in [
        "error: exporters::otlp_grpc::sending_queue: the storage `file_storage` is not configured",
        "error: exporters::load_balancing: `sending_queue.storage` is not available here",
        "error: exporters::otlp_http::proxy_url: `proxy_url` is not available (calls through a proxy",
        "error: exporters::otlp_http::force_attempt_http2: expected `true` or `false`",
        "warning: exporters::otlp_grpc::write_buffer_size: `write_buffer_size` has no effect here",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

/// Scenario: the `loki` exporter with options that it had before records said what becomes of them.
/// Guarantees: each is refused with what says it now.
#[test]
fn what_loki_was_told_before_is_told_otherwise() {
    for (option, said) in [
        ("labels: {attributes: {host: ''}}", "loki.attribute.labels"),
        ("format: json", "loki.format"),
        ("tenant: {source: attributes}", "loki.tenant"),
        ("tenant_id: shop", "X-Scope-OrgID"),
    ] {
        let loaded = load_text(&format!(
            "receivers: {{nop: }}
exporters: {{loki: {{endpoint: 'http://loki:3100/loki/api/v1/push', {option}}}}}
service: {{pipelines: {{logs: {{receivers: [nop], exporters: [loki]}}}}}}"
        ));
        assert_error(&loaded, option, said);
    }
}
