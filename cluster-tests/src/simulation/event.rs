//! What happens in a run, and what is sent.

use super::clock::Time;
use super::errand::Key;
use super::faults::Fault;
use super::network::Place;
use super::traffic::Brought;
use bytes::Bytes;
use std::cmp::Ordering;
use std::sync::Arc;
use tailweir_placement::{Epoch, Incarnation, RoutingTable};
use tailweir_shard::Report;

/// Names one try to bring a part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) from: Place,
    pub(crate) errand: Key,
    pub(crate) part: u32,
}

/// What one place sends to another.
#[derive(Debug)]
pub(crate) enum Payload {
    /// Sampler to sampler.
    Letter {
        from: Incarnation,
        to: Incarnation,
        letter: Bytes,
    },
    /// Gateway to sampler.
    Part {
        to: Incarnation,
        spans: Brought,
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Time,
        ticket: Ticket,
    },
    /// Gateway to sampler, or sampler to sampler: log records, as the bytes of the wire.
    LogPart {
        to: Incarnation,
        part: Bytes,
        ticket: Ticket,
    },
    /// And back.
    Answer { ticket: Ticket, answer: Bytes },
    /// Sampler to controllers.
    Register { life: u64 },
    /// And back.
    Registered { life: u64, incarnation: Incarnation },
    /// Sampler or gateway to controllers: a sign of life, and the newest table that it knows.
    Renew {
        incarnation: Option<Incarnation>,
        epoch: Epoch,
    },
    /// Sampler to controllers.
    Reports(Vec<Report>),
    /// Sampler to controllers: this life of it is to stop.
    Drain(Incarnation),
    /// Sampler to controllers: what it holds is to be copied away, it cannot wait.
    Evacuate(Incarnation),
    /// Sampler to controllers: no row names it, and it is about to be gone.
    Leave(Incarnation),
    /// Controllers to all.
    Table(Arc<RoutingTable>),
}

/// Something that is due.
#[derive(Debug)]
pub(crate) enum Event {
    Deliver {
        from: Place,
        to: Place,
        generation: u64,
        payload: Payload,
    },
    /// Something has arrived, and waits to be read.
    Arrived {
        from: Place,
        to: Place,
        payload: Payload,
    },
    /// A shard's deadline.
    Tick {
        node: usize,
        life: u64,
        token: u64,
    },
    /// A process renews its lease, or registers.
    Renew {
        node: usize,
        life: u64,
    },
    Start {
        node: usize,
    },
    Resume {
        node: usize,
    },
    /// New policies arrive.
    Reload {
        node: usize,
    },
    Controllers,
    /// Another controller leads.
    Elected,
    /// A wish to drain that was under way for longer than others.
    Drain {
        node: usize,
        member: Incarnation,
    },
    /// A client sends a request, for the first time or again.
    Send {
        request: usize,
        attempt: u32,
    },
    /// A request is at a gateway.
    Received {
        gateway: usize,
        request: usize,
        attempt: u32,
    },
    /// Whoever sent an errand out gives it up.
    Overdue {
        place: Place,
        key: Key,
    },
    /// A client hears of its request, or gives up.
    Answered {
        request: usize,
        attempt: u32,
        is_taken: bool,
    },
    /// A batch reaches the backend.
    Export {
        node: usize,
        life: u64,
        export: u64,
    },
    /// The backend's answer reaches the sampler.
    Exported {
        node: usize,
        life: u64,
        export: u64,
        is_taken: bool,
    },
    Connect {
        a: Place,
        b: Place,
    },
    /// A sign of life is missed on this connection.
    Unresponsive {
        a: Place,
        b: Place,
        generation: u64,
    },
    /// The next fault is due.
    Strike,
    /// A fault is over.
    Heal(Fault),
    /// The checks look on.
    Watch,
}

/// An event and its time; those of one time in the order in which they were planned.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: Time,
    pub(crate) sequence: u64,
    pub(crate) event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}
