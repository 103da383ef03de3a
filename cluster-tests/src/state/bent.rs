//! Rules broken on purpose: what each mutant makes of messages, and the answers that it does not wait for.

use super::State;
use super::host::{Effects, Peer};
use super::steps::NOW;
use crate::mutant::Mutant;
use crate::node::Packet;
use crate::scenario::Scenario;
use crate::span::Span;
use crate::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_tenure::{Answer, Effect, Index, Manifest, Message, Record};

impl State {
    /// What a mutant makes of a message that is being sent: another, or none; and perhaps an answer out of thin air.
    pub(super) fn bend(
        &mut self,
        scenario: &Scenario,
        mutant: Mutant,
        node: usize,
        to: Incarnation,
        message: Message<Span, Verdict>,
    ) -> Option<Message<Span, Verdict>> {
        let fake = self.fake(mutant, node, &message);
        let bent = match (mutant, message) {
            (Mutant::SealAlone, message @ Message::Record { .. }) if fake.is_some() => {
                drop(message);
                None
            }
            (Mutant::NoManifest | Mutant::AskLastOnly, Message::AskManifest { .. })
                if fake.is_some() =>
            {
                None
            }
            (Mutant::DropVerdictsOnMove, Message::Manifest { tenure, manifest }) => {
                let manifest = Manifest {
                    verdicts: BTreeMap::new(),
                    ..manifest
                };
                Some(Message::Manifest { tenure, manifest })
            }
            (Mutant::OpenNotRecorded | Mutant::CandidateActsEarly, message) => {
                Some(hollow(mutant, message))
            }
            (_, message) => Some(message),
        };
        if let Some(answer) = fake {
            self.act(scenario, node, |tenancy, out| {
                tenancy.receive(NOW, to, answer, out);
            });
        }
        bent
    }

    /// The answer that a mutant does not wait for.
    fn fake(
        &self,
        mutant: Mutant,
        node: usize,
        message: &Message<Span, Verdict>,
    ) -> Option<Message<Span, Verdict>> {
        if let Message::AskManifest { tenure } = message {
            let closing = self.controllers.tenures.closing();
            let last = closing
                .last()
                .is_none_or(|row| row.created <= tenure.created);
            let skipped = mutant == Mutant::NoManifest || (mutant == Mutant::AskLastOnly && !last);
            let manifest = Manifest {
                open: BTreeSet::new(),
                verdicts: BTreeMap::new(),
            };
            let tenure = *tenure;
            return skipped.then_some(Message::Manifest { tenure, manifest });
        }
        let Message::Record {
            tenure,
            view,
            asked,
            record,
        } = message
        else {
            return None;
        };
        let answer = match (mutant, record) {
            (Mutant::SkipReplica, Record::Append { number, .. }) => Answer::Appended(*number),
            (Mutant::LateOnOneCopy, Record::Append { number, fragment })
                if self.verdicts.contains_key(&fragment.value.data.trace) =>
            {
                Answer::Appended(*number)
            }
            (Mutant::ExportBeforeRecord, Record::Decide { trace, verdict }) => Answer::Decided {
                trace: *trace,
                verdict: verdict.clone(),
            },
            (Mutant::SealAlone, Record::Seal) => self.remembered(node, *tenure),
            (Mutant::CandidateActsEarly, Record::Attach(_)) => Answer::Attached,
            _ => return None,
        };
        Some(Message::Answer {
            tenure: *tenure,
            view: *view,
            asked: *asked,
            answer,
        })
    }

    /// A seal by what the owner has acknowledged and decided.
    fn remembered(&self, node: usize, tenure: TenureId) -> Answer<Verdict> {
        let spans = self.nodes[node].iter().flat_map(|host| &host.spans);
        let safe = spans
            .filter(|((created, _), span)| {
                *created == tenure.created && self.acknowledged.contains(span)
            })
            .map(|(_, span)| span.trace_id());
        let decided = self
            .verdicts
            .keys()
            .map(|&trace| crate::span::trace_id(trace));
        Answer::Sealed {
            opened: true,
            traces: safe.chain(decided).collect(),
        }
    }
}

/// The message in each view, and an answer from each node.
pub(super) fn every_view(
    packet: &Packet,
    epoch: Epoch,
) -> Vec<(Incarnation, Message<Span, Verdict>)> {
    let mut all = Vec::new();
    for number in 1..=epoch.0 {
        let mut message = packet.message.clone();
        match &mut message {
            Message::Record { view, .. } => {
                *view = Epoch(number);
                all.push((packet.from, message));
            }
            Message::Answer { view, .. } => {
                *view = Epoch(number);
                let nodes = (1..=epoch.0 + 3).map(Incarnation);
                all.extend(nodes.map(|node| (node, message.clone())));
            }
            _ => return vec![(packet.from, message)],
        }
    }
    all
}

/// The verdicts of a tenure that has decided everything, whether it is closed or not.
pub(super) fn early_remainder(
    tenancy: &mut Peer,
    from: Incarnation,
    tenure: TenureId,
    out: &mut Effects,
) -> bool {
    let mut answers = Vec::new();
    tenancy.receive(NOW, from, Message::AskManifest { tenure }, &mut answers);
    match answers.pop() {
        Some(Effect::Send {
            to,
            message: Message::Manifest { manifest, .. },
        }) if manifest.open.is_empty() => {
            let verdicts = manifest.verdicts;
            let message = Message::Remainder { tenure, verdicts };
            out.push(Effect::Send { to, message });
            true
        }
        _ => false,
    }
}

/// An Open without what it should say; an index without what it should list.
fn hollow(mutant: Mutant, message: Message<Span, Verdict>) -> Message<Span, Verdict> {
    let Message::Record {
        tenure,
        view,
        asked,
        record,
    } = message
    else {
        return message;
    };
    let record = match (mutant, record) {
        (Mutant::OpenNotRecorded, Record::Open { .. }) => Record::Open {
            verdicts: BTreeMap::new(),
            pins: BTreeMap::new(),
        },
        (Mutant::CandidateActsEarly, Record::Attach(index)) => Record::Attach(Index {
            sealed: None,
            closed: false,
            traces: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            pins: BTreeMap::new(),
            ..index
        }),
        (_, record) => record,
    };
    Message::Record {
        tenure,
        view,
        asked,
        record,
    }
}
