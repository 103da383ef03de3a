//! What is taken out of spans is written nowhere.

use crate::gateway::{Gateway, program};
use std::path::Path;
use std::process::Command;
use tailweir_testkit::{Answer, Signal, Sink, http_get, http_post, request, span, trace_id};

/// What may not be seen anywhere.
const SECRET: &str = "4111-1111-1111-1111";

/// A policy and a statement that look at the card, fail on it now and then, and processors behind the sampler that take it
/// out; two backends and a file. Everything is logged that can be.
fn configuration(sink: &Sink, file: &Path) -> String {
    format!(
        r#"
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}, http: {{endpoint: '127.0.0.1:0'}}}}}}}}
processors:
  transform: {{error_mode: ignore, trace_statements: ['set(span.status.code, Int(span.attributes["card"])) where span.name == "pay"']}}
  tail_sampling:
    decision_wait: 50ms
    policies:
      - {{name: cards, type: string_attribute, string_attribute: {{key: card, values: ['4111.*'], enabled_regex_matching: true}}}}
      - {{name: fails, type: ottl_condition, ottl_condition: {{error_mode: ignore, span: ['Len(kind) > 0 or attributes["card"] > 1']}}}}
  attributes: {{actions: [{{key: card, action: delete}}]}}
exporters:
  debug: {{verbosity: detailed}}
  file: {{path: '{file}'}}
  otlp: {{endpoint: '{endpoint}', tls: {{insecure: true}}}}
service:
  telemetry: {{logs: {{level: debug, encoding: json, sampling: {{enabled: false}}}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [transform, tail_sampling, attributes], exporters: [debug, file, otlp]}}
"#,
        file = file.display(),
        endpoint = sink.endpoint(),
    )
}

/// Scenario: spans with a card number are kept, dropped, come late, in a request that is cut off, and in one that a backend refuses,
/// while a statement and a policy fail on the number; a processor behind the sampler deletes it. Everything is logged.
/// Guarantees: kept spans are on standard output, in the file and at the backend, and the number is in none of them, nor in any
/// line of the log, nor in any other file of the process; the admin listener shows no spans.
#[test]
fn what_is_deleted_after_sampling_is_written_nowhere() {
    let sink = Sink::start();
    sink.answer_next(Answer::Refuse(tonic::Code::InvalidArgument));
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("kept.jsonl"), folder.path().join("data"));
    std::fs::create_dir(&data).unwrap();
    let gateway = Gateway::start_with(&configuration(&sink, &file), |command: &mut Command, _| {
        command.current_dir(&data).env("TMPDIR", &data);
    });
    let pay = |trace: u64, id: u64| {
        span(trace_id(trace), id)
            .named("pay")
            .attribute("card", SECRET)
    };
    for trace in [1, 2] {
        gateway.send(request().service("shop").span(pay(trace, 1)));
        gateway.binary.line_with(&trace_id(trace).to_string());
    }
    gateway.send(request().service("shop").span(pay(2, 2)));
    let dropped = span(trace_id(3), 1)
        .named("look")
        .attribute("email", SECRET);
    gateway.send(request().service("shop").span(dropped));
    let mut cut_off = request().service("shop").span(pay(4, 1)).bytes();
    cut_off.truncate(cut_off.len() - 3);
    let content = "application/x-protobuf";
    let answer = http_post(gateway.otlp_http, "/v1/traces", content, &cut_off);
    assert_eq!(answer.status, 400);
    assert!(!answer.body.contains(SECRET));
    sink.block_until("the second trace", |sink| !sink.spans().is_empty());
    assert_eq!(http_get(gateway.admin, "/kept").status, 404);
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success(), "{} did not end well", program().display());

    let printed: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert!(printed.iter().any(|line| line.contains("pay")));
    let is_refused = |line: &&str| line.contains("exporting failed");
    assert!(printed.iter().any(is_refused), "the refusal is logged");
    let leaks: Vec<_> = printed
        .iter()
        .filter(|line| line.contains(SECRET))
        .collect();
    assert_eq!(leaks, [] as [&&str; 0]);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("pay") && !kept.contains(SECRET));
    let others: Vec<_> = std::fs::read_dir(&data).unwrap().collect();
    assert!(others.is_empty(), "{others:?}");
    for span in sink.spans() {
        assert!(!format!("{span:?}").contains(SECRET));
    }
}
