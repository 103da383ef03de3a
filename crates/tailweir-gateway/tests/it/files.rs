//! Requests that are read from files, as the `file` exporter writes them.

use crate::harness::Fixture;
use std::path::Path;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_testkit::{Answer, Received, Sink, request, span, trace_id};

fn reading(backend: &Sink, receiver: &str, pipelines: &str) -> String {
    format!(
        "
receivers:
  otlp_json_file: {{{receiver}, poll_interval: 5ms}}
exporters:
  otlp: {{endpoint: '{}', tls: {{insecure: true}}, sending_queue: {{enabled: false}},
         retry_on_failure: {{initial_interval: 5ms, max_interval: 10ms}}}}
service:
  pipelines:
{pipelines}
",
        backend.endpoint()
    )
}

const TRACES: &str = "    traces: {receivers: [otlp_json_file], exporters: [otlp]}";
const LOGS: &str = "    logs: {receivers: [otlp_json_file], exporters: [otlp]}";

fn include(folder: &Path) -> String {
    format!("include: ['{}/*'], start_at: beginning", folder.display())
}

fn names(sink: &Sink) -> Vec<String> {
    let mut names: Vec<_> = sink.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    names
}

fn line(name: &str) -> String {
    let id = trace_id(1);
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id}","spanId":"0000000000000001","name":"{name}"}}]}}]}}]}}"#
    )
}

/// Scenario: a gateway writes traces with the `file` exporter, as lines, as protobuf, and packed; another one reads
/// each file.
/// Guarantees: what was captured is replayed: each request arrives as it was sent, and the books balance.
///
/// Conforms: receiver `otlp_json_file` | traces | lines of JSON | same
/// Conforms: receiver `otlp_json_file` | traces | records of protobuf and packed ones, with their length in front |
/// better: read; the Collector reads only lines
/// Conforms: exporter `file` | traces | `format`, `compression` | same
#[tokio::test(flavor = "multi_thread")]
async fn what_the_file_exporter_writes_is_read_back() {
    for options in [
        "format: json",
        "format: proto",
        "compression: zstd",
        "format: proto, compression: zstd",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("captured");
        let writing = format!(
            "
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}}}
exporters: {{file: {{path: '{}', {options}}}}}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}}}
",
            path.display()
        );
        let sent = request()
            .service("shop")
            .span(span(trace_id(7), 1).named("GET").error());
        let gateway = Fixture::start(&writing).await;
        gateway.send(sent.message()).await.unwrap();
        gateway.finish().await;

        let backend = Sink::start();
        let gateway = Fixture::start(&reading(&backend, &include(folder.path()), TRACES)).await;
        backend
            .until("the request", |sink| sink.received().len() == 1)
            .await;
        let books = gateway.finish().await;
        assert_eq!(books.signals["traces"].acknowledged.items, 1, "{options}");
        let received = backend.received().pop();
        let Some(Received::Traces(received)) = received else {
            panic!("{received:?}");
        };
        let request = request()
            .service("shop")
            .span(span(trace_id(7), 1).named("GET").error());
        assert_eq!(received, request.message(), "{options}");
    }
}

/// Scenario: a file is there at the start, grows, is renamed as rotation does and begun anew; the backend refuses
/// at first; a line is damaged, and one is of a signal that nobody takes.
/// Guarantees: only what is added is read, each record once, across the rename; what cannot be read is counted.
///
/// Conforms: receiver `otlp_json_file` | traces | `include`, `start_at`, `poll_interval`; files that grow and are
/// rotated | same
/// Conforms: receiver `otlp_json_file` | traces | a record that finds no room behind, or cannot be read | better:
/// offered again until it finds room; counted
#[tokio::test(flavor = "multi_thread")]
async fn growing_files_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.json");
    std::fs::write(&path, line("before") + "\n").unwrap();
    let backend = Sink::start();
    backend.answer_next(Answer::Refuse(tonic::Code::Unavailable));
    let receiver = format!("include: ['{}/*.json']", folder.path().display());
    let gateway = Fixture::start(&reading(&backend, &receiver, TRACES)).await;
    let files = |count: u64| {
        move |status: &tailweir_gateway::Status| status.files.iter().all(|row| row.files == count)
    };
    gateway.until("the file", files(1)).await;
    let add = |text: &str| {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    add(&format!(
        "{}\n{{\"resourceSpans\": damaged}}\n{{\"resourceLogs\":[]}}\n",
        line("added")
    ));
    backend
        .until("what was added", |sink| names(sink) == ["added"])
        .await;
    add(&(line("at the end") + "\n"));
    std::fs::rename(&path, folder.path().join("traces-2020.json")).unwrap();
    add(&(line("anew") + "\n"));
    let all = ["added", "anew", "at the end"];
    backend.until("both files", |sink| names(sink) == all).await;
    gateway
        .until("the damaged line", |status| status.files[0].unreadable == 1)
        .await;
    gateway.until("both files", files(2)).await;
    let books = gateway.finish().await;
    assert_eq!(books.signals["traces"].delivered.items, 3);
}

