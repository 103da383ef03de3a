//! Borrowed views of OTLP messages.
//!
//! ```text
//! RequestView -> ResourceFields -> ScopeFields -> SpanView      -> SpanEventView, LinkView, StatusView
//!                  ResourceView      ScopeView    LogRecordView
//!                                                 MetricView    -> MetricData -> points -> ExemplarView
//! everywhere: Attributes -> KeyValue -> AnyValue -> ArrayView, Attributes
//! ```
//!
//! A view is a slice: copying it costs nothing, and each getter walks the fields. Getters never fail:
//! what is malformed is absent. Text is bytes, because clients may send text that is not UTF-8.

mod log;
mod metric;
mod own_fields;
mod point;
mod resource;
pub(crate) mod span;
mod value;

pub use log::LogRecordView;
pub use metric::{MetricData, MetricView, Points, Temporality};
pub use point::{
    Buckets, DataPoint, ExemplarView, ExponentialHistogramPoint, HistogramPoint, Number,
    NumberPoint, Numbers, QuantileView, SummaryPoint,
};
pub use resource::{RequestView, ResourceFields, ResourceView, ScopeFields, ScopeView};
pub use span::{LinkView, SpanEventView, SpanView, StatusView};
pub use value::{AnyValue, ArrayView, Attributes, AttributesIter, KeyLengths, KeyValue};

use crate::wire::Reader;

/// The occurrences of one repeated message field.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a> {
    fields: Reader<'a>,
    number: u32,
}

impl<'a> Messages<'a> {
    pub(crate) fn new(message: &'a [u8], number: u32) -> Self {
        Self {
            fields: Reader::new(message),
            number,
        }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.fields.next_delimited(self.number)
    }
}
