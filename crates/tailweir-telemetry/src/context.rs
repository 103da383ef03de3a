//! Who a span is to others: its ids, and the W3C header by which a caller names the parent.

use tailweir_core::{SpanId, TraceId};

/// The flag of a trace that is sampled.
const SAMPLED: u32 = 1;
/// The flags by which a span says that it knows whether its parent is another process's, and that it is.
const KNOWS_PARENT: u32 = 0x100;
const PARENT_IS_REMOTE: u32 = 0x200;
/// Longest `tracestate` that is taken over. The standard asks for 512 bytes at least.
const TRACE_STATE_MAX: usize = 512;
/// Length of the fields that every version of `traceparent` begins with.
const TRACE_PARENT: usize = 55;

/// A span as its children know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpanContext {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) is_sampled: bool,
    pub(crate) is_remote: bool,
    pub(crate) trace_state: String,
}

impl SpanContext {
    /// The caller's span, as a `traceparent` header names it.
    pub(crate) fn of_header(traceparent: &str, tracestate: &str) -> Option<Self> {
        let text = traceparent.trim();
        let (head, rest) = text.split_at_checked(TRACE_PARENT)?;
        let mut fields = head.split('-');
        let version = hexadecimal(fields.next()?, 2)?;
        let trace_id: TraceId = hexadecimal(fields.next()?, 32)?.parse().ok()?;
        let span_id: SpanId = hexadecimal(fields.next()?, 16)?.parse().ok()?;
        let flags = u8::from_str_radix(hexadecimal(fields.next()?, 2)?, 16).ok()?;
        // Later versions may have more fields; this one has not, and 255 is none.
        let has_valid_end = match version {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        if !has_valid_end || trace_id.is_zero() || span_id.is_zero() {
            return None;
        }
        let is_short = tracestate.len() <= TRACE_STATE_MAX;
        Some(Self {
            trace_id,
            span_id,
            is_sampled: u32::from(flags) & SAMPLED != 0,
            is_remote: true,
            trace_state: if is_short { tracestate } else { "" }.to_owned(),
        })
    }

    /// The flags of a log record in this span.
    pub(crate) fn record_flags(&self) -> u32 {
        if self.is_sampled { SAMPLED } else { 0 }
    }

    /// The flags of this span, whose parent is this.
    pub(crate) fn span_flags(&self, parent_is_remote: bool) -> u32 {
        let parent = if parent_is_remote {
            PARENT_IS_REMOTE
        } else {
            0
        };
        self.record_flags() | KNOWS_PARENT | parent
    }
}

/// The text, if it is so many lower-case hexadecimal digits.
fn hexadecimal(text: &str, length: usize) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == length && text.bytes().all(is_digit)).then_some(text)
}

/// An id that nobody else has.
pub(crate) fn new_trace_id() -> TraceId {
    TraceId(fastrand::u128(1..).to_be_bytes())
}

/// The same for a span.
pub(crate) fn new_span_id() -> SpanId {
    SpanId(fastrand::u64(1..).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::SpanContext;

    const IDS: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    fn parse(text: &str) -> Option<SpanContext> {
        SpanContext::of_header(text, "a=b")
    }

    /// Scenario: headers of this version, sampled and not, and of a later version with a further field.
    /// Guarantees: each names the caller's span and says whether it is sampled.
    #[test]
    fn a_header_names_the_parent() {
        let parent = parse(&format!("00-{IDS}-01")).expect("a parent");
        assert!(parent.is_sampled && parent.is_remote);
        assert_eq!(
            parent.trace_id.to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(parent.span_id.to_string(), "b7ad6b7169203331");
        assert_eq!(parent.trace_state, "a=b");
        assert!(!parse(&format!("00-{IDS}-00")).unwrap().is_sampled);
        assert!(parse(&format!("cc-{IDS}-01-more")).is_some());
    }

    /// Scenario: headers of another length, in capitals, with zero ids, of version 255, and no text of this form.
    /// Guarantees: none of them names a parent.
    #[test]
    fn what_the_standard_forbids_names_no_parent() {
        let zero = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{IDS}"),
            format!("00-{IDS}-01-more"),
            format!("ff-{IDS}-01"),
            format!("cc-{IDS}-01more"),
            format!("00-{}-01", IDS.to_uppercase()),
            format!("00-{zero}-b7ad6b7169203331-01"),
            format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", &zero[..16]),
            format!("00-{IDS}-0g"),
            "ü".repeat(40),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }
}
