//! How many traces a kept trace stands for.
//!
//! A policy that samples by a draw keeps only a share of the traces like this one; what is kept must
//! count for the rest. *Like this one* means: the same spans, another hash. So the share is found by
//! asking the compiled policies once for each cell of hashes in which they cannot differ, with every
//! other answer as it is for this trace. That is exact for `and`, `not` and `drop` around draws, for
//! several draws under one salt (which agree with each other) and under several (which do not), and
//! for a certain policy beside an uncertain one.
//!
//! What a limiter or a composite admits depends on other traces. It has no weight, unless the trace
//! would have been kept without it; what they refuse leaves the weight of the others as it is.

use crate::evaluation::Evaluation;
use crate::plan::{Leaf, LeafIndex, Node};
use crate::randomness::DrawBasis;
use crate::state::Answer;
use tailweir_core::Threshold;

/// Most cells that are looked at for one trace. Beyond it there is no weight.
const CELLS_MAX: u32 = 4096;

/// How the threshold of a decision goes together with one that a span already carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CarriedWeight {
    /// The decision knows nothing of the earlier one, so the shares are multiplied.
    #[default]
    Independent,
    /// Both were made by the same randomness, so the higher threshold holds.
    Consistent,
}

impl CarriedWeight {
    /// The threshold to write into a span that carries one already, or none.
    ///
    /// Nothing when there is no own threshold, or when the share that is left rounds to none of `2^56`:
    /// then none can be written, and what the span carries must be taken out.
    #[must_use]
    pub fn combine(self, carried: Option<Threshold>, own: Option<Threshold>) -> Option<Threshold> {
        let own = own?;
        let Some(carried) = carried else {
            return Some(own);
        };
        match self {
            Self::Consistent => Some(own.max(carried)),
            Self::Independent if own == Threshold::ALWAYS => Some(carried),
            Self::Independent if carried == Threshold::ALWAYS => Some(own),
            Self::Independent => {
                Threshold::of_probability(1.0 / own.adjusted_count() / carried.adjusted_count(), 14)
            }
        }
    }
}

/// What the policies say when not everything is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belief {
    Yes,
    No,
    /// It fails, which is no vote.
    Failed,
    /// It depends on draws not yet fixed, or on other traces.
    Open,
}

/// A share of all positions: whole cells exactly, parts of cells as fractions.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    whole: u128,
    parts: f64,
}

/// The threshold of a trace that was sampled; nothing when no share can be told.
pub(crate) fn threshold(evaluation: &mut Evaluation<'_>) -> Option<Threshold> {
    let mut imagined = Imagined {
        evaluation,
        fixed: 0,
        cells: 0,
    };
    let share = imagined.kept_share()?;
    Threshold::of_probability(share, 14)
}

/// The policies, asked about traces that differ from the one at hand in their hashes only.
struct Imagined<'i, 'e> {
    evaluation: &'i mut Evaluation<'e>,
    /// Dimensions whose positions are fixed.
    fixed: usize,
    cells: u32,
}

impl Imagined<'_, '_> {
    /// The share of positions, 0 to 1, at which the trace is kept, the first `fixed` being given.
    fn kept_share(&mut self) -> Option<f64> {
        self.cells += 1;
        if self.cells > CELLS_MAX {
            return None;
        }
        match self.kept() {
            Belief::Yes => return Some(1.0),
            Belief::No | Belief::Failed => return Some(0.0),
            Belief::Open => {}
        }
        let (plan, basis) = (self.evaluation.plan, self.evaluation.basis);
        let dimension = self.fixed;
        let cells = plan.draws.cells(dimension, basis)?;
        let mut share = Share::default();
        let mut below: u128 = 0;
        let mut was_kept = true;
        self.fixed = dimension + 1;
        for &last in cells {
            self.evaluation.positions()[dimension] = last;
            let width = u128::from(last) + 1 - below;
            below = u128::from(last) + 1;
            let part = self.kept_share()?;
            match part {
                1.0 => share.whole += width,
                _ => share.parts += part * width as f64,
            }
            // A threshold on randomness says that all from it upwards is kept, and nothing else.
            if basis != DrawBasis::Hash && part > 0.0 && !was_kept {
                return None;
            }
            was_kept = part > 0.0;
        }
        self.fixed = dimension;
        Some((share.whole as f64 + share.parts) / below as f64)
    }

    /// Whether the trace is kept: no drop says yes, and another policy does.
    fn kept(&mut self) -> Belief {
        let plan = self.evaluation.plan;
        let dropped = self.any(&plan.drops);
        if dropped == Belief::Yes {
            return Belief::No;
        }
        match self.any(&plan.others) {
            Belief::Yes if dropped == Belief::Open => Belief::Open,
            kept => kept,
        }
    }

    fn any(&mut self, policies: &[u16]) -> Belief {
        let plan = self.evaluation.plan;
        let mut belief = Belief::No;
        for &index in policies {
            match self.believe(&plan.policies[usize::from(index)].tree) {
                Belief::Yes => return Belief::Yes,
                Belief::Open => belief = Belief::Open,
                Belief::No | Belief::Failed => {}
            }
        }
        belief
    }

    fn believe(&mut self, node: &Node) -> Belief {
        match node {
            Node::Leaf(leaf) => self.believe_leaf(*leaf),
            Node::Not(leaf) => match self.believe_leaf(*leaf) {
                Belief::Yes => Belief::No,
                Belief::No => Belief::Yes,
                other => other,
            },
            Node::And(nodes) | Node::Drop(nodes) => self.all(nodes),
            Node::Composite(composite) => {
                let answer = self.evaluation.composite_answer(composite.index);
                self.believe_composite(&composite.sub_policies, answer)
            }
        }
    }

    fn all(&mut self, nodes: &[Node]) -> Belief {
        let mut belief = Belief::Yes;
        for node in nodes {
            match self.believe(node) {
                Belief::Yes => {}
                Belief::Open => belief = Belief::Open,
                stops => return stops,
            }
        }
        belief
    }

    /// What a composite admits depends on its budget. It refuses for certain when no sub-policy can
    /// say yes, or when it did refuse and no draw could have changed that.
    fn believe_composite(&mut self, sub_policies: &[Node], answer: Answer) -> Belief {
        let plan = self.evaluation.plan;
        let is_drawn = |node| plan.any_leaf(node, &|leaf| matches!(leaf, Leaf::Draw(_)));
        if matches!(answer, Answer::No | Answer::Failed) && !sub_policies.iter().any(is_drawn) {
            return Belief::No;
        }
        let hopeless = |belief| belief == Belief::No;
        match sub_policies.iter().all(|node| hopeless(self.believe(node))) {
            true => Belief::No,
            false => Belief::Open,
        }
    }

    fn believe_leaf(&mut self, index: LeafIndex) -> Belief {
        let plan = self.evaluation.plan;
        match plan.leaf(index) {
            Leaf::Draw(draw)
                if plan.draws.dimension(*draw, self.evaluation.basis) >= self.fixed =>
            {
                Belief::Open
            }
            Leaf::Draw(draw) => match self.evaluation.keeps(*draw) {
                true => Belief::Yes,
                false => Belief::No,
            },
            leaf if leaf.is_limiter() => match self.evaluation.known(index) {
                Answer::No => Belief::No,
                _ => Belief::Open,
            },
            _ => match self.evaluation.ask(index) {
                Answer::Yes => Belief::Yes,
                Answer::Failed => Belief::Failed,
                _ => Belief::No,
            },
        }
    }
}
