//! What starts and reloads do to the files that are written to.

use crate::harness::{Fixture, options, settings};
use http::Method;
use std::path::Path;
use tailweir_gateway::{Gateway, StartError};
use tailweir_testkit::{request, span, trace_id};

/// A second receiver, whose certificate cannot be read.
const UNREADABLE: &str = "otlp/tls: {protocols: {grpc: {endpoint: '127.0.0.1:0',
    tls: {cert_file: /nowhere/cert.pem, key_file: /nowhere/key.pem}}}}";

/// Writes traces to a file, and logs to another exporter or to the same.
struct Writing<'a> {
    path: &'a Path,
    options: &'a str,
    receiver: &'a str,
    logs_to: &'a str,
}

impl Writing<'_> {
    fn yaml(&self) -> String {
        let Self {
            path,
            options,
            receiver,
            logs_to,
        } = self;
        let receivers = match *receiver {
            "" => "otlp",
            _ => "otlp, otlp/tls",
        };
        format!(
            "
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}, http: {{endpoint: '127.0.0.1:0'}}}}}}
  {receiver}
exporters:
  file: {{path: '{}', {options}}}
  nop:
service:
  pipelines:
    traces: {{receivers: [{receivers}], exporters: [file]}}
    logs: {{receivers: [{receivers}], exporters: [{logs_to}]}}
",
            path.display()
        )
    }

    async fn start(&self) -> Fixture {
        Fixture::start(&self.yaml()).await
    }
}

fn writing(path: &Path) -> Writing<'_> {
    Writing {
        path,
        options: "format: json",
        receiver: "",
        logs_to: "nop",
    }
}

async fn send(gateway: &Fixture, name: &str) {
    let span = span(trace_id(1), 1).named(name);
    let request = request().service("shop").span(span);
    gateway.send(request.message()).await.unwrap();
}

async fn send_log(gateway: &Fixture, text: &str) {
    let body = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
    );
    let headers = [("content-type", "application/json")];
    let answer = gateway.http(Method::POST, "/v1/logs", &headers, body).await;
    assert_eq!(answer.status, 200);
}

/// The lines of a file: each is a request, and the name of its span, or the text of its log record.
fn lines(path: &Path) -> Vec<String> {
    let line = |line: &str| {
        let request: serde_json::Value = serde_json::from_str(line).unwrap();
        let span = &request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"];
        let record = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        let text = span.as_str().or(record["body"]["stringValue"].as_str());
        text.unwrap().to_owned()
    };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(line).collect()
}

/// Scenario: a gateway starts with a file of another run, and ends without a request; first so that it begins the file
/// anew, then so that it adds to it.
/// Guarantees: the file is empty; what is added to stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_begins_a_file_anew_before_there_is_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    for (options, left) in [("append: true", "of another run\n"), ("append: false", "")] {
        std::fs::write(&path, "of another run\n").unwrap();
        let gateway = Writing {
            options,
            ..writing(&path)
        };
        gateway.start().await.finish().await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), left, "{options}");
    }
}

/// Scenario: a reload that changes an option of a file's exporter is refused, as the certificate of a receiver cannot
/// be read; requests came before it, and come behind it.
/// Guarantees: all of them are in the file, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_reload_leaves_files_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let gateway = writing(&path).start().await;
    send(&gateway, "before").await;
    let refused = Writing {
        options: "flush_interval: 2s",
        receiver: UNREADABLE,
        ..writing(&path)
    };
    let refused = gateway.running.reload(settings(&refused.yaml())).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, StartError::Tls { .. }), "{error}");
    send(&gateway, "behind").await;
    gateway.finish().await;
    assert_eq!(lines(&path), ["before", "behind"]);
}

/// Scenario: a start is refused, as the certificate of a receiver cannot be read.
/// Guarantees: what another run has written is still there.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_start_leaves_files_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    std::fs::write(&path, "of another run\n").unwrap();
    let refused = Writing {
        receiver: UNREADABLE,
        ..writing(&path)
    };
    let started = Gateway::start(settings(&refused.yaml()), options()).await;
    assert!(matches!(started.err(), Some(StartError::Tls { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "of another run\n");
}

/// Scenario: a reload changes an option of a file's exporter, and another takes it back.
/// Guarantees: what was written, and counted as delivered, stays, and what comes then is behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_goes_on_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let gateway = writing(&path).start().await;
    send(&gateway, "1").await;
    let changed = Writing {
        options: "flush_interval: 2s",
        ..writing(&path)
    };
    for (writing, name) in [(changed, "2"), (writing(&path), "3")] {
        let reloaded = gateway.running.reload(settings(&writing.yaml())).await;
        reloaded.unwrap();
        send(&gateway, name).await;
    }
    gateway.finish().await;
    assert_eq!(lines(&path), ["1", "2", "3"]);
}

/// Scenario: a reload lets logs go to the file that traces go to, through the same exporter.
/// Guarantees: each request, before and behind it, is one whole line, in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_lets_another_signal_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let gateway = writing(&path).start().await;
    send(&gateway, "1").await;
    let both = Writing {
        logs_to: "file",
        ..writing(&path)
    };
    gateway
        .running
        .reload(settings(&both.yaml()))
        .await
        .unwrap();
    send(&gateway, "2").await;
    send_log(&gateway, "3").await;
    send(&gateway, "4").await;
    gateway.finish().await;
    assert_eq!(lines(&path), ["1", "2", "3", "4"]);
}
