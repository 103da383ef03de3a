//! What was said about a part, as a gateway has it and as the wire has it.

use std::time::Duration;
use tailweir_gateway::{Bound, Brought, Refusal, Roll, RollNumber};
use tailweir_wire::Said;

/// When a gateway may come again where nothing else is known.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What this member says to another one's gateway.
pub(crate) fn said(brought: Brought) -> Said {
    let refusal = match brought {
        Brought::Answered(answer) => return Said::Answered(answer),
        Brought::Told(fates) => return Said::Told(fates),
        Brought::Roll(roll) => return Said::Roll(roll.map(written)),
        Brought::Refused(refusal) => refusal,
    };
    match refusal {
        Refusal::Full { retry_after, .. } => Said::Full { retry_after },
        Refusal::TooLarge { limit, .. } => Said::TooLarge { limit },
        Refusal::Stopping => Said::Stopping,
        Refusal::HandOver { .. } | Refusal::NotWanted { .. } => Said::UnknownSampler,
        Refusal::Malformed { .. } => Said::Malformed,
        // What is left is about receivers and processors, behind which no part comes.
        _ => Said::Full {
            retry_after: RETRY_AFTER,
        },
    }
}

/// What another member said to this gateway.
pub(crate) fn brought(said: Said, sampler: &str) -> Brought {
    Brought::Refused(match said {
        Said::Answered(answer) => return Brought::Answered(answer),
        Said::Told(fates) => return Brought::Told(fates),
        Said::Roll(roll) => return Brought::Roll(roll.map(read)),
        Said::Full { retry_after } => Refusal::Full {
            bound: Bound::Member,
            retry_after: retry_after.max(RETRY_AFTER),
        },
        Said::TooLarge { limit } => Refusal::TooLarge {
            limit,
            option: "memory_budget",
        },
        Said::UnknownSampler => not_taken(format!(
            "the member that owns its slots has no sampler called {sampler}"
        )),
        Said::Malformed => {
            not_taken("the member that owns its slots could not read its part".to_owned())
        }
        Said::Stopping => not_taken("the member that owns its slots is stopping".to_owned()),
    })
}

fn written(roll: Roll) -> tailweir_wire::Roll {
    tailweir_wire::Roll {
        roster: roll.number.roster,
        count: roll.number.count,
        sharers: roll.sharers.into_iter().collect(),
        is_settled: roll.is_settled,
    }
}

fn read(roll: tailweir_wire::Roll) -> Roll {
    Roll {
        number: RollNumber {
            roster: roll.roster,
            count: roll.count,
        },
        sharers: roll.sharers.into_iter().collect(),
        is_settled: roll.is_settled,
    }
}

/// The part finds no room on the way to its member.
pub(crate) fn crowded() -> Brought {
    Brought::Refused(Refusal::Full {
        bound: Bound::InFlight,
        retry_after: RETRY_AFTER,
    })
}

/// The part is larger than members take. To come again would not help.
pub(crate) fn too_large(bytes: usize, limit: usize) -> Brought {
    Brought::Refused(Refusal::Impossible {
        detail: format!(
            "its part for one member of the cluster has {bytes} bytes, and members take {limit}; send smaller batches"
        ),
    })
}

fn not_taken(detail: String) -> Refusal {
    Refusal::HandOver {
        detail,
        retry_after: RETRY_AFTER,
    }
}
