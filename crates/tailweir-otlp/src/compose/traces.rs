//! Requests of traces.

use super::{
    AttributeSet, nested, put_fixed32_unless_zero, put_fixed64_unless_zero, put_text_unless_empty,
    put_varint_unless_zero,
};
use crate::wire::put_bytes;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tailweir_core::{SpanId, TraceId};

/// A span.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewSpan<'a> {
    /// The trace that it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// That of its parent, or the zero id.
    pub parent_id: SpanId,
    /// What tracing systems say about the trace to each other.
    pub trace_state: &'a [u8],
    /// What it does.
    pub name: &'a [u8],
    /// 0: not said; 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: u8,
    /// When it began, in nanoseconds of the Unix epoch.
    pub start: u64,
    /// When it ended, in nanoseconds of the Unix epoch.
    pub end: u64,
    /// The flags of the W3C trace context; 0: not said.
    pub flags: u32,
    /// Whether it succeeded: 0: not said; 1 yes, 2 no.
    pub status_code: i32,
    /// What went wrong.
    pub status_message: &'a [u8],
}

/// Something that happened at one moment.
#[derive(Debug, Clone, Copy)]
pub struct NewSpanEvent<'a> {
    /// When, in nanoseconds of the Unix epoch.
    pub time: u64,
    /// What.
    pub name: &'a [u8],
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// How many attributes were left out.
    pub dropped_attributes: u32,
}

/// A relation to another span.
#[derive(Debug, Clone, Copy)]
pub struct NewSpanLink<'a> {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// The other span's tracestate.
    pub trace_state: &'a [u8],
    /// Its attributes.
    pub attributes: &'a AttributeSet,
    /// How many attributes were left out.
    pub dropped_attributes: u32,
}

/// A span under construction: what repeats in it is added to it.
pub struct SpanWriter {
    content: Vec<u8>,
}

impl SpanWriter {
    /// A span without attributes, events and links.
    #[must_use]
    pub fn new(span: &NewSpan<'_>) -> Self {
        let mut content = Vec::with_capacity(128);
        let out = &mut content;
        put_bytes(out, 1, &span.trace_id.0);
        put_bytes(out, 2, &span.span_id.0);
        put_text_unless_empty(out, 3, span.trace_state);
        if !span.parent_id.is_zero() {
            put_bytes(out, 4, &span.parent_id.0);
        }
        put_text_unless_empty(out, 5, span.name);
        put_varint_unless_zero(out, 6, span.kind.into());
        put_fixed64_unless_zero(out, 7, span.start);
        put_fixed64_unless_zero(out, 8, span.end);
        if span.status_code != 0 || !span.status_message.is_empty() {
            nested(out, 15, |out| {
                put_text_unless_empty(out, 2, span.status_message);
                put_varint_unless_zero(out, 3, i64::from(span.status_code) as u64);
            });
        }
        put_fixed32_unless_zero(out, 16, span.flags);
        Self { content }
    }

    /// The content of its message, as far as it has been written.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.content
    }

    /// Adds attributes.
    pub fn attributes(&mut self, attributes: &AttributeSet) {
        attributes.write(9, &mut self.content);
    }

    /// Adds an event.
    pub fn event(&mut self, event: &NewSpanEvent<'_>) {
        nested(&mut self.content, 11, |out| {
            put_fixed64_unless_zero(out, 1, event.time);
            put_text_unless_empty(out, 2, event.name);
            event.attributes.write(3, out);
            put_varint_unless_zero(out, 4, event.dropped_attributes.into());
        });
    }

    /// Adds a link.
    pub fn link(&mut self, link: &NewSpanLink<'_>) {
        nested(&mut self.content, 13, |out| {
            put_bytes(out, 1, &link.trace_id.0);
            put_bytes(out, 2, &link.span_id.0);
            put_text_unless_empty(out, 3, link.trace_state);
            link.attributes.write(4, out);
            put_varint_unless_zero(out, 5, link.dropped_attributes.into());
        });
    }
}

/// A resource in a [`TracesBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourcePlace(usize);

/// A request of traces, whose spans come in any order: those of one resource and scope are put together. As
/// requests of logs have the same form, it makes them of encoded records too.
#[derive(Debug, Default)]
pub struct TracesBuilder {
    /// The place of each resource.
    resources: BTreeMap<Vec<u8>, usize>,
    /// The place in `groups` of each scope of each resource.
    scopes: BTreeMap<(usize, Vec<u8>), usize>,
    /// The spans of each scope of each resource.
    groups: Vec<Vec<u8>>,
    length: usize,
}

impl TracesBuilder {
    /// A resource, for [`Self::add_at`]: to look for one takes as long as its attributes are, and many spans may have
    /// it. One to which nothing is added is left out.
    pub fn resource(&mut self, attributes: &AttributeSet) -> ResourcePlace {
        let mut fields = Vec::new();
        attributes.write(1, &mut fields);
        let (next, length) = (self.resources.len(), fields.len());
        let place = *self.resources.entry(fields).or_insert(next);
        if place == next {
            self.length += length;
        }
        ResourcePlace(place)
    }

