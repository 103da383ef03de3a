//! Policies that look at the trace alone.

use tailweir_config::PolicyKind;
use tailweir_otlp::{AnyValue, SpanView, TraceState, TraceView};
use tailweir_ottl::GoRegex;

/// Whether a policy without memory samples a trace, by our rules or those of the Collector.
pub(super) fn samples(kind: &PolicyKind, trace: &TraceView<'_>, ours: bool) -> bool {
    let any_span =
        |test: &dyn Fn(SpanView<'_>) -> bool| trace.spans.iter().any(|record| test(record.span));
    let in_range =
        |value: i64, least: i64, most: i64| value >= least && (most == 0 || value <= most);
    match kind {
        PolicyKind::AlwaysSample => true,
        PolicyKind::Latency {
            threshold_ms,
            upper_threshold_ms,
        } => {
            let fits = |length| in_range(length, threshold_ms + 1, *upper_threshold_ms);
            match ours {
                true => whole_length(trace).is_some_and(fits),
                false => prefix_lengths(trace).any(fits),
            }
        }
        PolicyKind::StatusCode { status_codes } => any_span(&|span| {
            let name = ["UNSET", "OK", "ERROR"].get(span.status().code as usize);
            name.is_some_and(|name| status_codes.iter().any(|wanted| wanted == name))
        }),
        PolicyKind::TraceState { key, values } => any_span(&|span| {
            let state = TraceState::parse(span.trace_state()).unwrap_or_default();
            let found = state.get(key.as_bytes()).unwrap_or_default();
            let fits = |value: &&String| !value.is_empty() && key.len() + value.len() < 256;
            values
                .iter()
                .filter(fits)
                .any(|value| value.as_bytes() == found)
        }),
        PolicyKind::TraceFlags => any_span(&|span| span.flags() & 1 == 1),
        PolicyKind::SpanCount {
            min_spans,
            max_spans,
        } => in_range(
            trace.spans.len() as i64,
            i64::from(*min_spans),
            i64::from(*max_spans),
        ),
        PolicyKind::Probabilistic {
            hash_salt,
            sampling_percentage,
        } => {
            // Exact for percentages whose share is a multiple of 1/16.
            let sixteenths = (sampling_percentage / 100.0 * 16.0) as u64;
            hash(hash_salt, &trace.id.0) >> 60 < sixteenths
        }
        attribute => matches_attribute(attribute, trace, ours),
    }
}

fn matches_attribute(kind: &PolicyKind, trace: &TraceView<'_>, ours: bool) -> bool {
    match kind {
        PolicyKind::NumericAttribute {
            key,
            min_value,
            max_value,
            invert_match,
        } => {
            let range = min_value.unwrap_or(i64::MIN)..=max_value.unwrap_or(i64::MAX);
            let matches = |value: AnyValue<'_>, _: bool| match value {
                AnyValue::Int(number) => range.contains(&number),
                _ => !ours && range.contains(&0),
            };
            any_attribute(trace, key, matches) != *invert_match
        }
        PolicyKind::BooleanAttribute {
            key,
            value: wanted,
            invert_match,
        } => {
            let matches = |value: AnyValue<'_>, _: bool| match value {
                AnyValue::Bool(truth) => truth == *wanted,
                _ => !ours && !wanted,
            };
            any_attribute(trace, key, matches) != *invert_match
        }
        PolicyKind::StringAttribute {
            key,
            values,
            enabled_regex_matching,
            invert_match,
            ..
        } => {
            let given = || values.iter().filter(|value| !value.is_empty());
            let is_wanted = |text: &[u8]| match enabled_regex_matching {
                true => given().any(|value| GoRegex::new(value).expect("valid").is_match(text)),
                false => given().any(|value| value.as_bytes() == text),
            };
            let matches = |value: AnyValue<'_>, on_span: bool| match value {
                AnyValue::String(text) => (!on_span || !text.is_empty()) && is_wanted(text),
                _ => !ours && !on_span && is_wanted(b""),
            };
            any_attribute(trace, key, matches) != *invert_match
        }
        other => panic!("no rule for {other:?}"),
    }
}

fn hash(salt: &str, id: &[u8]) -> u64 {
    let salt = if salt.is_empty() {
        "default-hash-seed"
    } else {
        salt
    };
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in salt.bytes().chain(id.iter().copied()) {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

fn whole_length(trace: &TraceView<'_>) -> Option<i64> {
    let start = trace
        .spans
        .iter()
        .map(|record| record.span.start())
        .filter(|time| *time != 0)
        .min()?;
    let end = trace
        .spans
        .iter()
        .map(|record| record.span.end())
        .filter(|time| *time != 0)
        .max()?;
    Some(((i128::from(end) - i128::from(start)) / 1_000_000) as i64)
}

fn prefix_lengths(trace: &TraceView<'_>) -> impl Iterator<Item = i64> {
    let (mut start, mut end) = (0, 0);
    trace.spans.iter().map(move |record| {
        if start == 0 || record.span.start() < start {
            start = record.span.start();
        }
        if end == 0 || record.span.end() > end {
            end = record.span.end();
        }
        (end as i64).saturating_sub(start as i64) / 1_000_000
    })
}

fn any_attribute(
    trace: &TraceView<'_>,
    key: &str,
    matches: impl Fn(AnyValue<'_>, bool) -> bool,
) -> bool {
    trace.spans.iter().any(|record| {
        let of_resource = record.resource.resource().attributes().get(key.as_bytes());
        let of_span = record.span.attributes().get(key.as_bytes());
        of_resource.is_some_and(|value| matches(value, false))
            || of_span.is_some_and(|value| matches(value, true))
    })
}
