//! `tailweir demo`, from nothing to its summary.

use crate::gateway::{stderr, stdout, tailweir};

/// Scenario: no Tailweir is running and the demo is started for a second, with a short window.
/// Guarantees: it starts one, sends to it, sums up, and the numbers of the summary balance; a kept
/// trace is shown, without personal data.
#[test]
fn the_demo_closes_with_a_summary_that_balances() {
    let output = tailweir([
        "demo",
        "--admin=127.0.0.1:1",
        "--duration=1s",
        "--rate=60",
        "--decision-wait=300ms",
        "--seed=7",
    ]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}\n{text}", stderr(&output));
    let cells = |label: &str| -> Vec<u64> {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        let line = line
            .unwrap_or_else(|| panic!("no {label:?} in:\n{text}"))
            .trim_start();
        let cells = line[label.len()..].split_whitespace();
        cells.filter_map(|cell| cell.parse().ok()).collect()
    };
    let traces = |label: &str| cells(label)[0];
    assert_eq!(traces("received"), 60);
    let kept = traces("kept by errors") + traces("kept by slow") + traces("kept by share");
    assert_eq!(kept + traces("dropped"), 60, "{text}");
    assert_eq!(traces("held"), 0);
    assert!(text.contains("The books balance"), "{text}");
    assert!(text.contains("did not have to be stored"), "{text}");
    let shown = text
        .split("One of the kept traces")
        .nth(1)
        .expect("a kept trace");
    assert!(shown.contains("storefront"), "{shown}");
    assert!(
        !text.contains("@example.com") && !text.contains("4111 1111"),
        "{shown}"
    );
}
