//! The status of a span, which tags tell in several ways.

use super::tags::text;
use tailweir_otlp::{AnyValue, AttributeMap};

const UNSET: i32 = 0;
const OK: i32 = 1;
const ERROR: i32 = 2;

const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// Takes the tags that are about the status alone; says code and message. `kind` is that of the span, as OTLP
/// numbers it.
pub(super) fn take(tags: &mut AttributeMap, kind: u8) -> (i32, Vec<u8>) {
    let is_error = tags.get(b"error").map(|value| value.view()) == Some(AnyValue::Bool(true));
    if is_error {
        tags.remove(b"error");
        let message = take_description(tags).unwrap_or_else(|| http_message(tags));
        tags.remove(b"otel.status_code");
        return (ERROR, message);
    }
    if let Some(code) = tags.remove(b"otel.status_code") {
        let code = match text(&code).to_ascii_uppercase().as_slice() {
            b"OK" => OK,
            b"ERROR" => ERROR,
            _ => UNSET,
        };
        return (code, take_description(tags).unwrap_or_default());
    }
    match http_code(tags).map(|code| status_of(code, kind)) {
        Some(UNSET) | None => (UNSET, Vec::new()),
        Some(code) => (code, http_message(tags)),
    }
}

fn take_description(tags: &mut AttributeMap) -> Option<Vec<u8>> {
    let description = tags.remove(b"otel.status_description")?;
    Some(text(&description).to_vec())
}

fn http_message(tags: &AttributeMap) -> Vec<u8> {
    let message = tags.get(b"http.status_message");
    message.map_or(Vec::new(), |message| text(message).to_vec())
}

fn http_code(tags: &AttributeMap) -> Option<i64> {
    match tags.get(b"http.status_code")?.view() {
        AnyValue::Int(code) => Some(code),
        AnyValue::String(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// What a code of an HTTP answer means. One of the four hundreds is an error for who asked alone.
fn status_of(code: i64, kind: u8) -> i32 {
    match code {
        400..500 if kind == SERVER => UNSET,
        400..500 if kind == CLIENT => ERROR,
        // 399 is an error, as in the Collector.
        100..=398 => UNSET,
        _ => ERROR,
    }
}
