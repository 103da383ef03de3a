//! A request as its items, in parts, and put together again.

use bytes::Bytes;
use std::borrow::Cow;
use tailweir_core::Signal;
use tailweir_otlp::{
    Assembler, Change, DataPoint, MetricView, Outer, RequestView, ResourceFields, ScopeFields,
};

use super::Portion;

/// The items of a request.
pub(super) struct Items<'a> {
    signal: Signal,
    request: &'a [u8],
    contexts: Vec<Context<'a>>,
    entries: Vec<Entry<'a>>,
}

/// What items belong to.
struct Context<'a> {
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
    /// The items of a request, in order. Resources and scopes without any are left out.
    pub(super) fn of(signal: Signal, request: &'a [u8]) -> Self {
        let (mut contexts, mut entries) = (Vec::new(), Vec::new());
        for (number, resource) in RequestView(request).resources().enumerate() {
            for scope in resource.scopes() {
                let mut items = scope.items().peekable();
                if items.peek().is_none() {
                    continue;
                }
                contexts.push(Context {
                    number,
                    resource,
                    scope,
                });
                for item in items {
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
            request,
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
        let context = &self.contexts[entry.context];
        (context.resource, context.scope)
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
            outers: Vec::new(),
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
    outers: Vec<(Outer, ScopeFields<'a>)>,
    assembler: Assembler,
}

impl Assembly<'_, '_> {
    fn assemble(&mut self, entries: &[Entry<'_>]) -> Bytes {
        if self.outers.is_empty() {
            // Of the scopes that have items, as the contexts are.
            self.outers = Outer::all(self.items.request);
        }
        let outers = &self.outers;
        let parts = entries.iter();
        let parts = parts.map(|entry| outers[entry.context].0.part(&entry.item));
        let mut out = Vec::new();
        self.assembler.assemble(parts, &mut out);
        Bytes::from(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{Groups, Items};
    use bytes::Bytes;
    use tailweir_core::Signal;

    /// Scenario: two records of a scope go to two targets; a scope without records stands in front of theirs, and a resource
    /// without any behind.
    /// Guarantees: nothing is kept for what has no records; each record has its own resource and scope where it goes.
    #[test]
    fn what_has_no_items_is_left_out() {
        // resource_logs { schema_url: "u" scope_logs { schema_url: "v" }
        //                 scope_logs { schema_url: "w" log_records { severity_number: 1 } log_records { severity_number: 5 } } }
        // resource_logs { scope_logs {} }
        let scopes = b"\x12\x03\x1a\x01v\x12\x0b\x1a\x01w\x12\x02\x10\x01\x12\x02\x10\x05";
        let first = [&b"\x0a\x15\x1a\x01u"[..], scopes].concat();
        let request = Bytes::from([&first[..], b"\x0a\x02\x12\x00"].concat());
        let items = Items::of(Signal::Logs, &request);
        assert_eq!(items.contexts.len(), 1);
        let mut groups = Groups::new(2);
        for (target, entry) in items.entries().enumerate() {
            groups.add(target, vec![entry]);
        }
        let portions = groups.into_portions(&items, &request);
        let bodies: Vec<_> = portions.iter().map(|portion| &portion.body[..]).collect();
        let wanted = [
            b"\x0a\x0c\x1a\x01u\x12\x07\x1a\x01w\x12\x02\x10\x01",
            b"\x0a\x0c\x1a\x01u\x12\x07\x1a\x01w\x12\x02\x10\x05",
        ];
        assert_eq!(bodies, wanted);
    }
}
