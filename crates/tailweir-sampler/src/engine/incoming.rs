//! A request on its way in.

use std::mem;
use std::ops::Range;
use tailweir_core::SpanId;
use tailweir_otlp::{Scan, SpanEntry, SpanRecord};

/// A request and those of its spans that are this engine's.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) request: &'a [u8],
    pub(super) scan: &'a Scan,
    pub(super) selected: &'a [u32],
    /// It is the work of another engine that is taken over: what that one handed on is handed on again.
    pub(super) is_adopted: bool,
}

impl<'a> Incoming<'a> {
    pub(super) fn entry(&self, number: u32) -> &'a SpanEntry {
        &self.scan.spans[number as usize]
    }

    pub(super) fn span(&self, number: u32) -> &'a [u8] {
        self.entry(number).span(self.request).0
    }

    /// A span with its id.
    pub(super) fn named_span(&self, number: u32) -> (SpanId, &'a [u8]) {
        (self.entry(number).head.span_id, self.span(number))
    }

    pub(super) fn record(&self, number: u32, fragment: u32) -> SpanRecord<'a> {
        let entry = self.entry(number);
        SpanRecord {
            resource: self.scan.resource(self.request, entry.context),
            scope: self.scan.scope(self.request, entry.context),
            span: entry.span(self.request),
            fragment,
        }
    }

    fn resource_index(&self, number: u32) -> u32 {
        self.scan.resource_index(self.entry(number).context)
    }

    /// Cuts numbers of spans where the `ResourceSpans` changes: into fragments.
    pub(super) fn fragment_end(&self, numbers: &[u32], start: usize) -> usize {
        let resource = self.resource_index(numbers[start]);
        let rest = &numbers[start..];
        let length = rest
            .iter()
            .position(|&number| self.resource_index(number) != resource);
        start + length.unwrap_or(rest.len())
    }
}

/// The fragments in these numbers of spans.
pub(super) fn fragments(
    incoming: Incoming<'_>,
    numbers: &[u32],
) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == numbers.len() {
            return None;
        }
        let end = incoming.fragment_end(numbers, start);
        Some(mem::replace(&mut start, end)..end)
    })
}
