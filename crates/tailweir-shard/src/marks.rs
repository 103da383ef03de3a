//! What is written into kept spans: the sampling threshold, and where wanted the policy's name.

use std::ops::Range;
use tailweir_core::{Threshold, Verdict};
use tailweir_otlp::{
    EncodedValue, Part, ScopeFields, SpanView, TraceState, write_span_with_trace_state,
};
use tailweir_sampler::DecidedTrace;

/// Marks of one trace at a time; memory is used again.
#[derive(Debug)]
pub struct Marks {
    write_threshold: bool,
    record_policy: bool,
    /// Changed spans, one after the other.
    bytes: Vec<u8>,
    /// Per span: where its changed form is; nothing when it goes as it came.
    spans: Vec<Option<Range<usize>>>,
    /// Changed scopes, and per span the number of its own.
    scopes: Vec<Vec<u8>>,
    scope_of: Vec<usize>,
    trace_state: Vec<u8>,
    unwritten: u64,
}

impl Marks {
    /// Marks that are written, or not.
    pub fn new(write_threshold: bool, record_policy: bool) -> Self {
        Self {
            write_threshold,
            record_policy,
            bytes: Vec::new(),
            spans: Vec::new(),
            scopes: Vec::new(),
            scope_of: Vec::new(),
            trace_state: Vec::new(),
            unwritten: 0,
        }
    }

    /// Changes what is written from here on.
    pub fn set(&mut self, write_threshold: bool, record_policy: bool) {
        self.write_threshold = write_threshold;
        self.record_policy = record_policy;
    }

    /// Spans that should have been given a threshold, but whose tracestate is damaged or full.
    pub fn unwritten(&self) -> u64 {
        self.unwritten
    }

    /// Works out the marks of a trace.
    pub fn prepare(&mut self, trace: &DecidedTrace<'_>) {
        self.bytes.clear();
        self.spans.clear();
        self.scopes.clear();
        self.scope_of.clear();
        if self.write_threshold {
            self.write_thresholds(trace);
        }
        if self.record_policy {
            self.write_policy(trace);
        }
    }

    /// The spans of the trace that was prepared, as they go out.
    pub fn parts<'a>(
        &'a self,
        trace: &'a DecidedTrace<'a>,
    ) -> impl Iterator<Item = Part<'a>> + Clone {
        trace.spans.iter().enumerate().map(|(index, record)| Part {
            resource: record.resource,
            scope: match self.scope_of.get(index) {
                Some(&scope) => ScopeFields(&self.scopes[scope]),
                None => record.scope,
            },
            item: match self.spans.get(index) {
                Some(Some(range)) => &self.bytes[range.clone()],
                _ => record.span.0,
            },
        })
    }

    fn write_thresholds(&mut self, trace: &DecidedTrace<'_>) {
        let own = match trace.decision.verdict {
            Verdict::Sampled { threshold, .. } => threshold,
            Verdict::NotSampled | Verdict::Dropped { .. } => None,
        };
        if own.is_none() && !trace.summary.has_trace_state {
            return;
        }
        for record in trace.spans {
            let changed = self.write_threshold(record.span, own, trace);
            self.spans.push(changed);
        }
    }

    /// A span keeps its bytes when its threshold is right as it is.
    fn write_threshold(
        &mut self,
        span: SpanView<'_>,
        own: Option<Threshold>,
        trace: &DecidedTrace<'_>,
    ) -> Option<Range<usize>> {
        let Ok(state) = TraceState::parse(span.trace_state()) else {
            self.unwritten += 1;
            return None;
        };
        let carried = state.threshold();
        let wanted = trace.decision.carried.combine(carried, own);
        if wanted == carried {
            return None;
        }
        self.trace_state.clear();
        match wanted {
            Some(threshold) => {
                let written = state.write_with_threshold(threshold, &mut self.trace_state);
                if written.is_err() {
                    self.unwritten += 1;
                    return None;
                }
            }
            None => state.write_without_threshold(&mut self.trace_state),
        }
        let start = self.bytes.len();
        write_span_with_trace_state(span, &self.trace_state, &mut self.bytes);
        Some(start..self.bytes.len())
    }

    /// The Collector's `recordpolicy` puts these into the scope.
    fn write_policy(&mut self, trace: &DecidedTrace<'_>) {
        let Some(policy) = trace.decision.verdict.policy() else {
            return;
        };
        let name = EncodedValue::string(trace.policies.name(policy).as_bytes());
        let sub_policy = trace.decision.sub_policy;
        let sub_policy = sub_policy.map(|sub| trace.policies.sub_policy_name(sub));
        let mut last: Option<&[u8]> = None;
        for record in trace.spans {
            let is_same = last.is_some_and(|last| std::ptr::eq(last, record.scope.0));
            if !is_same {
                last = Some(record.scope.0);
                self.scopes.push(record.scope.with_attributes(|list| {
                    list.put(b"tailsampling.policy", &name);
                    if let Some(sub_policy) = sub_policy {
                        let sub_policy = EncodedValue::string(sub_policy.as_bytes());
                        list.put(b"tailsampling.composite_policy", &sub_policy);
                    }
                    if trace.late {
                        let cached = EncodedValue::bool(true);
                        list.put(b"tailsampling.cached_decision", &cached);
                    }
                }));
            }
            self.scope_of.push(self.scopes.len() - 1);
        }
    }
}
