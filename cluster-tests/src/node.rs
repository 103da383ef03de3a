//! One sampler: the product's protocol, and what its caller keeps around it.

use crate::span::Span;
use crate::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_placement::{Epoch, Incarnation};
use tailweir_tenure::{Message, Number, Tenancy};

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packet {
    pub(crate) from: Incarnation,
    pub(crate) to: Incarnation,
    pub(crate) message: Message<Span, Verdict>,
}

/// A running sampler.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) tenancy: Tenancy<Span, Verdict>,
    /// Its store: the span of each fragment.
    pub(crate) spans: BTreeMap<(Epoch, Number), Span>,
    /// Its export queue.
    pub(crate) exports: BTreeSet<(Epoch, Number)>,
    /// Its dedupe set: spans that it delivered.
    pub(crate) had: BTreeSet<(Epoch, Span)>,
}

impl Node {
    pub(crate) fn new(incarnation: Incarnation, copies: u8) -> Self {
        Self {
            tenancy: Tenancy::new(incarnation, copies == 1),
            spans: BTreeMap::new(),
            exports: BTreeSet::new(),
            had: BTreeSet::new(),
        }
    }

    /// Whether it holds the span in this tenure. To bring it once more changes nothing until it is delivered.
    pub(crate) fn has(&self, created: Epoch, span: Span) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|(&(tenure, _), &held)| tenure == created && held == span)
    }

    pub(crate) fn drop_tenure(&mut self, created: Epoch) {
        self.spans.retain(|(tenure, _), _| *tenure != created);
        self.exports.retain(|(tenure, _)| *tenure != created);
        self.had.retain(|(tenure, _)| *tenure != created);
    }
}
