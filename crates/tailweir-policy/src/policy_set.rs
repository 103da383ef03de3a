//! The compiled policies of one `tail_sampling` block.

use crate::compile;
use crate::decision::{Arrival, Candidate, Decision, Pending, SubPolicyIndex};
use crate::error::CompileError;
use crate::evaluation::{Evaluation, Winner};
use crate::needs::{KeysRead, Needs};
use crate::plan::{Leaf, Node, Plan};
use crate::randomness::{self, DrawBasis};
use crate::rules::Rules;
use crate::state::PolicyState;
use tailweir_config::{SamplingStrategy, TailSampling};
use tailweir_core::{Moment, PolicyIndex, Randomness, Verdict};
use tailweir_otlp::TraceView;

/// Compiled policies. Immutable, and shared by all who decide; what is remembered between traces is
/// in a [`PolicyState`].
#[derive(Debug)]
pub struct PolicySet {
    plan: Plan,
    rules: Rules,
    strategy: SamplingStrategy,
    sample_on_first_match: bool,
    consistent_probability: bool,
    write_threshold: bool,
    /// Per policy: what it samples is kept whatever the draws and whatever other traces do.
    certain: Box<[bool]>,
}

impl PolicySet {
    /// Compiles the policies of a `tail_sampling` block. No policies at all sample nothing.
    ///
    /// # Errors
    /// Everything that is wrong with any policy, in the order of the configuration.
    pub fn compile(settings: &TailSampling) -> Result<Self, Vec<CompileError>> {
        let plan = compile::compile(settings)?;
        Ok(Self {
            certain: certain_policies(&plan),
            rules: Rules::of(settings.compat),
            strategy: settings.sampling_strategy,
            sample_on_first_match: settings.sample_on_first_match,
            consistent_probability: settings.consistent_probability,
            write_threshold: settings.write_threshold,
            plan,
        })
    }

    /// Decides about a whole trace.
    ///
    /// `now` is read by limiters and composites; it may stand still or go backwards, which refills
    /// nothing. `state` must have been made for this set.
    pub fn decide(&self, state: &mut PolicyState, now: Moment, trace: &TraceView<'_>) -> Decision {
        let spans = u64::from(trace.summary.spans);
        Evaluation::new(self, state, now, trace, spans).decide()
    }

    /// Looks at one fragment as it arrives, for the strategy `span-ingest`.
    ///
    /// `fragment` holds the spans that arrived, and a summary of those alone. `spans_so_far` counts
    /// all spans of the trace, these included. `pending` is what the fragments before left open.
    pub fn decide_on_arrival(
        &self,
        state: &mut PolicyState,
        now: Moment,
        fragment: &TraceView<'_>,
        spans_so_far: u64,
        pending: Pending,
    ) -> Arrival {
        let mut evaluation = Evaluation::new(self, state, now, fragment, spans_so_far);
        let dropped_by = evaluation.dropped_by();
        let mut candidate = pending.candidate;
        let may_sample = self.plan.drops.is_empty() || self.rules.drop_only_delays;
        if dropped_by.is_none() && candidate.is_none() && may_sample {
            let winner = evaluation.winner();
            candidate = winner.map(|winner| evaluation.candidate(winner));
        }
        let evaluation_errors = pending
            .evaluation_errors
            .saturating_add(evaluation.errors());
        if let Some(policy) = dropped_by {
            let verdict = Verdict::Dropped {
                policy: PolicyIndex(policy),
            };
            return Arrival::Decided(Decision {
                evaluation_errors,
                ..evaluation.decision(verdict, None)
            });
        }
        match candidate {
            Some(candidate) if self.plan.drops.is_empty() => {
                Arrival::Decided(candidate.decision(evaluation_errors))
            }
            candidate => Arrival::Open(Pending {
                candidate,
                evaluation_errors,
            }),
        }
    }

    /// The decision when the wait is over and no fragment decided, for the strategy `span-ingest`.
    #[must_use]
    pub fn settle(&self, pending: Pending) -> Decision {
        let errors = pending.evaluation_errors;
        match pending.candidate {
            Some(candidate) => candidate.decision(errors),
            None => Decision {
                verdict: Verdict::NotSampled,
                sub_policy: None,
                carried: Default::default(),
                evaluation_errors: errors,
            },
        }
    }

