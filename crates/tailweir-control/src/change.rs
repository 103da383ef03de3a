//! What stands in the log: changes of what the controllers agree on, and what came of them.
//!
//! The stored form is its own, apart from the types of placement, so that these may change; a golden file pins it.
//! Variants are only ever appended.

use serde::{Deserialize, Serialize};
use std::fmt;
use tailweir_core::Slot;
use tailweir_placement::{
    Command, Epoch, Incarnation, InvalidName, MemberName, Outcome, TenureId, Weight,
};

/// A tenure: its slot, and the epoch that created it.
type StoredTenure = (u16, u64);
/// A tenure with an epoch that says more about it: a view, or another tenure of its slot.
type StoredReport = (u16, u64, u64);

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// The first leader says what the cluster is like.
    Form { copies: u8 },
    /// A controller needs an id. The number of this entry, which no other has, makes it one that no other has.
    AllocateId,
    /// [`Command::Register`].
    Register {
        name: String,
        address: String,
        zone: String,
        weight: u16,
    },
    /// [`Command::Renew`].
    Renew(u64),
    /// [`Command::Expire`].
    Expire(Vec<u64>),
    /// [`Command::Rebalance`].
    Rebalance,
    /// [`Command::Drain`].
    Drain(u64),
    /// [`Command::Evacuate`].
    Evacuate(u64),
    /// [`Command::Remove`].
    Remove(String),
    /// [`Command::InSync`].
    InSync(Vec<StoredReport>),
    /// [`Command::Exchange`].
    Exchange(Vec<StoredReport>),
    /// [`Command::Clear`].
    Clear(Vec<StoredReport>),
    /// [`Command::Forget`].
    Forget(Vec<StoredTenure>),
    /// Policies of an operator, in force from here on.
    Policies(String),
    /// Policies of the file of a process that was this revision before.
    ProposePolicies { text: String, base: u64 },
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Nothing that anybody asked for.
    Nothing,
    /// This id is nobody else's.
    Id(u64),
    /// The member is registered as this incarnation.
    Registered(u64),
    /// The table has this epoch now.
    Epoch(u64),
    /// The policies have this number.
    Revision(u64),
    /// It was not applied, for this reason.
    Refused(String),
}

/// A change that is none: a program of another version, or damage that no checksum saw.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidChange {
    /// A member cannot have this name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A member cannot have this weight.
    #[error("the weight {0} is not 1 to {max}", max = Weight::MAX)]
    Weight(u16),
    /// There is no such slot.
    #[error("slot {0} is beyond the last, {last}", last = Slot::COUNT - 1)]
    Slot(u16),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<&Command> for Change {
    fn from(command: &Command) -> Self {
        match command {
            Command::Register {
                name,
                address,
                zone,
                weight,
            } => Self::Register {
                name: name.to_string(),
                address: address.to_string(),
                zone: zone.to_string(),
                weight: weight.get(),
            },
            Command::Renew(member) => Self::Renew(member.0),
            Command::Expire(members) => Self::Expire(members.iter().map(|it| it.0).collect()),
            Command::Rebalance => Self::Rebalance,
            Command::Drain(member) => Self::Drain(member.0),
            Command::Evacuate(member) => Self::Evacuate(member.0),
            Command::Remove(name) => Self::Remove(name.to_string()),
            Command::InSync(reports) => Self::InSync(stored(reports)),
            Command::Exchange(reports) => Self::Exchange(stored(reports)),
            Command::Clear(reports) => Self::Clear(stored(reports)),
            Command::Forget(tenures) => Self::Forget(
                tenures
                    .iter()
                    .map(|id| (id.slot.index() as u16, id.created.0))
                    .collect(),
            ),
        }
    }
}

impl Change {
    /// The command on the table that this change is; nothing when it is about something else.
    ///
    /// # Errors
    /// When it names what cannot be.
    pub(crate) fn command(&self) -> Result<Option<Command>, InvalidChange> {
        let name = |name: &str| MemberName::new(name);
        let command = match self {
            Self::Form { .. }
            | Self::AllocateId
            | Self::Policies(_)
            | Self::ProposePolicies { .. } => return Ok(None),
            Self::Register {
                name: text,
                address,
                zone,
                weight,
            } => {
                let weight = Weight::new(*weight).ok_or(InvalidChange::Weight(*weight))?;
                Command::register(name(text)?, address, zone, weight)
            }
            Self::Renew(member) => Command::Renew(Incarnation(*member)),
            Self::Expire(members) => {
                Command::Expire(members.iter().map(|&it| Incarnation(it)).collect())
            }
            Self::Rebalance => Command::Rebalance,
            Self::Drain(member) => Command::Drain(Incarnation(*member)),
            Self::Evacuate(member) => Command::Evacuate(Incarnation(*member)),
            Self::Remove(text) => Command::Remove(name(text)?),
            Self::InSync(reports) => Command::InSync(meant(reports)?),
            Self::Exchange(reports) => Command::Exchange(meant(reports)?),
            Self::Clear(reports) => Command::Clear(meant(reports)?),
            Self::Forget(tenures) => Command::Forget(
                tenures
                    .iter()
                    .map(|&(slot, created)| tenure(slot, created))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Some(command))
    }
}

impl From<&Outcome> for Answer {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Registered(incarnation) => Self::Registered(incarnation.0),
            Outcome::Changed(epoch) => Self::Epoch(epoch.0),
            Outcome::Unchanged => Self::Nothing,
            Outcome::Refused(refusal) => Self::Refused(refusal.to_string()),
        }
    }
}

fn stored(reports: &[(TenureId, Epoch)]) -> Vec<StoredReport> {
    reports
        .iter()
        .map(|(id, epoch)| (id.slot.index() as u16, id.created.0, epoch.0))
        .collect()
}

fn meant(reports: &[StoredReport]) -> Result<Vec<(TenureId, Epoch)>, InvalidChange> {
    reports
        .iter()
        .map(|&(slot, created, epoch)| Ok((tenure(slot, created)?, Epoch(epoch))))
        .collect()
}

fn tenure(slot: u16, created: u64) -> Result<TenureId, InvalidChange> {
    Ok(TenureId {
        slot: Slot::new(slot.into()).ok_or(InvalidChange::Slot(slot))?,
        created: Epoch(created),
    })
}

#[cfg(test)]
mod tests;
