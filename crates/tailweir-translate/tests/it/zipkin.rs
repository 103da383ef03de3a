//! Spans for Zipkin. What comes of them was recorded from the Collector's translator, v0.161.0.

use crate::recorded::as_json;
use prost::Message;
use serde_json::{Value as Json, json};
use tailweir_testkit::{ZipkinAnnotation, ZipkinEndpoint, ZipkinSpan, ZipkinSpans, normal_json};
use tailweir_translate::{TranslateError, Zipkin, ZipkinFormat};

/// The present of these tests, in nanoseconds of the Unix epoch.
const NOW: u64 = 1_700_000_000_000_000_000;

fn translate(format: ZipkinFormat, parse: bool, content: &[u8]) -> Result<Json, TranslateError> {
    let zipkin = Zipkin {
        format,
        parse_string_tags: parse,
        now: NOW,
    };
    let mut wire = Vec::new();
    zipkin.to_wire(content, &mut wire)?;
    Ok(as_json(&wire))
}

/// Scenario: spans of every kind, with endpoints, annotations, links, status and scope, in each format, with and
/// without parsing of tags.
/// Guarantees: what comes of them is what the Collector makes of them.
///
/// Conforms: receiver `zipkin` | traces | what becomes of spans, with and without `parse_string_tags` | same
#[test]
fn spans_are_translated_as_by_the_collector() {
    use ZipkinFormat::{JsonV1, JsonV2, ThriftV1};
    let cases: [(ZipkinFormat, bool, &[u8], &str); 5] = [
        (
            JsonV2,
            false,
            include_bytes!("zipkin/v2.json"),
            include_str!("zipkin/v2.otlp.json"),
        ),
        (
            JsonV2,
            true,
            include_bytes!("zipkin/v2.json"),
            include_str!("zipkin/v2.parsed.otlp.json"),
        ),
        (
            JsonV1,
            false,
            include_bytes!("zipkin/v1.json"),
            include_str!("zipkin/v1.otlp.json"),
        ),
        (
            JsonV1,
            true,
            include_bytes!("zipkin/v1.json"),
            include_str!("zipkin/v1.parsed.otlp.json"),
        ),
        (
            ThriftV1,
            false,
            include_bytes!("zipkin/v1.thrift"),
            include_str!("zipkin/v1.thrift.otlp.json"),
        ),
    ];
    for (format, parse, content, recorded) in cases {
        let translated = translate(format, parse, content).unwrap();
        let recorded: Json = serde_json::from_str(recorded).unwrap();
        assert_eq!(
            normal_json(&translated),
            normal_json(&recorded),
            "{format:?} {parse}"
        );
    }
}

/// Scenario: the same span in protobuf and in JSON; then one whose id is too short.
/// Guarantees: both come out alike; the short id refuses the request.
///
/// Conforms: receiver `zipkin` | traces | what becomes of spans in protobuf | same
#[test]
fn protobuf_and_json_are_translated_alike() {
    let span = ZipkinSpan {
        trace_id: vec![1; 16],
        id: vec![2; 8],
        kind: 1,
        name: "get".to_owned(),
        timestamp: 5,
        duration: 7,
        remote_endpoint: Some(ZipkinEndpoint {
            service_name: "db".to_owned(),
            ipv4: vec![10, 0, 0, 1],
            ..ZipkinEndpoint::default()
        }),
        annotations: vec![ZipkinAnnotation {
            timestamp: 6,
            value: "sent".to_owned(),
        }],
        tags: [("k".to_owned(), "v".to_owned())].into(),
        ..ZipkinSpan::default()
    };
    let list = ZipkinSpans {
        spans: vec![span.clone()],
    };
    let json = json!([{
        "traceId": "01".repeat(16), "id": "02".repeat(8), "kind": "CLIENT", "name": "get", "timestamp": 5,
        "duration": 7, "remoteEndpoint": {"serviceName": "db", "ipv4": "10.0.0.1"},
        "annotations": [{"timestamp": 6, "value": "sent"}], "tags": {"k": "v"},
    }]);
    let from_proto = translate(ZipkinFormat::ProtobufV2, false, &list.encode_to_vec());
    let from_json = translate(ZipkinFormat::JsonV2, false, json.to_string().as_bytes());
    assert_eq!(from_proto, from_json);
    let short = ZipkinSpans {
        spans: vec![ZipkinSpan {
            id: vec![2; 7],
            ..span
        }],
    };
    let refused = translate(ZipkinFormat::ProtobufV2, false, &short.encode_to_vec());
    assert!(
        matches!(refused, Err(TranslateError::Id { field: "id", .. })),
        "{refused:?}"
    );
}

