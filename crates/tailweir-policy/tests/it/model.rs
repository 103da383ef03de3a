//! A second implementation of the policies, written to be read: each policy asks each span for itself,
//! nothing is shared, skipped, reordered or remembered.

mod single;

use std::collections::HashMap;
use tailweir_config::{Compat, OttlErrorMode, Policy, PolicyKind, RateAllocation, TailSampling};
use tailweir_core::Moment;
use tailweir_otlp::{SpanRecord, TraceView, collector_size};
use tailweir_ottl::Options;
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
            kind => single::samples(kind, trace, self.is_ours()),
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
