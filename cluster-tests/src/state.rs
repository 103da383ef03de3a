//! The whole cluster at one moment, and how each step changes it.

mod bent;
mod host;
mod model;
mod steps;

use crate::controllers::{Controllers, Request, tenure};
use crate::node::{Node, Packet};
use crate::scenario::Scenario;
use crate::shared::Shared;
use crate::span::Span;
use crate::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_placement::{Incarnation, Tenure};

/// The cluster, its clients and its backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) controllers: Controllers,
    /// None is a node that crashed.
    pub(crate) nodes: [Option<Shared<Node>>; 3],
    pub(crate) network: BTreeSet<Shared<Packet>>,
    pub(crate) requests: BTreeSet<Request>,
    /// What clients were told is safe.
    pub(crate) acknowledged: BTreeSet<Span>,
    /// What the backend has.
    pub(crate) delivered: BTreeSet<Span>,
    /// The verdicts on which an owner may have acted.
    pub(crate) verdicts: BTreeMap<u8, BTreeSet<Verdict>>,
    /// Whether a verdict had not seen a span that was acknowledged before it.
    pub(crate) unseen: bool,
    crashes: u8,
    suspicions: u8,
    losses: u8,
}

impl State {
    /// The slot's first tenure is open at its pair, and nothing else has happened.
    pub(crate) fn first(scenario: &Scenario) -> Self {
        let controllers = Controllers::new(scenario);
        let nodes = controllers
            .members
            .map(|member| Some(Shared::new(Node::new(member.incarnation, scenario.copies))));
        let mut state = Self {
            controllers,
            nodes,
            network: BTreeSet::new(),
            requests: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            delivered: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            unseen: false,
            crashes: scenario.crashes,
            suspicions: scenario.suspicions,
            losses: scenario.losses,
        };
        for node in 0..state.nodes.len() {
            state.learn(scenario, node);
        }
        while let Some(packet) = state.network.first().cloned() {
            state.deliver(scenario, &packet);
        }
        state
    }

    /// The node that lives as this incarnation now.
    pub(crate) fn alive(&self, incarnation: Incarnation) -> Option<&Node> {
        let node = self.controllers.node_of(incarnation)?;
        self.nodes[node].as_deref()
    }

    /// The members of a tenure that hold everything, by its row.
    pub(crate) fn in_step(row: &Tenure) -> impl Iterator<Item = Incarnation> {
        [Some(row.owner), row.second.replica()]
            .into_iter()
            .flatten()
    }

    /// Whether an in-step member of each tenure lives. What happens after both copies are gone is not promised.
    pub(crate) fn within_fault_model(&self) -> bool {
        let rows = self.controllers.tenures.all();
        rows.iter()
            .all(|row| Self::in_step(row).any(|member| self.alive(member).is_some()))
    }

    /// Whether this node has the span in this tenure, or knows that its trace is dropped.
    pub(crate) fn holds(node: &Node, row: &Tenure, span: Span) -> bool {
        let tenure = tenure(row.created);
        let verdict = node.tenancy.verdict(tenure, span.trace_id());
        let mut held = node.tenancy.fragments(tenure);
        verdict.is_some_and(|verdict| !verdict.keeps)
            || held.any(|(_, fragment)| fragment.data == span)
    }
}
