//! Receivers of formats other than OTLP.

use crate::workbench::{assert_error, load_text, settings};
use tailweir_config::{ComponentId, Receiver, Settings};

fn with_receiver(block: &str, rest: &str) -> String {
    let name = block.split(':').next().expect("a name");
    format!(
        "receivers:\n  {block}\nexporters: {{nop: }}\n{rest}service: {{extensions: [{}], pipelines: {{traces: {{receivers: [{name}], exporters: [nop]}}}}}}",
        if rest.is_empty() { "" } else { "basicauth" }
    )
}

fn receiver<'a>(settings: &'a Settings, name: &str) -> &'a Receiver {
    &settings.receivers[&ComponentId::parse(name).expect("an id")]
}

/// Scenario: `zipkin` and `jaeger` without any option, and with the names of protocols alone.
/// Guarantees: they listen where the Collector's do, close each connection over HTTP/1 after its request as those do,
/// and say that only this host reaches them.
///
/// Conforms: receiver `zipkin`, `jaeger` | traces | where they listen without a word of the configuration | same
#[test]
fn servers_listen_where_the_collectors_do() {
    let text = with_receiver("zipkin:", "");
    let loaded = load_text(&text);
    assert_eq!(loaded.diagnostics.warnings().count(), 1);
    let loaded = loaded.settings.unwrap();
    let Receiver::Zipkin(zipkin) = receiver(&loaded, "zipkin") else {
        panic!("not zipkin");
    };
    assert_eq!(zipkin.server.endpoint, "localhost:9411");
    assert!(!zipkin.server.keep_alives_enabled);
    assert!(!zipkin.parse_string_tags);

    let text = with_receiver(
        "jaeger: {protocols: {grpc: , thrift_http: , thrift_compact: , thrift_binary: }}",
        "",
    );
    let loaded = load_text(&text);
    assert_eq!(loaded.diagnostics.warnings().count(), 4);
    let loaded = loaded.settings.unwrap();
    let Receiver::Jaeger(jaeger) = receiver(&loaded, "jaeger") else {
        panic!("not jaeger");
    };
    let protocols = &jaeger.protocols;
    let compact = &protocols.thrift_compact.as_ref().unwrap().server;
    let binary = &protocols.thrift_binary.as_ref().unwrap().server;
    let over_http = &protocols.thrift_http.as_ref().unwrap().server;
    assert!(!over_http.keep_alives_enabled);
    assert_eq!(
        [
            &protocols.grpc.as_ref().unwrap().server.endpoint,
            &over_http.endpoint,
            &compact.endpoint,
            &binary.endpoint,
        ],
        [
            "localhost:14250",
            "localhost:14268",
            "localhost:6831",
            "localhost:6832"
        ]
    );
    assert_eq!(
        (
            compact.queue_size,
            compact.max_packet_size,
            compact.workers,
            compact.socket_buffer_size
        ),
        (1000, 65_000, 10, 0)
    );
}

/// Scenario: options that cannot be honoured, at each of the protocols.
/// Guarantees: each is refused with its place and the reason.
#[test]
fn what_cannot_be_had_is_refused() {
    let protocols = |inner: &str| format!("jaeger: {{protocols: {{{inner}}}}}");
    for (block, said) in [
        ("jaeger:".to_owned(), "serves no protocol"),
        (protocols(""), "serves no protocol"),
        (
            "jaeger: {protocols: {grpc: }, remote_sampling: {host_endpoint: x}}".to_owned(),
            "jaegerremotesampling",
        ),
        (
            protocols("thrift_compact: {endpoint: localhost}"),
            "needs a port",
        ),
        (
            protocols("thrift_binary: {endpoint: 'localhost:70000'}"),
            "above 65535",
        ),
        (
            protocols("thrift_binary: {endpoint: 'a:1', queue_size: 0}"),
            "`queue_size` must be between 1 and",
        ),
        (
            protocols("thrift_compact: {endpoint: 'a:1', workers: -1}"),
            "`workers` must be between 1 and",
        ),
        (
            protocols("thrift_compact: {endpoint: 'a:1', max_packet_size: 65536}"),
            "`max_packet_size` must be between 1 and 65535",
        ),
        (
            protocols("thrift_compact: {endpoint: 'a:1', socket_buffer_size: -1}"),
            "must not be negative",
        ),
        (
            protocols("thrift_http: {endpoint: 'a:1', auth: {authenticator: nobody}}"),
            "nobody",
        ),
        (
            "zipkin: {endpoint: 'a:1', auth: {authenticator: nobody}}".to_owned(),
            "nobody",
        ),
        (
            "zipkin: {endpoint: 'a:1', parse_string_tag: true}".to_owned(),
            "did you mean `parse_string_tags`",
        ),
    ] {
        let loaded = load_text(&with_receiver(&block, ""));
        assert_error(&loaded, &block, said);
    }
}

/// Scenario: servers that check callers.
/// Guarantees: the authenticator is found, at any of the protocols.
///
/// Conforms: receiver `zipkin`, `jaeger` | traces | `auth` | same
#[test]
fn callers_can_be_checked() {
    let rest = "extensions: {basicauth: {htpasswd: {inline: 'a:b'}}}\n";
    let auth = "endpoint: 'a:1', auth: {authenticator: basicauth}";
    let block = format!("jaeger: {{protocols: {{grpc: {{{auth}}}, thrift_http: {{{auth}}}}}}}");
    let loaded = settings(&with_receiver(&block, rest));
    let jaeger = receiver(&loaded, "jaeger");
    assert!(jaeger.grpc_server().unwrap().auth.is_some());
    assert!(jaeger.http_server().unwrap().auth.is_some());
    let block = format!("zipkin: {{{auth}}}");
    let loaded = settings(&with_receiver(&block, rest));
    let zipkin = receiver(&loaded, "zipkin");
    assert!(zipkin.http_server().unwrap().auth.is_some());
    assert!(zipkin.grpc_server().is_none());
}
