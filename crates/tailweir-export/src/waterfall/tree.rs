//! The spans of a request as trees.

use std::collections::HashMap;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{AnyValue, RequestView, SpanView};

/// Deeper levels are drawn at this depth.
const DEPTH_MAX: usize = 16;

/// The part of a trace that one request holds.
pub(super) struct Trace<'a> {
    pub(super) id: TraceId,
    pub(super) spans: Vec<Span<'a>>,
    /// When its first span begins, in nanoseconds of the Unix epoch.
    pub(super) start: u64,
    /// When its last span ends.
    pub(super) end: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) view: SpanView<'a>,
    pub(super) service: &'a [u8],
    pub(super) start: u64,
    /// Not before the start.
    pub(super) end: u64,
}

/// A span in its place.
pub(super) struct Placed {
    /// Its number in the trace.
    pub(super) index: usize,
    /// The lines of the tree before its name.
    pub(super) branch: String,
}

/// The traces of a request, by first appearance.
pub(super) fn traces(request: &[u8]) -> Vec<Trace<'_>> {
    let mut numbers: HashMap<TraceId, usize> = HashMap::new();
    let mut traces: Vec<Trace<'_>> = Vec::new();
    for resource in RequestView(request).resources() {
        let service = match resource.resource().attributes().get(b"service.name") {
            Some(AnyValue::String(name)) => name,
            _ => b"-",
        };
        for item in resource.scopes().flat_map(|scope| scope.items()) {
            let view = SpanView(item);
            let id = view.trace_id();
            let number = *numbers.entry(id).or_insert_with(|| {
                traces.push(Trace {
                    id,
                    spans: Vec::new(),
                    start: u64::MAX,
                    end: 0,
                });
                traces.len() - 1
            });
            let start = view.start();
            let span = Span {
                view,
                service,
                start,
                end: view.end().max(start),
            };
            let trace = &mut traces[number];
            trace.start = trace.start.min(span.start);
            trace.end = trace.end.max(span.end);
            trace.spans.push(span);
        }
    }
    traces
}

/// The first `most` spans of the trace, each after its parent, siblings by time. Spans whose parent
/// is not there stand at the root, and so does one span of each circle.
pub(super) fn placed(trace: &Trace<'_>, most: usize) -> Vec<Placed> {
    let mut walk = Walk::new(trace, most);
    let mut order: Vec<usize> = (0..trace.spans.len()).collect();
    order.sort_by_key(|&index| trace.spans[index].start);
    for &index in &order {
        if walk.parent(index).is_none() {
            walk.descend(index);
        }
    }
    // What was not reached hangs on itself.
    for index in order {
        walk.descend(index);
    }
    walk.placed
}

struct Walk<'a> {
    trace: &'a Trace<'a>,
    by_id: HashMap<SpanId, usize>,
    children: HashMap<usize, Vec<usize>>,
    seen: Vec<bool>,
    placed: Vec<Placed>,
    most: usize,
}

/// A span to be placed.
struct Next {
    index: usize,
    /// The lines before its children's names.
    trunk: String,
    branch: String,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn new(trace: &'a Trace<'a>, most: usize) -> Self {
        let mut by_id = HashMap::new();
        for (index, span) in trace.spans.iter().enumerate() {
            // Of two spans with one id the first is the parent.
            by_id.entry(span.view.span_id()).or_insert(index);
        }
        let mut walk = Self {
            trace,
            by_id,
            children: HashMap::new(),
            seen: vec![false; trace.spans.len()],
            placed: Vec::new(),
            most,
        };
        for index in 0..trace.spans.len() {
            if let Some(parent) = walk.parent(index) {
                walk.children.entry(parent).or_default().push(index);
            }
        }
        for children in walk.children.values_mut() {
            // The last is drawn last, so it is pushed first.
            children.sort_by_key(|&child| std::cmp::Reverse(trace.spans[child].start));
        }
        walk
    }

    fn parent(&self, index: usize) -> Option<usize> {
        let parent = self.trace.spans[index].view.parent_span_id();
        let is_there = || self.by_id.get(&parent).copied();
        (!parent.is_zero())
            .then(is_there)
            .flatten()
            .filter(|&found| found != index)
    }

    /// Places a span and everything below it.
    fn descend(&mut self, root: usize) {
        let mut stack = vec![Next {
            index: root,
            trunk: String::new(),
            branch: String::new(),
            depth: 0,
        }];
        while let Some(next) = stack.pop() {
            if self.placed.len() == self.most {
                return;
            }
            if std::mem::replace(&mut self.seen[next.index], true) {
                continue;
            }
            for (place, &child) in self
                .children
                .get(&next.index)
                .into_iter()
                .flatten()
                .enumerate()
            {
                let is_last = place == 0;
                let is_deep = next.depth >= DEPTH_MAX;
                let continued = if is_last { "  " } else { "│ " };
                let own = if is_last { "└ " } else { "├ " };
                stack.push(Next {
                    index: child,
                    trunk: if is_deep {
                        next.trunk.clone()
                    } else {
                        format!("{}{continued}", next.trunk)
                    },
                    branch: format!("{}{own}", next.trunk),
                    depth: next.depth + 1,
                });
            }
            self.placed.push(Placed {
                index: next.index,
                branch: next.branch,
            });
        }
    }
}
