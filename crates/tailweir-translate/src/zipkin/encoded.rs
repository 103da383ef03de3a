//! Events and links that an exporter of OpenTelemetry wrote into text.

use super::v2::Tags;
use serde_json::Value as Json;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{AttributeMap, AttributeSet, EncodedValue, NewSpanLink};

/// Attributes in longer text are not looked for.
const LENGTH_MAX: usize = 1 << 20;
/// Most links of a span.
const LINKS_MAX: usize = 128;

/// `name|attributes|number of those that were dropped`.
pub(super) struct EventParts<'a> {
    pub(super) name: &'a str,
    pub(super) attributes: AttributeSet,
    pub(super) dropped_attributes: u32,
}

/// An event; nothing where the text is no such thing.
pub(super) fn event(text: &str) -> Option<EventParts<'_>> {
    let (name, rest) = text.split_once('|')?;
    let (attributes, dropped) = rest.rsplit_once('|')?;
    Some(EventParts {
        name,
        attributes: attributes_of(attributes)?,
        dropped_attributes: dropped.parse().ok()?,
    })
}

/// `trace id|span id|tracestate|attributes|number of those that were dropped`.
pub(super) struct Link {
    trace_id: TraceId,
    span_id: SpanId,
    trace_state: String,
    attributes: AttributeSet,
    dropped_attributes: u32,
}

impl Link {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '|');
        let (trace_id, span_id, trace_state) = (parts.next()?, parts.next()?, parts.next()?);
        let (attributes, dropped) = parts.next()?.rsplit_once('|')?;
        Some(Self {
            trace_id: TraceId(id(trace_id)?),
            span_id: SpanId(id(span_id)?),
            trace_state: trace_state.to_owned(),
            attributes: attributes_of(attributes)?,
            dropped_attributes: dropped.parse().ok()?,
        })
    }

    pub(super) fn as_new(&self) -> NewSpanLink<'_> {
        NewSpanLink {
            trace_id: self.trace_id,
            span_id: self.span_id,
            trace_state: self.trace_state.as_bytes(),
            attributes: &self.attributes,
            dropped_attributes: self.dropped_attributes,
        }
    }
}

/// Takes `otlp.link.0` and on out of the tags. What is no link stays a tag.
pub(super) fn take_links(tags: &mut Tags) -> Vec<Link> {
    let mut links = Vec::new();
    for number in 0..LINKS_MAX {
        let key = format!("otlp.link.{number}");
        let Some(text) = tags.get(&key) else {
            break;
        };
        if let Some(link) = Link::of(text) {
            links.push(link);
            tags.remove(&key);
        }
    }
    links
}

/// An id in hexadecimal, in quotes or not; nothing at all is the zero id.
fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = inner.unwrap_or(text);
    let mut id = [0; N];
    if text.is_empty() {
        return Some(id);
    }
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(id)
}

/// Attributes as a JSON object. Whole numbers are integers; lists and objects are text.
fn attributes_of(text: &str) -> Option<AttributeSet> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let map = match serde_json::from_str(text).ok()? {
        Json::Object(map) => map,
        Json::Null => serde_json::Map::new(),
        _ => return None,
    };
    let mut attributes = AttributeMap::default();
    for (key, value) in map {
        let value = match value {
            Json::Null => continue,
            Json::Bool(value) => EncodedValue::bool(value),
            Json::String(text) => EncodedValue::string(text.as_bytes()),
            Json::Number(number) => number_of(&number)?,
            nested => EncodedValue::string(nested.to_string().as_bytes()),
        };
        attributes.put(key.as_bytes(), value);
    }
    Some(attributes.finish())
}

fn number_of(number: &serde_json::Number) -> Option<EncodedValue> {
    if let Some(whole) = number.as_i64() {
        return Some(EncodedValue::int(whole));
    }
    let number = number.as_f64()?;
    let is_whole = number.fract() == 0.0 && number.abs() < 9.2e18;
    Some(match is_whole {
        true => EncodedValue::int(number as i64),
        false => EncodedValue::double(number),
    })
}
