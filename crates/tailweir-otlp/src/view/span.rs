//! Spans, their events, links and status.

use super::{Attributes, Messages};
use crate::wire::{Fields, Payload, last_bytes, last_fixed32, last_fixed64, last_varint};
use tailweir_core::{SpanId, TraceId};

pub(crate) const TRACE_ID: u32 = 1;
pub(crate) const SPAN_ID: u32 = 2;
pub(crate) const TRACE_STATE: u32 = 3;
pub(crate) const PARENT_SPAN_ID: u32 = 4;
pub(crate) const NAME: u32 = 5;
pub(crate) const KIND: u32 = 6;
pub(crate) const START: u32 = 7;
pub(crate) const END: u32 = 8;
pub(crate) const ATTRIBUTES: u32 = 9;
pub(crate) const DROPPED_ATTRIBUTES: u32 = 10;
pub(crate) const EVENTS: u32 = 11;
pub(crate) const DROPPED_EVENTS: u32 = 12;
pub(crate) const LINKS: u32 = 13;
pub(crate) const DROPPED_LINKS: u32 = 14;
pub(crate) const STATUS: u32 = 15;
pub(crate) const FLAGS: u32 = 16;

/// The content of a `Span` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanView<'a>(pub &'a [u8]);

impl<'a> SpanView<'a> {
    /// Its trace; the zero id when there is none.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        last_bytes(self.0, TRACE_ID)
            .and_then(TraceId::from_slice)
            .unwrap_or_default()
    }

    /// Its id; zero when there is none.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        last_bytes(self.0, SPAN_ID)
            .and_then(SpanId::from_slice)
            .unwrap_or_default()
    }

    /// The id of its parent; zero when it is a root.
    #[must_use]
    pub fn parent_span_id(self) -> SpanId {
        last_bytes(self.0, PARENT_SPAN_ID)
            .and_then(SpanId::from_slice)
            .unwrap_or_default()
    }

    /// Its W3C tracestate as sent, or nothing.
    #[must_use]
    pub fn trace_state(self) -> &'a [u8] {
        last_bytes(self.0, TRACE_STATE).unwrap_or_default()
    }

    /// Its W3C trace flags and what OTLP adds to them.
    #[must_use]
    pub fn flags(self) -> u32 {
        last_fixed32(self.0, FLAGS)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        last_bytes(self.0, NAME).unwrap_or_default()
    }

    /// Its kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    #[must_use]
    pub fn kind(self) -> i32 {
        last_varint(self.0, KIND) as i32
    }

    /// When it began, in nanoseconds of the Unix epoch.
    #[must_use]
    pub fn start(self) -> u64 {
        last_fixed64(self.0, START).unwrap_or(0)
    }

    /// When it ended, in nanoseconds of the Unix epoch.
    #[must_use]
    pub fn end(self) -> u64 {
        last_fixed64(self.0, END).unwrap_or(0)
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, ATTRIBUTES)
    }

    /// How many attributes its producer left out.
    #[must_use]
    pub fn dropped_attributes_count(self) -> u32 {
        last_varint(self.0, DROPPED_ATTRIBUTES) as u32
    }

    /// Its events, in order.
    pub fn events(self) -> impl Iterator<Item = SpanEventView<'a>> + Clone {
        Messages::new(self.0, EVENTS).map(SpanEventView)
    }

    /// How many events its producer left out.
    #[must_use]
    pub fn dropped_events_count(self) -> u32 {
        last_varint(self.0, DROPPED_EVENTS) as u32
    }

    /// Its links, in order.
    pub fn links(self) -> impl Iterator<Item = LinkView<'a>> + Clone {
        Messages::new(self.0, LINKS).map(LinkView)
    }

    /// How many links its producer left out.
    #[must_use]
    pub fn dropped_links_count(self) -> u32 {
        last_varint(self.0, DROPPED_LINKS) as u32
    }

    /// Its status; unset when there is none.
    #[must_use]
    pub fn status(self) -> StatusView<'a> {
        let mut status = StatusView {
            code: 0,
            message: &[],
        };
        for message in Messages::new(self.0, STATUS) {
            status.merge(message);
        }
        status
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusView<'a> {
    /// 0 unset, 1 ok, 2 error.
    pub code: i32,
    /// Words for people, or nothing.
    pub message: &'a [u8],
}

impl<'a> StatusView<'a> {
    fn merge(&mut self, message: &'a [u8]) {
        for field in Fields::new(message) {
            match (field.number, field.payload) {
                (2, Payload::Bytes(text)) => self.message = text,
                (3, Payload::Varint(code)) => self.code = code as i32,
                _ => {}
            }
        }
    }
}

/// The content of a `Span.Event` message.
#[derive(Debug, Clone, Copy)]
pub struct SpanEventView<'a>(pub &'a [u8]);

impl<'a> SpanEventView<'a> {
    /// When it happened, in nanoseconds of the Unix epoch.
    #[must_use]
    pub fn time(self) -> u64 {
        last_fixed64(self.0, 1).unwrap_or(0)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        last_bytes(self.0, 2).unwrap_or_default()
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, 3)
    }

    /// How many attributes its producer left out.
    #[must_use]
    pub fn dropped_attributes_count(self) -> u32 {
        last_varint(self.0, 4) as u32
    }
}

/// The content of a `Span.Link` message.
#[derive(Debug, Clone, Copy)]
pub struct LinkView<'a>(pub &'a [u8]);

impl<'a> LinkView<'a> {
    /// The trace of the linked span.
    #[must_use]
    pub fn trace_id(self) -> TraceId {
        last_bytes(self.0, 1)
            .and_then(TraceId::from_slice)
            .unwrap_or_default()
    }

    /// The linked span.
    #[must_use]
    pub fn span_id(self) -> SpanId {
        last_bytes(self.0, 2)
            .and_then(SpanId::from_slice)
            .unwrap_or_default()
    }

    /// The tracestate of the link, or nothing.
    #[must_use]
    pub fn trace_state(self) -> &'a [u8] {
        last_bytes(self.0, 3).unwrap_or_default()
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.0, 4)
    }

    /// How many attributes its producer left out.
    #[must_use]
    pub fn dropped_attributes_count(self) -> u32 {
        last_varint(self.0, 5) as u32
    }

    /// Its flags.
    #[must_use]
    pub fn flags(self) -> u32 {
        last_fixed32(self.0, 6)
    }
}