/// Scenario: a record is larger than the limit; another file holds protobuf, and pipelines take two signals.
/// Guarantees: neither goes anywhere, both are counted, and a good record beside them arrives.
///
/// Conforms: receiver `otlp_json_file` | traces | a line above `max_log_size` | differs: left out and counted, not
/// cut into lines of that size
/// Conforms: receiver `otlp_json_file` | traces, logs | protobuf for pipelines of several signals | not offered: it
/// does not say what it carries; counted as unreadable
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let large = line(&"x".repeat(2000));
    std::fs::write(
        folder.path().join("a"),
        format!("{large}\n{}", line("good")),
    )
    .unwrap();
    let proto = request().span(span(trace_id(1), 1)).bytes();
    let length = u32::try_from(proto.len()).unwrap().to_be_bytes();
    std::fs::write(folder.path().join("b"), [&length, &proto[..]].concat()).unwrap();
    let backend = Sink::start();
    let receiver = format!("{}, max_log_size: 1000", include(folder.path()));
    let pipelines = format!("{TRACES}\n{LOGS}");
    let gateway = Fixture::start(&reading(&backend, &receiver, &pipelines)).await;
    backend
        .until("the good record", |sink| names(sink) == ["good"])
        .await;
    gateway
        .until("the others", |status| status.files[0].unreadable == 2)
        .await;
    gateway.finish().await;
}

/// Scenario: `replay_file`: the file is read at each poll.
/// Guarantees: its records come again and again.
///
/// Conforms: receiver `otlp_json_file` | traces | `replay_file` | same
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), line("again") + "\n").unwrap();
    let backend = Sink::start();
    let receiver = format!(
        "include: ['{}/*'], replay_file: true",
        folder.path().display()
    );
    let gateway = Fixture::start(&reading(&backend, &receiver, TRACES)).await;
    backend
        .until("three times", |sink| names(sink).len() >= 3)
        .await;
    gateway.finish().await;
}

/// Scenario: exporters of files with options that exclude each other or are out of range.
/// Guarantees: each is refused with the reason.
///
/// Conforms: exporter `file` | traces | options that exclude each other, `directory_permissions` that are none | same
#[test]
fn wrong_exporters_of_files_are_refused() {
    for (options, reason) in [
        ("path: a, append: true, rotation: {}", "exclude each other"),
        ("path: a, group_by: {enabled: true}", "must have one `*`"),
        ("path: '*a', group_by: {enabled: true}", "must have one `*`"),
        (
            "path: 'a/*', group_by: {enabled: true, max_open_files: 0}",
            "above zero",
        ),
        (
            "path: 'a/*', group_by: {enabled: true, resource_attribute: ''}",
            "must not be empty",
        ),
        (
            "path: a, directory_permissions: '0755'",
            "needs `create_directory`",
        ),
        (
            "path: a, create_directory: true, directory_permissions: '7777'",
            "octal number",
        ),
        ("path: a, encoding: text", "no encoding extensions"),
    ] {
        let yaml = format!(
            "
receivers: {{nop: }}
exporters: {{file: {{{options}}}}}
service: {{pipelines: {{traces: {{receivers: [nop], exporters: [file]}}}}}}
"
        );
        let sources = Sources::new().config(format!("yaml:{yaml}"));
        let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
        let said = loaded.diagnostics.to_string();
        assert!(
            loaded.settings.is_none() && said.contains(reason),
            "{options}: {said}"
        );
    }
}

/// Scenario: receivers of files without a pattern, with a bad one, and with options that cannot be had.
/// Guarantees: each is refused with the reason, and the name without underscores is the same receiver.
#[test]
fn wrong_receivers_of_files_are_refused() {
    let backend = Sink::start();
    let told = |receiver: &str| {
        let yaml = reading(&backend, receiver, TRACES);
        let sources = Sources::new().config(format!("yaml:{yaml}"));
        let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
        (loaded.settings, loaded.diagnostics.to_string())
    };
    for (receiver, reason) in [
        ("start_at: end", "has no `include`"),
        ("include: [x], start_at: middle", "start_at"),
        ("include: [x], max_concurrent_files: 0", "above zero"),
        (
            "include: [x], storage: file_storage",
            "not kept over a restart",
        ),
    ] {
        let (settings, said) = told(receiver);
        assert!(settings.is_none() && said.contains(reason), "{said}");
    }
    let bad = told("include: ['[']").0.unwrap();
    let found = tailweir_gateway::Gateway::check(&bad);
    assert_eq!(
        (found.len(), found[0].block.as_str()),
        (1, "receivers::otlp_json_file")
    );
    let yaml = reading(&backend, "include: [x]", TRACES).replace("otlp_json_file", "otlpjsonfile");
    drop(crate::harness::settings(&yaml));
}
