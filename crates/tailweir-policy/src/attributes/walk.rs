//! One walk over the attributes of a trace, which can be stopped and gone on with.

use super::{AttributePlan, TestIndex};
use crate::matcher::Bearer;
use tailweir_otlp::{AnyValue, Attributes, ResourceFields, TraceView};

/// Progress through one trace. Kept between traces, so that nothing is allocated for the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttributeWalk {
    next_span: usize,
    passed: Vec<bool>,
    /// Per key: tests that have not passed yet.
    open_tests: Vec<u16>,
    /// Keys with open tests.
    open_keys: usize,
    /// Per key: the attribute list in which it was last seen. Only the first occurrence counts.
    seen_in: Vec<u64>,
    list: u64,
}

impl AttributeWalk {
    /// Starts over, for the next trace.
    pub(crate) fn restart(&mut self, plan: &AttributePlan) {
        self.next_span = 0;
        self.passed.clear();
        self.passed.resize(plan.tests.len(), false);
        self.open_tests.clear();
        self.open_tests
            .extend(plan.keys.iter().map(|key| key.tests.len() as u16));
        self.open_keys = plan.keys.len();
        // `list` goes on counting, so what was seen in earlier traces stays outdated.
        self.seen_in.resize(plan.keys.len(), 0);
    }

    /// Whether any resource or span of the trace passes the test. Walks until that is known.
    pub(crate) fn passes(
        &mut self,
        plan: &AttributePlan,
        test: TestIndex,
        trace: &TraceView<'_>,
    ) -> bool {
        let index = usize::from(test.0);
        while !self.passed[index] && self.next_span < trace.spans.len() {
            self.walk_span(plan, trace);
        }
        self.passed[index]
    }

    fn walk_span(&mut self, plan: &AttributePlan, trace: &TraceView<'_>) {
        let record = &trace.spans[self.next_span];
        let before = self
            .next_span
            .checked_sub(1)
            .map(|index| trace.spans[index].resource);
        if before.is_none_or(|resource| !is_same_slice(resource, record.resource)) {
            self.walk_list(
                plan,
                record.resource.resource().attributes(),
                Bearer::Resource,
            );
        }
        self.walk_list(plan, record.span.attributes(), Bearer::Span);
        self.next_span += 1;
    }

    fn walk_list(&mut self, plan: &AttributePlan, attributes: Attributes<'_>, bearer: Bearer) {
        self.list += 1;
        let mut unseen = plan.keys.len();
        if self.open_keys == 0 {
            return;
        }
        for attribute in attributes.with_key_lengths(plan.lengths) {
            let Some(key) = plan.find(attribute.key) else {
                continue;
            };
            if std::mem::replace(&mut self.seen_in[key], self.list) == self.list {
                continue;
            }
            unseen -= 1;
            if self.open_tests[key] > 0 {
                self.test(plan, key, attribute.value, bearer);
            }
            // Here, and not when the next one is wanted, which may be a long way off.
            if unseen == 0 || self.open_keys == 0 {
                return;
            }
        }
    }

    fn test(&mut self, plan: &AttributePlan, key: usize, value: AnyValue<'_>, bearer: Bearer) {
        for &test in &plan.keys[key].tests {
            let index = usize::from(test.0);
            if !self.passed[index] && plan.passes(test, value, bearer) {
                self.passed[index] = true;
                self.open_tests[key] -= 1;
            }
        }
        self.open_keys -= usize::from(self.open_tests[key] == 0);
    }
}

/// Spans of one fragment share the bytes of their resource; comparing their content would cost more
/// than it saves.
fn is_same_slice(one: ResourceFields<'_>, other: ResourceFields<'_>) -> bool {
    std::ptr::eq(one.0, other.0)
}
