//! A policy as it is written: a name, a type, and a block for that type.

use super::OttlErrorMode;
use crate::node::Value;
use crate::report::{Cause, Report};
use crate::setting::{Block, Record, settings};

settings! {
    /// A policy: its name, its type, and the block that bears the name of the type.
    pub(crate) struct PolicyDocument {
        /// Its name in decisions and metrics. Unique among the policies.
        name: String = String::new(),
        /// What it does; the options stand in the block of this name.
        r#type: String = String::new(),
        /// For `latency`.
        latency: Option<LatencyDocument> = None,
        /// For `numeric_attribute`.
        numeric_attribute: Option<NumericDocument> = None,
        /// For `string_attribute`.
        string_attribute: Option<StringDocument> = None,
        /// For `boolean_attribute`.
        boolean_attribute: Option<BooleanDocument> = None,
        /// For `status_code`.
        status_code: Option<StatusDocument> = None,
        /// For `trace_state`.
        trace_state: Option<TraceStateDocument> = None,
        /// For `span_count`.
        span_count: Option<SpanCountDocument> = None,
        /// For `probabilistic`.
        probabilistic: Option<ProbabilisticDocument> = None,
        /// For `rate_limiting`.
        rate_limiting: Option<RateDocument> = None,
        /// For `bytes_limiting`.
        bytes_limiting: Option<BytesDocument> = None,
        /// For `ottl_condition`.
        ottl_condition: Option<OttlDocument> = None,
        /// For `and`.
        and: Option<AndDocument> = None,
        /// For `not`.
        not: Option<NotDocument> = None,
        /// For `drop`.
        drop: Option<DropDocument> = None,
        /// For `composite`.
        composite: Option<Box<CompositeDocument>> = None,
    }
    unknown unknown_keys;
}

/// The Collector takes any unknown key whose value is a map for the settings of an extension, so
/// that a misspelt block passes and the policy runs without its options.
fn unknown_keys(block: &Block<'_>, report: &mut Report) {
    let fields = PolicyDocument::fields(&PolicyDocument::default());
    let known: Vec<&str> = fields.iter().map(|field| field.key).collect();
    let kind = block
        .node()
        .get("type")
        .and_then(|node| node.text())
        .unwrap_or_default();
    for entry in block.node().entries() {
        let key = entry.key.as_str();
        if known.contains(&key)
            || (key == kind && matches!(entry.node.value, Value::Map(_) | Value::Null))
        {
            continue;
        }
        let place = entry.node.head();
        let help = invented(key).map(str::to_owned).or_else(|| {
            let near = crate::nearest::nearest(key, &known)?;
            Some(format!("did you mean `{near}`?"))
        });
        let help = help.unwrap_or_else(|| format!("options of a policy stand in a block `{kind}`"));
        if matches!(entry.node.value, Value::Map(_) | Value::Null) {
            let text = format!("the block `{key}` is not looked at; the policy runs without it");
            report.warn_at(place, Cause::Oddity, text, help);
        } else {
            report.error_at(
                place,
                Cause::UnknownKey,
                format!("unknown option `{key}`"),
                help,
            );
        }
    }
}

/// Keys that people invent, and what they want.
fn invented(key: &str) -> Option<&'static str> {
    Some(match key {
        "decision" | "action" => "to drop traces, use `type: drop` with `drop_sub_policy`",
        "and_sub_policy" => "write `and: {and_sub_policy: [...]}`",
        "not_sub_policy" => "write `not: {not_sub_policy: {...}}`",
        "drop_sub_policy" => "write `drop: {drop_sub_policy: [...]}`",
        "composite_sub_policy" => "write `composite: {composite_sub_policy: [...]}`",
        "config" | "settings" | "options" => "the block must bear the name of the type",
        "invert_match" => "`invert_match` stands in the block of an attribute policy",
        "sampling_percentage" => "write `probabilistic: {sampling_percentage: ...}`",
        _ => return None,
    })
}

settings! {
    /// Samples by the time from the first start to the last end.
    pub(crate) struct LatencyDocument {
        /// Traces that last longer than this are sampled, in milliseconds.
        threshold_ms: i64 = 0,
        /// Traces that last longer than this are not, in milliseconds. 0: no bound.
        upper_threshold_ms: i64 = 0,
    }
}

settings! {
    /// Samples by an integer attribute of a resource or span.
    pub(crate) struct NumericDocument {
        /// Key of the attribute.
        key: String = String::new(),
        /// Least value. 0 counts as not written.
        min_value: i64 = 0,
        /// Greatest value. 0 counts as not written.
        max_value: i64 = 0,
        /// Sample when nothing matches.
        invert_match: bool = false,
    }
}

