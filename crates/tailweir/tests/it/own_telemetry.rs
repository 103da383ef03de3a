//! What a process says about itself: `service.telemetry`.

use crate::gateway::{Gateway, KEEP_ALL, configuration, fields};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tailweir_testkit::{Answer, Received, Signal, Sink, http_post_with, request, span, trace_id};

const RECEIVED: &str = "receiver/otlp/TraceDataReceived";
const EXPORTED: &str = "exporter/otlp/traces";

/// A gateway that keeps every trace at once, with these blocks in `service.telemetry`, and `more` lines of logs'.
fn with_telemetry(backend: &Sink, more_logs: &str, blocks: &str) -> String {
    let plain = "    logs:\n      encoding: json\n";
    let configuration = configuration(backend, "10ms", KEEP_ALL);
    assert!(configuration.contains(plain));
    configuration.replace(plain, &format!("{plain}{more_logs}{blocks}"))
}

/// Processors, at this depth, that send to this address as soon as there is something.
fn processors(kind: &str, endpoint: &str) -> String {
    format!(
        "      processors: [{{{kind}: {{exporter: {{otlp: {{protocol: grpc, endpoint: '{endpoint}'}}}}}}}}]\n"
    )
}

fn traces(options: &str, endpoint: &str) -> String {
    let processors = processors("simple", endpoint);
    format!("    traces:\n      propagators: [tracecontext]\n{options}{processors}")
}

fn logs_of(sink: &Sink) -> Vec<ResourceLogs> {
    let received = sink.received().into_iter();
    let logs = received.filter_map(|request| match request {
        Received::Logs(logs) => Some(logs.resource_logs),
        Received::Traces(_) | Received::Metrics(_) => None,
    });
    logs.flatten().collect()
}

fn records(sink: &Sink) -> Vec<LogRecord> {
    let scopes = logs_of(sink).into_iter().flat_map(|it| it.scope_logs);
    scopes.flat_map(|it| it.log_records).collect()
}

fn resource_spans(sink: &Sink) -> Vec<ResourceSpans> {
    let received = sink.received().into_iter();
    let traces = received.filter_map(|request| match request {
        Received::Traces(traces) => Some(traces.resource_spans),
        Received::Logs(_) | Received::Metrics(_) => None,
    });
    traces.flatten().collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|it| it.key == name);
    text(found.and_then(|it| it.value.as_ref()))
}

fn named(spans: &[Span], name: &str) -> Vec<Span> {
    let with_name = spans.iter().filter(|span| span.name == name);
    with_name.cloned().collect()
}

/// Sends one trace and insists on success.
fn send(gateway: &Gateway, number: u64, traceparent: &str) {
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("traceparent", traceparent),
    ];
    let body = request()
        .service("cart")
        .span(span(trace_id(number), 1))
        .bytes();
    let answer = http_post_with(gateway.otlp_http, "/v1/traces", &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Stops a gateway; returns the lines that it wrote, without those about sending own telemetry.
fn stopped(gateway: Gateway) -> Vec<serde_json::Value> {
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success());
    let lines = lines.iter().map(|line| fields(&line.text));
    let about_itself = |line: &serde_json::Value| {
        let exporter = line["exporter"].as_str().unwrap_or_default();
        exporter.starts_with("service.telemetry")
    };
    lines.filter(|line| !about_itself(line)).collect()
}

/// Scenario: a process with `logs.processors` and fields of every line takes a trace and stops.
/// Guarantees: each line that it wrote has arrived as a record: with its severity, its message, its fields, those of
/// every line, and the resource.
#[test]
fn every_line_of_the_log_arrives_as_a_record() {
    let (backend, own) = (Sink::start(), Sink::start());
    let more = format!(
        "      initial_fields: {{place: here}}\n{}    resource: {{service.name: edge}}\n",
        processors("batch", &own.endpoint())
    );
    let gateway = Gateway::start(&with_telemetry(&backend, &more, ""), []);
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    backend.block_until("trace", |sink| sink.spans().len() == 1);
    let lines = stopped(gateway);
    let mut written: Vec<_> = lines
        .iter()
        .map(|line| {
            let level = line["level"].as_str().unwrap().to_lowercase();
            (level, line["message"].as_str().unwrap().to_owned())
        })
        .collect();
    let records = records(&own);
    let mut arrived: Vec<_> = records
        .iter()
        .map(|it| (it.severity_text.clone(), text(it.body.as_ref())))
        .collect();
    written.sort();
    arrived.sort();
    assert_eq!(arrived, written);
    for record in &records {
        assert_eq!(attribute(&record.attributes, "place"), "here");
        assert!(record.time_unix_nano > 0 && record.observed_time_unix_nano > 0);
    }
    let ready = records.iter().find(|it| text(it.body.as_ref()) == "ready");
    let ready = ready.unwrap();
    assert_eq!(ready.severity_number, 9);
    assert_eq!(
        attribute(&ready.attributes, "version"),
        env!("CARGO_PKG_VERSION")
    );
    for logs in logs_of(&own) {
        let resource = logs.resource.unwrap().attributes;
        assert_eq!(attribute(&resource, "service.name"), "edge");
        assert_eq!(attribute(&resource, "telemetry.sdk.name"), "tailweir");
        assert_eq!(attribute(&resource, "service.instance.id").len(), 36);
    }
}

