//! What component blocks become.

use crate::workbench::{errors, load_text, settings, with_processors};
use std::time::Duration;
use tailweir_config::{
    Action, ComponentId, Exporter, Literal, Processor, Receiver, Sizer, TlsVersion,
};

/// Scenario: an OTLP receiver and exporter with TLS, keepalive, queue, batch and headers as a list.
/// Guarantees: every option arrives; a batch inherits the sizer of its queue.
#[test]
fn otlp_blocks_become_what_they_say() {
    let settings = settings(
        "receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
        max_recv_msg_size_mib: 16
        keepalive: {server_parameters: {max_connection_age: 30s}}
        tls: {cert_file: a, key_file: b, min_version: '1.3', client_ca_file: c}
exporters:
  otlp:
    endpoint: host:4317
    headers: [{name: x-tenant, value: t}]
    timeout: 0
    sending_queue: {sizer: bytes, queue_size: 1_000_000, batch: }
    retry_on_failure: {max_elapsed_time: 0}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}}",
    );
    let id = ComponentId::parse("otlp").unwrap();
    let Receiver::Otlp(receiver) = &settings.receivers[&id] else {
        panic!("not otlp");
    };
    assert!(receiver.protocols.http.is_none());
    let server = &receiver.protocols.grpc.as_ref().unwrap().server;
    let tls = server.tls.as_ref().unwrap();
    assert_eq!(
        (tls.files.min_version, tls.client_ca_file.as_str()),
        (TlsVersion::V13, "c")
    );
    assert_eq!(server.max_recv_msg_size_mib, 16);
    let age = server
        .keepalive
        .as_ref()
        .unwrap()
        .server_parameters
        .max_connection_age;
    assert_eq!(age, Duration::from_secs(30));
    let Exporter::OtlpGrpc(exporter) = &settings.exporters[&id] else {
        panic!("not otlp");
    };
    let headers: Vec<_> = exporter
        .client
        .headers
        .iter()
        .map(|(name, value)| (name, value.expose()))
        .collect();
    assert_eq!(headers, [("x-tenant", "t")]);
    assert_eq!(
        exporter.sending_queue.batch.as_ref().unwrap().sizer,
        Some(Sizer::Bytes)
    );
    assert!(exporter.timeout.is_zero() && exporter.retry_on_failure.max_elapsed_time.is_zero());
}

/// Scenario: an attributes processor with values of every type.
/// Guarantees: each value keeps its type; text from quotes stays text.
#[test]
fn attribute_values_keep_their_type() {
    let block = "  attributes:
    actions:
      - {key: a, value: 5, action: INSERT}
      - {key: b, value: '5', action: upsert}
      - {key: c, value: 1.5, action: upsert}
      - {key: d, value: [true, {k: x}], action: update}
      - {pattern: ^x, action: delete}";
    let settings = settings(&with_processors(block, "attributes"));
    let Some(Processor::Attributes(processor)) = settings.processors.values().next() else {
        panic!("not attributes");
    };
    let values: Vec<_> = processor
        .actions
        .iter()
        .map(|action| action.value.clone())
        .collect();
    let map = Literal::Map(vec![("k".to_owned(), Literal::Text("x".to_owned()))]);
    assert_eq!(
        values,
        [
            Some(Literal::Integer(5)),
            Some(Literal::Text("5".to_owned())),
            Some(Literal::Number(1.5)),
            Some(Literal::List(vec![Literal::Flag(true), map])),
            None,
        ]
    );
    assert_eq!(processor.actions[0].action, Action::Insert);
}

/// Scenario: contradictions that no single option shows.
/// Guarantees: each is refused.
#[test]
fn contradictions_within_a_block_are_refused() {
    for (section, block, part) in [
        (
            "exporters",
            "otlp_grpc: {endpoint: a, tls: {cert_file: a}}",
            "a certificate but no key",
        ),
        (
            "exporters",
            "otlp_grpc: {endpoint: a, tls: {min_version: '1.3', max_version: '1.2'}}",
            "is above",
        ),
        (
            "exporters",
            "otlp_http: {endpoint: 'host:4318'}",
            "start it with `http://`",
        ),
        (
            "exporters",
            "otlp_grpc: {endpoint: a, insecure: true}",
            "write `tls: {insecure: true}`",
        ),
        (
            "exporters",
            "otlp_grpc: {endpoint: a, sending_queue: {batch: {sizer: requests}}}",
            "items",
        ),
        (
            "exporters",
            "otlp_grpc: {endpoint: a, retry_on_failure: {max_elapsed_time: 1s}}",
            "is below",
        ),
        (
            "exporters",
            "file: {path: a, append: true, rotation: {max_days: 1}}",
            "exclude each other",
        ),
        (
            "exporters",
            "debug: {output_paths: [stdout]}",
            "needs `use_internal_logger: false`",
        ),
        (
            "receivers",
            "otlp: {protocols: {grpc: {endpoint: 'http://a:1'}}}",
            "has no scheme",
        ),
        (
            "receivers",
            "otlp: {protocols: {grpc: {endpoint: 'a:70000'}}}",
            "above 65535",
        ),
        (
            "receivers",
            "otlp: {protocols: {http: {compression_algorithms: [brotli]}}}",
            "unknown encoding",
        ),
        (
            "extensions",
            "bearertokenauth: {token: a, tokens: [b]}",
            "exclude each other",
        ),
        (
            "extensions",
            "basicauth: {client_auth: {password: a}}",
            "has no user name",
        ),
        (
            "extensions",
            "health_check: {path: x}",
            "must start with a slash",
        ),
    ] {
        let text = format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\nservice: {{pipelines: {{traces: {{receivers: \
             [nop], exporters: [nop]}}}}}}\n{section}: {{nop: , {block}}}"
        );
        let text = match section {
            "extensions" => text.replace("extensions: {nop: , ", "extensions: {"),
            section => text.replacen(&format!("{section}: {{nop: }}\n"), "", 1),
        };
        let loaded = load_text(&text);
        let errors = errors(&loaded);
        assert_eq!(errors.len(), 1, "{block}: {errors:#?}");
        assert!(errors[0].contains(part), "{block}: {errors:#?}");
    }
}