    /// Adds a span. A scope without a name and a version is none.
    pub fn add(
        &mut self,
        resource: &AttributeSet,
        scope_name: &[u8],
        scope_version: &[u8],
        span: &SpanWriter,
    ) {
        self.add_encoded(resource, scope_name, scope_version, &span.content);
    }

    /// Adds a span of a resource of this builder. A scope without a name and a version is none.
    pub fn add_at(
        &mut self,
        resource: ResourcePlace,
        scope_name: &[u8],
        scope_version: &[u8],
        span: &SpanWriter,
    ) {
        self.add_encoded_at(resource, scope_name, scope_version, &span.content);
    }

    /// Adds the content of the message of a span, or of a log record in a request of logs.
    pub fn add_encoded(
        &mut self,
        resource: &AttributeSet,
        scope_name: &[u8],
        scope_version: &[u8],
        item: &[u8],
    ) {
        let resource = self.resource(resource);
        self.add_encoded_at(resource, scope_name, scope_version, item);
    }

    fn add_encoded_at(
        &mut self,
        ResourcePlace(resource): ResourcePlace,
        scope_name: &[u8],
        scope_version: &[u8],
        item: &[u8],
    ) {
        let mut scope = Vec::new();
        put_text_unless_empty(&mut scope, 1, scope_name);
        put_text_unless_empty(&mut scope, 2, scope_version);
        let place = self.group_of(resource, scope);
        let spans = &mut self.groups[place];
        let before = spans.len();
        put_bytes(spans, 2, item);
        self.length += spans.len() - before;
    }

    fn group_of(&mut self, resource: usize, scope: Vec<u8>) -> usize {
        let added = scope.len();
        match self.scopes.entry((resource, scope)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.length += added;
                self.groups.push(Vec::new());
                *new.insert(self.groups.len() - 1)
            }
        }
    }

    /// About how many bytes the request has so far.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The request, appended to `out`. Resources and scopes stand in the order in which they came.
    pub fn finish(self, out: &mut Vec<u8>) {
        let mut resources: Vec<_> = self.resources.into_iter().collect();
        resources.sort_by_key(|(_, place)| *place);
        let mut scopes: Vec<_> = self.scopes.into_iter().collect();
        scopes.sort_by_key(|((resource, _), place)| (*resource, *place));
        let mut scopes = scopes.into_iter().peekable();
        for (fields, resource) in resources {
            if scopes.peek().is_none_or(|((of, _), _)| *of != resource) {
                continue;
            }
            nested(out, 1, |out| {
                put_bytes(out, 1, &fields);
                while let Some(((_, scope), place)) = scopes.next_if(|((of, _), _)| *of == resource)
                {
                    nested(out, 2, |out| {
                        put_bytes(out, 1, &scope);
                        out.extend_from_slice(&self.groups[place]);
                    });
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NewSpan, SpanWriter, TracesBuilder};
    use crate::{AttributeSet, EncodedValue};

    fn attributes(value: &str) -> AttributeSet {
        let mut attributes = AttributeSet::default();
        attributes.put(b"k", &EncodedValue::string(value.as_bytes()));
        attributes
    }

    fn span(name: &[u8]) -> SpanWriter {
        SpanWriter::new(&NewSpan {
            name,
            ..NewSpan::default()
        })
    }

    /// Scenario: spans of two resources and two scopes, in turn; the resources are looked up for each span, and once; another
    /// resource has no spans.
    /// Guarantees: what comes of them is the same, with each resource once and none that is empty.
    #[test]
    fn a_resource_is_looked_up_for_each_span_or_once() {
        let (one, two) = (attributes("one"), attributes("two"));
        let (mut each, mut once) = (TracesBuilder::default(), TracesBuilder::default());
        let [none, first, second] = [&attributes("none"), &one, &two].map(|it| once.resource(it));
        assert_eq!(once.resource(&attributes("none")), none);
        for (name, scope) in [(b"a", b"s"), (b"b", b"t"), (b"c", b"s")] {
            for (attributes, place) in [(&one, first), (&two, second)] {
                each.add(attributes, scope, b"", &span(name));
                once.add_at(place, scope, b"", &span(name));
            }
        }
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        each.finish(&mut wanted);
        once.finish(&mut found);
        assert_eq!(found, wanted);
        let resources = crate::RequestView(&found).resources();
        let values = resources.map(|it| it.resource().attributes().get(b"k"));
        let wanted = [b"one", b"two"].map(|text| Some(crate::AnyValue::String(text)));
        assert_eq!(values.collect::<Vec<_>>(), wanted);
    }

    /// Scenario: a resource of 10 kB has spans in a hundred scopes.
    /// Guarantees: it counts once for how long the request is, as it stands there once.
    #[test]
    fn a_resource_counts_once() {
        let mut request = TracesBuilder::default();
        let resource = request.resource(&attributes(&"x".repeat(10_000)));
        for scope in 0..100_u8 {
            request.add_at(resource, &[b's', scope], b"", &span(b"a"));
        }
        let estimated = request.length();
        let mut out = Vec::new();
        request.finish(&mut out);
        assert!(estimated <= out.len() && out.len() <= 2 * estimated);
    }
}
