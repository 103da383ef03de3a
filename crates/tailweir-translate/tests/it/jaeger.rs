//! Spans for Jaeger. What comes of them was recorded from the Collector's translator, v0.161.0.

use crate::recorded::as_json;
use serde_json::{Value as Json, json};
use tailweir_testkit::normal_json;
use tailweir_translate::{Jaeger, TranslateError};

const POST_SPANS: &[u8] = include_bytes!("jaeger/post_spans.pb");
const BATCH: &[u8] = include_bytes!("jaeger/batch.thrift");

fn translate(format: Jaeger, content: &[u8]) -> Result<Json, TranslateError> {
    let mut wire = Vec::new();
    format.to_wire(content, &mut wire)?;
    Ok(as_json(&wire))
}

/// A message as a field of another.
fn nested(field: u8, content: Vec<u8>) -> Vec<u8> {
    let mut message = vec![field << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut message);
    message.extend(content);
    message
}

/// Scenario: spans with tags of every type, logs, references to parents and others, status told in every way,
/// processes of their own, and a span that says nothing, in each format.
/// Guarantees: what comes of them is what the Collector makes of them.
///
/// Conforms: receiver `jaeger` | traces | what becomes of spans in each format | same
#[test]
fn spans_are_translated_as_by_the_collector() {
    for (format, content, recorded) in [
        (
            Jaeger::Protobuf,
            POST_SPANS,
            include_str!("jaeger/post_spans.otlp.json"),
        ),
        (
            Jaeger::Thrift,
            BATCH,
            include_str!("jaeger/batch.otlp.json"),
        ),
        (
            Jaeger::BinaryCall,
            include_bytes!("jaeger/emit_batch.binary"),
            include_str!("jaeger/batch.otlp.json"),
        ),
        (
            Jaeger::CompactCall,
            include_bytes!("jaeger/emit_batch.compact"),
            include_str!("jaeger/batch.otlp.json"),
        ),
    ] {
        let translated = translate(format, content).unwrap();
        let recorded: Json = serde_json::from_str(recorded).unwrap();
        assert_eq!(
            normal_json(&translated),
            normal_json(&recorded),
            "{format:?}"
        );
    }
}

/// Scenario: a batch in thrift whose process stands behind its spans.
/// Guarantees: the spans have its resource all the same.
#[test]
fn the_process_may_come_last() {
    let span = b"\x0a\0\x01\0\0\0\0\0\0\0\x01\x0a\0\x03\0\0\0\0\0\0\0\x02\0";
    let spans = [&b"\x0f\0\x02\x0c\0\0\0\x01"[..], span].concat();
    let process = b"\x0c\0\x01\x0b\0\x01\0\0\0\x04shop\0\0";
    let translated = translate(Jaeger::Thrift, &[&spans[..], process].concat()).unwrap();
    let resource = &translated["resourceSpans"][0]["resource"];
    let service = json!([{"key": "service.name", "value": {"stringValue": "shop"}}]);
    assert_eq!(resource["attributes"], service);
}

/// Scenario: a process whose service is the name that the Collector's exporter writes for none, with a tag.
/// Guarantees: there is no such service; the tag is kept, which the Collector loses.
///
/// Conforms: receiver `jaeger` | traces | tags of a process whose service is `OTLPResourceNoServiceName` | better:
/// are the resource
#[test]
fn a_service_without_a_name_has_none() {
    let process = b"\x0a\x19OTLPResourceNoServiceName\x12\x06\x0a\x01k\x1a\x01v";
    let span = b"\x0a\x08aaaaaaaa\x12\x08bbbbbbbb";
    let batch = [
        &[0x0a, span.len() as u8][..],
        span,
        &[0x12, process.len() as u8],
        process,
    ]
    .concat();
    let request = [&[0x0a, batch.len() as u8][..], &batch].concat();
    let translated = translate(Jaeger::Protobuf, &request).unwrap();
    let attributes = &translated["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(
        *attributes,
        json!([{"key": "k", "value": {"stringValue": "v"}}])
    );
}

/// Scenario: requests without spans.
/// Guarantees: nothing comes of them.
#[test]
fn empty_requests_become_nothing() {
    for (format, content) in [
        (Jaeger::Protobuf, &b""[..]),
        (Jaeger::Protobuf, b"\x0a\x00"),
        (Jaeger::Thrift, b"\0"),
        (Jaeger::Thrift, b"\x0f\0\x02\x0c\0\0\0\0\0"),
    ] {
        assert_eq!(translate(format, content), Ok(json!({})), "{content:?}");
    }
}

