//! What a log shard wants done, and what it did.

use crate::{Answer, LogFragment, Piece, Report, Ruled};
use bytes::Bytes;
use tailweir_placement::{Incarnation, TenureId};
use tailweir_tenure::{Message, Number};

/// Everything that a call left to be done, in order. Its owner takes it out and keeps the allocation.
#[derive(Debug)]
pub struct LogOutbox<T> {
    /// To other samplers. What cannot be sent may be dropped, if the shard is told to remind that member.
    pub letters: Vec<(Incarnation, Message<Piece, Ruled>)>,
    /// To gateways.
    pub answers: Vec<(T, Answer)>,
    /// To the controllers.
    pub reports: Vec<Report>,
    /// To the stages behind the processor.
    pub leaving: Vec<LeavingLogs>,
    /// To the new owners of their slots. [`LogShard::handed_on`](crate::LogShard::handed_on) is to be told how it went.
    pub onward: Vec<OnwardLogs>,
}

impl<T> Default for LogOutbox<T> {
    fn default() -> Self {
        Self {
            letters: Vec::new(),
            answers: Vec::new(),
            reports: Vec::new(),
            leaving: Vec::new(),
            onward: Vec::new(),
        }
    }
}

/// Records that go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingLogs {
    /// OTLP LogsData.
    pub bytes: Bytes,
    /// How many records, and their bytes as they are in the books.
    pub amount: LogAmount,
    /// The fragment, when [`LogShard::delivered`](crate::LogShard::delivered) is to be told that they are delivered, or counted
    /// as lost; nothing when nobody keeps a copy of them.
    pub place: Option<(TenureId, Number)>,
}

/// Records that wait, and whose slot is another member's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnwardLogs {
    /// The tenure in which they waited.
    pub tenure: TenureId,
    /// Which fragment of it.
    pub number: Number,
    /// The records.
    pub fragment: LogFragment,
}

/// A number of records and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogAmount {
    /// Records.
    pub records: u64,
    /// Bytes of the requests in which they are held.
    pub bytes: u64,
}

impl LogAmount {
    pub(super) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
    }

    pub(super) fn subtract(&mut self, other: Self) {
        self.records -= other.records;
        self.bytes -= other.bytes;
    }
}

/// What became of records, since the shard began: `taken = held + all that is below it`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogBooks {
    /// Acknowledged here, or taken over from another member.
    pub taken: LogAmount,
    /// Not handed out yet. Goes up and down.
    pub held: LogAmount,
    /// Handed out because their trace is kept.
    pub kept: LogAmount,
    /// Handed out because nobody decided about their trace in time.
    pub undecided: LogAmount,
    /// Handed out because there was no room for them to wait.
    pub overflow: LogAmount,
    /// Dropped because their trace was not kept.
    pub dropped: LogAmount,
    /// Dropped because nobody decided about their trace in time.
    pub undecided_dropped: LogAmount,
    /// Sent again by a client, and known.
    pub duplicates: LogAmount,
    /// Another member has them.
    pub handed_over: LogAmount,
    /// Records of the protocol that were not stored, for want of memory for others.
    pub copies_refused: u64,
}
