//! The policies of a run: their text for the processes, and the share for the oracle.

use super::event::TraceKey;
use anyhow::{Result, anyhow};
use std::fmt;
use tailweir_config::{Location, Policy, PolicyKind, TailSampling};
use tailweir_core::{Moment, TraceId};
use tailweir_otlp::{TraceSummary, TraceView};
use tailweir_policy::{PolicySet, PolicyState};

/// The attribute that keeps a trace.
pub(super) const KEEP_KEY: &str = "chaos.keep";
/// Its value.
pub(super) const KEEP_VALUE: &str = "yes";

/// The policies as the configuration has them: errors, an attribute, a share of the rest.
pub(super) fn text(percent: f64) -> String {
    format!(
        "    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
      - {{name: wanted, type: string_attribute, string_attribute: {{key: {KEEP_KEY}, values: [\"{KEEP_VALUE}\"]}}}}
      - {{name: share, type: probabilistic, probabilistic: {{sampling_percentage: {percent}}}}}"
    )
}

/// The share of traces that is kept by chance, decided by the product's own policies, one trace at a time.
pub(super) struct Share {
    set: PolicySet,
}

impl fmt::Debug for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Share")
    }
}

impl Share {
    pub(super) fn of(percent: f64) -> Result<Self> {
        let share = Policy {
            name: "share".into(),
            at: Location {
                source: "chaos".into(),
                line: 1,
                column: 1,
            },
            kind: PolicyKind::Probabilistic {
                sampling_percentage: percent,
                hash_salt: String::new(),
            },
        };
        let settings = TailSampling {
            policies: vec![share],
            ..TailSampling::default()
        };
        let set = PolicySet::compile(&settings)
            .map_err(|errors| anyhow!("the share does not compile: {errors:?}"))?;
        Ok(Self { set })
    }

    pub(super) fn includes(&self, key: TraceKey) -> bool {
        let mut state = PolicyState::new(&self.set);
        let trace = TraceView {
            id: TraceId(key.0.to_be_bytes()),
            summary: TraceSummary {
                spans: 1,
                ..TraceSummary::default()
            },
            spans: &[],
        };
        let decision = self.set.decide(&mut state, Moment::ZERO, &trace);
        decision.verdict.is_sampled()
    }
}