/// Scenario: requests that are cut off anywhere, and ids that are none.
/// Guarantees: each refuses the request, and says what is wrong.
#[test]
fn what_is_no_request_is_refused() {
    for length in 1..BATCH.len() {
        let cut = translate(Jaeger::Thrift, &BATCH[..length]);
        assert!(
            matches!(cut, Err(TranslateError::Thrift(_))),
            "{length}: {cut:?}"
        );
    }
    for (format, content, said) in [
        (
            Jaeger::Protobuf,
            &POST_SPANS[..POST_SPANS.len() - 1],
            "cut off",
        ),
        (
            Jaeger::Protobuf,
            b"\x0a\x05\x0a\x03\x0a\x01a",
            "8 or 16 bytes",
        ),
        (Jaeger::Protobuf, b"\x0a\x05\x0a\x03\x12\x01a", "8 bytes"),
        (Jaeger::Thrift, b"\x0c\0\x01\x0c", "cut off"),
        (Jaeger::CompactCall, b"\x82\x81\0\x01f\0", "emitBatch"),
        (Jaeger::BinaryCall, b"\x82\x81\0\x01f\0", "no call"),
    ] {
        let error = translate(format, content).unwrap_err().to_string();
        assert!(error.contains(said), "{content:?}: {error}");
    }
}

/// Scenario: spans with a hundred thousand tags, logs and references that say nothing, in both formats.
/// Guarantees: each refuses the request before there is memory for all of them.
///
/// Conforms: receiver `jaeger` | traces | spans with more than 16,384 tags, logs or references | better: refused for
/// good, before there is memory for them
#[test]
fn a_span_has_no_more_parts_than_are_taken() {
    const MANY: u32 = 100_000;
    let parts = |field: u8| [field << 3 | 2, 0].repeat(MANY as usize);
    let mut requests: Vec<_> = [4, 8, 9]
        .map(|field| (Jaeger::Protobuf, nested(1, nested(1, parts(field)))))
        .into();
    let fields_of_a_log = nested(1, nested(1, nested(9, parts(2))));
    requests.push((Jaeger::Protobuf, fields_of_a_log));
    for field in [6, 10, 11] {
        let mut batch = vec![0x0f, 0, 2, 0x0c, 0, 0, 0, 1, 0x0f, 0, field, 0x0c];
        batch.extend(MANY.to_be_bytes());
        batch.extend(vec![0; MANY as usize + 2]);
        requests.push((Jaeger::Thrift, batch));
    }
    for (format, request) in requests {
        let error = translate(format, &request).unwrap_err().to_string();
        assert!(error.contains("more than 16384"), "{format:?}: {error}");
    }
}

/// Scenario: a process with a tag of 4 KiB has two hundred spans, each of a scope of its own.
/// Guarantees: it stands once in what comes of them, and counts once for how long that may be.
#[test]
fn a_process_stands_once_for_all_of_its_spans() {
    let tag = |key: &str, value: &str| [nested(1, key.into()), nested(3, value.into())].concat();
    let span = |n: usize| {
        let scope = tag("otel.scope.name", &n.to_string());
        let ids = [nested(1, vec![1; 16]), nested(2, vec![2; 8])].concat();
        nested(1, [ids, nested(8, scope)].concat())
    };
    let mut batch: Vec<u8> = (0..200).flat_map(span).collect();
    batch.extend(nested(2, nested(2, tag("k", &"v".repeat(4096)))));
    let translated = translate(Jaeger::Protobuf, &nested(1, batch)).unwrap();
    let resources = translated["resourceSpans"].as_array().unwrap();
    assert_eq!(resources.len(), 1);
    let scopes = resources[0]["scopeSpans"].as_array().unwrap();
    assert_eq!(scopes.len(), 200);
}

/// Scenario: a span in thrift has its references, tags and logs twice.
/// Guarantees: it has those that came last, as for readers that thrift generates; a span cannot have more than are taken by
/// saying them again.
#[test]
fn a_list_that_comes_again_replaces_the_first() {
    let list = |field: u8, element: Vec<u8>| {
        let head = [0x0f, 0, field, 0x0c, 0, 0, 0, 1];
        [&head[..], &element].concat()
    };
    let lists = |n: u8| {
        let reference = b"\x08\0\x01\0\0\0\x01\x0a\0\x04\0\0\0\0\0\0\0";
        let log = b"\x0a\0\x01\0\0\0\0\0\0\0";
        let tag = b"\x0b\0\x01\0\0\0\x01";
        [
            list(6, [&reference[..], &[n, 0]].concat()),
            list(10, [&tag[..], &[b'0' + n, 0]].concat()),
            list(11, [&log[..], &[n, 0]].concat()),
        ]
        .concat()
    };
    let span = [lists(1), lists(2), vec![0]].concat();
    let batch = [&b"\x0f\0\x02\x0c\0\0\0\x01"[..], &span, b"\0"].concat();
    let translated = translate(Jaeger::Thrift, &batch).unwrap();
    let span = &translated["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let only = |list: &str, said: &str| {
        let list = span[list].as_array().unwrap();
        assert_eq!(list.len(), 1, "{list:?}");
        list[0][said].clone()
    };
    assert_eq!(only("links", "spanId"), "0000000000000002");
    assert_eq!(only("attributes", "key"), "2");
    assert_eq!(only("events", "timeUnixNano"), "2000");
}
