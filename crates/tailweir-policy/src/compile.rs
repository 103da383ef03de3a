//! Settings to a plan. All errors are found in one pass.

mod kinds;

use crate::attributes::{AttributePlan, TestIndex};
use crate::composite::CompositeSettings;
use crate::decision::SubPolicyIndex;
use crate::error::{CompileError, CompileErrorCause};
use crate::matcher::ValueTest;
use crate::plan::{CompiledPolicy, Composite, Leaf, LeafIndex, Node, Plan};
use crate::rules::Rules;
use kinds::Place;
use tailweir_config::{
    Location, Policy, PolicyKind, RateAllocation, SamplingStrategy, TailSampling,
};

/// Policies and sub-policies of a set are numbered with 16 bits.
const POLICIES_MAX: usize = u16::MAX as usize;

/// Compiles all policies of a `tail_sampling` block.
pub(crate) fn compile(settings: &TailSampling) -> Result<Plan, Vec<CompileError>> {
    let mut compiler = Compiler::new(settings);
    let count = settings.policies.iter().map(kinds::size).sum();
    if let (true, Some(last)) = (count > POLICIES_MAX, settings.policies.last()) {
        let cause = CompileErrorCause::TooManyPolicies {
            count,
            max: POLICIES_MAX,
        };
        compiler.refuse(&last.at, &last.name, cause);
        return Err(compiler.errors);
    }
    compiler.check_names(&settings.policies);
    for policy in &settings.policies {
        compiler.policy(policy);
    }
    compiler.finish()
}

struct Compiler<'s> {
    rules: Rules,
    strategy: SamplingStrategy,
    is_consistent: bool,
    /// Whether conditions may use lambdas.
    lambdas: bool,
    plan: Plan,
    tests: Vec<(String, ValueTest)>,
    /// Leaves whose answer is the same wherever they stand.
    known: Vec<(&'s PolicyKind, LeafIndex)>,
    errors: Vec<CompileError>,
}

