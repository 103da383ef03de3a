//! A request under construction.

use crate::TranslateError;
use tailweir_otlp::{AttributeSet, ResourcePlace, Room, SpanWriter, TracesBuilder};

/// Most annotations, tags, logs, references of one span, of each kind: small things that each take more memory
/// than bytes.
pub(crate) const PARTS_MAX: usize = 16 << 10;

/// What any request may become, in bytes.
const SLACK: usize = 64 << 10;

/// Counts things of one kind of a span.
#[derive(Default)]
pub(crate) struct Parts(usize);

impl Parts {
    /// Counts one more.
    pub(crate) fn one_more(&mut self) -> Result<(), TranslateError> {
        self.0 += 1;
        match self.0 <= PARTS_MAX {
            true => Ok(()),
            false => Err(TranslateError::TooMany { most: PARTS_MAX }),
        }
    }
}

/// An OTLP request that is written span by span, and may become four times as long as what came.
pub(crate) struct Translation<'a> {
    traces: TracesBuilder,
    room: &'a mut Room<'a>,
    length_max: usize,
}

impl<'a> Translation<'a> {
    /// Nothing yet, of a request of so many bytes.
    pub(crate) fn of(length: usize, room: &'a mut Room<'a>) -> Self {
        Self {
            traces: TracesBuilder::default(),
            room,
            length_max: length.saturating_mul(4).saturating_add(SLACK),
        }
    }

    /// A resource, which is looked up once for all of its spans.
    pub(crate) fn resource(
        &mut self,
        attributes: &AttributeSet,
    ) -> Result<ResourcePlace, TranslateError> {
        let resource = self.traces.resource(attributes);
        self.require_room()?;
        Ok(resource)
    }

    /// Adds a span.
    pub(crate) fn add(
        &mut self,
        resource: ResourcePlace,
        scope: (&str, &str),
        span: &SpanWriter,
    ) -> Result<(), TranslateError> {
        let (name, version) = scope;
        self.traces
            .add_at(resource, name.as_bytes(), version.as_bytes(), span);
        self.require_room()
    }

    fn require_room(&mut self) -> Result<(), TranslateError> {
        let length = self.traces.length();
        if length > self.length_max {
            return Err(TranslateError::TooLong {
                most: self.length_max,
            });
        }
        // In the end it is copied once.
        match (self.room)(2 * length) {
            true => Ok(()),
            false => Err(TranslateError::NoRoom),
        }
    }

    /// Appends the request to `out`.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        self.traces.finish(out);
    }
}
