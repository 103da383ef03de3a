//! Verdicts, and lists of them.

use crate::WireError;
use crate::ids::{bounded, read_trace, write_duration, write_trace};
use std::collections::BTreeMap;
use std::time::Duration;
use tailweir_core::{PolicyIndex, Threshold, TraceId};
use tailweir_policy::{CarriedWeight, SubPolicyIndex};
use tailweir_proto::peer;
use tailweir_shard::{Outcome, Ruled};
use tailweir_tenure::Remaining;

pub(crate) type Verdicts = BTreeMap<TraceId, Remaining<Ruled>>;

pub(crate) fn write_verdict(trace: TraceId, verdict: &Remaining<Ruled>) -> peer::Verdict {
    let ruled = &verdict.value;
    let (ruling, threshold) = match ruled.outcome {
        Outcome::Sampled(threshold) => (peer::Ruling::Sampled, threshold),
        Outcome::NotSampled => (peer::Ruling::NotSampled, None),
        Outcome::Dropped => (peer::Ruling::Dropped, None),
    };
    let carried = match ruled.carried {
        CarriedWeight::Independent => peer::CarriedWeight::Independent,
        CarriedWeight::Consistent => peer::CarriedWeight::Consistent,
    };
    peer::Verdict {
        trace: write_trace(trace),
        remaining: write_duration(verdict.remaining),
        revision: ruled.revision,
        ruling: ruling.into(),
        threshold: threshold.map(Threshold::value),
        policy: Some(ruled.policy.0.into()),
        sub_policy: ruled.sub_policy.map(|policy| policy.0.into()),
        carried: carried.into(),
    }
}

pub(crate) fn read_verdict(
    verdict: &peer::Verdict,
) -> Result<(TraceId, Remaining<Ruled>), WireError> {
    let trace = read_trace("verdict.trace", &verdict.trace)?;
    let outcome = match verdict.ruling() {
        peer::Ruling::Sampled => Outcome::Sampled(verdict.threshold.map(threshold).transpose()?),
        peer::Ruling::NotSampled => Outcome::NotSampled,
        peer::Ruling::Dropped => Outcome::Dropped,
        peer::Ruling::Unspecified => return Err(missing("verdict.ruling")),
    };
    let carried = match verdict.carried() {
        peer::CarriedWeight::Independent => CarriedWeight::Independent,
        peer::CarriedWeight::Consistent => CarriedWeight::Consistent,
        peer::CarriedWeight::Unspecified => return Err(missing("verdict.carried")),
    };
    let policy = verdict.policy.ok_or(missing("verdict.policy"))?;
    let sub_policy = verdict.sub_policy.map(|policy| index("sub_policy", policy));
    let value = Ruled {
        outcome,
        policy: PolicyIndex(index("verdict.policy", policy)?),
        sub_policy: sub_policy.transpose()?.map(SubPolicyIndex),
        carried,
        revision: verdict.revision,
    };
    let remaining = Duration::from_millis(verdict.remaining);
    Ok((trace, Remaining { value, remaining }))
}

fn missing(field: &'static str) -> WireError {
    WireError::Missing { field }
}

fn threshold(value: u64) -> Result<Threshold, WireError> {
    Threshold::new(value).ok_or(WireError::TooLarge {
        field: "verdict.threshold",
        value,
        limit: (1 << 56) - 1,
    })
}

fn index(field: &'static str, value: u32) -> Result<u16, WireError> {
    u16::try_from(value).map_err(|_| WireError::TooLarge {
        field,
        value: value.into(),
        limit: u16::MAX.into(),
    })
}

pub(crate) fn write_verdicts(verdicts: &Verdicts) -> Vec<peer::Verdict> {
    let verdicts = verdicts.iter();
    verdicts
        .map(|(trace, verdict)| write_verdict(*trace, verdict))
        .collect()
}

pub(crate) fn read_verdicts(verdicts: &[peer::Verdict]) -> Result<Verdicts, WireError> {
    bounded("verdicts", verdicts.len())?;
    let mut read = Verdicts::new();
    for verdict in verdicts {
        let (trace, verdict) = read_verdict(verdict)?;
        if read.insert(trace, verdict).is_some() {
            let field = "verdicts";
            return Err(WireError::Twice { field });
        }
    }
    Ok(read)
}
