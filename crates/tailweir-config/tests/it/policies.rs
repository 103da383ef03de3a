//! Sampling policies: what is refused, what is warned of, what they become.

use crate::workbench::{Memory, lines, load_text, policies, with_processors};
use std::time::Duration;
use tailweir_config::{
    Compat, EmptyEnvironment, LoadOptions, OttlErrorMode, PolicyKind, Severity, Sources, load,
    load_tail_sampling_block, print_policies,
};
use tailweir_core::ByteSize;

/// Scenario: forms that people invent, and policies that the Collector's start refuses or that would
/// crash it.
/// Guarantees: each is refused with what to write instead.
#[test]
fn invented_forms_are_refused_with_what_to_write() {
    for (policy, part) in [
        (
            "{name: a, type: or, or: {or_sub_policy: []}}",
            "policies are alternatives already",
        ),
        (
            "{name: a, type: always_sample, decision: drop}",
            "use `type: drop` with `drop_sub_policy`",
        ),
        (
            "{name: a, type: regex_attribute}",
            "enabled_regex_matching: true",
        ),
        (
            "{name: a, type: ottl_condition, ottl_condition: {span_event: ['true']}}",
            "did you mean `spanevent`?",
        ),
        (
            "{name: a, type: string_attribute, string_attribute: {key: k, values: [500]}}",
            "put it in quotes",
        ),
        (
            "{name: a, type: status_code, status_code: {status_codes: [error]}}",
            "did you mean `ERROR`?",
        ),
        (
            "{name: a, type: numeric_attribute, numeric_attribute: {key: k, min_value: 0}}",
            "0 counts as not set",
        ),
        ("{name: a, type: latancy}", "did you mean `latency`?"),
        (
            "{name: a, type: and, and: {and_sub_policy: [{type: drop}]}}",
            "cannot stand here",
        ),
        ("{type: always_sample}", "the policy has no `name`"),
    ] {
        let (settings, diagnostics) = policies(&format!("[{policy}]"));
        let errors: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
        assert!(settings.is_none(), "{policy}");
        assert!(
            errors.iter().any(|error| error.contains(part)),
            "{policy}\n{errors:#?}"
        );
    }
}

/// Scenario: policies that the Collector runs although they hardly mean what they say.
/// Guarantees: each runs, with a warning that tells what it does.
#[test]
fn odd_policies_run_with_a_warning() {
    for (policy, part) in [
        (
            "{name: a, type: latency, latncy: {threshold_ms: 5}}",
            "did you mean `latency`?",
        ),
        (
            "{name: a, type: latency, config: {threshold_ms: 5}}",
            "must bear the name of the type",
        ),
        ("{name: a, type: latency}", "runs without options"),
        ("{name: a, type: and}", "samples every trace"),
        ("{name: a, type: drop}", "drops every trace"),
        (
            "{name: a, type: probabilistic, probabilistic: {sampling_percentage: 150}}",
            "every trace is sampled",
        ),
        (
            "{name: a, type: rate_limiting, rate_limiting: {spans_per_second: 0}}",
            "samples nothing",
        ),
        (
            "{name: a, type: string_attribute, string_attribute: {key: k, values: 'a,b'}}",
            "split at its commas",
        ),
        (
            "{name: a, type: span_count, span_count: {min_spans: 3000000000}}",
            "does not fit into 32 bits",
        ),
        (
            "{name: a, type: composite, composite: {max_total_spans_per_second: 5, policy_order: [y, x], \
          composite_sub_policy: [{name: x, type: always_sample}, {name: y, type: always_sample}], \
          rate_allocation: [{policy: z, percent: 60}, {policy: x, percent: 60}]}}",
            "which alone counts",
        ),
        (
            "{name: a, type: drop, drop: {drop_sub_policy: [{type: string_attribute, string_attribute: {key: k, values: [a]}}, \
          {type: string_attribute, string_attribute: {key: k, values: [b]}}]}}",
            "both must match",
        ),
    ] {
        let (settings, diagnostics) = policies(&format!("[{policy}]"));
        assert!(settings.is_some(), "{policy}\n{diagnostics}");
        let told = lines(&diagnostics);
        assert!(
            told.iter().any(|line| line.contains(part)),
            "{policy}\n{told:#?}"
        );
    }
}

