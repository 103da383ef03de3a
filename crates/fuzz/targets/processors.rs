//! Any bytes as a request, through every processor that changes requests: no panic, and what comes out of
//! a sound request is sound.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use tailweir_config::{EmptyEnvironment, LoadOptions, Sources, load};
use tailweir_core::Signal;
use tailweir_otlp::count_items;
use tailweir_transform::{ClientContext, Dialect, Request, Surroundings, Time, Transform, compile};

const PROCESSORS: &str = "
processors:
  filter:
    trace_conditions: ['span.name == \"a\"', 'spanevent.name == \"a\"', 'scope.name == \"a\"']
    metric_conditions: ['metric.name == \"a\"', 'datapoint.flags == 1']
    log_conditions: ['IsMatch(log.body, \"a\")', 'resource.attributes[\"a\"] != nil']
  filter/older: {metrics: {metric: ['HasAttrKeyOnDatapoint(\"a\")']}}
  redaction:
    allow_all_keys: true
    blocked_values: ['[a-c]+']
    blocked_key_patterns: ['^d']
    redact_all_types: true
    url_sanitizer: {enabled: true, attributes: [a]}
    db_sanitizer: {sql: {enabled: true, attributes: [a]}, redis: {enabled: true, attributes: [a]}, mongo: {enabled: true, attributes: [a]},
      allow_fallback_without_system: true}
    summary: debug
  redaction/allowed: {allowed_keys: [a], hash_function: md5}
  groupbyattrs: {keys: [a, b]}
  metrics_transform:
    transforms:
      - {include: '(a)(b)?', match_type: regexp, action: insert, new_name: '$$0$$1'}
      - {include: '(a+)', match_type: regexp, experimental_match_labels: {a: '^.?$$'}, action: combine, new_name: b, aggregation_type: sum}
      - {include: '.', match_type: regexp, action: update, operations: [{action: experimental_scale_value, experimental_scale: 1.5},
         {action: toggle_scalar_data_type}, {action: update_label, label: a, new_label: b}, {action: delete_label_value, label: b, label_value: a},
         {action: aggregate_labels, aggregation_type: median, label_set: [a]}]}
      - {include: b, action: group, group_resource_labels: {a: b}}
  span: {name: {from_attributes: [a], to_attributes: {rules: ['(?P<b>[a-z]+)']}}, status: {code: Error}}
  probabilistic_sampler: {sampling_percentage: 50}
  probabilistic_sampler/equal: {mode: equalizing, sampling_percentage: 50, fail_closed: false}
receivers: {nop: }
exporters: {nop: }
service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
";

#[derive(Debug)]
struct Still;

impl Surroundings for Still {
    fn now(&self) -> Time {
        Time::from_unix_nanoseconds(1)
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

static TRANSFORMS: LazyLock<Vec<Arc<dyn Transform>>> = LazyLock::new(|| {
    let sources = Sources::new().config(format!("yaml:{PROCESSORS}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    let settings = loaded.settings.expect("settings that can be loaded");
    let dialect = Dialect {
        lambdas: true,
        surroundings: Arc::new(Still),
    };
    let processors = settings.processors.values();
    processors
        .filter_map(|processor| compile(processor, &dialect).expect("a processor that compiles"))
        .collect()
});

fuzz_target!(|bytes: &[u8]| {
    for signal in Signal::ALL {
        let before = count_items(signal, bytes).ok();
        for transform in TRANSFORMS.iter() {
            if transform.check(signal).is_err() {
                continue;
            }
            let client = &ClientContext::default();
            let outcome = transform.apply(Request {
                signal,
                body: bytes.to_vec().into(),
                client,
            });
            if let (Some(before), Ok(outcome)) = (before, outcome) {
                let after = count_items(signal, &outcome.body).expect("a sound request");
                assert_eq!(after, before + outcome.added - outcome.dropped);
            }
        }
    }
});
