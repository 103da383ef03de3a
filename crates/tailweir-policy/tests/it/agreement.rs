//! Any policies, any traces: the compiled plan against the model.

use crate::fixture::policy;
use crate::model::Model;
use crate::replay::{self, Request};
use proptest::prelude::*;
use tailweir_config::{Compat, OttlErrorMode, Policy, PolicyKind, RateAllocation, TailSampling};
use tailweir_core::{Moment, TraceId};
use tailweir_policy::{PolicySet, PolicyState};
use tailweir_testkit::{RequestBuilder, SpanBuilder, attribute, request, span, trace_id};

/// Keys of three lengths, two of them alike in all but one byte.
const KEYS: [&str; 4] = ["k", "tier", "tiet", "http.route"];
const TEXTS: [&str; 4] = ["gold", "", "/health", "5"];

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned)
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let text = prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned);
    prop::collection::vec(text, 0..3)
}

fn numeric() -> impl Strategy<Value = PolicyKind> {
    let bound = || prop::option::of(-1_i64..6);
    (key(), bound(), bound(), any::<bool>())
        .prop_filter("a bound", |(_, min, max, _)| min.is_some() || max.is_some())
        .prop_map(
            |(key, min_value, max_value, invert_match)| PolicyKind::NumericAttribute {
                key,
                min_value,
                max_value,
                invert_match,
            },
        )
}

fn string() -> impl Strategy<Value = PolicyKind> {
    let patterns = prop::sample::select(vec!["^$", "o", "^/h", "[0-9]"]).prop_map(str::to_owned);
    let values = prop_oneof![
        texts().prop_map(|values| (values, false)),
        prop::collection::vec(patterns, 1..3).prop_map(|values| (values, true)),
    ];
    (key(), values, any::<bool>()).prop_map(
        |(key, (values, enabled_regex_matching), invert_match)| PolicyKind::StringAttribute {
            key,
            values,
            enabled_regex_matching,
            cache_max_size: 0,
            invert_match,
        },
    )
}

fn ottl() -> impl Strategy<Value = PolicyKind> {
    let mode = prop::sample::select(vec![
        OttlErrorMode::Silent,
        OttlErrorMode::Ignore,
        OttlErrorMode::Propagate,
    ]);
    let span = prop::sample::select(vec![
        "span.attributes[\"k\"] == \"gold\"",
        "Int(span.attributes[\"tier\"][\"x\"]) > 1",
        "resource.attributes[\"k\"] != nil",
    ]);
    let event = prop::sample::select(vec![
        "spanevent.event_index == 1",
        "spanevent.name == \"e\"",
    ]);
    let some = |text: &str| vec![text.to_owned()];
    (mode, span, prop::option::of(event)).prop_map(move |(error_mode, span, event)| {
        PolicyKind::OttlCondition {
            error_mode,
            span: some(span),
            spanevent: event.map(some).unwrap_or_default(),
        }
    })
}

fn single() -> impl Strategy<Value = PolicyKind> {
    let codes = prop::sample::subsequence(vec!["OK", "ERROR", "UNSET"], 1..3);
    let salt = prop::sample::select(vec!["", "salt"]).prop_map(str::to_owned);
    let percent = prop::sample::select(vec![0.0, 25.0, 50.0, 75.0, 100.0]);
    prop_oneof![
        1 => Just(PolicyKind::AlwaysSample),
        2 => (-1_i64..60, prop::sample::select(vec![0_i64, 20, 50])).prop_map(|(threshold_ms, upper_threshold_ms)| {
            PolicyKind::Latency { threshold_ms, upper_threshold_ms }
        }),
        3 => numeric(),
        3 => string(),
        2 => (key(), any::<bool>(), any::<bool>()).prop_map(|(key, value, invert_match)| {
            PolicyKind::BooleanAttribute { key, value, invert_match }
        }),
        1 => codes.prop_map(|codes| PolicyKind::StatusCode {
            status_codes: codes.into_iter().map(str::to_owned).collect(),
        }),
        1 => Just(PolicyKind::TraceState { key: "vendor".into(), values: vec!["gold".into()] }),
        1 => Just(PolicyKind::TraceFlags),
        1 => (0_i32..4, 0_i32..5).prop_map(|(min_spans, max_spans)| {
            PolicyKind::SpanCount { min_spans, max_spans }
        }),
        2 => (salt, percent).prop_map(|(hash_salt, sampling_percentage)| {
            PolicyKind::Probabilistic { hash_salt, sampling_percentage }
        }),
        2 => (0_i64..4, 0_i64..8).prop_map(|(spans_per_second, burst_capacity)| {
            PolicyKind::RateLimiting { spans_per_second, burst_capacity }
        }),
        1 => (0_i64..900).prop_map(|bytes_per_second| {
            PolicyKind::BytesLimiting { bytes_per_second, burst_capacity: 0 }
        }),
        2 => ottl(),
    ]
}

fn named(kinds: Vec<PolicyKind>) -> Vec<Policy> {
    let numbered = kinds.into_iter().enumerate();
    numbered
        .map(|(index, kind)| policy(&format!("p{index}"), kind))
        .collect()
}

fn not() -> impl Strategy<Value = PolicyKind> {
    single().prop_map(|kind| PolicyKind::Not(Box::new(policy("n", kind))))
}

fn conjunction() -> impl Strategy<Value = Vec<Policy>> {
    prop::collection::vec(prop_oneof![4 => single(), 1 => not()], 0..4).prop_map(named)
}

