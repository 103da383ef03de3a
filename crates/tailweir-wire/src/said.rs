//! What is said about a part.

use crate::WireError;
use crate::ids::{bounded, read_trace, write_duration, write_trace};
use peer::refusal::Reason;
use std::time::Duration;
use tailweir_core::{ByteSize, Slot};
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_proto::peer;
use tailweir_shard::{Answer, Fate, Redirect, Refusal};

/// Who shares the targets of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// A number of who calls the roll, which nobody else has.
    pub roster: u64,
    /// Which of theirs it is, from 1 on.
    pub count: u64,
    /// Those who share.
    pub sharers: Vec<u64>,
    /// Whether all of them follow it.
    pub is_settled: bool,
}

/// What became of a part at another member.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Its shards answered.
    Answered(Answer),
    /// What became of the traces of a question, one at least, in its order.
    Told(Vec<Fate>),
    /// The answer to a call to a roll; nothing while the roll is too new to be told.
    Roll(Option<Roll>),
    /// There is no room for it, in front of the shards or in them.
    Full {
        /// When to come again.
        retry_after: Duration,
    },
    /// It is larger than that member ever takes.
    TooLarge {
        /// What it takes at most.
        limit: ByteSize,
    },
    /// That member has no such sampler.
    UnknownSampler,
    /// The spans are not OTLP.
    Malformed,
    /// That member is stopping.
    Stopping,
}

/// What is said about the part of this id, as it is sent.
#[must_use]
pub fn write_said(id: u64, said: Said) -> peer::PartAnswer {
    let refusal = match said {
        Said::Answered(Answer::Taken(redirects)) => {
            return peer::PartAnswer {
                id,
                redirects: redirects.into_iter().map(write_redirect).collect(),
                ..peer::PartAnswer::default()
            };
        }
        Said::Told(fates) => {
            return peer::PartAnswer {
                id,
                fates: fates.into_iter().map(write_fate).collect(),
                ..peer::PartAnswer::default()
            };
        }
        Said::Roll(roll) => {
            let roll = roll.map_or_else(peer::Roll::default, write_roll);
            return peer::PartAnswer {
                id,
                roll: Some(roll),
                ..peer::PartAnswer::default()
            };
        }
        Said::Answered(Answer::Refused(refusal)) => write_refusal(refusal),
        Said::Full { retry_after } => full(retry_after),
        Said::TooLarge { limit } => too_large(limit),
        Said::UnknownSampler => because(Reason::UnknownSampler),
        Said::Malformed => because(Reason::Malformed),
        Said::Stopping => because(Reason::Stopping),
    };
    peer::PartAnswer {
        id,
        refusal: Some(refusal),
        ..peer::PartAnswer::default()
    }
}

fn write_refusal(refusal: Refusal) -> peer::Refusal {
    match refusal {
        Refusal::Full(tailweir_sampler::Refusal::TooLarge { budget, .. }) => too_large(budget),
        Refusal::Full(_) | Refusal::NoRoom => full(Duration::ZERO),
        Refusal::NotOpen => because(Reason::NotOpen),
        Refusal::NoSecondCopy => because(Reason::NoSecondCopy),
        Refusal::Behind(epoch) => peer::Refusal {
            epoch: epoch.0,
            ..because(Reason::Behind)
        },
        Refusal::Unconfirmed => because(Reason::Unconfirmed),
    }
}

fn because(reason: Reason) -> peer::Refusal {
    peer::Refusal {
        reason: reason.into(),
        ..peer::Refusal::default()
    }
}

fn full(retry_after: Duration) -> peer::Refusal {
    peer::Refusal {
        retry_after: u32::try_from(write_duration(retry_after)).unwrap_or(u32::MAX),
        ..because(Reason::Full)
    }
}

fn too_large(limit: ByteSize) -> peer::Refusal {
    peer::Refusal {
        limit: limit.bytes(),
        ..because(Reason::TooLarge)
    }
}

fn write_roll(roll: Roll) -> peer::Roll {
    peer::Roll {
        roster: roll.roster,
        count: roll.count,
        sharers: roll.sharers,
        settled: roll.is_settled,
    }
}