/// Scenario: a block with every option of the Collector and of Tailweir.
/// Guarantees: each arrives as it was written; bounds of 0 are open.
#[test]
fn a_block_becomes_what_it_says() {
    let text = "tail_sampling:
  decision_wait: 1500ms
  num_traces: 100_000
  decision_cache: {sampled_cache_size: 7, non_sampled_cache_size: -1}
  sampling_strategy: span-ingest
  memory_budget: 512MiB
  compat: collector
  record_policy: true
  policies:
    - {name: n, type: numeric_attribute, numeric_attribute: {key: k, min_value: 5}}
    - {name: o, type: ottl_condition, ottl_condition: {error_mode: PROPAGATE, span: 'true'}}
    - {name: i, type: not, not: {not_sub_policy: {type: trace_flags}}}
";
    let options = LoadOptions::default();
    let (settings, diagnostics) =
        load_tail_sampling_block("a.yaml", text, options, &EmptyEnvironment);
    let settings = settings.unwrap_or_else(|| panic!("{diagnostics}"));
    assert_eq!(settings.decision_wait, Duration::from_millis(1500));
    assert_eq!(
        (
            settings.num_traces,
            settings.decision_cache.sampled_cache_size
        ),
        (100_000, 7)
    );
    assert_eq!(settings.decision_cache.non_sampled_cache_size, 0);
    assert_eq!(
        settings.memory_budget.map(|size| size.bytes()),
        Some(512 << 20)
    );
    assert!(settings.record_policy && !settings.write_threshold);
    let numeric = &settings.policies[0];
    assert_eq!(numeric.at.to_string(), "a.yaml:10:7");
    assert!(matches!(
        numeric.kind,
        PolicyKind::NumericAttribute {
            min_value: Some(5),
            max_value: None,
            ..
        }
    ));
    let PolicyKind::OttlCondition {
        error_mode, span, ..
    } = &settings.policies[1].kind
    else {
        panic!("not a condition");
    };
    assert_eq!(
        (*error_mode, span.as_slice()),
        (OttlErrorMode::Propagate, &["true".to_owned()][..])
    );
    assert!(
        matches!(&settings.policies[2].kind, PolicyKind::Not(sub) if sub.kind == PolicyKind::TraceFlags)
    );
}

/// Scenario: a wait without a unit, few traces, too few traces for the rate, no catch-all.
/// Guarantees: each is warned of, with its line.
#[test]
fn settings_that_decide_too_early_are_warned_of() {
    for (block, part) in [
        (
            "decision_wait: 10",
            "1:32: warning: tail_sampling::decision_wait: 10 without a unit is 10 nanoseconds",
        ),
        ("num_traces: 100", "no more than 100 traces are held"),
        (
            "expected_new_traces_per_sec: 10000",
            "are 300000 traces, but `num_traces` is 50000",
        ),
        (
            "policies: [{name: a, type: trace_flags}]",
            "no policy keeps a share of ordinary traces",
        ),
        ("decision_wait: -5s", "counts as zero"),
    ] {
        let text = format!("tail_sampling: {{{block}}}");
        let options = LoadOptions::default();
        let (settings, diagnostics) =
            load_tail_sampling_block("a.yaml", &text, options, &EmptyEnvironment);
        assert!(settings.is_some(), "{diagnostics}");
        let told = lines(&diagnostics).join("\n");
        assert!(told.contains(part), "{part}\n{told}");
        assert!(
            diagnostics
                .iter()
                .all(|item| item.severity == Severity::Warning)
        );
    }
}

