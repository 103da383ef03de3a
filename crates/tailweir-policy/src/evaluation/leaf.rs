//! Answers to single questions.

use super::{Evaluation, Failed};
use crate::plan::{Leaf, LeafIndex};
use crate::state::Answer;
use tailweir_otlp::collector_size;

impl Evaluation<'_> {
    /// The answer of a leaf; from its second asking on, the same as before.
    pub(crate) fn ask(&mut self, index: LeafIndex) -> Answer {
        let place = usize::from(index.0);
        match self.state.notes.leaves[place] {
            Answer::Unknown => {}
            known => return known,
        }
        let plan = self.plan;
        let answer = match self.look(plan.leaf(index)) {
            Ok(true) => Answer::Yes,
            Ok(false) => Answer::No,
            Err(Failed) => Answer::Failed,
        };
        self.state.notes.leaves[place] = answer;
        answer
    }

    fn look(&mut self, leaf: &Leaf) -> Result<bool, Failed> {
        let summary = &self.trace.summary;
        Ok(match leaf {
            Leaf::Always => true,
            Leaf::Latency(test) => test.whole_trace(summary),
            Leaf::PrefixLatency(test) => test.any_prefix(self.trace),
            Leaf::SpanCount { least, most } => {
                let spans = i64::try_from(self.spans).unwrap_or(i64::MAX);
                spans >= *least && most.is_none_or(|most| spans <= most)
            }
            Leaf::Status(codes) => summary.statuses & codes != 0,
            Leaf::SampledFlag => summary.has_sampled_flag,
            Leaf::Attribute { test, invert } => {
                let walk = &mut self.state.notes.walk;
                walk.passes(&self.plan.attributes, *test, self.trace) != *invert
            }
            Leaf::TraceState(test) => summary.has_trace_state && test.any_span(self.trace),
            Leaf::Draw(draw) => self.keeps(*draw),
            Leaf::SpanBucket(bucket) => self.state.buckets[*bucket].admits(self.now, self.spans),
            Leaf::ByteBucket(bucket) => {
                let size = collector_size(self.trace).traces_data;
                self.state.buckets[*bucket].admits(self.now, size)
            }
            Leaf::Conditions(conditions) => conditions.hold(self.trace)?,
        })
    }
}
