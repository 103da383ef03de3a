//! The `keepalive` blocks of HTTP servers and clients.

use crate::workbench::{assert_error, load_text, settings};
use std::time::Duration;
use tailweir_config::{ComponentId, Exporter, HttpClient, HttpServer, Receiver, Settings};

fn with(receiver: &str, exporter: &str) -> String {
    let name = |block: &str| block.split(':').next().expect("a name").to_owned();
    format!(
        "receivers:\n  {receiver}\nexporters:\n  {exporter}\nservice: {{pipelines: {{traces: \
         {{receivers: [{}], exporters: [{}]}}}}}}",
        name(receiver),
        name(exporter)
    )
}

fn server(options: &str) -> HttpServer {
    let options = match options {
        "" => String::new(),
        options => format!(", {options}"),
    };
    let block = format!("otlp: {{protocols: {{http: {{endpoint: 'localhost:0'{options}}}}}}}");
    let loaded: Settings = settings(&with(&block, "nop:"));
    match &loaded.receivers[&ComponentId::parse("otlp").expect("an id")] {
        Receiver::Otlp(otlp) => otlp.protocols.http.clone().expect("http").server,
        other => panic!("not otlp: {other:?}"),
    }
}

fn client(options: &str) -> HttpClient {
    let block = format!("otlp_http: {{endpoint: 'http://localhost:1', {options}}}");
    let loaded = settings(&with("nop:", &block));
    match &loaded.exporters[&ComponentId::parse("otlp_http").expect("an id")] {
        Exporter::OtlpHttp(otlp) => otlp.client.clone(),
        other => panic!("not otlp_http: {other:?}"),
    }
}

/// Scenario: the block of a server, empty, switched off, with a time, without a value, and not at all.
/// Guarantees: it says the same as the single options that it took the place of; what it does not say
/// stays as it is without it.
#[test]
fn the_block_of_a_server_stands_for_the_single_options() {
    for (block, single) in [
        ("keepalive: {}", ""),
        ("keepalive: ", ""),
        ("keepalive: {enabled: false}", "keep_alives_enabled: false"),
        ("keepalive: {idle_timeout: 7s}", "idle_timeout: 7s"),
        ("keepalive: {enabled: true, idle_timeout: 0s}", ""),
        ("keepalive: {}, idle_timeout: 0s", ""),
        ("keepalive: {}, keep_alives_enabled: true", ""),
        (
            "keepalive: {enabled: false, idle_timeout: 7s}",
            "keep_alives_enabled: false",
        ),
    ] {
        assert_eq!(server(block), server(single), "{block}");
    }
}

/// Scenario: `zipkin` with an empty block, and `prometheus` with one that only says that it is on.
/// Guarantees: `zipkin`, which closes connections by default, keeps them; `prometheus` keeps its own time.
///
/// Conforms: exporter `prometheus` | metrics | `keepalive` | same
#[test]
fn the_block_is_read_over_the_defaults_of_its_component() {
    let loaded = settings(&with(
        "zipkin: {endpoint: 'localhost:0', keepalive: {}}",
        "nop:",
    ));
    let id = |name| ComponentId::parse(name).expect("an id");
    let Receiver::Zipkin(zipkin) = &loaded.receivers[&id("zipkin")] else {
        panic!("not zipkin");
    };
    assert!(zipkin.server.keep_alives_enabled);

    let text = "receivers: {nop: }\nexporters: {prometheus: {endpoint: 'localhost:0', keepalive: {enabled: true}}}\n\
                service: {pipelines: {metrics: {receivers: [nop], exporters: [prometheus]}}}";
    let loaded = settings(text);
    let Exporter::Prometheus(prometheus) = &loaded.exporters[&id("prometheus")] else {
        panic!("not prometheus");
    };
    assert_eq!(prometheus.server.idle_timeout, Duration::from_secs(60));
}

/// Scenario: the block of a client, empty, switched off, and with each of its options.
/// Guarantees: it says the same as the single options that it took the place of.
///
/// Conforms: exporter `otlp_http` | traces, metrics, logs | `keepalive` | same
#[test]
fn the_block_of_a_client_stands_for_the_single_options() {
    for (block, single) in [
        ("keepalive: {}", ""),
        ("keepalive: {enabled: false}", "disable_keep_alives: true"),
        (
            "keepalive: {idle_conn_timeout: 7s}",
            "idle_conn_timeout: 7s",
        ),
        ("keepalive: {max_idle_conns: 3}", "max_idle_conns: 3"),
        (
            "keepalive: {max_idle_conns_per_host: 4}",
            "max_idle_conns_per_host: 4",
        ),
    ] {
        assert_eq!(client(block), client(single), "{block}");
    }
}

/// Scenario: the block beside each single option that says something, and with an option of another block.
/// Guarantees: each is refused by name, as the Collector refuses it.
#[test]
fn the_block_excludes_the_single_options() {
    for option in ["idle_timeout: 1s", "keep_alives_enabled: false"] {
        let block = format!(
            "otlp: {{protocols: {{http: {{endpoint: 'localhost:0', keepalive: {{}}, {option}}}}}}}"
        );
        assert_error(
            &load_text(&with(&block, "nop:")),
            &block,
            "exclude each other",
        );
    }
    for option in [
        "idle_conn_timeout: 1s",
        "max_idle_conns: 1",
        "max_idle_conns_per_host: 1",
        "disable_keep_alives: true",
    ] {
        let block = format!("otlp_http: {{endpoint: 'http://a', keepalive: {{}}, {option}}}");
        assert_error(
            &load_text(&with("nop:", &block)),
            &block,
            "exclude each other",
        );
    }
    let block = "otlp_http: {endpoint: 'http://a', keepalive: {time: 1s}}";
    assert_error(&load_text(&with("nop:", block)), block, "`time`");
}
