//! Commands that end by themselves.

use crate::gateway::{stderr, stdout, tailweir};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use tempfile::TempDir;

const MISTAKEN: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
        endpiont: localhost:4317
processors:
  tail_sampling:
    decision_wait: ten seconds
    policies:
      - name: slow
        type: latncy
      - name: empty
        type: and
        and: {}
  tail_sampling/second:
    policies:
      - name: broken
        type: ottl_condition
        ottl_condition:
          span: ['attributes[\"a\" == 1']
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling, tail_sampling/second]
      exporters: [debgu]
";

/// Scenario: a configuration with an unknown key, a bad duration, a misspelt policy type, a dangling
/// exporter and a condition that does not parse; beside them a policy that is merely odd.
/// Guarantees: all are reported at once, each with line and column and the nearest valid name; the
/// text is the one on record.
#[test]
fn validate_reports_every_mistake_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mistaken.yaml");
    fs::write(&path, MISTAKEN).unwrap();
    let output = tailweir(["validate", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output).replace(path.to_str().unwrap(), "mistaken.yaml");
    let on_record = include_str!("mistaken.txt");
    assert_eq!(text, on_record, "got:\n{text}");
}

const WRONG_STATEMENTS: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
processors:
  transform:
    trace_statements:
      - set(span.name, 'x')
      - sett(span.name, 'y')
    log_statements:
      - context: log
        statements:
          - set(body, 'x') where severity_number > SEVERITY_NUMBER_WARM
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [transform]
      exporters: [debug]
    logs:
      receivers: [otlp]
      processors: [transform]
      exporters: [debug]
";

/// Scenario: statements with an unknown editor and an unknown symbol.
/// Guarantees: both are reported at once, each with the line and column of its statement and the nearest
/// valid name.
#[test]
fn validate_points_at_wrong_statements() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("statements.yaml");
    // Text takes double quotes, which are plain letters in YAML here.
    fs::write(&path, WRONG_STATEMENTS.replace('\'', "\"")).unwrap();
    let output = tailweir(["validate", "--config", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    for expected in [
        "statements.yaml:11:9",
        "did you mean `set`?",
        "statements.yaml:15:13",
        "did you mean `SEVERITY_NUMBER_WARN`?",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
}

/// Scenario: for programs, a configuration with a component that is not here, an exporter with a file of
/// authorities that is not there and one with an endpoint from an unset variable; then one that is valid.
/// Guarantees: one JSON object on standard output tells whether it is valid, and of each thing its severity,
/// its cause, the keys that lead there and its place; the exit code is that of the text.
#[test]
fn validate_tells_programs_what_it_tells_people() {
    let refused = "yaml:receivers: {kafka: }
exporters: {otlp: {endpoint: 'a:1', tls: {ca_file: /none/ca.pem}}, otlp/b: {endpoint: '${env:TAILWEIR_UNSET}'}}
service: {pipelines: {traces: {receivers: [kafka], exporters: [otlp, otlp/b]}}}";
    let output = tailweir(["validate", "--format", "json", "--config", refused]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(told["valid"], false);
    let said = told["diagnostics"].as_array().unwrap();
    let of = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap().to_owned();
        (
            text("severity"),
            text("cause"),
            text("path"),
            item["line"].as_u64(),
        )
    };
    let said: Vec<_> = said.iter().map(of).collect();
    for (severity, cause, path, line) in [
        ("error", "absent_component", "receivers::kafka", 1),
        ("error", "unreadable", "exporters::otlp::tls", 2),
        ("error", "missing", "exporters::otlp/b", 2),
        ("warning", "unset", "exporters::otlp/b::endpoint", 2),
    ] {
        let wanted = (severity.into(), cause.into(), path.into(), Some(line));
        assert!(said.contains(&wanted), "{wanted:?} is not in {said:?}");
    }

    let output = tailweir(["validate", "--format", "json"]);
    assert!(output.status.success());
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(told["valid"], true);
}

/// Scenario: the embedded configuration and the example are validated.
/// Guarantees: both are valid, and nothing in them is advised against.
#[test]
fn what_is_shipped_is_valid() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/examples/gateway.yaml"
    );
    for output in [
        tailweir(["validate", "--strict"]),
        tailweir(["validate", "--strict", "--config", example]),
    ] {
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        assert!(stdout(&output).contains("valid"));
    }
}

/// Scenario: a configuration holds a secret header, one value is overridden on the command line.
/// Guarantees: the printed configuration has the override and not the secret.
#[test]
fn print_config_merges_and_redacts() {
    let config = "yaml:exporters: {otlp: {endpoint: 'https://a:1', headers: {x-token: hunter2}}}";
    let output = tailweir([
        "print-config",
        "--config",
        config,
        "--config",
        "yaml:receivers: {otlp: {protocols: {grpc: {}}}}",
        "--set",
        "service.pipelines.traces.receivers=[otlp]",
        "--set",
        "service.pipelines.traces.exporters=[otlp]",
        "--set",
        "exporters.otlp.timeout=17s",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("17s"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains("x-token"), "{text}");
}

/// Scenario: the schema and the list of components are asked for.
/// Guarantees: the schema is JSON and knows the sampler; the list has what the example uses.
#[test]
fn schema_and_components_describe_what_is_built_in() {
    let schema: Value = serde_json::from_str(&stdout(&tailweir(["config", "schema"]))).unwrap();
    assert!(schema.to_string().contains("tail_sampling"));
    let components = stdout(&tailweir(["components"]));
    for name in [
        "otlp",
        "tail_sampling",
        "batch",
        "attributes",
        "debug",
        "health_check",
    ] {
        assert!(components.contains(name), "{name} in {components}");
    }
}

/// Scenario: a process that is not ready when it is asked first, and is when it is asked again.
/// Guarantees: with patience the check succeeds with the second answer.
#[test]
fn a_patient_health_check_asks_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = listener.local_addr().unwrap().to_string();
    let answers = std::thread::spawn(move || {
        for status in ["503 Service Unavailable", "200 OK"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).unwrap() > 0);
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: 6\r\nconnection: close\r\n\r\nreally"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let output = tailweir(["healthcheck", "--admin", &admin, "--patience", "1m"]);
    assert!(output.status.success(), "{}", stderr(&output));
    answers.join().unwrap();
}

/// Scenario: an unknown command, and an address where nothing listens.
/// Guarantees: the first is a mistake of usage (2), the second a failed check (1).
#[test]
fn exit_codes_tell_usage_from_failure() {
    assert_eq!(tailweir(["no-such-command"]).status.code(), Some(2));
    let output = tailweir(["healthcheck", "--admin", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("127.0.0.1:1"),
        "{}",
        stderr(&output)
    );
    let output = tailweir(["healthcheck", "--otlp", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
}
