//! The two forms of a push: protobuf (`logproto.PushRequest`) and JSON.

use super::metadata::Metadata;
use crate::as_json;
use std::collections::BTreeMap;
use tailweir_config::LokiEncoding;
use tailweir_otlp::MessageWriter;

/// The labels of a stream: `{job="shop", level="INFO"}`, or an object in JSON.
pub(super) fn stream(encoding: LokiEncoding, labels: &BTreeMap<String, &String>) -> String {
    if encoding == LokiEncoding::Json {
        return object(labels.iter().map(|(name, value)| (name, *value)));
    }
    let pairs: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Appends a line with its time, in nanoseconds of the Unix epoch, to those of its stream.
pub(super) fn put_entry(
    encoding: LokiEncoding,
    time: u64,
    line: &[u8],
    metadata: &Metadata<'_>,
    entries: &mut Vec<u8>,
) {
    if encoding == LokiEncoding::Json {
        put_json_entry(time, line, metadata, entries);
        return;
    }
    MessageWriter(entries).message(2, |entry| {
        entry.timestamp(1, i64::try_from(time).unwrap_or(i64::MAX));
        entry.text(2, line);
        for (name, value) in metadata.pairs() {
            entry.message(3, |pair| {
                pair.text(1, name.as_bytes());
                pair.text(2, value.as_bytes());
            });
        }
    });
}

fn put_json_entry(time: u64, line: &[u8], metadata: &Metadata<'_>, entries: &mut Vec<u8>) {
    if !entries.is_empty() {
        entries.push(b',');
    }
    let time = time.min(i64::MAX.unsigned_abs());
    let line = as_json::text(&String::from_utf8_lossy(line));
    entries.extend_from_slice(format!("[\"{time}\",{line}").as_bytes());
    if !metadata.pairs().is_empty() {
        entries.push(b',');
        entries.extend_from_slice(object(metadata.pairs().iter()).as_bytes());
    }
    entries.push(b']');
}

/// A request of streams: the labels of each, and its entries.
pub(super) fn request<'a>(
    encoding: LokiEncoding,
    streams: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Vec<u8> {
    let mut request = Vec::new();
    if encoding == LokiEncoding::Protobuf {
        for (labels, entries) in streams {
            MessageWriter(&mut request).message(1, |stream| {
                stream.text(1, labels.as_bytes());
                stream.0.extend_from_slice(entries);
            });
        }
        return request;
    }
    request.extend_from_slice(b"{\"streams\":[");
    for (index, (labels, entries)) in streams.enumerate() {
        if index > 0 {
            request.push(b',');
        }
        request.extend_from_slice(format!("{{\"stream\":{labels},\"values\":[").as_bytes());
        request.extend_from_slice(entries);
        request.extend_from_slice(b"]}");
    }
    request.extend_from_slice(b"]}");
    request
}

fn object<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let members: Vec<_> = pairs
        .map(|(name, value)| format!("{}:{}", as_json::text(name), as_json::text(value)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A text in quotes, as Go writes and Loki reads it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_ascii_control() => {
                out.push_str(&format!("\\x{:02x}", control as u32));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}
