//! Start, probes, drain and the end.

use crate::gateway::{
    Gateway, KEEP_ALL, KEEP_ERRORS, address, configuration, fields, stderr, stdout, tailweir,
};
use tailweir_testkit::{Answer, Gate, Signal, Sink, http_get, request, span, trace_id};

/// Scenario: Tailweir starts on the embedded configuration, on free ports, and is sent a trace with
/// an error and personal data.
/// Guarantees: the trace is shown on standard output without the personal data.
#[test]
fn the_embedded_configuration_keeps_and_shows_errors() {
    let gateway = Gateway::start_embedded("50ms");
    let failed = span(trace_id(1), 1)
        .named("POST /checkout")
        .error()
        .attribute("user.email", "ada@example.com");
    gateway.send(request().service("storefront").span(failed));
    gateway.binary.line_with("POST /checkout");
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert!(status.success());
    assert!(
        lines
            .iter()
            .any(|line| !line.is_error && line.text.contains("POST /checkout"))
    );
    assert!(
        !lines
            .iter()
            .any(|line| line.text.contains("ada@example.com"))
    );
}

/// Scenario: a gateway with a window of an hour holds two traces, one with an error, when SIGTERM
/// comes.
/// Guarantees: what is held is decided and sent on, the process exits 0, and the final ledger in the
/// log balances.
#[test]
fn sigterm_decides_and_delivers_what_is_held() {
    let sink = Sink::start();
    let gateway = Gateway::start(&configuration(&sink, "1h", KEEP_ERRORS), []);
    let spans = [span(trace_id(1), 1).error(), span(trace_id(2), 1)];
    gateway.send(request().service("cart").spans(spans));
    assert!(sink.spans().is_empty());
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    assert_eq!(status.code(), Some(0));
    let kept: Vec<_> = sink.spans().into_iter().map(|span| span.trace_id).collect();
    assert_eq!(kept, [trace_id(1).0.to_vec()]);
    let ledger = lines.iter().find(|line| line.text.contains("final ledger"));
    let ledger = fields(&ledger.expect("a final ledger").text);
    assert_eq!(ledger["signal"], "traces");
    let count = |name: &str| {
        ledger[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {ledger}"))
    };
    assert_eq!(count("acknowledged"), 2);
    assert_eq!(count("delivered"), 1);
    assert_eq!(count("dropped"), 1);
    assert_eq!((count("held"), count("lost")), (0, 0));
}

/// Scenario: the backend does not answer while the gateway drains, and a second SIGTERM comes.
/// Guarantees: the process stops at once with a failure and says what was lost.
#[test]
fn a_second_signal_stops_at_once() {
    let sink = Sink::start();
    let gate = Gate::default();
    sink.answer_always(Answer::Hold(gate.clone()));
    let gateway = Gateway::start(&configuration(&sink, "1h", KEEP_ALL), []);
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    gateway.binary.signal(Signal::TERM);
    sink.block_until("request that is held", |sink| !sink.spans().is_empty());
    gateway.binary.signal(Signal::TERM);
    let (status, lines) = gateway.binary.finish();
    gate.open();
    assert_eq!(status.code(), Some(1));
    let last = lines
        .iter()
        .find(|line| line.text.contains("stopped at once"));
    assert_eq!(fields(&last.expect("a last word").text)["lost_items"], 1);
}

/// Scenario: a ready gateway is probed by the command and by hand; it has a health check with a
/// path, a header and bodies of its own.
/// Guarantees: every probe says ready, other paths are not found, the status page has both forms.
///
/// Conforms: extension `health_check` | `endpoint`, `path`, `response_headers`, `response_body` | same
#[test]
fn probes_say_ready() {
    let sink = Sink::start();
    let settings = configuration(&sink, "1h", KEEP_ALL).replace(
        "service:\n",
        "extensions:\n  health_check:\n    endpoint: 127.0.0.1:0\n    path: /health\n    \
         response_headers: {x-probe: gateway}\n    response_body: {healthy: fine, unhealthy: poorly}\nservice:\n  extensions: [health_check]\n",
    );
    let gateway = Gateway::start(&settings, []);
    let admin = gateway.admin.to_string();
    assert!(
        tailweir(["healthcheck", "--admin", &admin])
            .status
            .success()
    );
    let otlp = gateway.otlp_grpc.to_string();
    let takes = tailweir(["healthcheck", "--otlp", &otlp]);
    assert_eq!(stdout(&takes), "takes OTLP\n", "{}", stderr(&takes));
    assert_eq!(gateway.ask("/livez").status, 200);
    assert_eq!(gateway.ask("/readyz").body, "ready\n");
    assert_eq!(gateway.status()["process"]["phase"], "ready");
    let page = gateway.ask("/status?format=text").body;
    assert!(
        page.starts_with("tailweir ") && page.contains(": ready"),
        "{page}"
    );
    let metrics = gateway.ask("/metrics").body;
    assert!(metrics.contains("# TYPE"), "{metrics}");
    let health = address(&gateway.binary, "health_check");
    let answer = http_get(health, "/health");
    assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
    assert!(answer.head.contains("x-probe: gateway"), "{}", answer.head);
    assert_eq!(http_get(health, "/other").status, 404);
}

/// Scenario: the gateway drains against a backend that does not answer.
/// Guarantees: probes say that it is not ready, and new spans are not taken.
#[test]
fn a_draining_gateway_is_not_ready() {
    let sink = Sink::start();
    let gate = Gate::default();
    sink.answer_always(Answer::Hold(gate.clone()));
    let gateway = Gateway::start(&configuration(&sink, "1h", KEEP_ALL), []);
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    gateway.binary.signal(Signal::TERM);
    sink.block_until("request that is held", |sink| !sink.spans().is_empty());
    let answer = gateway.ask("/readyz");
    assert_eq!((answer.status, answer.body.as_str()), (503, "draining\n"));
    gate.open();
    let (status, _) = gateway.binary.finish();
    assert!(status.success());
}
