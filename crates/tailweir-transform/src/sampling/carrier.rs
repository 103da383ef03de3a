//! What an item says of its sampling, and where: spans in the tracestate, log records in attributes.

use tailweir_core::{Randomness, Threshold};
use tailweir_otlp::{
    AnyValue, Attributes, EncodedValue, KeyLengths, LogRecordView, SamplingState, SpanView,
    TraceState, field,
};

/// Longest tracestate that is looked at.
const TRACE_STATE_MAX: usize = 1024;
const THRESHOLD: &[u8] = b"sampling.threshold";
const RANDOMNESS: &[u8] = b"sampling.randomness";

/// What an item says of its sampling.
pub(super) trait Carrier {
    fn threshold(&self) -> Option<Threshold>;
    fn randomness(&self) -> Option<Randomness>;
    fn set_threshold(&mut self, threshold: Threshold);
    fn clear_threshold(&mut self);
    /// Says which randomness was found by a hash; nothing when there was nothing to hash.
    fn announce(&mut self, randomness: Option<Randomness>);
    /// From here on it says nothing, and nothing is written.
    fn forget(&mut self);
}

/// Of a span.
pub(super) struct SpanCarrier<'a> {
    state: TraceState<'a>,
    sampling: SamplingState<'a>,
    is_written: bool,
}

impl<'a> SpanCarrier<'a> {
    /// Reads the tracestate of a span; also whether it is damaged.
    pub(super) fn of(span: SpanView<'a>) -> (Self, bool) {
        let text = span.trace_state();
        let parsed = (text.len() <= TRACE_STATE_MAX)
            .then(|| TraceState::parse(text).ok())
            .flatten();
        let sampling = parsed.as_ref().and_then(|state| state.sampling().ok());
        let is_damaged = sampling.is_none();
        let carrier = Self {
            state: parsed.unwrap_or_default(),
            sampling: sampling.unwrap_or_default(),
            is_written: true,
        };
        (carrier, is_damaged)
    }

    /// The span with what is said now, and its length before; nothing when it is the same.
    pub(super) fn written(&self, span: SpanView<'_>) -> Option<(Vec<u8>, usize)> {
        let mut text = Vec::new();
        if !self.is_written
            || self
                .state
                .write_with_sampling(&self.sampling, &mut text)
                .is_err()
            || text == span.trace_state()
        {
            return None;
        }
        let content = field::SPAN_TRACE_STATE.with_bytes(span.0, &text);
        Some((content, span.0.len()))
    }
}

impl Carrier for SpanCarrier<'_> {
    fn threshold(&self) -> Option<Threshold> {
        self.sampling.threshold()
    }

    fn randomness(&self) -> Option<Randomness> {
        self.sampling.randomness()
    }

    fn set_threshold(&mut self, threshold: Threshold) {
        self.sampling.set_threshold(Some(threshold));
    }

    fn clear_threshold(&mut self) {
        self.sampling.set_threshold(None);
    }

    /// A span without a trace id gets the randomness that every threshold keeps, as in the Collector.
    fn announce(&mut self, randomness: Option<Randomness>) {
        self.sampling
            .set_randomness(randomness.unwrap_or(Randomness::MAX));
    }

    fn forget(&mut self) {
        self.sampling = SamplingState::default();
        self.is_written = false;
    }
}

/// Of a log record.
pub(super) struct RecordCarrier {
    threshold: Option<Threshold>,
    randomness: Option<Randomness>,
    changed: Changed,
    is_written: bool,
}

/// What is written: nothing of what is not changed.
#[derive(Default)]
struct Changed {
    threshold: bool,
    randomness: bool,
}

impl RecordCarrier {
    /// Reads the attributes of a record; also whether they are damaged.
    pub(super) fn of(record: LogRecordView<'_>) -> (Self, bool) {
        let attributes = record.attributes();
        let threshold = text_of(attributes, THRESHOLD).map(Threshold::parse);
        let randomness = text_of(attributes, RANDOMNESS).map(Randomness::parse);
        let is_damaged = threshold == Some(None) || randomness == Some(None);
        let carrier = Self {
            threshold: threshold.flatten(),
            randomness: randomness.flatten(),
            changed: Changed::default(),
            is_written: true,
        };
        (carrier, is_damaged)
    }

    /// The record with what is said now, and its length before; nothing when it is the same.
    pub(super) fn written(&self, record: LogRecordView<'_>) -> Option<(Vec<u8>, usize)> {
        if !self.is_written {
            return None;
        }
        let keys = KeyLengths::of([RANDOMNESS, THRESHOLD]);
        let content = field::LOG_ATTRIBUTES.edit_attributes(record.0, keys, |list| {
            if self.changed.randomness
                && let Some(randomness) = self.randomness
            {
                let text = randomness.to_string();
                list.put(RANDOMNESS, &EncodedValue::string(text.as_bytes()));
            }
            if self.changed.threshold {
                match self.threshold {
                    Some(threshold) => {
                        let text = threshold.to_string();
                        list.put(THRESHOLD, &EncodedValue::string(text.as_bytes()));
                    }
                    None => drop(list.remove(THRESHOLD)),
                }
            }
        });
        content.map(|content| (content, record.0.len()))
    }
}

/// A text that is not empty.
fn text_of<'a>(attributes: Attributes<'a>, key: &[u8]) -> Option<&'a str> {
    match attributes.get(key)? {
        // What is no UTF-8 is no number either.
        AnyValue::String(text) => Some(std::str::from_utf8(text).unwrap_or("?")),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

impl Carrier for RecordCarrier {
    fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    fn randomness(&self) -> Option<Randomness> {
        self.randomness
    }

    fn set_threshold(&mut self, threshold: Threshold) {
        self.threshold = Some(threshold);
        self.changed.threshold = true;
    }

    fn clear_threshold(&mut self) {
        self.threshold = None;
        self.changed.threshold = true;
    }

    fn announce(&mut self, randomness: Option<Randomness>) {
        if randomness.is_some() {
            self.randomness = randomness;
            self.changed.randomness = true;
        }
    }

    fn forget(&mut self) {
        self.threshold = None;
        self.randomness = None;
        self.is_written = false;
    }
}
