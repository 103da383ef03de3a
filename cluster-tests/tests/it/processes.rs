//! Real processes, by the command that a person would type.

use std::process::Command;

/// Runs a scenario to its verdicts.
fn run(scenario: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_cluster-tests"))
        .args(["chaos", "--scenario", scenario, "--seed", "1"])
        .output()
        .expect("the harness runs");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{complained}");
}

/// Scenario: one process without a cluster is killed under load and started again.
/// Guarantees: the checker names the spans that were lost, the traces that were split, and nothing else: it can fail.
#[test]
fn a_process_alone_loses_its_window_and_the_checker_says_so() {
    run("single-kill");
}