/// Scenario: a client with a sampled span of its own sends a trace, another whose span is not sampled a second, and
/// one without any a third.
/// Guarantees: the span about the first request is a child of the client's and says what came; there is none about
/// the second; that about the third begins a trace; and there are spans about what was sent on.
#[test]
fn requests_in_and_out_are_told_as_spans() {
    let (backend, own) = (Sink::start(), Sink::start());
    let traces = traces("", &own.endpoint());
    let gateway = Gateway::start(&with_telemetry(&backend, "", &traces), []);
    let caller = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    send(&gateway, 1, &format!("00-{caller}-01"));
    send(&gateway, 2, &format!("00-{caller}-00"));
    send(&gateway, 3, "none");
    backend.block_until("traces", |sink| sink.spans().len() == 3);
    stopped(gateway);
    let spans = own.spans();
    let received = named(&spans, RECEIVED);
    assert_eq!(received.len(), 2, "{spans:#?}");
    let [first, third] = [&received[0], &received[1]];
    let hexadecimal =
        |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let parent = format!(
        "{}-{}",
        hexadecimal(&first.trace_id),
        hexadecimal(&first.parent_span_id)
    );
    assert_eq!(parent, caller);
    assert_eq!(first.kind, SpanKind::Server as i32);
    assert_eq!(attribute(&first.attributes, "receiver"), "otlp");
    assert_eq!(attribute(&first.attributes, "transport"), "http");
    assert_eq!(attribute(&first.attributes, "accepted_spans"), "1");
    assert_eq!(attribute(&first.attributes, "refused_spans"), "0");
    assert!(first.end_time_unix_nano >= first.start_time_unix_nano);
    assert!(third.parent_span_id.is_empty() && third.trace_id != first.trace_id);
    let exported = named(&spans, EXPORTED);
    let sent = exported
        .iter()
        .map(|span| attribute(&span.attributes, "items.sent"));
    let sent: u64 = sent.map(|number| number.parse::<u64>().unwrap()).sum();
    assert_eq!(sent, 3);
    assert!(
        exported
            .iter()
            .all(|span| span.kind == SpanKind::Client as i32)
    );
    for traces in resource_spans(&own) {
        let resource = traces.resource.unwrap().attributes;
        assert_eq!(attribute(&resource, "service.name"), "tailweir");
    }
}

/// Scenario: a backend refuses what it is sent, while both signals of own telemetry are on.
/// Guarantees: the span about the request has failed with the reason, and the line about it is in that span.
#[test]
fn a_line_belongs_to_the_span_that_it_was_written_in() {
    let (backend, own) = (Sink::start(), Sink::start());
    backend.answer_always(Answer::Refuse(tonic::Code::InvalidArgument));
    let logs = processors("simple", &own.endpoint());
    let traces = traces("", &own.endpoint());
    let gateway = Gateway::start(&with_telemetry(&backend, &logs, &traces), []);
    send(&gateway, 1, "none");
    gateway.binary.line_with("data is lost");
    stopped(gateway);
    let spans = own.spans();
    let failed = &named(&spans, EXPORTED)[0];
    let status = failed.status.as_ref().unwrap();
    assert_eq!(
        (status.code, status.message.as_str()),
        (2, "permanent_error")
    );
    assert_eq!(attribute(&failed.attributes, "items.failed"), "1");
    let records = records(&own);
    let told = records
        .iter()
        .find(|it| text(it.body.as_ref()).contains("data is lost"))
        .unwrap();
    assert_eq!(
        (&told.trace_id, &told.span_id),
        (&failed.trace_id, &failed.span_id)
    );
    assert_eq!((told.severity_number, told.flags), (17, 1));
}

/// Scenario: a process is told to read its configuration again, which is good, and then once more, when it is not.
/// Guarantees: there is a span about each; the second has failed, and its lines are in it.
#[test]
fn a_reload_is_told_as_a_span() {
    let (backend, own) = (Sink::start(), Sink::start());
    let logs = processors("simple", &own.endpoint());
    let traces = traces("", &own.endpoint());
    let configuration = with_telemetry(&backend, &logs, &traces);
    let gateway = Gateway::start(&configuration, ["--watch-interval", "0s"]);
    gateway.binary.signal(Signal::HUP);
    gateway.binary.line_with("configuration reloaded");
    fs::write(&gateway.config, "receivers: [nonsense").unwrap();
    gateway.binary.signal(Signal::HUP);
    gateway.binary.line_with("stays in force");
    stopped(gateway);
    let reloads = named(&own.spans(), "reload");
    let codes: Vec<_> = reloads
        .iter()
        .map(|span| span.status.as_ref().map_or(0, |it| it.code))
        .collect();
    assert_eq!(codes, [0, 2]);
    let records = records(&own);
    let refused = records
        .iter()
        .find(|it| text(it.body.as_ref()).contains("stays in force"));
    assert_eq!(refused.unwrap().span_id, reloads[1].span_id);
}

