//! What the controllers agree on, and how a change of the log changes it. No I/O: the same log makes the same state
//! everywhere.

use crate::change::{Answer, Change};
use crate::form::{self, InvalidTable};
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use tailweir_placement::{Outcome, RoutingTable};
use tailweir_proto::control as wire;

/// Policies that are in force everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRevision {
    /// Counts from 1.
    pub revision: u64,
    /// YAML: a `processors:` section with `tail_sampling` blocks.
    pub text: String,
}

/// What the controllers agree on. Cheap to copy.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Whether the first leader has said what the cluster is like; before, no sampler is taken.
    pub(crate) formed: bool,
    /// Members and slots.
    pub(crate) table: Arc<RoutingTable>,
    /// The newest policies, if any were applied.
    pub(crate) policies: Option<Arc<PolicyRevision>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            formed: false,
            table: Arc::new(RoutingTable::new(1)),
            policies: None,
        }
    }
}

/// Bytes that are no state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidState {
    /// Not the message.
    #[error(transparent)]
    Message(#[from] prost::DecodeError),
    /// It has no table.
    #[error("the state has no routing table")]
    NoTable,
    /// Its table is none.
    #[error(transparent)]
    Table(#[from] InvalidTable),
}

impl State {
    /// Applies the change that is entry `index` of the log.
    pub(crate) fn apply(&mut self, index: u64, change: &Change) -> Answer {
        match change {
            Change::AllocateId => Answer::Id(index),
            Change::Form { copies } => self.form(*copies),
            Change::Policies(text) => self.put_policies(text),
            change => match change.command() {
                Ok(Some(command)) if self.formed => {
                    let mut table = (*self.table).clone();
                    let outcome = table.apply(&command);
                    if matches!(outcome, Outcome::Registered(_) | Outcome::Changed(_)) {
                        self.table = Arc::new(table);
                    }
                    Answer::from(&outcome)
                }
                Ok(Some(_)) => Answer::Refused("the cluster is still forming".to_owned()),
                Ok(None) => Answer::Nothing,
                Err(invalid) => Answer::Refused(invalid.to_string()),
            },
        }
    }

    /// The first of these changes counts; what the cluster is like does not change later.
    fn form(&mut self, copies: u8) -> Answer {
        if !self.formed {
            self.formed = true;
            self.table = Arc::new(RoutingTable::new(copies));
        }
        Answer::Epoch(self.table.epoch().0)
    }

    fn put_policies(&mut self, text: &str) -> Answer {
        let known = self.policies.as_ref().map_or(0, |known| known.revision);
        let policies = PolicyRevision {
            revision: known + 1,
            text: text.to_owned(),
        };
        let revision = policies.revision;
        self.policies = Some(Arc::new(policies));
        Answer::Revision(revision)
    }

    /// The state as a snapshot holds it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let message = wire::State {
            formed: self.formed,
            table: Some(form::to_wire(&self.table)),
            policies: self.policies.as_deref().map(policies_to_wire),
        };
        message.encode_to_vec()
    }

    /// The state of a snapshot.
    ///
    /// # Errors
    /// When the bytes are none.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, InvalidState> {
        let message = wire::State::decode(bytes)?;
        let table = message.table.ok_or(InvalidState::NoTable)?;
        Ok(Self {
            formed: message.formed,
            table: Arc::new(form::from_wire(&table)?),
            policies: message
                .policies
                .map(|policies| Arc::new(policies_from_wire(policies))),
        })
    }
}

/// A table, encoded.
pub(crate) fn encode_table(table: &RoutingTable) -> Bytes {
    form::to_wire(table).encode_to_vec().into()
}

/// A table that was encoded.
///
/// # Errors
/// When the bytes are none.
pub(crate) fn decode_table(bytes: &[u8]) -> Result<RoutingTable, InvalidState> {
    Ok(form::from_wire(&wire::RoutingTable::decode(bytes)?)?)
}

pub(crate) fn policies_to_wire(policies: &PolicyRevision) -> wire::Policies {
    wire::Policies {
        revision: policies.revision,
        text: policies.text.clone(),
    }
}

pub(crate) fn policies_from_wire(message: wire::Policies) -> PolicyRevision {
    PolicyRevision {
        revision: message.revision,
        text: message.text,
    }
}

#[cfg(test)]
mod tests;
