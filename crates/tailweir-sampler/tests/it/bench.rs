//! An engine, a clock that the test turns, and a sink that remembers everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{Location, Policy, PolicyKind, SamplingStrategy, TailSampling};
use tailweir_core::{Moment, SpanId, TraceId, Verdict};
use tailweir_otlp::{Scan, ScanLimits, SpanView};
use tailweir_policy::{CarriedWeight, Decision, PolicySet};
use tailweir_sampler::{
    AbandonReason, AbandonedTrace, Appended, DecidedTrace, DiscardedTrace, EarlyReason, Engine,
    EngineSettings, Refusal, Sink,
};

/// One call of the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) at: u64,
    pub(crate) id: TraceId,
    pub(crate) what: What,
    pub(crate) late: bool,
    pub(crate) early: Option<EarlyReason>,
    /// Ids of the spans, in the order in which they were handed on.
    pub(crate) spans: Vec<SpanId>,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// Name of the policy that decided.
    pub(crate) policy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Kept,
    NotSampled,
    Dropped,
    Abandoned(AbandonReason),
}

/// A span as it came out: resource, scope, span.
pub(crate) type Content = (Vec<u8>, Vec<u8>, Vec<u8>);

#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) now: u64,
    pub(crate) outcomes: Vec<Outcome>,
    /// Everything that was kept, span by span.
    pub(crate) kept: Vec<(TraceId, Content)>,
    /// Fragment numbers of the spans of each kept trace.
    pub(crate) fragments: BTreeMap<TraceId, Vec<u32>>,
    /// Panic when this trace is handed on.
    pub(crate) panic_on: Option<TraceId>,
    /// Verdicts that were put to it, where they hold only once it is told so.
    pub(crate) put: Option<Vec<Verdict>>,
}

impl Sink for Recorder {
    fn settles(&mut self, _trace: TraceId, decision: &Decision) -> bool {
        let put = self.put.as_mut();
        put.map(|put| put.push(decision.verdict)).is_none()
    }

    fn kept(&mut self, trace: &DecidedTrace<'_>) {
        assert_ne!(
            self.panic_on.take_if(|id| *id == trace.id),
            Some(trace.id),
            "as told"
        );
        let ids = trace
            .spans
            .iter()
            .map(|record| record.span.span_id())
            .collect();
        for record in trace.spans {
            let content = (
                record.resource.0.into(),
                record.scope.0.into(),
                record.span.0.into(),
            );
            self.kept.push((trace.id, content));
        }
        let fragments = trace.spans.iter().map(|record| record.fragment).collect();
        self.fragments.insert(trace.id, fragments);
        let policy = trace
            .decision
            .verdict
            .policy()
            .map(|at| trace.policies.name(at));
        self.outcomes.push(Outcome {
            at: self.now,
            id: trace.id,
            what: What::Kept,
            late: trace.late,
            early: trace.early,
            spans: ids,
            count: u64::from(trace.summary.spans),
            bytes: trace.summary.bytes,
            policy: policy.unwrap_or_default().to_owned(),
        });
    }

    fn discarded(&mut self, trace: &DiscardedTrace<'_>) {
        let policy = trace.decision.verdict.policy();
        self.outcomes.push(Outcome {
            at: self.now,
            id: trace.id,
            what: if policy.is_some() {
                What::Dropped
            } else {
                What::NotSampled
            },
            late: trace.late,
            early: trace.early,
            spans: Vec::new(),
            count: trace.spans,
            bytes: trace.bytes,
            policy: policy
                .map(|at| trace.policies.name(at))
                .unwrap_or_default()
                .to_owned(),
        });
    }

    fn abandoned(&mut self, trace: &AbandonedTrace) {
        self.outcomes.push(Outcome {
            at: self.now,
            id: trace.id,
            what: What::Abandoned(trace.reason),
            late: false,
            early: None,
            spans: Vec::new(),
            count: trace.spans,
            bytes: trace.bytes,
            policy: String::new(),
        });
    }
}

/// The engine under test.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) sink: Recorder,
    scan: Scan,
}

impl Bench {
    pub(crate) fn new(settings: EngineSettings, policies: Vec<Policy>) -> Self {
        Self::with(settings, compile(policies))
    }

    pub(crate) fn with(settings: EngineSettings, policies: Arc<PolicySet>) -> Self {
        Self {
            engine: Engine::new(settings, policies, 0x7a11),
            sink: Recorder::default(),
            scan: Scan::new(),
        }
    }

