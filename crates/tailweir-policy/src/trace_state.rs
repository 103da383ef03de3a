//! Members of the W3C tracestate that a policy looks for.

use tailweir_otlp::{TraceState, TraceView};

/// Key, `=` and value of a policy together; a longer pair matches nothing.
const PAIR_BYTES_MAX: usize = 256;

/// What a `trace_state` policy looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberTest {
    key: Box<[u8]>,
    values: Box<[Box<[u8]>]>,
}

impl MemberTest {
    /// Empty values, and those too long beside their key, match nothing.
    pub(crate) fn new(key: &str, values: &[String]) -> Self {
        let possible =
            |value: &&String| !value.is_empty() && key.len() + value.len() < PAIR_BYTES_MAX;
        Self {
            key: key.as_bytes().into(),
            values: values
                .iter()
                .filter(possible)
                .map(|value| value.as_bytes().into())
                .collect(),
        }
    }

    /// Whether any span carries the member with one of the values.
    pub(crate) fn any_span(&self, trace: &TraceView<'_>) -> bool {
        let mut before: &[u8] = &[];
        trace.spans.iter().any(|record| {
            let trace_state = record.span.trace_state();
            // Spans of a trace mostly carry the same one.
            trace_state != std::mem::replace(&mut before, trace_state) && self.matches(trace_state)
        })
    }

    /// A tracestate that breaks a rule has no members.
    fn matches(&self, trace_state: &[u8]) -> bool {
        let found = TraceState::parse(trace_state)
            .ok()
            .and_then(|state| state.get(&self.key));
        found.is_some_and(|found| self.values.iter().any(|value| **value == *found))
    }
}

#[cfg(test)]
mod tests {
    use super::MemberTest;

    fn matches(key: &str, value: &str, trace_state: &str) -> bool {
        MemberTest::new(key, &[value.to_owned()]).matches(trace_state.as_bytes())
    }

    /// Scenario: a member stands among others, and in a list of which another member is malformed.
    /// Guarantees: it is found by its exact value, and only in a list that is sound.
    #[test]
    fn a_member_is_found_in_a_sound_list_only() {
        assert!(matches("vendor", "gold", "a=1,vendor=gold"));
        assert!(!matches("vendor", "gold", "a=1,vendor=golden"));
        assert!(!matches("vendor", "gold", "vendor=gold,bad key=1"));
        assert!(!matches("vendor", "gold", "vendor=gold,vendor=silver"));
    }

    /// Scenario: a policy with an empty value, and values at and beyond the longest that fits.
    /// Guarantees: what cannot be, or is too long beside its key, matches nothing.
    #[test]
    fn impossible_values_match_nothing() {
        let carried = |length: usize| {
            let value = "v".repeat(length);
            matches("key", &value, &format!("key={value}"))
        };
        assert!(carried(252));
        assert!(!carried(253));
        assert!(!matches("key", "", "key="));
    }
}
