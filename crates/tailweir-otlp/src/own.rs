//! What Tailweirs say about themselves: how it is marked, and how a request is recognised that holds nothing else.
//!
//! The mark is an attribute that OpenTelemetry gives every resource: who made the telemetry. It survives every
//! agent and every member of a cluster on the way, so that a loop over several of them is recognised too.

use crate::view::RequestView;
use crate::{AttributeSet, EncodedValue};

const SDK_NAME: &[u8] = b"telemetry.sdk.name";

/// The value of `telemetry.sdk.name` in what a Tailweir says about itself.
pub const OWN_SDK: &[u8] = b"tailweir";

/// Marks a resource as that of a Tailweir which speaks about itself.
pub fn mark_own_telemetry(resource: &mut AttributeSet) {
    resource.put(SDK_NAME, &EncodedValue::string(OWN_SDK));
}

/// Whether a request of any signal holds what Tailweirs say about themselves, and nothing else.
///
/// ```
/// use tailweir_otlp::{AttributeSet, TracesBuilder, is_own_telemetry, mark_own_telemetry};
///
/// let mut own = AttributeSet::default();
/// mark_own_telemetry(&mut own);
/// let mut request = TracesBuilder::default();
/// request.add_encoded(&own, b"scope", b"", b"");
/// let mut bytes = Vec::new();
/// request.finish(&mut bytes);
/// assert!(is_own_telemetry(&bytes));
///
/// // resource_spans { scope_spans { spans {} } }, of nobody.
/// bytes.extend_from_slice(b"\x0a\x04\x12\x02\x12\x00");
/// assert!(!is_own_telemetry(&bytes));
/// ```
#[must_use]
pub fn is_own_telemetry(request: &[u8]) -> bool {
    let mut resources = RequestView(request).resources().peekable();
    let is_own = |name: crate::AnyValue<'_>| name.as_string() == Some(OWN_SDK);
    resources.peek().is_some()
        && resources.all(|resource| {
            let attributes = resource.resource().attributes();
            attributes.get(SDK_NAME).is_some_and(is_own)
        })
}
