//! A request as its items, in parts, and put together again.

use bytes::Bytes;
use std::borrow::Cow;
use tailweir_core::Signal;
use tailweir_otlp::{
    Assembler, Change, DataPoint, MetricView, Part, RequestView, ResourceFields, ScopeFields,
};

use super::Portion;

/// The items of a request.
pub(super) struct Items<'a> {
    signal: Signal,
    contexts: Vec<Outer<'a>>,
    entries: Vec<Entry<'a>>,
}

/// What items belong to.
struct Outer<'a> {
    /// Its number in the request.
    number: usize,
    resource: ResourceFields<'a>,
    scope: ScopeFields<'a>,
}

/// A span, log record or metric, or a part of the data points of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'a> {
    /// Its number in the request.
    number: usize,
    /// Number of its context.
    context: usize,
    /// The content of its message. Owned: a part of a metric.
    pub(super) item: Cow<'a, [u8]>,
    /// Spans, log records or data points in it.
    pub(super) count: u64,
}

impl<'a> Items<'a> {
    /// The items of a request, in order. Resources without any are left out.
    pub(super) fn of(signal: Signal, request: &'a [u8]) -> Self {
        let (mut contexts, mut entries) = (Vec::new(), Vec::new());
        for (number, resource) in RequestView(request).resources().enumerate() {
            for scope in resource.scopes() {
                contexts.push(Outer {
                    number,
                    resource,
                    scope,
                });
                for item in scope.items() {
                    entries.push(Entry {
                        number: entries.len(),
                        context: contexts.len() - 1,
                        item: Cow::Borrowed(item),
                        count: count(signal, item),
                    });
                }
            }
        }
        Self {
            signal,
            contexts,
            entries,
        }
    }

    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    /// All of them.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'a>> + '_ {
        self.entries.iter().cloned()
    }

    /// What an item belongs to.
    pub(super) fn context(&self, entry: &Entry<'_>) -> (ResourceFields<'a>, ScopeFields<'a>) {
        let outer = &self.contexts[entry.context];
        (outer.resource, outer.scope)
    }

    /// The number of the resource of an item.
    pub(super) fn resource_number(&self, entry: &Entry<'_>) -> usize {
        self.contexts[entry.context].number
    }

    /// Whether these are all items, whole and in order.
    fn are_all(&self, entries: &[Entry<'_>]) -> bool {
        let is_whole = |(number, entry): (usize, &Entry<'_>)| {
            entry.number == number && matches!(entry.item, Cow::Borrowed(_))
        };
        entries.len() == self.entries.len() && entries.iter().enumerate().all(is_whole)
    }
}

fn count(signal: Signal, item: &[u8]) -> u64 {
    match signal {
        Signal::Metrics => MetricView(item).data().points().count() as u64,
        Signal::Traces | Signal::Logs => 1,
    }
}

/// Entries that match, and the others.
pub(super) type Parts<'a> = (Vec<Entry<'a>>, Vec<Entry<'a>>);

/// Divides entries by what `matches` says of each.
pub(super) fn divide<'a>(
    entries: Vec<Entry<'a>>,
    matches: impl FnMut(&Entry<'a>) -> bool,
) -> Parts<'a> {
    entries.into_iter().partition(matches)
}

/// Divides metrics by what `matches` says of each of their data points.
pub(super) fn divide_points<'a>(
    entries: Vec<Entry<'a>>,
    mut matches: impl FnMut(&Entry<'a>, DataPoint<'_>) -> bool,
) -> Parts<'a> {
    let (mut matched, mut others) = (Vec::new(), Vec::new());
    for entry in entries {
        let points = MetricView(&entry.item).data().points();
        let answers: Vec<bool> = points.map(|point| matches(&entry, point)).collect();
        match (answers.contains(&true), answers.contains(&false)) {
            (true, true) => {
                matched.push(with_points(&entry, &answers, true));
                others.push(with_points(&entry, &answers, false));
            }
            (true, false) => matched.push(entry),
            (false, _) => others.push(entry),
        }
    }
    (matched, others)
}

/// A metric with those of its points that have this answer.
fn with_points<'a>(entry: &Entry<'a>, answers: &[bool], wanted: bool) -> Entry<'a> {
    let mut answers = answers.iter();
    let sifted = MetricView(&entry.item).sift_points(|_| {
        if answers.next() == Some(&wanted) {
            Change::Keep
        } else {
            Change::Drop
        }
    });
    Entry {
        count: sifted.left as u64,
        item: Cow::Owned(sifted.content.unwrap_or_else(|| entry.item.to_vec())),
        ..*entry
    }
}

/// What goes to each target.
pub(super) struct Groups<'a>(Vec<Vec<Entry<'a>>>);

impl<'a> Groups<'a> {
    /// Nothing, for so many targets.
    pub(super) fn new(targets: usize) -> Self {
        Self(vec![Vec::new(); targets])
    }

    /// Adds items to what goes to a target.
    pub(super) fn add(&mut self, target: usize, entries: Vec<Entry<'a>>) {
        self.0[target].extend(entries);
    }

    /// A request for each target to which something goes.
    pub(super) fn into_portions(self, items: &Items<'_>, whole: &Bytes) -> Vec<Portion> {
        let mut assembly = Assembly {
            items,
            own: Vec::new(),
            assembler: Assembler::new(),
        };
        let groups = self.0.into_iter().enumerate();
        let groups = groups.filter(|(_, entries)| !entries.is_empty());
        let portions = groups.map(|(target, entries)| Portion {
            target,
            items: entries.iter().map(|entry| entry.count).sum(),
            body: if items.are_all(&entries) {
                whole.clone()
            } else {
                assembly.assemble(&entries)
            },
        });
        portions.collect()
    }
}

/// Puts requests together.
struct Assembly<'i, 'a> {
    items: &'i Items<'a>,
    /// The fields of each context without what is nested in them, once they are needed.
    own: Vec<(Vec<u8>, Vec<u8>)>,
    assembler: Assembler,
}

impl Assembly<'_, '_> {
    fn assemble(&mut self, entries: &[Entry<'_>]) -> Bytes {
        if self.own.is_empty() {
            let contexts = self.items.contexts.iter();
            let own = contexts
                .map(|outer| (outer.resource.without_scopes(), outer.scope.without_items()));
            self.own = own.collect();
        }
        let parts = entries.iter().map(|entry| {
            let (resource, scope) = &self.own[entry.context];
            Part {
                resource: ResourceFields(resource),
                scope: ScopeFields(scope),
                item: &entry.item,
            }
        });
        let mut out = Vec::new();
        self.assembler.assemble(parts, &mut out);
        Bytes::from(out)
    }
}
