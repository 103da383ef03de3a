//! Rules of the protocol that the host around the product's code breaks on purpose, to show that the checks see it.

use super::course::Course;
use std::collections::BTreeMap;
use std::time::Duration;
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::{Answer, Manifest, Message, Record};

/// A rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Defect {
    /// The owner acknowledges without the replica's answer.
    SkipReplica,
    /// Whoever is asked answers as if it were the replica of that view.
    IgnoreView,
    /// A hand-over starts the time of a trace again.
    RestartTimers,
    /// Verdicts do not follow a slot that moves.
    DropVerdicts,
    /// What was delivered does not follow a slot that moves.
    DropDelivered,
    /// What is kept is handed out twice.
    DoubleExport,
    /// After a connection broke, nothing is said again until the timer does.
    NoRemind,
    /// A process that stops asks for a drain by its name, which a later one may have.
    DrainByName,
    /// A tenure opens without waiting for the older ones.
    OpenEarly,
    /// Logs do not hear what is decided.
    UntoldLogs,
    /// Logs whose slot moves count as taken by its new owner, and are brought to nobody.
    ForgottenLogs,
    /// Logs are handed on without the tenure in which they waited.
    NamelessLogs,
    /// A slot has moved when its spans have.
    SlotsBeforeLogs,
    /// Logs that leave are handed out twice.
    DoubleLogs,
}

type Letter = Message<Piece, Ruled>;

impl Defect {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::SkipReplica,
        Self::IgnoreView,
        Self::RestartTimers,
        Self::DropVerdicts,
        Self::DropDelivered,
        Self::DoubleExport,
        Self::NoRemind,
        Self::DrainByName,
        Self::OpenEarly,
        Self::UntoldLogs,
        Self::ForgottenLogs,
        Self::NamelessLogs,
        Self::SlotsBeforeLogs,
        Self::DoubleLogs,
    ];

    /// What becomes of a message that is sent, and an answer that comes out of thin air.
    pub(crate) fn sent(
        self,
        course: &Course,
        mut message: Letter,
    ) -> (Option<Letter>, Option<Letter>) {
        let answer = self.unasked(&message);
        if self == Self::OpenEarly && answer.is_some() && !is_record(&message) {
            return (None, answer);
        }
        match (self, &mut message) {
            (
                Self::RestartTimers,
                Message::Record {
                    record: Record::Append { fragment, .. } | Record::Copy { fragment, .. },
                    ..
                },
            ) => {
                // As if the time began again when the copy is promoted: not before a lease is over.
                fragment.remaining += Duration::from_secs(course.window) / 2;
            }
            (Self::DropDelivered, Message::Delivered { spans, .. }) => spans.clear(),
            (Self::DropVerdicts, Message::Manifest { manifest, .. }) => manifest.verdicts.clear(),
            (Self::DropVerdicts, Message::Remainder { verdicts, .. }) => verdicts.clear(),
            _ => {}
        }
        (Some(message), answer)
    }

    /// The answer that is not waited for.
    fn unasked(self, message: &Letter) -> Option<Letter> {
        match (self, message) {
            (
                Self::SkipReplica,
                Message::Record {
                    tenure,
                    view,
                    asked,
                    record: Record::Append { number, .. },
                },
            ) => Some(Message::Answer {
                tenure: *tenure,
                view: *view,
                asked: *asked,
                answer: Answer::Appended(*number),
            }),
            (Self::OpenEarly, Message::AskManifest { tenure }) => Some(Message::Manifest {
                tenure: *tenure,
                manifest: Manifest {
                    open: Default::default(),
                    verdicts: BTreeMap::new(),
                },
            }),
            _ => None,
        }
    }

    /// What somebody who looks at no view answers to a record of another view than its own.
    pub(crate) fn answer_of_any_view(
        self,
        table: Option<&RoutingTable>,
        me: Incarnation,
        message: &Letter,
    ) -> Option<Letter> {
        let Message::Record {
            tenure,
            view,
            asked,
            record,
        } = message
        else {
            return None;
        };
        if self != Self::IgnoreView || is_second(table, me, *tenure, *view) {
            return None;
        }
        let answer = match record {
            Record::Append { number, .. } => Answer::Appended(*number),
            Record::Decide { trace, verdict } => Answer::Decided {
                trace: *trace,
                verdict: verdict.clone(),
            },
            _ => return None,
        };
        Some(Message::Answer {
            tenure: *tenure,
            view: *view,
            asked: *asked,
            answer,
        })
    }
}

fn is_record(message: &Letter) -> bool {
    matches!(message, Message::Record { .. })
}

fn is_second(table: Option<&RoutingTable>, me: Incarnation, tenure: TenureId, view: Epoch) -> bool {
    let tenures = table.and_then(|table| table.tenures(tenure.slot));
    let row = tenures.and_then(|tenures| tenures.get(tenure.created));
    row.is_some_and(|row| row.view == view && row.second.member() == Some(me))
}
