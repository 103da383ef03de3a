//! Configurations that change while traces are held.

use crate::gateway::{Gateway, KEEP_ALL, KEEP_ERRORS, configuration};
use std::fs;
use tailweir_testkit::{Signal, Sink, request, span, trace_id};

/// Scenario: a trace without an error is held under a policy that keeps errors; the file then says
/// to keep everything, and SIGHUP comes; then the gateway stops.
/// Guarantees: the reload takes effect, and the held trace was neither lost nor decided by the
/// policies of before.
#[test]
fn sighup_reloads_policies_without_losing_a_held_trace() {
    let sink = Sink::start();
    let arguments = ["--watch-interval", "0s"];
    let gateway = Gateway::start(&configuration(&sink, "1h", KEEP_ERRORS), arguments);
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    fs::write(&gateway.config, configuration(&sink, "1h", KEEP_ALL)).unwrap();
    gateway.binary.signal(Signal::HUP);
    gateway.until("second revision", |status| {
        status["process"]["revision"] == 2
    });
    gateway.binary.signal(Signal::TERM);
    let (status, _) = gateway.binary.finish();
    assert!(status.success());
    assert_eq!(sink.spans().len(), 1);
}

/// Scenario: the file changes to nonsense, then to something valid, and nobody sends a signal.
/// Guarantees: the nonsense is refused with its mistake and the old policies stay; the valid one
/// takes effect.
#[test]
fn a_changed_file_is_noticed_and_an_invalid_one_refused() {
    let sink = Sink::start();
    let arguments = ["--watch-interval", "50ms"];
    let gateway = Gateway::start(&configuration(&sink, "1h", KEEP_ERRORS), arguments);
    gateway.send(request().service("cart").span(span(trace_id(1), 1)));
    fs::write(&gateway.config, "receivers: [nonsense").unwrap();
    let refused = gateway.until("refusal", |status| status["process"]["refused"].is_string());
    assert_eq!(refused["process"]["revision"], 1);
    gateway.binary.line_with("stays in force");
    assert_eq!(gateway.ask("/readyz").status, 200);
    fs::write(&gateway.config, configuration(&sink, "1h", KEEP_ALL)).unwrap();
    let reloaded = gateway.until("second revision", |status| {
        status["process"]["revision"] == 2
    });
    assert!(reloaded["process"]["refused"].is_null());
    gateway.binary.signal(Signal::TERM);
    gateway.binary.finish();
    assert_eq!(sink.spans().len(), 1);
}
