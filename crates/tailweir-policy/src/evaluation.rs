//! One trace in front of the policies.

mod leaf;

use crate::decision::{Decision, SubPolicyIndex};
use crate::plan::{Composite, LeafIndex, Node, Plan};
use crate::randomness::DrawBasis;
use crate::state::{Answer, PolicyState};
use crate::weight::{self, CarriedWeight};
use crate::{PolicySet, randomness};
use tailweir_core::{Moment, PolicyIndex, Threshold, Verdict};
use tailweir_otlp::TraceView;

/// A trace, the policies, and what is known so far. Nothing is asked before its answer is needed, and
/// nothing twice.
pub(crate) struct Evaluation<'e> {
    pub(crate) plan: &'e Plan,
    pub(crate) basis: DrawBasis,
    set: &'e PolicySet,
    state: &'e mut PolicyState,
    now: Moment,
    trace: &'e TraceView<'e>,
    /// Spans of the trace, those of earlier fragments included.
    spans: u64,
    errors: u32,
}

/// What a policy wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vote {
    Sampled(Option<SubPolicyIndex>),
    NotSampled,
    Dropped,
}

/// A policy that could not be evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed;

/// A policy that sampled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Winner {
    pub(crate) policy: u16,
    pub(crate) sub_policy: Option<SubPolicyIndex>,
}

impl<'e> Evaluation<'e> {
    pub(crate) fn new(
        set: &'e PolicySet,
        state: &'e mut PolicyState,
        now: Moment,
        trace: &'e TraceView<'e>,
        spans: u64,
    ) -> Self {
        let plan = set.plan();
        let notes = &mut state.notes;
        notes.restart(plan);
        state.votes.begin();
        let basis = match set.is_consistent() {
            true => randomness::consistent_basis(trace),
            false => DrawBasis::Hash,
        };
        plan.draws.place(trace.id, basis, &mut notes.positions);
        Self {
            plan,
            basis,
            set,
            state,
            now,
            trace,
            spans,
            errors: 0,
        }
    }

    pub(crate) fn errors(&self) -> u32 {
        self.errors
    }

    /// The decision about a whole trace.
    pub(crate) fn decide(&mut self) -> Decision {
        if let Some(policy) = self.dropped_by() {
            return self.decision(
                Verdict::Dropped {
                    policy: PolicyIndex(policy),
                },
                None,
            );
        }
        let Some(winner) = self.winner() else {
            return self.decision(Verdict::NotSampled, None);
        };
        let verdict = Verdict::Sampled {
            policy: PolicyIndex(winner.policy),
            threshold: self.threshold(winner),
        };
        self.decision(verdict, winner.sub_policy)
    }

    pub(crate) fn decision(
        &self,
        verdict: Verdict,
        sub_policy: Option<SubPolicyIndex>,
    ) -> Decision {
        Decision {
            verdict,
            sub_policy,
            carried: self.carried(),
            evaluation_errors: self.errors,
        }
    }

    pub(crate) fn carried(&self) -> CarriedWeight {
        match self.basis {
            DrawBasis::Hash => CarriedWeight::Independent,
            DrawBasis::Randomness(_) => CarriedWeight::Consistent,
        }
    }

    /// The first `drop` policy that drops the trace.
    pub(crate) fn dropped_by(&mut self) -> Option<u16> {
        let plan = self.plan;
        plan.drops
            .iter()
            .copied()
            .find(|&policy| self.vote_of(policy) == Vote::Dropped)
    }

    /// The first policy that samples the trace. Those after it are asked only when they remember it.
    pub(crate) fn winner(&mut self) -> Option<Winner> {
        let plan = self.plan;
        let mut winner = None;
        for &policy in &plan.others {
            if winner.is_some() {
                if self.set.stops_at_first_match() {
                    break;
                }
                if !plan.policies[usize::from(policy)].remembers {
                    continue;
                }
            }
            if let Vote::Sampled(sub_policy) = self.vote_of(policy) {
                winner = winner.or(Some(Winner { policy, sub_policy }));
            }
        }
        winner
    }

