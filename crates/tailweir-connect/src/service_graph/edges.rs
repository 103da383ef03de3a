//! Edges that wait for their other half.

use hashbrown::HashMap;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tailweir_core::{Moment, SeededState, SpanId, TraceId};

/// Bytes that edges may take together; past it there is no room for another.
const BYTES_MAX: usize = 64 << 20;

/// A request: its trace, and the client's span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EdgeKey {
    pub(super) trace: TraceId,
    pub(super) client: SpanId,
}

/// How a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Unknown,
    Messaging,
    Database,
    Virtual,
}

impl Kind {
    pub(super) fn word(self) -> &'static [u8] {
        match self {
            Self::Unknown => b"",
            Self::Messaging => b"messaging_system",
            Self::Database => b"database",
            Self::Virtual => b"virtual_node",
        }
    }
}

/// A request between two services, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    pub(super) kind: Kind,
    /// Empty: not known.
    pub(super) client: Vec<u8>,
    /// Empty: not known.
    pub(super) server: Vec<u8>,
    pub(super) client_seconds: f64,
    pub(super) server_seconds: f64,
    pub(super) is_failed: bool,
    pub(super) dimensions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What the client calls a server that may have no spans.
    pub(super) peer: Option<Vec<u8>>,
    /// Which side had no span.
    pub(super) virtual_node: &'static [u8],
}

impl Edge {
    /// Bytes that it takes, about.
    fn size(&self) -> usize {
        let dimensions = self.dimensions.iter();
        let dimensions = dimensions.map(|(name, value)| name.len() + value.len());
        let peer = self.peer.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + self.client.len() + self.server.len() + peer + dimensions.sum::<usize>()
    }

    fn is_complete(&self) -> bool {
        !self.client.is_empty() && !self.server.is_empty()
    }
}

/// There is no room for another edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full;

/// The edges that wait, at most so many, and bounded in bytes.
#[derive(Debug)]
pub(super) struct Edges {
    waiting: HashMap<EdgeKey, (Edge, Moment), SeededState>,
    /// By age. May name some that are complete, or that came again later.
    ages: VecDeque<(EdgeKey, Moment)>,
    ttl: Duration,
    capacity: usize,
    bytes: usize,
    begun: u64,
}

impl Edges {
    pub(super) fn new(ttl: Duration, capacity: usize, seed: u64) -> Self {
        Self {
            waiting: HashMap::with_hasher(SeededState::new(seed)),
            ages: VecDeque::new(),
            ttl,
            capacity,
            bytes: 0,
            begun: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many edges there were, complete or not.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Adds to an edge, a new one if need be. Answers the edge when it is complete.
    pub(super) fn update(
        &mut self,
        now: Moment,
        key: EdgeKey,
        add: impl FnOnce(&mut Edge),
    ) -> Result<Option<Edge>, Full> {
        if let Some((edge, _)) = self.waiting.get_mut(&key) {
            self.bytes -= edge.size();
            add(edge);
            if !edge.is_complete() {
                self.bytes += edge.size();
                return Ok(None);
            }
            return Ok(self.waiting.remove(&key).map(|(edge, _)| edge));
        }
        let mut edge = Edge::default();
        add(&mut edge);
        if edge.is_complete() {
            self.begun += 1;
            return Ok(Some(edge));
        }
        if self.waiting.len() >= self.capacity || self.bytes > BYTES_MAX {
            return Err(Full);
        }
        self.begun += 1;
        let until = now + self.ttl;
        self.bytes += edge.size();
        self.waiting.insert(key, (edge, until));
        self.ages.push_back((key, until));
        if self.ages.len() > 2 * self.capacity + 64 {
            let waiting = &self.waiting;
            let is_there = |(key, until): &(EdgeKey, Moment)| {
                waiting.get(key).is_some_and(|(_, other)| other == until)
            };
            self.ages.retain(is_there);
        }
        Ok(None)
    }

    /// Takes out edges of traces that are to leave.
    pub(super) fn take_out(&mut self, leaves: impl Fn(TraceId) -> bool) -> Vec<(EdgeKey, Edge)> {
        let leaving = self.waiting.extract_if(|key, _| leaves(key.trace));
        let leaving: Vec<_> = leaving.map(|(key, (edge, _))| (key, edge)).collect();
        self.bytes -= leaving.iter().map(|(_, edge)| edge.size()).sum::<usize>();
        leaving
    }

    /// The next edge that has waited too long.
    pub(super) fn take_expired(&mut self, now: Moment) -> Option<(EdgeKey, Edge)> {
        while self.ages.front().is_some_and(|(_, until)| *until < now) {
            let (key, until) = self.ages.pop_front()?;
            let is_same = self
                .waiting
                .get(&key)
                .is_some_and(|(_, other)| *other == until);
            if is_same && let Some((edge, _)) = self.waiting.remove(&key) {
                self.bytes -= edge.size();
                return Some((key, edge));
            }
        }
        None
    }
}