/// Scenario: traces of level `none`, and a sampler that takes none; both with a processor.
/// Guarantees: nothing is sent.
#[test]
fn what_is_off_sends_nothing() {
    let off = ["      level: none\n", "      sampler: {always_off: }\n"];
    let gateways = off.map(|option| {
        let (backend, own) = (Sink::start(), Sink::start());
        let traces = traces(option, &own.endpoint());
        let gateway = Gateway::start(&with_telemetry(&backend, "", &traces), []);
        (gateway, backend, own)
    });
    for (gateway, backend, own) in gateways {
        send(&gateway, 1, "none");
        backend.block_until("trace", |sink| sink.spans().len() == 1);
        stopped(gateway);
        assert!(own.metadata().is_empty());
    }
}

/// Scenario: whoever takes own log records refuses every request, each with one record, and every line is written.
/// Guarantees: each line is offered once. That it could not be sent is written and makes no further record, so there
/// is no loop; the process goes on.
#[test]
fn a_failure_to_tell_is_not_told() {
    let (backend, own) = (Sink::start(), Sink::start());
    own.answer_always(Answer::Refuse(tonic::Code::InvalidArgument));
    let logs = format!(
        "      sampling: {{enabled: false}}\n{}",
        processors("simple", &own.endpoint())
    );
    let gateway = Gateway::start(&with_telemetry(&backend, &logs, ""), []);
    gateway
        .binary
        .line_with("service.telemetry.logs.processors[0]");
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    backend.block_until("trace", |sink| sink.spans().len() == 1);
    let lines = stopped(gateway);
    assert_eq!(own.metadata().len(), lines.len());
}

/// Scenario: nobody listens where own telemetry is sent to, its queue has room for one, and traces keep coming.
/// Guarantees: the traces arrive; what found no room is counted, and the process ends in time.
#[test]
fn without_a_backend_own_telemetry_is_bounded_and_counted() {
    let backend = Sink::start();
    let traces = format!(
        "    traces:\n      processors: [{{batch: {{max_queue_size: 1, max_export_batch_size: 1, exporter: {{otlp: \
         {{protocol: grpc, endpoint: 'http://{}'}}}}}}}}]\n",
        free_address()
    );
    let gateway = Gateway::start(&with_telemetry(&backend, "", &traces), []);
    for number in 1..=20 {
        send(&gateway, number, "none");
    }
    backend.block_until("traces", |sink| sink.spans().len() == 20);
    let dropped = "tailweir_own_telemetry_dropped_items{signal=\"traces\"}";
    let is_counted = |page: &str| {
        let line = page.lines().find(|line| line.starts_with(dropped));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        // One is under way, one waits; the others are spans about 20 requests in and at least one out.
        count.is_some_and(|count| count >= 19)
    };
    gateway.until("counted spans", |_| {
        is_counted(&gateway.ask("/metrics").body)
    });
    stopped(gateway);
}

/// Scenario: a process sends its own traces and logs to its own receiver, whose pipelines lead to a backend; a
/// client sends a trace, and when the spans about it have arrived, a second.
/// Guarantees: own telemetry arrives at the backend as anybody's does; about its own way through the process nothing
/// is told, so that there is one span about each request of the client and no more.
#[test]
fn own_telemetry_sent_to_itself_is_not_told_again() {
    let backend = Sink::start();
    let address = free_address();
    let endpoint = format!("http://{address}");
    let logs = processors("simple", &endpoint);
    let traces = traces("", &endpoint);
    let configuration = with_telemetry(&backend, &logs, &traces)
        .replacen("127.0.0.1:0", &address.to_string(), 1)
        .replace(
            "  pipelines:\n",
            "  pipelines:\n    logs:\n      receivers: [otlp]\n      exporters: [otlp]\n",
        );
    let gateway = Gateway::start(&configuration, []);
    let about = |sink: &Sink, name: &str| named(&sink.spans(), name).len();
    for number in 1..=2_u64 {
        send(&gateway, number, "none");
        let wanted = usize::try_from(number).unwrap();
        backend.block_until("spans about a request", |sink| {
            about(sink, RECEIVED) >= wanted && about(sink, EXPORTED) >= wanted
        });
    }
    // What is logged before the receiver listens may not arrive. This is logged after it.
    gateway.binary.signal(Signal::HUP);
    backend.block_until("records", |sink| !records(sink).is_empty());
    stopped(gateway);
    let names: Vec<_> = backend.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(about(&backend, RECEIVED), 2, "{names:?}");
    assert_eq!(about(&backend, EXPORTED), 2, "{names:?}");
    assert!(
        !names
            .iter()
            .any(|name| name.contains("Logs") || name.ends_with("/logs"))
    );
}