    /// Where a trace stands among those that are due at the same moment: the highest comes first, in a
    /// round that [`PolicyState::begin_round`] begins and [`PolicyState::end_round`] ends. Nothing when
    /// the order does not matter, which is so unless `consistent_probability` is on and a limiter
    /// admits traces.
    #[must_use]
    pub fn rank(&self, trace: &TraceView<'_>) -> Option<Randomness> {
        if !self.consistent_probability || self.plan.buckets.is_empty() {
            return None;
        }
        match randomness::consistent_basis(trace) {
            DrawBasis::Randomness(randomness) => Some(randomness),
            DrawBasis::Hash => Some(Randomness::of(trace.id)),
        }
    }

    /// When the policies look at a trace.
    #[must_use]
    pub fn strategy(&self) -> SamplingStrategy {
        self.strategy
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plan.policies.len()
    }

    /// Whether there are none: then nothing is sampled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.policies.is_empty()
    }

    /// The names of the policies, by [`PolicyIndex`].
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.plan.policies.iter().map(|policy| &*policy.name)
    }

    /// The name of a policy of this set; empty for a number of another set.
    #[must_use]
    pub fn name(&self, policy: PolicyIndex) -> &str {
        self.plan
            .policies
            .get(usize::from(policy.0))
            .map_or("", |policy| &policy.name)
    }

    /// The name of a sub-policy of a composite; empty for a number of another set.
    #[must_use]
    pub fn sub_policy_name(&self, sub_policy: SubPolicyIndex) -> &str {
        self.plan
            .sub_policy_names
            .get(usize::from(sub_policy.0))
            .map_or("", |name| name)
    }

    /// Whether what this policy samples can be given a weight. Limiters and composites admit a trace
    /// depending on other traces, so none of theirs can. Under `span-ingest` a share cannot be told
    /// either, unless every policy is a share: a later fragment might have sampled for certain.
    #[must_use]
    pub fn expresses_weight(&self, policy: PolicyIndex) -> bool {
        let Some(policy) = self.plan.policies.get(usize::from(policy.0)) else {
            return false;
        };
        let is_drawn = self
            .plan
            .any_leaf(&policy.tree, &|leaf| matches!(leaf, Leaf::Draw(_)));
        !policy.remembers && (!is_drawn || self.knows_shares())
    }

    /// The attributes whose values can change a decision. Edits of others may wait until a trace is
    /// kept.
    #[must_use]
    pub fn keys_read(&self) -> KeysRead {
        KeysRead::of(&self.plan)
    }

    /// What the policies need to be shown of a trace.
    #[must_use]
    pub fn needs(&self) -> Needs {
        Needs::of(&self.plan, self.consistent_probability)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn rules(&self) -> Rules {
        self.rules
    }

    pub(crate) fn is_consistent(&self) -> bool {
        self.consistent_probability
    }

    pub(crate) fn stops_at_first_match(&self) -> bool {
        self.sample_on_first_match
    }

    pub(crate) fn tells_weights(&self) -> bool {
        self.write_threshold
    }

    pub(crate) fn is_certain(&self, policy: u16) -> bool {
        self.certain[usize::from(policy)]
    }

    /// Whether the share of traces that draws keep can be told at the moment of the decision.
    pub(crate) fn knows_shares(&self) -> bool {
        let sees_all = self.strategy == SamplingStrategy::TraceComplete;
        let is_share = |leaf: &Leaf| matches!(leaf, Leaf::Draw(_) | Leaf::Always);
        sees_all || self.plan.leaves.iter().all(is_share)
    }
}

impl Evaluation<'_> {
    fn candidate(&mut self, winner: Winner) -> Candidate {
        Candidate {
            policy: PolicyIndex(winner.policy),
            sub_policy: winner.sub_policy,
            threshold: self.threshold(winner),
            carried: self.carried(),
        }
    }
}

fn certain_policies(plan: &Plan) -> Box<[bool]> {
    let is_chance = |leaf: &Leaf| leaf.is_limiter() || matches!(leaf, Leaf::Draw(_));
    let tree = |policy: u16| &plan.policies[usize::from(policy)].tree;
    let drops_are_certain = !plan
        .drops
        .iter()
        .any(|&drop| plan.any_leaf(tree(drop), &is_chance));
    let is_certain =
        |node: &Node| !matches!(node, Node::Composite(_)) && !plan.any_leaf(node, &is_chance);
    plan.policies
        .iter()
        .map(|policy| drops_are_certain && is_certain(&policy.tree))
        .collect()
}