settings! {
    /// Samples by a text attribute of a resource or span.
    pub(crate) struct StringDocument {
        /// Key of the attribute.
        key: String = String::new(),
        /// Texts, or regular expressions.
        values: Vec<String> = Vec::new(),
        /// Whether `values` are regular expressions (RE2), which may match anywhere.
        enabled_regex_matching: bool = false,
        /// In the Collector the size of a cache; of no effect here.
        cache_max_size: i64 = 0,
        /// Sample when nothing matches.
        invert_match: bool = false,
    }
}

settings! {
    /// Samples by a truth value among the attributes of a resource or span.
    pub(crate) struct BooleanDocument {
        /// Key of the attribute.
        key: String = String::new(),
        /// The value that matches.
        value: bool = false,
        /// Sample when nothing matches.
        invert_match: bool = false,
    }
}

settings! {
    /// Samples when a span has one of these statuses.
    pub(crate) struct StatusDocument {
        /// `OK`, `ERROR` or `UNSET`; one at least.
        status_codes: Vec<String> = Vec::new(),
    }
}

settings! {
    /// Samples by a member of the W3C tracestate.
    pub(crate) struct TraceStateDocument {
        /// Its key.
        key: String = String::new(),
        /// Its values.
        values: Vec<String> = Vec::new(),
    }
}

settings! {
    /// Samples by the number of spans.
    pub(crate) struct SpanCountDocument {
        /// Least number.
        min_spans: i32 = 0,
        /// Greatest number. 0: no bound.
        max_spans: i32 = 0,
    }
}

settings! {
    /// Samples a share of all traces.
    pub(crate) struct ProbabilisticDocument {
        /// Mixed into the hash of the trace id. Empty: `default-hash-seed`.
        hash_salt: String = String::new(),
        /// The share, in percent.
        sampling_percentage: f64 = 0.0,
    }
}

settings! {
    /// Samples up to a rate of spans.
    pub(crate) struct RateDocument {
        /// The rate.
        spans_per_second: i64 = 0,
        /// How many spans may come at once. 0: twice the rate.
        burst_capacity: i64 = 0,
    }
}

settings! {
    /// Samples up to a rate of bytes.
    pub(crate) struct BytesDocument {
        /// The rate.
        bytes_per_second: i64 = 0,
        /// How many bytes may come at once. 0: twice the rate.
        burst_capacity: i64 = 0,
    }
}

settings! {
    /// Samples when a condition holds for a span or span event.
    pub(crate) struct OttlDocument {
        /// What a condition does that fails to evaluate: `silent`, `ignore` or `propagate`.
        error_mode: OttlErrorMode = OttlErrorMode::Silent,
        /// Conditions on spans.
        span: Vec<String> = Vec::new(),
        /// Conditions on span events.
        spanevent: Vec<String> = Vec::new(),
    }
}

settings! {
    /// Samples when each sub-policy does.
    pub(crate) struct AndDocument {
        /// The sub-policies: any type but and, drop and composite.
        and_sub_policy: Vec<PolicyDocument> = Vec::new(),
    }
}

settings! {
    /// Samples when its sub-policy does not.
    pub(crate) struct NotDocument {
        /// The sub-policy: any type but and, not, drop and composite.
        not_sub_policy: Box<PolicyDocument> = Box::default(),
    }
}

settings! {
    /// Drops the trace when each sub-policy samples it, whatever other policies say.
    pub(crate) struct DropDocument {
        /// The sub-policies: any type but and, drop and composite.
        drop_sub_policy: Vec<PolicyDocument> = Vec::new(),
    }
}

settings! {
    /// Shares a rate of spans between sub-policies.
    pub(crate) struct CompositeDocument {
        /// The whole rate.
        max_total_spans_per_second: i64 = 0,
        /// Names of the sub-policies. What counts is their order in `composite_sub_policy`.
        policy_order: Vec<String> = Vec::new(),
        /// The sub-policies, in order: any type but not, drop and composite.
        composite_sub_policy: Vec<PolicyDocument> = Vec::new(),
        /// Shares of the rate. A sub-policy without one gets an equal share.
        rate_allocation: Vec<AllocationDocument> = Vec::new(),
    }
}

settings! {
    /// A share of the rate of a composite policy.
    pub(crate) struct AllocationDocument {
        /// Name of the sub-policy.
        policy: String = String::new(),
        /// The share, in percent.
        percent: i64 = 0,
    }
}
