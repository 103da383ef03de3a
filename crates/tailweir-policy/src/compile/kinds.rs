//! What each policy type means, needs and may stand in.

use super::Compiler;
use crate::conditions::Conditions;
use crate::error::CompileErrorCause;
use crate::latency::LatencyTest;
use crate::matcher::ValueTest;
use crate::plan::Leaf;
use crate::token_bucket::BucketSettings;
use crate::trace_state::MemberTest;
use tailweir_config::{Policy, PolicyKind};
use tailweir_otlp::StatusCode;

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    List,
    And,
    Not,
    Drop,
    Composite,
}

impl Place {
    /// The Collector takes no deeper nesting, and so does Tailweir: what it accepts, both accept.
    pub(super) fn admits(self, kind: &PolicyKind) -> Result<(), CompileErrorCause> {
        let (outer, allowed, admitted) = match (self, kind) {
            (Self::List, _) => return Ok(()),
            (Self::And, PolicyKind::Not(_)) => return Ok(()),
            (Self::Drop, PolicyKind::Not(_)) => return Ok(()),
            (Self::Composite, PolicyKind::And(_)) => return Ok(()),
            (Self::And, _) => ("and", "single policies and not", is_single(kind)),
            (Self::Drop, _) => ("drop", "single policies and not", is_single(kind)),
            (Self::Not, _) => ("not", "single policies", is_single(kind)),
            (Self::Composite, _) => ("composite", "single policies and and", is_single(kind)),
        };
        let inner = type_name(kind);
        match admitted {
            true => Ok(()),
            false => Err(CompileErrorCause::Nesting {
                inner,
                outer,
                allowed,
            }),
        }
    }
}

fn is_single(kind: &PolicyKind) -> bool {
    !matches!(
        kind,
        PolicyKind::And(_)
            | PolicyKind::Not(_)
            | PolicyKind::Drop(_)
            | PolicyKind::Composite { .. }
    )
}

/// How many policies there are, sub-policies included.
pub(super) fn size(policy: &Policy) -> usize {
    1 + match &policy.kind {
        PolicyKind::And(subs) | PolicyKind::Drop(subs) => subs.iter().map(size).sum(),
        PolicyKind::Not(sub) => size(sub),
        PolicyKind::Composite { sub_policies, .. } => sub_policies.iter().map(size).sum(),
        _ => 0,
    }
}

/// Why a policy cannot judge single fragments, if it cannot.
pub(super) fn state(kind: &PolicyKind) -> Option<&'static str> {
    match kind {
        PolicyKind::RateLimiting { .. } => Some("rate_limiting counts whole traces"),
        PolicyKind::BytesLimiting { .. } => Some("bytes_limiting counts whole traces"),
        PolicyKind::Latency {
            upper_threshold_ms, ..
        } if *upper_threshold_ms > 0 => Some("upper_threshold_ms is a bound on whole traces"),
        PolicyKind::SpanCount { max_spans, .. } if *max_spans > 0 => {
            Some("max_spans is a bound on whole traces")
        }
        _ => None,
    }
}

fn type_name(kind: &PolicyKind) -> &'static str {
    match kind {
        PolicyKind::And(_) => "and",
        PolicyKind::Not(_) => "not",
        PolicyKind::Drop(_) => "drop",
        PolicyKind::Composite { .. } => "composite",
        _ => "a single policy",
    }
}

