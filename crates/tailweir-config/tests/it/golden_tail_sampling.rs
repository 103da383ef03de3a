//! The golden vectors of `tail_sampling` blocks.

use tailweir_config::{Cause, EmptyEnvironment, LoadOptions, load_tail_sampling_block};
use tailweir_testkit::{Folder, Tally};

/// Errors of the Collector's start that belong to the compiler of policies: regular expressions and
/// conditions are text to this crate.
fn is_for_the_compiler(error: &str) -> bool {
    error.contains("invalid regex")
        || error.contains("OTTL condition \"")
        || error.contains("invalid syntax")
}

/// Scenario: every `tail_sampling` block of the vectors is read.
/// Guarantees: refused exactly where the Collector refuses to decode, to validate or to start it;
/// what it runs although it is odd is taken with a warning.
///
/// Conforms: processor `tail_sampling` | traces | what is refused, by `validate` or at the start | same
#[test]
fn golden_tail_sampling_config() {
    let folder = Folder::open("tail_sampling_config");
    let mut tally = Tally::default();
    let (mut passed, mut compiler, mut failures) = (0, 0, Vec::new());
    for case in folder.json_lines("cases.jsonl") {
        let config = case["config"].as_str().unwrap();
        let error = case["error"].as_str().unwrap_or_default();
        let (settings, diagnostics) = load_tail_sampling_block(
            "case.yaml",
            config,
            LoadOptions::default(),
            &EmptyEnvironment,
        );
        let accepted = settings.is_some();
        let wanted = case["stage"] == "ok";
        if !wanted && is_for_the_compiler(error) {
            compiler += usize::from(accepted);
        } else if accepted == wanted {
            passed += 1;
        } else {
            failures.push(format!("{config}\n({error})\n{diagnostics}"));
        }
        if diagnostics
            .iter()
            .any(|found| found.location.line == 0 && found.cause != Cause::Missing)
        {
            failures.push(format!(
                "{config}: a diagnostic without a place\n{diagnostics}"
            ));
        }
    }
    tally.record(
        "tail_sampling_config",
        "block",
        passed,
        Some((
            compiler,
            "patterns and conditions are refused when policies are compiled",
        )),
        &failures,
    );
    tally.finish("tail_sampling_config");
}

/// Scenario: the blocks of all decision suites are read.
/// Guarantees: each is accepted, as the Collector ran it.
#[test]
fn golden_tail_sampling_blocks() {
    let folder = Folder::open("tail_sampling");
    let mut tally = Tally::default();
    let (mut passed, mut failures) = (0, Vec::new());
    for suite in folder.suites("config.yaml") {
        let block = folder.text(&format!("{suite}/config.yaml"));
        let options = LoadOptions::default();
        let (settings, diagnostics) =
            load_tail_sampling_block(&suite, block, options, &EmptyEnvironment);
        match settings {
            Some(_) => passed += 1,
            None => failures.push(format!("{suite}\n{diagnostics}")),
        }
    }
    tally.record("tail_sampling", "loaded", passed, None, &failures);
    tally.finish("tail_sampling blocks");
}
