//! Spans of a request, grouped by where they go.

use crate::scan::SpanEntry;

/// The spans of a scan by group, such as shard or owner. Keep it: nothing is allocated once it has
/// grown. The order of the request is kept within a group.
#[derive(Debug, Default)]
pub struct Split {
    /// Group of each span.
    groups: Vec<u32>,
    /// Where each group begins in `order`; one more than there are groups.
    starts: Vec<u32>,
    /// Numbers of spans, group after group.
    order: Vec<u32>,
}

impl Split {
    /// An empty split, to be reused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Assigns each span to the group that `group_of` gives, a number below `count`. A number that is
    /// not counts as the last group.
    ///
    /// # Panics
    /// When `count` is zero.
    pub fn assign(
        &mut self,
        spans: &[SpanEntry],
        count: usize,
        mut group_of: impl FnMut(&SpanEntry) -> usize,
    ) {
        assert!(count > 0, "spans need a group to go to");
        self.groups.clear();
        self.starts.clear();
        self.starts.resize(count + 1, 0);
        for span in spans {
            let group = group_of(span).min(count - 1);
            self.groups.push(group as u32);
            self.starts[group + 1] += 1;
        }
        for group in 0..count {
            self.starts[group + 1] += self.starts[group];
        }
        self.order.clear();
        self.order.resize(spans.len(), 0);
        for (span, &group) in self.groups.iter().enumerate() {
            let next = &mut self.starts[group as usize];
            self.order[*next as usize] = span as u32;
            *next += 1;
        }
        // Each start has moved to its group's end, which is the next one's start.
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }

    /// How many groups there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Numbers of the spans of a group, in the order of the request; none for a group that is not.
    #[must_use]
    pub fn group(&self, group: usize) -> &[u32] {
        let bounds = self.starts.get(group).zip(self.starts.get(group + 1));
        bounds
            .and_then(|(&start, &end)| self.order.get(start as usize..end as usize))
            .unwrap_or_default()
    }
}
