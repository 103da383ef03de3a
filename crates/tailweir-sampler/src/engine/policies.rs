//! The policies in force, and earlier ones for as long as a remembered decision names them.

use std::sync::Arc;
use tailweir_core::TraceId;
use tailweir_otlp::{TraceSummary, TraceView};
use tailweir_policy::{PolicySet, PolicyState, SamplingStrategy};

pub(super) struct Policies {
    current: Arc<PolicySet>,
    pub(super) state: PolicyState,
    needs_spans: bool,
    ranks_traces: bool,
    revision: u32,
    /// How many remembered decisions the current policies made.
    decisions: usize,
    earlier: Vec<Earlier>,
}

struct Earlier {
    revision: u32,
    policies: Arc<PolicySet>,
    decisions: usize,
}

impl Policies {
    pub(super) fn new(policies: Arc<PolicySet>, share: f64) -> Self {
        Self {
            state: PolicyState::with_share(&policies, share),
            needs_spans: policies.needs().spans,
            ranks_traces: ranks_traces(&policies),
            current: policies,
            revision: 0,
            decisions: 0,
            earlier: Vec::new(),
        }
    }

    pub(super) fn current(&self) -> &Arc<PolicySet> {
        &self.current
    }

    /// Whether policies look at each fragment as it arrives, instead of the whole at its time.
    pub(super) fn looks_on_arrival(&self) -> bool {
        self.current.strategy() == SamplingStrategy::SpanIngest
    }

    /// Whether policies look at more than the summary of a trace.
    pub(super) fn needs_spans(&self) -> bool {
        self.needs_spans
    }

    /// Whether it matters in which order traces that are due together are decided.
    pub(super) fn ranks_traces(&self) -> bool {
        self.ranks_traces
    }

    /// Policies and their state, for a decision.
    pub(super) fn decider(&mut self) -> (&PolicySet, &mut PolicyState) {
        (&self.current, &mut self.state)
    }

    pub(super) fn replace(&mut self, policies: Arc<PolicySet>, share: f64) {
        self.state = self.state.succeeding(&self.current, &policies, share);
        self.needs_spans = policies.needs().spans;
        self.ranks_traces = ranks_traces(&policies);
        let policies = std::mem::replace(&mut self.current, policies);
        if self.decisions > 0 {
            let (revision, decisions) = (self.revision, self.decisions);
            self.earlier.push(Earlier {
                revision,
                policies,
                decisions,
            });
        }
        self.revision += 1;
        self.decisions = 0;
    }

    /// Limiters go by another share from now on.
    pub(super) fn set_share(&mut self, share: f64) {
        self.state = self.state.succeeding(&self.current, &self.current, share);
    }

    /// The number of the policies in force, for a decision that is about to be remembered.
    pub(super) fn name_revision(&mut self) -> u32 {
        self.decisions += 1;
        self.revision
    }

    /// A decision of this revision is remembered no longer.
    pub(super) fn release(&mut self, revision: u32) {
        if revision == self.revision {
            self.decisions -= 1;
            return;
        }
        for earlier in &mut self.earlier {
            if earlier.revision == revision {
                earlier.decisions -= 1;
            }
        }
        self.earlier.retain(|earlier| earlier.decisions > 0);
    }

    /// The policies of a remembered decision.
    pub(super) fn of(&self, revision: u32) -> &PolicySet {
        let earlier = self
            .earlier
            .iter()
            .find(|earlier| earlier.revision == revision);
        earlier.map_or(&self.current, |earlier| &earlier.policies)
    }
}

/// Policies rank every trace, even one without spans, or none.
fn ranks_traces(policies: &PolicySet) -> bool {
    let nothing = TraceView {
        id: TraceId::default(),
        summary: TraceSummary::default(),
        spans: &[],
    };
    policies.rank(&nothing).is_some()
}