impl Compiler<'_> {
    /// The question that a single policy asks.
    pub(super) fn question(
        &mut self,
        kind: &PolicyKind,
        path: &str,
    ) -> Result<Leaf, Vec<CompileErrorCause>> {
        let rules = self.rules;
        Ok(match kind {
            PolicyKind::AlwaysSample => Leaf::Always,
            PolicyKind::Latency {
                threshold_ms,
                upper_threshold_ms,
            } => self.latency(*threshold_ms, *upper_threshold_ms),
            PolicyKind::NumericAttribute {
                key,
                min_value,
                max_value,
                invert_match,
            } => {
                let test = ValueTest::number(*min_value, *max_value, rules).map_err(one)?;
                self.attribute(key, test, *invert_match)
            }
            PolicyKind::StringAttribute {
                key,
                values,
                enabled_regex_matching,
                invert_match,
                ..
            } => {
                let test = ValueTest::text(values, *enabled_regex_matching, rules)?;
                self.attribute(key, test, *invert_match)
            }
            PolicyKind::BooleanAttribute {
                key,
                value,
                invert_match,
            } => self.attribute(key, ValueTest::boolean(*value, rules), *invert_match),
            PolicyKind::StatusCode { status_codes } => Leaf::Status(status_bits(status_codes)?),
            PolicyKind::TraceState { key, values } => {
                Leaf::TraceState(MemberTest::new(key, values))
            }
            PolicyKind::TraceFlags => Leaf::SampledFlag,
            PolicyKind::SpanCount {
                min_spans,
                max_spans,
            } => span_count(*min_spans, *max_spans),
            PolicyKind::Probabilistic {
                hash_salt,
                sampling_percentage,
            } => self.draw(hash_salt, *sampling_percentage).map_err(one)?,
            PolicyKind::RateLimiting {
                spans_per_second: rate,
                burst_capacity,
            } => Leaf::SpanBucket(self.bucket(path, *rate, *burst_capacity)),
            PolicyKind::BytesLimiting {
                bytes_per_second: rate,
                burst_capacity,
            } => Leaf::ByteBucket(self.bucket(path, *rate, *burst_capacity)),
            PolicyKind::OttlCondition {
                error_mode,
                span,
                spanevent,
            } => {
                let lambdas = self.lambdas;
                let conditions = Conditions::compile(*error_mode, span, spanevent, rules, lambdas)?;
                Leaf::Conditions(conditions)
            }
            compound => unreachable!("{} is a node of the tree", type_name(compound)),
        })
    }

    fn latency(&self, threshold_ms: i64, upper_threshold_ms: i64) -> Leaf {
        let test = LatencyTest::new(threshold_ms, upper_threshold_ms);
        match self.rules.whole_trace_latency {
            true => Leaf::Latency(test),
            false => Leaf::PrefixLatency(test),
        }
    }

    fn draw(&mut self, salt: &str, percentage: f64) -> Result<Leaf, CompileErrorCause> {
        if percentage.is_nan() {
            return Err(CompileErrorCause::NotANumber);
        }
        Ok(Leaf::Draw(self.plan.draws.add(salt, percentage)))
    }

    fn bucket(&mut self, path: &str, rate: i64, burst: i64) -> usize {
        self.plan
            .buckets
            .push((path.into(), BucketSettings::new(rate, burst)));
        self.plan.buckets.len() - 1
    }
}

fn span_count(min_spans: i32, max_spans: i32) -> Leaf {
    Leaf::SpanCount {
        least: i64::from(min_spans),
        most: Some(i64::from(max_spans)).filter(|&most| most != 0),
    }
}

fn one(cause: CompileErrorCause) -> Vec<CompileErrorCause> {
    vec![cause]
}

/// One bit for each status code.
fn status_bits(codes: &[String]) -> Result<u8, Vec<CompileErrorCause>> {
    if codes.is_empty() {
        return Err(one(CompileErrorCause::NoStatusCode));
    }
    let (mut bits, mut errors) = (0, Vec::new());
    for code in codes {
        bits |= match code.as_str() {
            "OK" => StatusCode::Ok.bit(),
            "ERROR" => StatusCode::Error.bit(),
            "UNSET" => StatusCode::Unset.bit(),
            _ => {
                errors.push(CompileErrorCause::UnknownStatusCode { code: code.clone() });
                0
            }
        };
    }
    match errors.is_empty() {
        true => Ok(bits),
        false => Err(errors),
    }
}
