//! The engine in process: a window that is full, one request in and its share of decisions out.

use crate::workload::{REQUESTS, SPANS, SPANS_PER_TRACE, TRACES, Template};
use anyhow::{Context, Result, anyhow};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{Location, Policy, PolicyKind, TailSampling};
use tailweir_core::{ByteSize, Moment};
use tailweir_otlp::{Assembler, Part, Scan, ScanLimits};
use tailweir_policy::PolicySet;
use tailweir_sampler::{
    AbandonedTrace, DecidedTrace, DiscardedTrace, Engine, EngineSettings, Sink,
};

/// An engine under a steady load on a virtual clock.
pub(crate) struct Window {
    engine: Engine,
    rounds: Arc<Vec<[Template; REQUESTS]>>,
    scan: Scan,
    selected: Vec<u32>,
    sent: u64,
    /// Time between two requests, so that the wanted number of spans is held.
    spacing: Duration,
    kept: Kept,
}

/// Puts kept traces into a request body, as the gateway does.
#[derive(Default)]
struct Kept {
    assembler: Assembler,
    body: Vec<u8>,
    spans: u64,
}

impl Sink for Kept {
    fn kept(&mut self, trace: &DecidedTrace<'_>) {
        self.spans += trace.spans.len() as u64;
        self.body.clear();
        let parts = trace.spans.iter().map(|record| Part {
            resource: record.resource,
            scope: record.scope,
            item: record.span.0,
        });
        self.assembler.assemble(parts, &mut self.body);
    }

    fn discarded(&mut self, _: &DiscardedTrace<'_>) {}

    fn abandoned(&mut self, _: &AbandonedTrace) {}
}

impl Window {
    /// A window of ten seconds that will hold this many spans.
    pub(crate) fn new(
        rounds: &Arc<Vec<[Template; REQUESTS]>>,
        policies: &[PolicyKind],
        held: u64,
    ) -> Result<Self> {
        let wait = Duration::from_secs(10);
        let settings = EngineSettings {
            decision_wait: wait,
            traces_max: usize::MAX,
            traces_expected: held as usize / SPANS_PER_TRACE,
            memory_budget: ByteSize::mib(16 << 10),
            ..EngineSettings::default()
        };
        let requests = (held / SPANS as u64).max(1);
        Ok(Self {
            engine: Engine::new(settings, Arc::new(compile(policies)?), 7),
            rounds: Arc::clone(rounds),
            scan: Scan::new(),
            selected: Vec::new(),
            sent: 0,
            spacing: wait / u32::try_from(requests)?,
            kept: Kept::default(),
        })
    }

    /// Appends one request and decides what is due.
    pub(crate) fn step(&mut self) -> Result<()> {
        let (round, request) = (self.sent / REQUESTS as u64, self.sent % REQUESTS as u64);
        let template = &self.rounds[round as usize % self.rounds.len()][request as usize];
        let body = template.with_ids(&ids(round));
        Scan::traces(&body, &ScanLimits::default(), &mut self.scan)?;
        self.selected.clear();
        self.selected.extend(0..self.scan.spans.len() as u32);
        let now = Moment::ZERO + self.spacing.saturating_mul(u32::try_from(self.sent)?);
        self.engine
            .append(now, &body, &self.scan, &self.selected, &mut self.kept)?;
        self.engine.advance(now, &mut self.kept);
        self.sent += 1;
        Ok(())
    }

    /// Steps until as many spans are held as ever will be.
    pub(crate) fn fill(&mut self, held: u64) -> Result<()> {
        (0..held / SPANS as u64 + 8).try_for_each(|_| self.step())
    }

    /// Decides everything that is held; returns how many spans were kept so far.
    pub(crate) fn empty(&mut self) -> u64 {
        while let Some(deadline) = self.engine.next_deadline() {
            self.engine.advance(deadline, &mut self.kept);
        }
        self.kept.spans
    }
}

/// The ids of the traces of a round.
pub(crate) fn ids(round: u64) -> [[u8; 16]; TRACES] {
    std::array::from_fn(|trace| {
        let number = round * TRACES as u64 + trace as u64 + 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        id[8..].copy_from_slice(&number.wrapping_mul(0xd1b5_4a32_d192_ed03).to_be_bytes());
        id
    })
}

/// The policies of the gateway's benchmark.
pub(crate) fn five_policies() -> Vec<PolicyKind> {
    [
        "status_code",
        "latency",
        "string_attribute",
        "numeric_attribute",
        "probabilistic",
    ]
    .into_iter()
    .filter_map(policy)
    .collect()
}

/// A policy of this type that keeps about one trace in a hundred of the workload.
pub(crate) fn policy(kind: &str) -> Option<PolicyKind> {
    Some(match kind {
        "always_sample" => PolicyKind::AlwaysSample,
        "latency" => PolicyKind::Latency {
            threshold_ms: 5000,
            upper_threshold_ms: 0,
        },
        "numeric_attribute" => PolicyKind::NumericAttribute {
            key: "http.response.status_code".into(),
            min_value: Some(500),
            max_value: Some(599),
            invert_match: false,
        },
        "string_attribute" => string_policy("gold", false),
        "string_attribute_regex" => string_policy("^go.d$", true),
        "boolean_attribute" => PolicyKind::BooleanAttribute {
            key: "customer.suspended".into(),
            value: true,
            invert_match: false,
        },
        "status_code" => PolicyKind::StatusCode {
            status_codes: vec!["ERROR".into()],
        },
        "trace_state" => PolicyKind::TraceState {
            key: "vendor".into(),
            values: vec!["keep".into()],
        },
        "trace_flags" => PolicyKind::TraceFlags,
        "span_count" => PolicyKind::SpanCount {
            min_spans: 17,
            max_spans: 0,
        },
        "probabilistic" => PolicyKind::Probabilistic {
            hash_salt: String::new(),
            sampling_percentage: 6.25,
        },
        "rate_limiting" => PolicyKind::RateLimiting {
            spans_per_second: 1000,
            burst_capacity: 0,
        },
        "bytes_limiting" => PolicyKind::BytesLimiting {
            bytes_per_second: 1_000_000,
            burst_capacity: 0,
        },
        "ottl_condition" => PolicyKind::OttlCondition {
            error_mode: tailweir_config::OttlErrorMode::Silent,
            span: vec![r#"attributes["customer.tier"] == "gold""#.into()],
            spanevent: Vec::new(),
        },
        _ => return None,
    })
}

fn string_policy(value: &str, enabled_regex_matching: bool) -> PolicyKind {
    PolicyKind::StringAttribute {
        key: "customer.tier".into(),
        values: vec![value.into()],
        enabled_regex_matching,
        cache_max_size: 0,
        invert_match: false,
    }
}

pub(crate) fn compile(kinds: &[PolicyKind]) -> Result<PolicySet> {
    let at = Location {
        source: "benchmark".into(),
        line: 0,
        column: 0,
    };
    let named = |(number, kind): (usize, &PolicyKind)| Policy {
        name: format!("policy-{number}"),
        at: at.clone(),
        kind: kind.clone(),
    };
    let policies = kinds.iter().enumerate().map(named).collect();
    let settings = TailSampling {
        policies,
        ..TailSampling::default()
    };
    PolicySet::compile(&settings)
        .map_err(|errors| anyhow!("{errors:?}"))
        .context("the benchmark's policies do not compile")
}
