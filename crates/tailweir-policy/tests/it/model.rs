//! A second implementation of the policies, written to be read: each policy asks each span for itself,
//! nothing is shared, skipped, reordered or remembered.

use std::collections::HashMap;
use tailweir_config::{Compat, OttlErrorMode, Policy, PolicyKind, RateAllocation, TailSampling};
use tailweir_core::Moment;
use tailweir_otlp::{AnyValue, SpanRecord, TraceState, TraceView, collector_size};
use tailweir_ottl::{GoRegex, Options};
use tailweir_paths::{Condition, Scene, SpanEventSubject, SpanSubject};

/// The word of the decision, the policy named, and the sub-policy of a composite.
pub(crate) type Outcome = (&'static str, String, String);

#[derive(Debug, Clone, PartialEq)]
enum Vote {
    Sampled,
    SampledBy(String),
    NotSampled,
    Dropped,
}

struct Failure;

/// Policies with what they remember, found by the address of their settings.
pub(crate) struct Model<'s> {
    settings: &'s TailSampling,
    buckets: HashMap<*const Policy, (f64, Moment)>,
    composites: HashMap<*const Policy, (u64, HashMap<String, i64>)>,
    conditions: HashMap<(bool, &'s str), Condition>,
}

impl<'s> Model<'s> {
    pub(crate) fn new(settings: &'s TailSampling) -> Self {
        Self {
            settings,
            buckets: HashMap::new(),
            composites: HashMap::new(),
            conditions: HashMap::new(),
        }
    }

    fn is_ours(&self) -> bool {
        self.settings.compat == Compat::Tailweir
    }

    /// The decision about a whole trace.
    pub(crate) fn decide(&mut self, now: Moment, trace: &TraceView<'_>) -> Outcome {
        let is_drop = |policy: &&Policy| matches!(policy.kind, PolicyKind::Drop(_));
        let policies = &self.settings.policies;
        for policy in policies.iter().filter(is_drop) {
            if let Ok(Vote::Dropped) = self.vote(policy, now, trace) {
                return ("dropped", policy.name.clone(), String::new());
            }
        }
        let mut first = None;
        for policy in policies.iter().filter(|policy| !is_drop(policy)) {
            let sub_policy = match self.vote(policy, now, trace) {
                Ok(Vote::Sampled) => String::new(),
                Ok(Vote::SampledBy(name)) => name,
                _ => continue,
            };
            first = first.or(Some(("sampled", policy.name.clone(), sub_policy)));
            if self.settings.sample_on_first_match {
                break;
            }
        }
        first.unwrap_or(("not_sampled", String::new(), String::new()))
    }

    /// The decision under `span-ingest`, fragment by fragment.
    pub(crate) fn decide_fragments<'f>(
        &mut self,
        now: Moment,
        fragments: impl Iterator<Item = TraceView<'f>>,
    ) -> Outcome {
        let has_drop = self
            .settings
            .policies
            .iter()
            .any(|p| matches!(p.kind, PolicyKind::Drop(_)));
        let mut best = ("not_sampled", String::new(), String::new());
        for fragment in fragments {
            let outcome = self.decide(now, &fragment);
            match outcome.0 {
                "dropped" => return outcome,
                "sampled" if !has_drop => return outcome,
                "sampled" if self.is_ours() && best.0 == "not_sampled" => best = outcome,
                _ => {}
            }
        }
        best
    }

    fn vote(
        &mut self,
        policy: &'s Policy,
        now: Moment,
        trace: &TraceView<'_>,
    ) -> Result<Vote, Failure> {
        let samples = match &policy.kind {
            PolicyKind::And(subs) => self.all(subs, now, trace)?,
            PolicyKind::Drop(subs) => {
                return Ok(if self.all(subs, now, trace)? {
                    Vote::Dropped
                } else {
                    Vote::NotSampled
                });
            }
            PolicyKind::Not(sub) => self.vote(sub, now, trace)? == Vote::NotSampled,
            PolicyKind::Composite { .. } => return self.composite(policy, now, trace),
            PolicyKind::OttlCondition {
                error_mode,
                span,
                spanevent,
            } => self.conditions(*error_mode, span, spanevent, trace)?,
            PolicyKind::RateLimiting {
                spans_per_second,
                burst_capacity,
            } => {
                let spans = trace.spans.len() as f64;
                self.bucket(policy, now, *spans_per_second, *burst_capacity, spans)
            }
            PolicyKind::BytesLimiting {
                bytes_per_second,
                burst_capacity,
            } => {
                let bytes = collector_size(trace).traces_data as f64;
                self.bucket(policy, now, *bytes_per_second, *burst_capacity, bytes)
            }
            kind => self.looks_good(kind, trace),
        };
        Ok(if samples {
            Vote::Sampled
        } else {
            Vote::NotSampled
        })
    }

    fn all(
        &mut self,
        subs: &'s [Policy],
        now: Moment,
        trace: &TraceView<'_>,
    ) -> Result<bool, Failure> {
        for sub in subs {
            if self.vote(sub, now, trace)? == Vote::NotSampled {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn bucket(&mut self, policy: &Policy, now: Moment, rate: i64, burst: i64, wanted: f64) -> bool {
        let size = if burst <= 0 { rate * 2 } else { burst } as f64;
        let (left, last) = *self.buckets.entry(policy).or_insert((size, now));
        let filled = (left + now.since(last).as_secs_f64() * rate as f64).min(size);
        let fits = wanted <= filled;
        if fits {
            self.buckets.insert(policy, (filled - wanted, now));
        }
        fits
    }

    fn composite(
        &mut self,
        policy: &'s Policy,
        now: Moment,
        trace: &TraceView<'_>,
    ) -> Result<Vote, Failure> {
        let PolicyKind::Composite {
            max_total_spans_per_second: total,
            sub_policies,
            rate_allocation,
            ..
        } = &policy.kind
        else {
            return Err(Failure);
        };
        let second = now.millis() / 1000;
        if self
            .composites
            .get(&std::ptr::from_ref(policy))
            .is_none_or(|known| known.0 != second)
        {
            self.composites.insert(policy, (second, HashMap::new()));
        }
        for sub in sub_policies {
            if self.vote(sub, now, trace)? == Vote::NotSampled {
                continue;
            }
            let spans = trace.spans.len() as i64;
            let ours = self.is_ours();
            let counts = &mut self
                .composites
                .get_mut(&std::ptr::from_ref(policy))
                .ok_or(Failure)?
                .1;
            let sum: i64 = counts.values().sum();
            let own = counts.entry(sub.name.clone()).or_default();
            let charged = if ours { sum } else { *own };
            let share = share(*total, sub_policies.len(), &sub.name, rate_allocation);
            if *own + spans <= share && charged + spans <= *total {
                *own += spans;
                return Ok(Vote::SampledBy(sub.name.clone()));
            }
            if !ours {
                return Ok(Vote::NotSampled);
            }
        }
        Ok(Vote::NotSampled)
    }

    fn conditions(
        &mut self,
        mode: OttlErrorMode,
        span: &'s [String],
        event: &'s [String],
        trace: &TraceView<'_>,
    ) -> Result<bool, Failure> {
        let index_counts = self.is_ours();
        for record in trace.spans {
            let &SpanRecord {
                resource,
                scope,
                span: view,
                ..
            } = record;
            for text in span {
                let subject = SpanSubject {
                    resource,
                    scope,
                    span: view,
                };
                match self.condition(text, Scene::Span).evaluate(&subject) {
                    Ok(true) => return Ok(true),
                    Err(_) if mode == OttlErrorMode::Propagate => return Err(Failure),
                    _ => {}
                }
            }
            for (index, happening) in view.events().enumerate() {
                for text in event {
                    let index = index_counts.then_some(index);
                    let subject = SpanEventSubject {
                        resource,
                        scope,
                        span: view,
                        event: happening,
                        index,
                    };
                    match self.condition(text, Scene::SpanEvent).evaluate(&subject) {
                        Ok(true) => return Ok(true),
                        Err(_) if mode == OttlErrorMode::Propagate => return Err(Failure),
                        _ => {}
                    }
                }
            }
        }
        Ok(false)
    }

    fn condition(&mut self, text: &'s str, scene: Scene) -> &Condition {
        let compile =
            || Condition::compile(text, &scene, &Options::default()).expect("a condition");
        self.conditions
            .entry((scene == Scene::Span, text))
            .or_insert_with(compile)
    }

    /// Policies that look at the trace alone.
    fn looks_good(&self, kind: &PolicyKind, trace: &TraceView<'_>) -> bool {
        let ours = self.is_ours();
        match kind {
            PolicyKind::AlwaysSample => true,
            PolicyKind::Latency {
                threshold_ms,
                upper_threshold_ms,
            } => {
                let fits = |length: i64| {
                    length > *threshold_ms
                        && (*upper_threshold_ms == 0 || length <= *upper_threshold_ms)
                };
                if ours {
                    whole_length(trace).is_some_and(fits)
                } else {
                    prefix_lengths(trace).any(fits)
                }
            }
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
                let is_wanted = |text: &[u8]| {
                    values
                        .iter()
                        .filter(|value| !value.is_empty())
                        .any(|value| match enabled_regex_matching {
                            true => GoRegex::new(value).expect("an expression").is_match(text),
                            false => value.as_bytes() == text,
                        })
                };
                let matches = |value: AnyValue<'_>, on_span: bool| match value {
                    AnyValue::String(text) => (!on_span || !text.is_empty()) && is_wanted(text),
                    _ => !ours && !on_span && is_wanted(b""),
                };
                any_attribute(trace, key, matches) != *invert_match
            }
            PolicyKind::StatusCode { status_codes } => trace.spans.iter().any(|record| {
                let name = ["UNSET", "OK", "ERROR"].get(record.span.status().code as usize);
                name.is_some_and(|name| status_codes.iter().any(|wanted| wanted == name))
            }),
            PolicyKind::TraceState { key, values } => trace.spans.iter().any(|record| {
                let Ok(state) = TraceState::parse(record.span.trace_state()) else {
                    return false;
                };
                let found = state.get(key.as_bytes()).unwrap_or_default();
                !found.is_empty()
                    && values
                        .iter()
                        .any(|value| value.as_bytes() == found && key.len() + value.len() < 256)
            }),
            PolicyKind::TraceFlags => trace
                .spans
                .iter()
                .any(|record| record.span.flags() & 1 == 1),
            PolicyKind::SpanCount {
                min_spans,
                max_spans,
            } => {
                let count = trace.spans.len() as i64;
                count >= i64::from(*min_spans)
                    && (*max_spans == 0 || count <= i64::from(*max_spans))
            }
            PolicyKind::Probabilistic {
                hash_salt,
                sampling_percentage,
            } => {
                // Exact for percentages whose share is a multiple of 1/16.
                let sixteenths = (sampling_percentage / 100.0 * 16.0) as u64;
                hash(hash_salt, &trace.id.0) >> 60 < sixteenths
            }
            _ => false,
        }
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

fn share(total: i64, subs: usize, name: &str, allocation: &[RateAllocation]) -> i64 {
    let mut percent = 0;
    for share in allocation.iter().filter(|share| share.policy == name) {
        percent = share.percent;
    }
    if percent > 0 {
        return (percent as f64 / 100.0 * total as f64) as i64;
    }
    (total as f64 / subs as f64) as i64
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