impl<'s> Compiler<'s> {
    fn new(settings: &TailSampling) -> Self {
        Self {
            rules: Rules::of(settings.compat),
            strategy: settings.sampling_strategy,
            is_consistent: settings.consistent_probability,
            lambdas: settings.lambdas,
            plan: Plan::default(),
            tests: Vec::new(),
            known: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn refuse(&mut self, at: &Location, policy: &str, cause: CompileErrorCause) {
        self.errors.push(CompileError {
            at: at.clone(),
            policy: policy.to_owned(),
            cause,
        });
    }

    /// Names of the list identify policies in decisions and metrics; those of sub-policies do not.
    fn check_names(&mut self, policies: &[Policy]) {
        for (index, policy) in policies.iter().enumerate() {
            if policy.name.is_empty() {
                self.refuse(&policy.at, &policy.name, CompileErrorCause::UnnamedPolicy);
            } else if let Some(first) = policies[..index].iter().find(|p| p.name == policy.name) {
                let first = first.at.clone();
                self.refuse(
                    &policy.at,
                    &policy.name,
                    CompileErrorCause::DuplicateName { first },
                );
            }
        }
    }

    fn policy(&mut self, policy: &'s Policy) {
        let Some(tree) = self.node(policy, Place::List, &policy.name) else {
            return;
        };
        let number = self.plan.policies.len() as u16;
        match tree {
            Node::Drop(_) => self.plan.drops.push(number),
            _ => self.plan.others.push(number),
        }
        let remembers =
            matches!(tree, Node::Composite(_)) || self.plan.any_leaf(&tree, &Leaf::is_limiter);
        self.plan.policies.push(CompiledPolicy {
            name: policy.name.as_str().into(),
            remembers,
            tree,
        });
    }

    /// Nothing when the policy has errors; they are noted, and others still looked for.
    fn node(&mut self, policy: &'s Policy, place: Place, path: &str) -> Option<Node> {
        if let Err(cause) = place.admits(&policy.kind) {
            self.refuse(&policy.at, path, cause);
            return None;
        }
        match &policy.kind {
            PolicyKind::And(subs) => Some(Node::And(self.conjunction(subs, Place::And, path)?)),
            PolicyKind::Drop(subs) => {
                Some(Node::Drop(self.conjunction(subs, Place::Drop, path)?))
            }
            PolicyKind::Not(sub) => match self.node(sub, Place::Not, &join(path, &sub.name))? {
                Node::Leaf(leaf) => Some(Node::Not(leaf)),
                _ => None,
            },
            PolicyKind::Composite {
                max_total_spans_per_second,
                sub_policies,
                rate_allocation,
                ..
            } => self.composite(
                sub_policies,
                *max_total_spans_per_second,
                rate_allocation,
                path,
            ),
            kind => self.leaf(policy, kind, path).map(Node::Leaf),
        }
    }

    fn nodes(&mut self, subs: &'s [Policy], place: Place, path: &str) -> Option<Vec<Node>> {
        // Every sub-policy is compiled before a failure counts, so that all errors are found.
        let nodes: Vec<_> = subs
            .iter()
            .map(|sub| self.node(sub, place, &join(path, &sub.name)))
            .collect();
        nodes.into_iter().collect()
    }

    /// Sub-policies that must all agree. Cheap questions are asked first, but never moved past one
    /// whose asking has an effect. Under `consistent_probability` a limiter comes last, so that the
    /// cut it makes is among traces that it alone decides about.
    fn conjunction(&mut self, subs: &'s [Policy], place: Place, path: &str) -> Option<Box<[Node]>> {
        let mut nodes = self.nodes(subs, place, path)?;
        let plan = &self.plan;
        let is_limiter = |node: &Node| plan.any_leaf(node, &Leaf::is_limiter);
        if self.is_consistent {
            nodes.sort_by_key(is_limiter);
        }
        let is_fixed =
            |node: &Node| is_limiter(node) || plan.any_leaf(node, &|leaf| leaf.can_fail());
        for run in nodes.split_mut(is_fixed) {
            run.sort_by_key(|node| match node {
                Node::Leaf(leaf) | Node::Not(leaf) => plan.leaf(*leaf).cost(),
                _ => u8::MAX,
            });
        }
        Some(nodes.into())
    }

    fn composite(
        &mut self,
        subs: &'s [Policy],
        total: i64,
        allocation: &[RateAllocation],
        path: &str,
    ) -> Option<Node> {
        let nodes = self.nodes(subs, Place::Composite, path)?;
        let names: Vec<&str> = subs.iter().map(|sub| sub.name.as_str()).collect();
        let first = SubPolicyIndex(self.plan.sub_policy_names.len() as u16);
        self.plan
            .sub_policy_names
            .extend(names.iter().map(|&name| name.into()));
        let settings = CompositeSettings::new(total, &names, allocation, self.rules);
        self.plan.composites.push(settings);
        Some(Node::Composite(Composite {
            index: self.plan.composites.len() - 1,
            first,
            sub_policies: nodes.into(),
        }))
    }

    fn leaf(&mut self, policy: &Policy, kind: &'s PolicyKind, path: &str) -> Option<LeafIndex> {
        if let (SamplingStrategy::SpanIngest, Some(reason)) = (self.strategy, kinds::state(kind)) {
            self.refuse(&policy.at, path, CompileErrorCause::Stateful { reason });
        }
        if let Some((_, leaf)) = self.known.iter().find(|(known, _)| *known == kind) {
            return Some(*leaf);
        }
        let leaf = match self.question(kind, path) {
            Ok(leaf) => leaf,
            Err(causes) => {
                causes
                    .into_iter()
                    .for_each(|cause| self.refuse(&policy.at, path, cause));
                return None;
            }
        };
        let index = LeafIndex(self.plan.leaves.len() as u16);
        if !leaf.is_limiter() {
            self.known.push((kind, index));
        }
        self.plan.leaves.push(leaf);
        Some(index)
    }

    /// Adds a test to the walk over attributes.
    fn attribute(&mut self, key: &str, test: ValueTest, invert: bool) -> Leaf {
        self.tests.push((key.to_owned(), test));
        Leaf::Attribute {
            test: TestIndex((self.tests.len() - 1) as u16),
            invert,
        }
    }

    fn finish(mut self) -> Result<Plan, Vec<CompileError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        self.plan.attributes = AttributePlan::new(self.tests);
        Ok(self.plan)
    }
}

fn join(path: &str, name: &str) -> String {
    format!("{path}/{name}")
}
