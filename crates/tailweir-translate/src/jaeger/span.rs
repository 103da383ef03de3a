//! What a span says, as OTLP.

use super::{status, tags};
use crate::TranslateError;
use crate::translation::Translation;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{
    AttributeMap, AttributeSet, EncodedValue, NewSpan, NewSpanEvent, NewSpanLink, ResourcePlace,
    SpanWriter,
};

/// The bit of flags that says that a trace is sampled, here and in OTLP.
const SAMPLED: u32 = 1;

/// A span. Times in nanoseconds of the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    /// Zero where references tell it.
    pub(super) parent: SpanId,
    /// What tracing systems say about the trace to each other.
    pub(super) trace_state: Vec<u8>,
    pub(super) name: String,
    pub(super) references: Vec<Reference>,
    pub(super) flags: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) tags: AttributeMap,
    pub(super) logs: Vec<Log>,
    /// Name and version of the scope.
    pub(super) scope: (String, String),
}

/// A relation to another span.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    pub(super) kind: ReferenceKind,
}

/// What another span is to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReferenceKind {
    ChildOf,
    FollowsFrom,
    Other,
}

/// What happened at one moment.
#[derive(Debug)]
pub(super) struct Log {
    time: u64,
    name: Vec<u8>,
    attributes: AttributeSet,
}

impl Log {
    pub(super) fn of(time: u64, mut fields: AttributeMap) -> Self {
        Self {
            time,
            name: tags::take_text(&mut fields, "event").unwrap_or_default(),
            attributes: fields.finish(),
        }
    }
}

impl ReferenceKind {
    pub(super) const fn of(number: i32) -> Self {
        match number {
            0 => Self::ChildOf,
            1 => Self::FollowsFrom,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static [u8] {
        match self {
            Self::ChildOf => b"child_of",
            Self::FollowsFrom | Self::Other => b"follows_from",
        }
    }
}

impl Span {
    /// Adds the span to a request, unless it says nothing at all.
    pub(super) fn write(
        mut self,
        resource: ResourcePlace,
        traces: &mut Translation<'_>,
    ) -> Result<(), TranslateError> {
        if self.is_blank() {
            return Ok(());
        }
        let parent = self.parent_id();
        let kind = tags::take_text(&mut self.tags, "span.kind");
        let kind = kind.map_or(0, |kind| kind_of(&kind));
        let (status_code, status_message) = status::take(&mut self.tags, kind);
        let mut span = SpanWriter::new(&NewSpan {
            trace_id: self.trace_id,
            span_id: self.id,
            parent_id: parent,
            trace_state: &self.trace_state,
            name: self.name.as_bytes(),
            kind,
            start: self.start,
            end: self.end,
            flags: self.flags & SAMPLED,
            status_code,
            status_message: &status_message,
        });
        span.attributes(&self.tags.finish());
        for log in &self.logs {
            span.event(&NewSpanEvent {
                time: log.time,
                name: &log.name,
                attributes: &log.attributes,
                dropped_attributes: 0,
            });
        }
        for reference in &self.references {
            if reference.id != parent || reference.kind != ReferenceKind::ChildOf {
                write_link(reference, &mut span);
            }
        }
        traces.add(resource, (&self.scope.0, &self.scope.1), &span)
    }

    fn is_blank(&self) -> bool {
        let ids = (self.trace_id, self.id, self.parent);
        ids == Default::default()
            && (self.flags, self.start, self.end) == Default::default()
            && self.name.is_empty()
            && self.tags.is_empty()
            && self.references.is_empty()
            && self.logs.is_empty()
    }

    /// The parent: where none is named, a span of the same trace that this one is the child of, or else follows.
    fn parent_id(&self) -> SpanId {
        if !self.parent.is_zero() {
            return self.parent;
        }
        let first = |kind| {
            let mut same = self.references.iter();
            same.find(|reference| reference.trace_id == self.trace_id && reference.kind == kind)
        };
        let found = first(ReferenceKind::ChildOf).or_else(|| first(ReferenceKind::FollowsFrom));
        found.map_or(SpanId::default(), |reference| reference.id)
    }
}

fn write_link(reference: &Reference, span: &mut SpanWriter) {
    let mut attributes = AttributeSet::default();
    let kind = EncodedValue::string(reference.kind.name());
    attributes.put(b"opentracing.ref_type", &kind);
    span.link(&NewSpanLink {
        trace_id: reference.trace_id,
        span_id: reference.id,
        trace_state: b"",
        attributes: &attributes,
        dropped_attributes: 0,
    });
}

/// A kind of span, as OTLP numbers it.
fn kind_of(text: &[u8]) -> u8 {
    match text {
        b"internal" => 1,
        b"server" => 2,
        b"client" => 3,
        b"producer" => 4,
        b"consumer" => 5,
        _ => 0,
    }
}
