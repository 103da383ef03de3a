//! What can be wrong with the block of one policy.

use super::policy_document::PolicyDocument;
use super::{PolicyKind, RateAllocation};
use crate::node::{Node, Place, Value};
use crate::report::{Cause, Report, shorten};

/// The rules of single policies: reads their blocks and says what is odd about them.
pub(super) struct BlockRules<'a> {
    /// The block, or the policy when it has none.
    pub(super) at: &'a Place,
    /// The block.
    pub(super) body: Option<&'a Node>,
}

impl BlockRules<'_> {
    fn place(&self, key: &str) -> Place {
        let node = self.body.and_then(|body| body.get(key));
        node.map_or_else(|| self.at.clone(), |node| node.place.clone())
    }

    fn element(&self, key: &str, index: usize) -> Place {
        match self
            .body
            .and_then(|body| body.get(key))
            .map(|node| &node.value)
        {
            Some(Value::List(items)) if index < items.len() => items[index].place.clone(),
            _ => self.place(key),
        }
    }

    fn odd(&self, key: &str, text: &str, help: &str, report: &mut Report) {
        report.warn_at(self.place(key), Cause::Oddity, text, help);
    }

    /// A policy about an attribute needs its key. Only said where there is a block.
    fn key(&self, key: &str, report: &mut Report) {
        if key.is_empty() && self.body.is_some() {
            self.odd(
                "key",
                "no `key`: the policy looks at the attribute with the empty name",
                "add `key`",
                report,
            );
        }
    }

    /// A policy about texts needs some.
    fn values(&self, values: &[String], report: &mut Report) {
        if values.is_empty() && self.body.is_some() {
            self.odd(
                "values",
                "no `values`: nothing matches",
                "add `values: [...]`",
                report,
            );
        }
    }

    /// A rate of zero lets nothing through.
    pub(super) fn rate(&self, key: &str, rate: i64, report: &mut Report) {
        if rate <= 0 && self.body.is_some() {
            let text = format!("`{key}` is not above zero: the policy samples nothing");
            self.odd(key, &text, "write a rate", report);
        }
    }

    pub(super) fn numeric(
        &self,
        document: &PolicyDocument,
        report: &mut Report,
    ) -> Option<PolicyKind> {
        let block = document.numeric_attribute.clone().unwrap_or_default();
        self.key(&block.key, report);
        let bound = |value: i64| (value != 0).then_some(value);
        let (min, max) = (bound(block.min_value), bound(block.max_value));
        match (min, max) {
            (None, None) => {
                let text = "neither `min_value` nor `max_value` is set (0 counts as not set), which \
                            would crash the Collector at the first trace";
                let help = "set one; for a bound of 0 write an `ottl_condition`";
                report.error_at(self.place("min_value"), Cause::BadPolicy, text, help);
                return None;
            }
            (Some(min), Some(max)) if min > max => {
                self.odd(
                    "min_value",
                    "`min_value` is above `max_value`: nothing matches",
                    "swap them",
                    report,
                );
            }
            _ => {}
        }
        Some(PolicyKind::NumericAttribute {
            key: block.key,
            min_value: min,
            max_value: max,
            invert_match: block.invert_match,
        })
    }

    pub(super) fn string(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.string_attribute.clone().unwrap_or_default();
        self.key(&block.key, report);
        self.values(&block.values, report);
        PolicyKind::StringAttribute {
            key: block.key,
            values: block.values,
            enabled_regex_matching: block.enabled_regex_matching,
            cache_max_size: block.cache_max_size,
            invert_match: block.invert_match,
        }
    }

    pub(super) fn boolean(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.boolean_attribute.clone().unwrap_or_default();
        self.key(&block.key, report);
        PolicyKind::BooleanAttribute {
            key: block.key,
            value: block.value,
            invert_match: block.invert_match,
        }
    }

    pub(super) fn trace_state(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.trace_state.clone().unwrap_or_default();
        self.key(&block.key, report);
        self.values(&block.values, report);
        PolicyKind::TraceState {
            key: block.key,
            values: block.values,
        }
    }

    pub(super) fn spans_limit(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.rate_limiting.clone().unwrap_or_default();
        self.rate("spans_per_second", block.spans_per_second, report);
        PolicyKind::RateLimiting {
            spans_per_second: block.spans_per_second,
            burst_capacity: block.burst_capacity,
        }
    }

    pub(super) fn bytes_limit(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.bytes_limiting.clone().unwrap_or_default();
        self.rate("bytes_per_second", block.bytes_per_second, report);
        PolicyKind::BytesLimiting {
            bytes_per_second: block.bytes_per_second,
            burst_capacity: block.burst_capacity,
        }
    }

    pub(super) fn status(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.status_code.clone().unwrap_or_default();
        if block.status_codes.is_empty() {
            let help = "add `status_code: {status_codes: [ERROR]}`";
            report.error_at(
                self.place("status_codes"),
                Cause::BadPolicy,
                "no `status_codes`",
                help,
            );
        }
        const CODES: [&str; 3] = ["OK", "ERROR", "UNSET"];
        for (index, code) in block.status_codes.iter().enumerate() {
            if !CODES.contains(&code.as_str()) {
                let place = self.element("status_codes", index);
                report.unknown_name(place, Cause::BadPolicy, "status code", code, &CODES);
            }
        }
        PolicyKind::StatusCode {
            status_codes: block.status_codes,
        }
    }

    pub(super) fn probabilistic(
        &self,
        document: &PolicyDocument,
        report: &mut Report,
    ) -> PolicyKind {
        let block = document.probabilistic.clone().unwrap_or_default();
        let key = "sampling_percentage";
        let percent = block.sampling_percentage;
        if percent > 100.0 {
            self.odd(
                key,
                "more than 100 percent: every trace is sampled",
                "write 0 to 100",
                report,
            );
        } else if percent.is_nan() || percent < 0.0 {
            self.odd(
                key,
                "below 0 percent: no trace is sampled",
                "write 0 to 100",
                report,
            );
        }
        PolicyKind::Probabilistic {
            hash_salt: block.hash_salt,
            sampling_percentage: percent,
        }
    }

    pub(super) fn ottl(&self, document: &PolicyDocument, report: &mut Report) -> PolicyKind {
        let block = document.ottl_condition.clone().unwrap_or_default();
        if block.span.is_empty() && block.spanevent.is_empty() {
            let help = "add `span: [...]` or `spanevent: [...]`";
            report.error_at(self.at.clone(), Cause::BadPolicy, "no condition", help);
        }
        PolicyKind::OttlCondition {
            error_mode: block.error_mode,
            span: block.span,
            spanevent: block.spanevent,
        }
    }

    pub(super) fn composite(
        &self,
        names: &[&str],
        order: &[String],
        shares: &[RateAllocation],
        report: &mut Report,
    ) {
        if names.is_empty() {
            self.odd(
                "composite_sub_policy",
                "no sub-policies: nothing is sampled",
                "add some",
                report,
            );
        }
        if !order.is_empty() && !order.iter().map(String::as_str).eq(names.iter().copied()) {
            let text = "`policy_order` differs from the order of `composite_sub_policy`, which alone \
                        counts";
            self.odd(
                "policy_order",
                text,
                "put the sub-policies in the wanted order",
                report,
            );
        }
        for (index, share) in shares.iter().enumerate() {
            if !names.contains(&share.policy.as_str()) {
                let place = self.element("rate_allocation", index);
                let text = format!(
                    "a share for `{}`, which is no sub-policy",
                    shorten(&share.policy)
                );
                report.warn_at(place, Cause::Oddity, text, "");
            }
        }
        let total: i64 = shares
            .iter()
            .fold(0, |total, share| total.saturating_add(share.percent.max(0)));
        if total > 100 {
            let text = format!("the shares come to {total} percent");
            self.odd("rate_allocation", &text, "let them come to 100", report);
        }
    }
}