/// Scenario: the policies of one file are laid over a file with others; one of its samplers is its own.
/// Guarantees: the text is the same however the policies are written, dollars and all; in place of its own the other file
/// has exactly these, and nothing of its own shines through; the sampler that they do not name stays.
#[test]
fn policies_of_one_file_stand_in_place_of_those_of_another() {
    let policies = |blocks: &str| {
        print_policies(&load_text(&with_processors(blocks, "tail_sampling")).resolved)
    };
    let one = policies(
        "  tail_sampling:\n    policies: [{name: a, type: string_attribute, string_attribute: {key: k, values: ['^x$$']}}]\n    num_traces: 7\n  batch:",
    );
    let same = policies(
        "  batch: {timeout: 3s}\n  tail_sampling:\n    num_traces: 7\n    policies:\n      - {type: string_attribute, name: a, string_attribute: {values: ['^x$$'], key: k}}",
    );
    assert_eq!(one, same);
    assert_eq!(policies("  batch:"), "");
    let mut memory = Memory::default();
    let other = "  tail_sampling: {decision_wait: 7s, policies: [{name: b, type: always_sample}]}\n  tail_sampling/own: {num_traces: 9}";
    let other = with_processors(other, "tail_sampling, tail_sampling/own");
    memory.files.insert("other.yaml", other);
    let sources = Sources::new()
        .config("other.yaml")
        .replacing_processors("the cluster", &one);
    let loaded = load(&sources, LoadOptions::default(), &memory);
    assert_eq!(
        loaded.resolved["processors"]["tail_sampling/own"]["num_traces"],
        9
    );
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    let samplers: Vec<_> = settings.tail_samplers().map(|(_, it)| it).collect();
    assert_eq!(samplers.len(), 2);
    let shared = samplers.iter().find(|it| it.num_traces == 7).unwrap();
    assert_eq!(shared.decision_wait, Duration::from_secs(30));
    let PolicyKind::StringAttribute { values, .. } = &shared.policies[0].kind else {
        panic!("{:?}", shared.policies)
    };
    assert_eq!(values.as_slice(), ["^x$"]);
}

/// Scenario: two processes of a cluster have the same policies, and memory of different sizes in their files; the policies of one
/// are laid over the file of the other, and then what an operator gives for all.
/// Guarantees: the policies are the same text; each process keeps its own budget, until the operator names one.
#[test]
fn a_memory_budget_is_of_its_process_and_no_part_of_the_policies() {
    let file = |budget: &str| {
        with_processors(
            &format!(
                "  tail_sampling: {{num_traces: 7, policies: [{{name: a, type: always_sample}}]{budget}}}"
            ),
            "tail_sampling",
        )
    };
    let policies = |budget: &str| print_policies(&load_text(&file(budget)).resolved);
    let shared = policies("");
    assert_eq!(shared, policies(", memory_budget: 8MiB"));
    let mut memory = Memory::default();
    memory
        .files
        .insert("small.yaml", file(", memory_budget: 8MiB"));
    let budget = |sources: &Sources| {
        let loaded = load(sources, LoadOptions::default(), &memory);
        let settings = loaded
            .settings
            .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
        settings.tail_samplers().next().unwrap().1.memory_budget
    };
    let sources = Sources::new()
        .config("small.yaml")
        .replacing_processors("the cluster", &shared);
    assert_eq!(budget(&sources), Some(ByteSize::mib(8)));
    let applied = "processors: {tail_sampling: {memory_budget: 16MiB}}";
    let sources = sources.text("the operator", applied);
    assert_eq!(budget(&sources), Some(ByteSize::mib(16)));
}

/// Scenario: the command line says whose rule holds, and a feature gate of the Collector is on.
/// Guarantees: the command line wins over the file; the gates are followed.
#[test]
fn the_command_line_wins_over_the_file() {
    let mut memory = Memory::default();
    memory.files.insert(
        "c.yaml",
        "receivers: {nop: }\nexporters: {nop: }\nprocessors: {tail_sampling: {compat: tailweir}}\n\
         service: {pipelines: {traces: {receivers: [nop], processors: [tail_sampling], exporters: [nop]}}}"
            .to_owned(),
    );
    let sources = Sources::new()
        .config("c.yaml")
        .set("processors.tail_sampling.decision_wait=7s")
        .feature_gates("+processor.tailsamplingprocessor.recordpolicy,-service.profilesSupport")
        .feature_gates("processor.tailsamplingprocessor.usetracestate");
    let options = LoadOptions {
        compat: Some(Compat::Collector),
        strict: false,
    };
    let loaded = load(&sources, options, &memory);
    let settings = loaded
        .settings
        .unwrap_or_else(|| panic!("{}", loaded.diagnostics));
    let (_, sampler) = settings.tail_samplers().next().unwrap();
    assert_eq!(sampler.compat, Compat::Collector);
    assert_eq!(sampler.decision_wait, Duration::from_secs(7));
    assert!(sampler.record_policy && sampler.consistent_probability && !sampler.write_threshold);
}
