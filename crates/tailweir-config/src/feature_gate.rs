//! The feature gates of the Collector: those that mean something here, and those that are known to mean nothing.

mod idle;

use crate::report::{Cause, Report};
use crate::sources::{Sources, nowhere};
use idle::{IDLE, Stage};

/// The feature gate by which the Collector writes the name of the deciding policy.
pub(crate) const RECORD_POLICY: &str = "processor.tailsamplingprocessor.recordpolicy";

/// The feature gate by which the Collector follows the randomness that spans carry.
pub(crate) const USE_TRACE_STATE: &str = "processor.tailsamplingprocessor.usetracestate";

/// The feature gate by which OTTL has converters that take lambdas.
pub(crate) const ENABLE_LAMBDA: &str = "ottl.functions.enableLambda";

/// Gates that mean something here, and what.
const MEANINGFUL: [(&str, &str); 3] = [
    (
        ENABLE_LAMBDA,
        "conditions and statements may use `Any`, `All`, `Filter`, `Find`, `MapEach`, `MapKeys`, `Reduce` and `When`",
    ),
    (
        RECORD_POLICY,
        "`record_policy` of `tail_sampling` is true where it is not written",
    ),
    (
        USE_TRACE_STATE,
        "`consistent_probability` of `tail_sampling` is true where it is not written",
    ),
];

/// A feature gate of the Collector that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureGate {
    /// Its id.
    pub id: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether the command line has switched it on.
    pub is_on: bool,
}

impl Sources {
    /// Each feature gate that means something here, and how it stands.
    pub fn known_gates(&self) -> impl Iterator<Item = FeatureGate> {
        MEANINGFUL.into_iter().map(|(id, meaning)| FeatureGate {
            id,
            meaning,
            is_on: self.has_gate(id),
        })
    }

    /// Refuses gates that nobody knows, and those that the Collector does not let be switched so; warns of those that do
    /// nothing here.
    pub(crate) fn check_gates(&self, report: &mut Report) {
        let place = || nowhere("--feature-gates");
        for (gate, is_on) in self.gates() {
            if MEANINGFUL.iter().any(|(id, _)| *id == gate) {
                continue;
            }
            let Some((_, stage)) = IDLE.iter().find(|(id, _)| *id == gate) else {
                let meaningful = MEANINGFUL.iter().map(|(id, _)| *id);
                let known: Vec<_> = meaningful.chain(IDLE.iter().map(|(id, _)| *id)).collect();
                let cause = Cause::UnknownKey;
                report.unknown_name(place(), cause, "feature gate", gate, &known);
                continue;
            };
            let refusal = match (stage, is_on) {
                (Stage::Stable, false) => Some("stable and cannot be switched off"),
                (Stage::Deprecated, true) => Some("deprecated and cannot be switched on"),
                _ => None,
            };
            match refusal {
                Some(refusal) => {
                    let text = format!("the feature gate `{gate}` is {refusal}");
                    report.error_at(place(), Cause::NotAllowed, text, "remove it");
                }
                None => {
                    let text =
                        format!("the feature gate `{gate}` of the Collector has no effect here");
                    report.warn_at(place(), Cause::NoEffect, text, "");
                }
            }
        }
    }
}
