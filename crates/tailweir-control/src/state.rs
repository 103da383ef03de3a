//! What the controllers agree on, and how a change of the log changes it. No I/O: the same log makes the same state
//! everywhere.

mod files;

use crate::change::{Answer, Change};
use crate::form::{self, InvalidTable};
use bytes::Bytes;
use files::Files;
use prost::Message;
use std::sync::Arc;
use tailweir_placement::{Outcome, RoutingTable};
use tailweir_proto::control as wire;

/// Policies that are in force everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRevision {
    /// Counts from 1.
    pub revision: u64,
    /// YAML: a `processors:` section with the whole `tail_sampling` blocks of the file that was changed last. They stand
    /// in place of those of every process's own file. Empty before a file was proposed.
    pub file: String,
    /// YAML: a `processors:` section that an operator applied since, laid over the file. Empty: none.
    pub text: String,
}

/// Ids from the log begin above this, so that none is a seed's, which are 1 to 7. It is far above, because the versions that gave the number
/// of the entry alone may still lead: what those give meanwhile is another id, too.
const ALLOCATED_IDS_FROM: u64 = 1_000_000;

/// What the controllers agree on. Cheap to copy.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Whether the first leader has said what the cluster is like; before, no sampler is taken.
    pub(crate) formed: bool,
    /// Members and slots.
    pub(crate) table: Arc<RoutingTable>,
    /// The newest policies, if any were applied.
    pub(crate) policies: Option<Arc<PolicyRevision>>,
    /// The policies that files had.
    files: Files,
}

impl Default for State {
    fn default() -> Self {
        Self {
            formed: false,
            table: Arc::new(RoutingTable::new(1)),
            policies: None,
            files: Files::default(),
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
            Change::AllocateId => Answer::Id(ALLOCATED_IDS_FROM + index),
            Change::Form { copies } => self.form(*copies),
            Change::Policies(text) => self.apply_policies(text),
            Change::ProposePolicies { text, base } => self.propose_policies(text, *base),
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

    /// Of an operator: over the file's, until another file or operator comes.
    fn apply_policies(&mut self, text: &str) -> Answer {
        let file = self.file().to_owned();
        Answer::Revision(self.put_policies(file, text.to_owned()))
    }

    /// Of a file. What is in force already is that revision; what was in force before is refused, unless the process says
    /// that its file was the newest before it changed: then it was changed back.
    fn propose_policies(&mut self, text: &str, base: u64) -> Answer {
        let since = self.files.since();
        if since > 0 && text == self.file() {
            return Answer::Revision(since);
        }
        if self.files.had(text) && base != since {
            return Answer::Refused(format!(
                "these policies were in force before, and others are since revision {since}"
            ));
        }
        let before = self.file().to_owned();
        // The first file is no change: it goes below what an operator applied before there was one.
        let over = match &self.policies {
            Some(policies) if since == 0 => policies.text.clone(),
            _ => String::new(),
        };
        let revision = self.put_policies(text.to_owned(), over);
        self.files.change(&before, text, revision);
        Answer::Revision(revision)
    }

    /// The policies of the newest file.
    fn file(&self) -> &str {
        let policies = self.policies.as_ref();
        policies.map_or("", |policies| policies.file.as_str())
    }

    fn put_policies(&mut self, file: String, text: String) -> u64 {
        let known = self.policies.as_ref().map_or(0, |known| known.revision);
        let revision = known + 1;
        self.policies = Some(Arc::new(PolicyRevision {
            revision,
            file,
            text,
        }));
        revision
    }

    /// The state as a snapshot holds it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let message = wire::State {
            formed: self.formed,
            table: Some(form::to_wire(&self.table)),
            policies: self.policies.as_deref().map(policies_to_wire),
            file_since: self.files.since(),
            files_before: self.files.marks().collect(),
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
            files: Files::new(message.file_since, message.files_before),
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
        file: policies.file.clone(),
    }
}

pub(crate) fn policies_from_wire(message: wire::Policies) -> PolicyRevision {
    PolicyRevision {
        revision: message.revision,
        file: message.file,
        text: message.text,
    }
}

#[cfg(test)]
mod tests;