/// Scenario: two spans of one service whose tags name different hosts; text with bars in an annotation; a link that
/// is none; a number that does not fit.
/// Guarantees: all of it is kept, where the Collector loses it or refuses the request.
///
/// Conforms: receiver `zipkin` | traces | tags about the resource, annotations and links in an odd form, numbers that
/// do not fit | better: kept, as the table below says
#[test]
fn what_the_collector_loses_is_kept() {
    let spans = json!([
        {"traceId": "1", "id": "1", "localEndpoint": {"serviceName": "a"}, "tags": {"host.name": "x"}},
        {"traceId": "1", "id": "2", "localEndpoint": {"serviceName": "a"}, "tags": {"host.name": "y"}},
        {"traceId": "1", "id": "3", "timestamp": 1, "tags": {"host.name": "z", "otlp.link.0": "no link",
            "n": "99999999999999999999"}, "annotations": [{"timestamp": 1, "value": "a|b|c"}]},
    ]);
    let translated = translate(ZipkinFormat::JsonV2, true, spans.to_string().as_bytes()).unwrap();
    let resources = translated["resourceSpans"].as_array().unwrap();
    let host = |it: &Json| {
        let attributes = it["resource"]["attributes"].as_array().unwrap().iter();
        let mut found = attributes.filter(|it| it["key"] == "host.name");
        found.next().unwrap()["value"]["stringValue"].clone()
    };
    let hosts: Vec<_> = resources.iter().map(host).collect();
    assert_eq!(hosts, ["x", "y", "z"]);
    let last = &resources[2]["scopeSpans"][0]["spans"][0];
    assert_eq!(last["events"][0]["name"], "a|b|c");
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = [
        text("n", "99999999999999999999"),
        text("otlp.link.0", "no link"),
    ];
    assert_eq!(last["attributes"], json!(attributes));
}

