//! Feature gates of the Collector.

use crate::workbench::{errors, lines};
use tailweir_config::{EmptyEnvironment, LoadOptions, Loaded, Sources, load};

fn with_gates(gates: &str) -> Loaded {
    let sources = Sources::new()
        .config(
            "yaml:{receivers: {nop: }, exporters: {nop: }, processors: {tail_sampling: \
             {policies: [{name: a, type: always_sample}]}}, service: {pipelines: {traces: \
             {receivers: [nop], processors: [tail_sampling], exporters: [nop]}}}}",
        )
        .feature_gates(gates);
    load(&sources, LoadOptions::default(), &EmptyEnvironment)
}

/// Scenario: gates that nobody knows are named, one of them misspelt.
/// Guarantees: each is refused, with the nearest name or those that are known.
#[test]
fn an_unknown_gate_is_refused() {
    let loaded = with_gates("+ottl.functions.enableLamda,-wholly.unlike");
    assert!(loaded.settings.is_none());
    let errors = errors(&loaded);
    assert_eq!(errors.len(), 2, "{errors:?}");
    let misspelt = "unknown feature gate `ottl.functions.enableLamda`";
    assert!(errors[0].contains(misspelt), "{errors:?}");
    assert!(
        errors[0].contains("did you mean `ottl.functions.enableLambda`"),
        "{errors:?}"
    );
    assert!(
        errors[1].contains("known: ottl.functions.enableLambda, "),
        "{errors:?}"
    );
}

/// Scenario: a block of policies alone is read beside gates that are switched on, and beside one that nobody knows.
/// Guarantees: gates mean for it what they mean for a whole configuration, and the unknown one is refused.
#[test]
fn gates_count_beside_a_block_alone() {
    let read = |gates: &str| {
        let text = "tail_sampling: {policies: [{name: a, type: always_sample}]}";
        let sources = Sources::new().feature_gates(gates);
        sources.load_tail_sampling_block("a", text, LoadOptions::default(), &EmptyEnvironment)
    };
    let all = "ottl.functions.enableLambda,processor.tailsamplingprocessor.recordpolicy,\
               processor.tailsamplingprocessor.usetracestate";
    for (gates, is_on) in [(all, true), ("", false)] {
        let sampler = read(gates).0.unwrap();
        let gated = [
            sampler.lambdas,
            sampler.record_policy,
            sampler.consistent_probability,
        ];
        assert_eq!(gated, [is_on; 3], "{gates}");
    }
    let (sampler, diagnostics) = read("wholly.unlike");
    assert!(sampler.is_none());
    let told = diagnostics.to_string();
    assert!(
        told.contains("unknown feature gate `wholly.unlike`"),
        "{told}"
    );
}

/// Scenario: gates of the Collector that mean nothing here are switched on and off; one that is stable is switched off, and
/// one that is deprecated on.
/// Guarantees: the first are told to have no effect, the others are refused as in the Collector.
#[test]
fn a_gate_without_a_meaning_is_told() {
    let loaded = with_gates("service.profilesSupport,-ottl.set.allowNil,ottl.PanicDuplicateName");
    assert!(loaded.settings.is_some(), "{}", loaded.diagnostics);
    let told = lines(&loaded.diagnostics);
    for gate in [
        "service.profilesSupport",
        "ottl.set.allowNil",
        "ottl.PanicDuplicateName",
    ] {
        let warning =
            format!("warning: the feature gate `{gate}` of the Collector has no effect here");
        assert!(told.iter().any(|line| line.contains(&warning)), "{told:?}");
    }
    for (gates, refusal) in [
        (
            "-ottl.PanicDuplicateName",
            "is stable and cannot be switched off",
        ),
        (
            "connector.servicegraph.legacyLatencyUnitMs",
            "is deprecated and cannot be switched on",
        ),
    ] {
        let loaded = with_gates(gates);
        assert!(loaded.settings.is_none(), "{gates}");
        assert!(
            errors(&loaded)[0].contains(refusal),
            "{}",
            loaded.diagnostics
        );
    }
}

/// Scenario: the gate of lambdas is switched on, on and off again, or not at all.
/// Guarantees: the last word counts, for processors and for samplers.
#[test]
fn the_gate_of_lambdas_reaches_all_settings() {
    for (gates, is_on) in [
        ("ottl.functions.enableLambda", true),
        (
            "+ottl.functions.enableLambda,-ottl.functions.enableLambda",
            false,
        ),
        ("", false),
    ] {
        let settings = with_gates(gates).settings.unwrap();
        let (_, sampler) = settings.tail_samplers().next().unwrap();
        assert_eq!(
            (settings.lambdas, sampler.lambdas),
            (is_on, is_on),
            "{gates}"
        );
    }
}