fn read_roll(roll: &peer::Roll) -> Result<Option<Roll>, WireError> {
    bounded("answer.roll.sharers", roll.sharers.len())?;
    Ok((roll.count > 0).then(|| Roll {
        roster: roll.roster,
        count: roll.count,
        sharers: roll.sharers.clone(),
        is_settled: roll.settled,
    }))
}

fn write_fate(fate: Fate) -> i32 {
    let fate = match fate {
        Fate::Unknown => peer::Fate::Unspecified,
        Fate::Kept => peer::Fate::Kept,
        Fate::NotKept => peer::Fate::NotKept,
    };
    fate.into()
}

fn read_fate(fate: i32) -> Fate {
    match peer::Fate::try_from(fate) {
        Ok(peer::Fate::Kept) => Fate::Kept,
        Ok(peer::Fate::NotKept) => Fate::NotKept,
        // What a newer version says of a trace is nothing that this one could use.
        Ok(peer::Fate::Unspecified) | Err(_) => Fate::Unknown,
    }
}

fn write_redirect(redirect: Redirect) -> peer::Redirect {
    let pinned = redirect.pinned;
    peer::Redirect {
        trace: write_trace(redirect.trace),
        epoch: redirect.epoch.0,
        tenure: pinned.map(|(tenure, _)| tenure.created.0),
        owner: pinned.map_or(0, |(_, owner)| owner.0),
    }
}

/// What is said about a part, as it came, with the part's id. Slots are those of the hash with this seed.
///
/// # Errors
///
/// The first thing in it that cannot be.
pub fn read_said(answer: &peer::PartAnswer, slot_seed: u64) -> Result<(u64, Said), WireError> {
    if let Some(refusal) = &answer.refusal {
        return Ok((answer.id, read_refusal(refusal)?));
    }
    if let Some(roll) = &answer.roll {
        return Ok((answer.id, Said::Roll(read_roll(roll)?)));
    }
    bounded("answer.fates", answer.fates.len())?;
    if !answer.fates.is_empty() {
        let fates = answer.fates.iter().copied().map(read_fate);
        return Ok((answer.id, Said::Told(fates.collect())));
    }
    bounded("answer.redirects", answer.redirects.len())?;
    let redirects = answer.redirects.iter();
    let redirects = redirects.map(|redirect| read_redirect(redirect, slot_seed));
    let taken = Answer::Taken(redirects.collect::<Result<_, _>>()?);
    Ok((answer.id, Said::Answered(taken)))
}

fn read_refusal(refusal: &peer::Refusal) -> Result<Said, WireError> {
    let refused = |refusal| Said::Answered(Answer::Refused(refusal));
    Ok(match refusal.reason() {
        Reason::Full => Said::Full {
            retry_after: Duration::from_millis(refusal.retry_after.into()),
        },
        Reason::NotOpen => refused(Refusal::NotOpen),
        Reason::NoSecondCopy => refused(Refusal::NoSecondCopy),
        Reason::Behind => refused(Refusal::Behind(Epoch(refusal.epoch))),
        Reason::Unconfirmed => refused(Refusal::Unconfirmed),
        Reason::TooLarge => Said::TooLarge {
            limit: ByteSize(refusal.limit),
        },
        Reason::UnknownSampler => Said::UnknownSampler,
        Reason::Malformed => Said::Malformed,
        Reason::Stopping => Said::Stopping,
        Reason::Unspecified => {
            let field = "refusal.reason";
            return Err(WireError::Missing { field });
        }
    })
}

fn read_redirect(redirect: &peer::Redirect, slot_seed: u64) -> Result<Redirect, WireError> {
    let trace = read_trace("redirect.trace", &redirect.trace)?;
    let pinned = redirect.tenure.map(|created| {
        let slot = Slot::of(trace, slot_seed);
        let created = Epoch(created);
        (TenureId { slot, created }, Incarnation(redirect.owner))
    });
    Ok(Redirect {
        trace,
        epoch: Epoch(redirect.epoch),
        pinned,
    })
}