    /// Appends a whole request at this millisecond, without letting deadlines pass first.
    pub(crate) fn append(&mut self, at: u64, request: &[u8]) -> Result<Appended, Refusal> {
        self.sink.now = at;
        Scan::traces(request, &ScanLimits::default(), &mut self.scan).expect("a sound request");
        let all: Vec<_> = (0..self.scan.spans.len() as u32).collect();
        let now = Moment::from_millis(at);
        let result = self
            .engine
            .append(now, request, &self.scan, &all, &mut self.sink);
        self.check();
        result
    }

    /// Follows a decision of another engine, at the beginning.
    pub(crate) fn follow(&mut self, id: TraceId, verdict: Verdict) {
        self.engine
            .follow(Moment::ZERO, id, made(verdict), &mut self.sink);
    }

    /// The same ahead of a request with spans of this trace.
    pub(crate) fn agree(&mut self, id: TraceId, verdict: Verdict) {
        self.engine
            .agree(Moment::ZERO, id, made(verdict), &mut self.sink);
    }

    /// Takes over a fragment of another engine at this millisecond, due at once.
    pub(crate) fn adopt(&mut self, at: u64, fragment: &[u8]) {
        self.sink.now = at;
        Scan::traces(fragment, &ScanLimits::default(), &mut self.scan).expect("a sound fragment");
        let now = Moment::from_millis(at);
        self.engine
            .adopt(now, fragment, &self.scan, Duration::ZERO, &mut self.sink);
        self.check();
    }

    /// Lets the clock run to this millisecond, deciding what is due on the way.
    pub(crate) fn run_to(&mut self, at: u64) {
        while let Some(deadline) = self.engine.next_deadline()
            && deadline <= Moment::from_millis(at)
        {
            self.sink.now = deadline.millis();
            self.engine.advance(deadline, &mut self.sink);
            self.check();
        }
        self.advance(at);
    }

    /// One call of `advance` at this millisecond.
    pub(crate) fn advance(&mut self, at: u64) {
        self.sink.now = at;
        self.engine.advance(Moment::from_millis(at), &mut self.sink);
        self.check();
    }

    pub(crate) fn drain(&mut self, at: u64) {
        self.sink.now = at;
        self.engine.drain(Moment::from_millis(at), &mut self.sink);
        self.check();
        assert_eq!(self.engine.counters().held.spans, 0);
    }

    pub(crate) fn check(&self) {
        self.engine.counters().check().expect("conservation");
    }

    /// What came of this trace, in order.
    pub(crate) fn of(&self, id: TraceId) -> Vec<&Outcome> {
        self.sink
            .outcomes
            .iter()
            .filter(|outcome| outcome.id == id)
            .collect()
    }

    /// Ids of the spans of this trace that were kept, in order.
    pub(crate) fn kept(&self, id: TraceId) -> Vec<SpanId> {
        let of_trace = self.sink.kept.iter().filter(|(kept, _)| *kept == id);
        of_trace
            .map(|(_, content)| SpanView(&content.2).span_id())
            .collect()
    }
}

/// A decision of another engine.
fn made(verdict: Verdict) -> Decision {
    Decision {
        verdict,
        sub_policy: None,
        carried: CarriedWeight::Independent,
        evaluation_errors: 0,
    }
}

pub(crate) fn settings() -> EngineSettings {
    EngineSettings {
        decision_wait: Duration::from_secs(10),
        ..EngineSettings::default()
    }
}

pub(crate) fn policy(name: &str, kind: PolicyKind) -> Policy {
    Policy {
        name: name.into(),
        at: Location {
            source: "test.yaml".into(),
            line: 1,
            column: 1,
        },
        kind,
    }
}

/// Keeps traces with an error.
pub(crate) fn errors() -> Policy {
    policy(
        "errors",
        PolicyKind::StatusCode {
            status_codes: vec!["ERROR".into()],
        },
    )
}

pub(crate) fn everything() -> Policy {
    policy("everything", PolicyKind::AlwaysSample)
}

pub(crate) fn compile(policies: Vec<Policy>) -> Arc<PolicySet> {
    compile_with(SamplingStrategy::TraceComplete, policies)
}

/// Policies that look at each fragment as it arrives.
pub(crate) fn compile_looking(policies: Vec<Policy>) -> Arc<PolicySet> {
    compile_with(SamplingStrategy::SpanIngest, policies)
}

fn compile_with(sampling_strategy: SamplingStrategy, policies: Vec<Policy>) -> Arc<PolicySet> {
    let settings = TailSampling {
        policies,
        sampling_strategy,
        ..TailSampling::default()
    };
    Arc::new(PolicySet::compile(&settings).expect("sound policies"))
}
