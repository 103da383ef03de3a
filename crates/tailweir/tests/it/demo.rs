//! `tailweir demo`, to its summary.

use crate::gateway::{Gateway, stderr, stdout, tailweir};
use std::process::Output;

/// Runs the demo for a second, with a short window.
fn demo(admin: &str, endpoint: &str) -> Output {
    tailweir([
        "demo",
        "--admin",
        admin,
        "--endpoint",
        endpoint,
        "--duration=1s",
        "--rate=60",
        "--decision-wait=300ms",
        "--seed=7",
    ])
}

/// Checks that the numbers of the summary add up and that a trace is shown.
fn check(output: &Output) {
    let text = stdout(output);
    assert!(output.status.success(), "{}\n{text}", stderr(output));
    let traces = |label: &str| -> u64 {
        let mut lines = text.lines().map(str::trim_start);
        let rest = lines.find_map(|line| line.strip_prefix(label));
        let rest = rest.unwrap_or_else(|| panic!("no {label:?} in:\n{text}"));
        let first = rest.split_whitespace().next();
        first
            .and_then(|cell| cell.parse().ok())
            .expect("a number of traces")
    };
    assert_eq!(traces("received"), 60);
    let kept = ["kept by errors", "kept by slow", "kept by share"].map(traces);
    assert_eq!(kept.iter().sum::<u64>() + traces("dropped"), 60, "{text}");
    assert_eq!(traces("held"), 0);
    assert!(text.contains("The books balance"), "{text}");
    assert!(text.contains("did not have to be stored"), "{text}");
    let shown = text.split("One of the kept traces").nth(1);
    let shown = shown.expect("a kept trace");
    assert!(shown.contains("storefront"), "{shown}");
    assert!(!text.contains("@example.com") && !text.contains("4111 1111"));
}

/// Scenario: no Tailweir is running.
/// Guarantees: the demo starts one, sends to it, and its summary balances; a kept trace is shown,
/// without personal data.
#[test]
fn the_demo_needs_no_running_tailweir() {
    check(&demo("127.0.0.1:1", "127.0.0.1:1"));
}

/// Scenario: a Tailweir is running on the embedded configuration.
/// Guarantees: the demo sends to that one and sums up what became of its traces there.
#[test]
fn the_demo_uses_a_running_tailweir() {
    let gateway = Gateway::start_embedded("300ms");
    let output = demo(&gateway.admin.to_string(), &gateway.otlp_grpc.to_string());
    check(&output);
    assert!(stdout(&output).contains("found tailweir"));
    assert_eq!(gateway.status()["samplers"][0]["new_traces"], 60);
}

/// Scenario: three members as processes of their own; one is killed while it holds undecided traces, and comes back.
/// Guarantees: the demo ends well: every request was acknowledged in the end, every trace of which a span was acknowledged
/// is at the backend whole or not at all, and nothing is counted as lost.
#[test]
fn a_cluster_loses_a_member_and_nothing_else() {
    let output = tailweir([
        "demo",
        "--cluster",
        "--duration=6s",
        "--rate=40",
        "--decision-wait=2s",
        "--seed=7",
    ]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}\n{text}", stderr(&output));
    assert!(text.contains("member-2 is killed"), "{text}");
    assert!(
        text.contains("Nothing that was acknowledged is lost"),
        "{text}"
    );
    let numbers = |label: &str| -> Vec<u64> {
        let mut lines = text.lines().map(str::trim_start);
        let rest = lines
            .find_map(|line| line.strip_prefix(label))
            .expect(label);
        rest.split_whitespace().flat_map(str::parse).collect()
    };
    let (sent, whole) = (numbers("sent"), numbers("kept, whole at the backend"));
    let absent = numbers("dropped, none at the backend");
    assert_eq!(sent[0], whole[0] + absent[0], "{text}");
    assert!(whole[0] > 0 && absent[0] > 0, "{text}");
}
