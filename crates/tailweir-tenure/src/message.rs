//! What samplers say to each other.

use crate::{Fragment, Number, Remaining};
use std::collections::{BTreeMap, BTreeSet};
use tailweir_core::{Moment, TraceId};
use tailweir_placement::{Epoch, TenureId};

/// From one sampler to another. Messages may be late, overtake each other, come twice or not at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message<F, V> {
    /// Owner to its second member: store this.
    Record {
        /// The tenure.
        tenure: TenureId,
        /// The view in which the owner proposes.
        view: Epoch,
        /// When, by the owner's clock; comes back with the answer.
        asked: Moment,
        /// What to store.
        record: Record<F, V>,
    },
    /// And back: what became of it.
    Answer {
        /// The tenure.
        tenure: TenureId,
        /// The view of the record.
        view: Epoch,
        /// When it was proposed, by the owner's clock.
        asked: Moment,
        /// What the second member has now.
        answer: Answer<V>,
    },
    /// Current owner to the owner of a closing tenure: which traces are yours, and what did you decide?
    AskManifest {
        /// The closing tenure.
        tenure: TenureId,
    },
    /// And back, once the tenure is sealed.
    Manifest {
        /// The closing tenure.
        tenure: TenureId,
        /// Its traces.
        manifest: Manifest<V>,
    },
    /// Current owner to the owner of a closing tenure: what did you decide in the end?
    AskRemainder {
        /// The closing tenure.
        tenure: TenureId,
    },
    /// And back, once the tenure is closed.
    Remainder {
        /// The closing tenure.
        tenure: TenureId,
        /// All its verdicts.
        verdicts: BTreeMap<TraceId, Remaining<V>>,
    },
    /// The tenure is not sealed, or not closed, or this node's table does not say that it is its owner.
    NotYet {
        /// The tenure that was asked for.
        tenure: TenureId,
    },
    /// Ahead of verdicts that go to another member: what was delivered of one of their traces, so that it is known when a
    /// client sends it again. The protocol has no use for it; it is between the callers, and nothing waits for it.
    Delivered {
        /// The tenure of which the verdict comes.
        tenure: TenureId,
        /// The trace.
        trace: TraceId,
        /// Fingerprints of its spans.
        spans: Vec<u64>,
    },
    /// Second member to owner: no memory was left for these fragments. They are proposed again as if this had been lost;
    /// but whoever brought them need not wait until then. Between the callers, as [`Message::Delivered`] is.
    NoRoom {
        /// The tenure.
        tenure: TenureId,
        /// The fragments.
        numbers: BTreeSet<Number>,
    },
}

impl<F, V> Message<F, V> {
    /// The tenure that it is about.
    #[must_use]
    pub fn tenure(&self) -> TenureId {
        match self {
            Self::Record { tenure, .. }
            | Self::Answer { tenure, .. }
            | Self::AskManifest { tenure }
            | Self::Manifest { tenure, .. }
            | Self::AskRemainder { tenure }
            | Self::Remainder { tenure, .. }
            | Self::NotYet { tenure }
            | Self::Delivered { tenure, .. }
            | Self::NoRoom { tenure, .. } => *tenure,
        }
    }

    /// Verdicts of other tenures, or of before, that it brings to its receiver.
    #[must_use]
    pub fn verdicts(&self) -> Option<&BTreeMap<TraceId, Remaining<V>>> {
        match self {
            Self::Record { record, .. } => match record {
                Record::Open { verdicts, .. } | Record::Absorb { verdicts, .. } => Some(verdicts),
                Record::Attach(index) => Some(&index.verdicts),
                _ => None,
            },
            Self::Manifest { manifest, .. } => Some(&manifest.verdicts),
            Self::Remainder { verdicts, .. } => Some(verdicts),
            _ => None,
        }
    }
}

/// What must survive the owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record<F, V> {
    /// The tenure begins, with what older ones decided and what is still theirs.
    Open {
        /// Verdicts to follow.
        verdicts: BTreeMap<TraceId, Remaining<V>>,
        /// Traces of older tenures, by the epoch that created their tenure.
        pins: BTreeMap<TraceId, Epoch>,
    },
    /// A fragment arrived.
    Append {
        /// Its name.
        number: Number,
        /// Its spans, and the time until its trace is due.
        fragment: Remaining<Fragment<F>>,
    },
    /// A trace is decided.
    Decide {
        /// The trace.
        trace: TraceId,
        /// The verdict and its life.
        verdict: Remaining<V>,
    },
    /// The slot moved: take no further trace.
    Seal,
    /// A closed tenure's verdicts; its pins are over.
    Absorb {
        /// The epoch that created the closed tenure.
        from: Epoch,
        /// Its verdicts.
        verdicts: BTreeMap<TraceId, Remaining<V>>,
    },
    /// Everything is decided and delivered: take no further span.
    Close,
    /// To a candidate, first: all but the fragments.
    Attach(Index<V>),
    /// To a candidate, then: a fragment that was stored before it was attached.
    Copy {
        /// Its name.
        number: Number,
        /// Its spans, and the time until its trace is due.
        fragment: Remaining<Fragment<F>>,
    },
    /// Fragments are delivered, and need not be kept.
    Free(BTreeSet<Number>),
}

/// What a second member has, now that it has seen a record. The owner follows it, whatever it believed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer<V> {
    /// The tenure is open.
    Opened,
    /// The fragment is stored.
    Appended(Number),
    /// The trace has this verdict: the proposed one, or one that was stored before.
    Decided {
        /// The trace.
        trace: TraceId,
        /// The verdict that holds.
        verdict: Remaining<V>,
    },
    /// The tenure is sealed.
    Sealed {
        /// Whether it was opened before.
        opened: bool,
        /// Its traces, for ever.
        traces: BTreeSet<TraceId>,
    },
    /// The closed tenure's verdicts are stored.
    Absorbed {
        /// The epoch that created it.
        from: Epoch,
    },
    /// The tenure is closed.
    Closed,
    /// The index is stored: from here on records are too.
    Attached,
    /// The copied fragment is stored.
    Copied(Number),
    /// The fragments are gone.
    Freed(BTreeSet<Number>),
    /// The verdict is refused: there is no fragment of its trace.
    Unknown(TraceId),
    /// The record is refused: the candidate has no index yet.
    NotAttached,
    /// The record is refused: its view is over. The owner should fetch the table of this epoch.
    Stale(Epoch),
}

/// What the next owner of a slot must know of a sealed tenure. Every manifest of a tenure is part of one truth that only
/// grows, so an old or a repeated one does no harm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Manifest<V> {
    /// Traces that the tenure has and did not decide yet.
    pub open: BTreeSet<TraceId>,
    /// What it decided, or inherited.
    pub verdicts: BTreeMap<TraceId, Remaining<V>>,
}

/// What a candidate needs before it can answer records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index<V> {
    /// Whether the tenure is open.
    pub opened: bool,
    /// Its traces, once sealed.
    pub sealed: Option<BTreeSet<TraceId>>,
    /// Whether it is closed.
    pub closed: bool,
    /// Traces of which fragments are stored.
    pub traces: BTreeSet<TraceId>,
    /// What is decided.
    pub verdicts: BTreeMap<TraceId, Remaining<V>>,
    /// Traces of older tenures.
    pub pins: BTreeMap<TraceId, Epoch>,
    /// The name of the next fragment.
    pub next: Number,
}