/// Scenario: requests without spans, and spans of version 1 without a time.
/// Guarantees: nothing comes of the former; the latter get the present.
#[test]
fn edges_of_requests() {
    for (format, content) in [
        (ZipkinFormat::JsonV2, &b"[]"[..]),
        (ZipkinFormat::JsonV2, b"[null]"),
        (ZipkinFormat::JsonV1, b"null"),
        (ZipkinFormat::ProtobufV2, b""),
        (ZipkinFormat::ThriftV1, b"\x0c\0\0\0\0"),
    ] {
        assert_eq!(
            translate(format, false, content),
            Ok(json!({})),
            "{format:?}"
        );
    }
    let timeless = br#"[{"traceId": "0000000000000001", "id": "0000000000000002"}]"#;
    let translated = translate(ZipkinFormat::JsonV1, false, timeless).unwrap();
    let span = &translated["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["startTimeUnixNano"], NOW.to_string());
    assert_eq!(
        span["attributes"][0]["key"],
        "otel.zipkin.absentField.startTime"
    );
}

/// Scenario: text that is no JSON, lists of other things, ids and addresses that are none, thrift that is cut off.
/// Guarantees: each refuses the request, and says what is wrong.
#[test]
fn what_is_no_request_is_refused() {
    use ZipkinFormat::{JsonV1, JsonV2, ProtobufV2, ThriftV1};
    for (format, content, said) in [
        (JsonV2, &b""[..], "EOF"),
        (JsonV2, b"{}", "a list of spans"),
        (JsonV2, b"[1]", "invalid type"),
        (JsonV2, b"[{\"traceId\": \"1\"}]", "id"),
        (JsonV2, b"[{\"id\": \"xyz\"}]", "hexadecimal"),
        (JsonV2, b"[{\"id\": \"11111111111111111\"}]", "hexadecimal"),
        (
            JsonV2,
            b"[{\"id\": \"1\", \"localEndpoint\": {\"ipv4\": \"no\"}}]",
            "IP address",
        ),
        (JsonV2, b"[] []", "trailing"),
        (JsonV1, b"[{\"traceId\": \"1\", \"id\": \"1\"}]", "16 or 32"),
        (
            JsonV1,
            b"[{\"traceId\": \"0000000000000000\"}]",
            "not all zero",
        ),
        (ProtobufV2, b"\x0a\x05", "cut off"),
        (ThriftV1, b"\x0c\x7f\xff\xff\xff", "cut off"),
    ] {
        let error = translate(format, false, content).unwrap_err().to_string();
        assert!(error.contains(said), "{content:?}: {error}");
    }
}

/// Scenario: spans with a hundred thousand annotations that say nothing, in each format.
/// Guarantees: each refuses the request before there is memory for all of them.
///
/// Conforms: receiver `zipkin` | traces | spans with more than 16,384 annotations or as many tags | better: refused
/// with 400, before there is memory for them
#[test]
fn a_span_has_no_more_parts_than_are_taken() {
    use ZipkinFormat::{JsonV1, JsonV2, ProtobufV2, ThriftV1};
    const MANY: usize = 100_000;
    let json = |id: &str, key: &str, part: &str| {
        let parts = vec![part; MANY].join(",");
        format!("[{{\"traceId\": \"{id}\", \"id\": \"{id}\", \"{key}\": [{parts}]}}]").into_bytes()
    };
    let tags: Vec<_> = (0..MANY).map(|key| format!("\"{key}\":\"\"")).collect();
    let tags = format!("[{{\"id\": \"1\", \"tags\": {{{}}}}}]", tags.join(","));
    let span = [
        &b"\x0a\x10aaaaaaaaaaaaaaaa\x1a\x08bbbbbbbb"[..],
        &b"\x52\x00".repeat(MANY),
    ]
    .concat();
    let mut proto = vec![0x0a];
    prost::encode_length_delimiter(span.len(), &mut proto).unwrap();
    proto.extend(span);
    let mut thrift = b"\x0c\0\0\0\x01\x0f\0\x06\x0c".to_vec();
    thrift.extend(u32::try_from(MANY).unwrap().to_be_bytes());
    thrift.extend(vec![0; MANY + 1]);
    for (format, content) in [
        (JsonV1, json("0000000000000001", "annotations", "{}")),
        (JsonV1, json("0000000000000001", "binaryAnnotations", "{}")),
        (JsonV2, json("1", "annotations", "{\"timestamp\":1}")),
        (JsonV2, tags.into_bytes()),
        (ProtobufV2, proto),
        (ThriftV1, thrift),
    ] {
        let error = translate(format, false, &content).unwrap_err().to_string();
        assert!(error.contains("more than 16384"), "{format:?}: {error}");
    }
}

/// Scenario: a request of so many tiny spans that OTLP has far more to say of each.
/// Guarantees: it is refused once it has grown fourfold and a little more; a small one of that kind is taken.
///
/// Conforms: receiver `zipkin` | traces | a request that becomes more than four times its size and 64 KiB | better:
/// refused with 400
#[test]
fn a_request_does_not_grow_without_end() {
    let spans = |count| format!("[{}]", vec![r#"{"id":"1"}"#; count].join(","));
    let few = translate(ZipkinFormat::JsonV2, false, spans(100).as_bytes());
    assert!(few.is_ok(), "{few:?}");
    let many = translate(ZipkinFormat::JsonV2, false, spans(20_000).as_bytes());
    assert!(matches!(many, Err(TranslateError::TooLong { .. })));
}

/// Scenario: a span in thrift has its annotations and its binary annotations twice.
/// Guarantees: it has those that came last, as for readers that thrift generates; a span cannot have more than are taken by
/// saying them again.
#[test]
fn a_list_that_comes_again_replaces_the_first() {
    let text = |field: u8, text: u8| vec![0x0b, 0, field, 0, 0, 0, 1, text];
    let list = |field: u8, element: Vec<u8>| {
        let head = [0x0f, 0, field, 0x0c, 0, 0, 0, 1];
        [&head[..], &element, b"\0"].concat()
    };
    let lists = |n: u8| [list(6, text(2, n)), list(8, text(1, n))].concat();
    let spans = [&b"\x0c\0\0\0\x01"[..], &lists(b'1'), &lists(b'2'), b"\0"].concat();
    let translated = translate(ZipkinFormat::ThriftV1, false, &spans).unwrap();
    let span = &translated["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let only = |list: &str, said: &str| {
        let list = span[list].as_array().unwrap();
        assert_eq!(list.len(), 1, "{list:?}");
        list[0][said].clone()
    };
    assert_eq!(only("events", "name"), "2");
    assert_eq!(only("attributes", "key"), "2");
}