    /// The threshold of a trace that this policy sampled.
    pub(crate) fn threshold(&mut self, winner: Winner) -> Option<Threshold> {
        if !self.set.tells_weights() {
            return None;
        }
        if self.set.is_certain(winner.policy) {
            return Some(Threshold::ALWAYS);
        }
        match self.set.knows_shares() {
            true => weight::threshold(self),
            false => None,
        }
    }

    /// A policy that fails is passed over, and counted.
    fn vote_of(&mut self, policy: u16) -> Vote {
        let plan = self.plan;
        let start = self.state.votes.read();
        let vote = self.vote(&plan.policies[usize::from(policy)].tree);
        let size = (self.spans, self.trace.summary.bytes);
        self.state.votes.count(policy, vote, size, start);
        vote.unwrap_or_else(|Failed| {
            self.errors += 1;
            Vote::NotSampled
        })
    }

    fn vote(&mut self, node: &Node) -> Result<Vote, Failed> {
        match node {
            Node::Leaf(leaf) => Ok(sampled_if(self.answer(*leaf)?)),
            Node::Not(leaf) => Ok(sampled_if(!self.answer(*leaf)?)),
            Node::And(nodes) => Ok(sampled_if(self.all_sample(nodes)?)),
            Node::Drop(nodes) => Ok(match self.all_sample(nodes)? {
                true => Vote::Dropped,
                false => Vote::NotSampled,
            }),
            Node::Composite(composite) => self.composite_vote(composite),
        }
    }

    fn all_sample(&mut self, nodes: &[Node]) -> Result<bool, Failed> {
        for node in nodes {
            if self.vote(node)? == Vote::NotSampled {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn composite_vote(&mut self, composite: &Composite) -> Result<Vote, Failed> {
        self.state.composites[composite.index].turn_to(self.now);
        let vote = self.sub_policy_that_has_room(composite);
        self.state.notes.composites[composite.index] = match vote {
            Ok(Vote::Sampled(_)) => Answer::Yes,
            Ok(_) => Answer::No,
            Err(Failed) => Answer::Failed,
        };
        vote
    }

    fn sub_policy_that_has_room(&mut self, composite: &Composite) -> Result<Vote, Failed> {
        for (place, node) in composite.sub_policies.iter().enumerate() {
            if self.vote(node)? == Vote::NotSampled {
                continue;
            }
            if self.state.composites[composite.index].admits(place, self.spans) {
                let sub_policy = SubPolicyIndex(composite.first.0 + place as u16);
                return Ok(Vote::Sampled(Some(sub_policy)));
            }
            if !self.set.rules().spent_share_passes_on {
                return Ok(Vote::NotSampled);
            }
        }
        Ok(Vote::NotSampled)
    }

    fn answer(&mut self, leaf: LeafIndex) -> Result<bool, Failed> {
        match self.ask(leaf) {
            Answer::Yes => Ok(true),
            Answer::Failed => Err(Failed),
            Answer::No | Answer::Unknown => Ok(false),
        }
    }

    /// What a composite said, if it was asked.
    pub(crate) fn composite_answer(&self, index: usize) -> Answer {
        self.state.notes.composites[index]
    }

    /// What a leaf said, if it was asked.
    pub(crate) fn known(&self, leaf: LeafIndex) -> Answer {
        self.state.notes.leaves[usize::from(leaf.0)]
    }

    /// Where the trace stands, per dimension; to imagine it elsewhere once all policies have voted.
    pub(crate) fn positions(&mut self) -> &mut [u64] {
        &mut self.state.notes.positions
    }

    /// Whether a draw keeps the trace where it stands.
    pub(crate) fn keeps(&self, draw: usize) -> bool {
        self.plan
            .draws
            .keeps(draw, self.basis, &self.state.notes.positions)
    }
}

fn sampled_if(truth: bool) -> Vote {
    match truth {
        true => Vote::Sampled(None),
        false => Vote::NotSampled,
    }
}
