//! Texts that nobody would write.

use crate::workbench::{Memory, load_text};
use proptest::prelude::*;
use std::fmt::Write as _;
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load, load_tail_sampling_block};

/// Pieces of configurations, to be put together at random.
const PIECES: &[&str] = &[
    "receivers",
    "processors",
    "exporters",
    "service",
    "pipelines",
    "traces",
    "tail_sampling",
    "policies",
    "name",
    "type",
    "and",
    "and_sub_policy",
    "latency",
    "otlp",
    "otlp_grpc",
    "endpoint",
    "debug",
    ": ",
    ":\n",
    "\n  ",
    "\n    ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "#",
    "${",
    "${env:A}",
    "$$",
    "::",
    "5",
    "-1",
    "1e400",
    "0x",
    ".inf",
    "true",
    "~",
    "é",
    "\u{feff}",
    "\t",
    "---\n",
];

proptest! {
    /// Scenario: pieces of configurations are put together at random, and loaded and printed.
    /// Guarantees: there is an answer, and never a panic; what is refused says why.
    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let text = pieces.concat();
        let loaded = load_text(&text);
        let told = loaded.diagnostics.to_string();
        prop_assert!(loaded.settings.is_some() || !told.is_empty());
        let block = format!("tail_sampling: {text}");
        let options = LoadOptions::default();
        let (settings, diagnostics) = load_tail_sampling_block("a", &block, options, &EmptyEnvironment);
        prop_assert!(settings.is_some() || diagnostics.has_errors());
    }
}

/// Scenario: blocks that are nested a thousand times: as YAML, by aliases, and by a file that includes itself.
/// Guarantees: all are refused, and none overflows the stack.
#[test]
fn deep_nesting_is_refused() {
    let deep = format!("receivers: {}1{}", "[".repeat(1000), "]".repeat(1000));
    assert!(load_text(&deep).diagnostics.has_errors());
    let mut blocks = String::new();
    for depth in 0..1000 {
        let _ = writeln!(blocks, "{}a:", " ".repeat(depth));
    }
    assert!(load_text(&blocks).diagnostics.has_errors());
    let mut ladder = "a0: &a0 [1]\n".to_owned();
    for step in 1..5000 {
        let _ = writeln!(ladder, "a{step}: &a{step} [*a{}]", step - 1);
    }
    let ladder = load_text(&ladder).diagnostics.to_string();
    assert!(ladder.contains("nests deeper than 100"), "{ladder}");
    let mut memory = Memory::default();
    memory
        .files
        .insert("self.yaml", "a: ['${file:self.yaml}']".to_owned());
    let sources = Sources::new().config("self.yaml");
    let loaded = load(&sources, LoadOptions::default(), &memory);
    assert!(
        loaded
            .diagnostics
            .to_string()
            .contains("nests deeper than 100"),
        "{}",
        loaded.diagnostics
    );
}