fn composite() -> impl Strategy<Value = PolicyKind> {
    let subs = prop_oneof![3 => single(), 1 => conjunction().prop_map(PolicyKind::And)];
    let shares = prop::collection::vec((0_usize..4, -10_i64..150), 0..3);
    (0_i64..12, prop::collection::vec(subs, 1..4), shares).prop_map(|(total, subs, shares)| {
        PolicyKind::Composite {
            max_total_spans_per_second: total,
            policy_order: vec![],
            sub_policies: named(subs),
            rate_allocation: shares
                .into_iter()
                .map(|(index, percent)| RateAllocation {
                    policy: format!("p{index}"),
                    percent,
                })
                .collect(),
        }
    })
}

fn any_settings() -> impl Strategy<Value = TailSampling> {
    let kind = prop_oneof![
        6 => single(),
        2 => conjunction().prop_map(PolicyKind::And),
        1 => not(),
        1 => conjunction().prop_map(PolicyKind::Drop),
        1 => composite(),
    ];
    (
        prop::collection::vec(kind, 0..6),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(kinds, sample_on_first_match, ours)| TailSampling {
            policies: named(kinds),
            sample_on_first_match,
            compat: if ours {
                Compat::Tailweir
            } else {
                Compat::Collector
            },
            ..TailSampling::default()
        })
}

/// A value for an attribute, by number.
fn with_attribute(span: SpanBuilder, key: &str, value: usize) -> SpanBuilder {
    match value {
        0..4 => span.attribute(key, TEXTS[value]),
        4 => span.attribute(key, 5_i64),
        5 => span.attribute(key, 0_i64),
        6 => span.attribute(key, 2.5),
        7 => span.attribute(key, true),
        _ => span.attribute(key, false),
    }
}

fn any_span(trace: TraceId) -> impl Strategy<Value = SpanBuilder> {
    let attributes = prop::collection::vec((0_usize..4, 0_usize..9), 0..4);
    let times = (0_u64..3, 0_u64..80);
    let extras = (0_usize..4, 0_u32..2, 0_usize..3, 0_usize..3);
    (attributes, times, extras).prop_map(
        move |(attributes, (start, length), (status, flags, trace_state, events))| {
            let mut span = span(trace, 1).flags(flags).lasting_millis(length);
            if start < 2 {
                span = span.starting_at(start * 7_000_000);
            }
            for (key, value) in attributes {
                span = with_attribute(span, KEYS[key], value);
            }
            for index in 0..events {
                span = span.event(["e", "f"][index % 2], []);
            }
            span = span.trace_state(["", "vendor=gold", "vendor=gold,bad"][trace_state]);
            match status {
                0 => span.error(),
                1 => span.ok(),
                _ => span,
            }
        },
    )
}

/// A few spans of one trace under a resource.
fn any_fragment(trace: TraceId) -> impl Strategy<Value = RequestBuilder> {
    let resource = prop::option::of((0_usize..4, any::<bool>()));
    (resource, prop::collection::vec(any_span(trace), 1..4)).prop_map(|(resource, spans)| {
        let builder = match resource {
            Some((key, true)) => request().resource([attribute(KEYS[key], "gold")]),
            Some((key, false)) => request().resource([attribute(KEYS[key], 5_i64)]),
            None => request().service("shop"),
        };
        builder.spans(spans)
    })
}

fn any_requests() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let fragment = (0_u64..8).prop_flat_map(|n| any_fragment(trace_id(n)));
    prop::collection::vec(fragment, 1..16)
        .prop_map(|builders| builders.into_iter().map(RequestBuilder::bytes).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Scenario: any policies meet any traces, at moments that stand still or move on.
    /// Guarantees: the word, the policy and the sub-policy are those of the model, by both rules.
    #[test]
    fn compiled_policies_decide_as_the_model_does(
        settings in any_settings(),
        wires in any_requests(),
        steps in prop::collection::vec(0_u64..3, 8),
    ) {
        let set = PolicySet::compile(&settings).expect("settings that compile");
        let mut state = PolicyState::new(&set);
        let mut model = Model::new(&settings);
        let requests: Vec<_> = wires.into_iter().map(Request::from_wire).collect();
        let (order, traces) = replay::traces(&requests);
        let mut millis = 10_000;
        for (id, step) in order.iter().zip(steps) {
            millis += step * 500;
            let (now, trace) = (Moment::from_millis(millis), traces[id].whole(*id));
            let decision = set.decide(&mut state, now, &trace);
            let policy = decision.verdict.policy().map_or("", |policy| set.name(policy));
            let sub = decision.sub_policy.map_or("", |index| set.sub_policy_name(index));
            let found = (decision.verdict.name(), policy.to_owned(), sub.to_owned());
            prop_assert_eq!(found, model.decide(now, &trace));
        }
    }

    /// Scenario: any policies meet spans that another member brought, damaged below their heads, where nobody looked.
    /// Guarantees: each trace is decided.
    #[test]
    fn damage_below_heads_stops_no_decision(
        settings in any_settings(),
        wires in any_requests(),
        damages in prop::collection::vec((any::<usize>(), any::<u8>()), 1..24),
    ) {
        let set = PolicySet::compile(&settings).expect("settings that compile");
        let mut state = PolicyState::new(&set);
        let damaged = wires.into_iter().zip(damages.iter().cycle()).map(|(mut wire, (at, byte))| {
            let at = at % wire.len();
            wire[at] = *byte;
            wire
        });
        let requests: Vec<_> = damaged.filter_map(Request::from_member).collect();
        let (order, traces) = replay::traces(&requests);
        for id in &order {
            set.decide(&mut state, Moment::from_millis(10_000), &traces[id].whole(*id));
        }
        prop_assert_eq!(order.len(), traces.len());
    }
}
