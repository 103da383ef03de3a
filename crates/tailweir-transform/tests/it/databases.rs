//! What `redaction` does with statements of databases beyond what the Collector's answers show: where it is stricter, and
//! what nobody's bytes do to it.

use crate::golden::transform;
use crate::processors::{read, wire};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tailweir_core::Signal;
use tailweir_testkit::Folder;
use tailweir_transform::{ClientContext, Request, Transform};

/// The settings of each database, and what attributes call it.
const DATABASES: [(&str, &str); 6] = [
    ("redis", "redis"),
    ("valkey", "valkey"),
    ("memcached", "memcached"),
    ("mongo", "mongodb"),
    ("opensearch", "opensearch"),
    ("es", "elasticsearch"),
];

fn system(database: &str) -> &'static str {
    let found = DATABASES.iter().find(|(settings, _)| *settings == database);
    found.expect("a database").1
}

/// A processor for traces and one for logs that strip statements of one database.
type Sanitizers = [Arc<dyn Transform>; 2];

static SANITIZERS: LazyLock<Vec<Sanitizers>> = LazyLock::new(|| {
    let both = |(settings, _)| {
        let block = format!("{settings}: {{enabled: true, attributes: [statement]}}");
        [Signal::Traces, Signal::Logs].map(|signal| processor(&block, signal))
    };
    DATABASES.into_iter().map(both).collect()
});

fn sanitizer(database: &str, signal: Signal) -> &'static dyn Transform {
    let mut settings = DATABASES.into_iter().map(|(settings, _)| settings);
    let at = settings.position(|settings| settings == database);
    &*SANITIZERS[at.expect("a database")][usize::from(signal == Signal::Logs)]
}

fn processor(databases: &str, signal: Signal) -> Arc<dyn Transform> {
    let block = format!(
        "processors:\n  redaction: {{allow_all_keys: true, db_sanitizer: {{{databases}}}}}"
    );
    transform(&block, signal)
}

fn applied(transform: &dyn Transform, signal: Signal, request: &Value) -> Value {
    let outcome = transform.apply(Request {
        signal,
        body: wire(signal, &request.to_string()),
        client: &ClientContext::default(),
    });
    read(signal, &outcome.expect("a small request").body)
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// What becomes of the name of a span and of its attribute.
fn in_span(transform: &dyn Transform, name: &str, system: &str, statement: &str) -> [String; 2] {
    let attributes = [text("db.system", system), text("statement", statement)];
    let span = json!({"name": name, "kind": 3, "attributes": attributes});
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let after = applied(transform, Signal::Traces, &request);
    let span = &after["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let statement = &span["attributes"][1]["value"]["stringValue"];
    [&span["name"], statement].map(|text| text.as_str().unwrap_or_default().to_owned())
}

/// What becomes of the body of a log record and of its attribute.
fn in_record(transform: &dyn Transform, body: &str, statement: &str) -> [String; 2] {
    let record =
        json!({"body": {"stringValue": body}, "attributes": [text("statement", statement)]});
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    let after = applied(transform, Signal::Logs, &request);
    let record = &after["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    let statement = &record["attributes"][0]["value"];
    let texts = [&record["body"]["stringValue"], &statement["stringValue"]];
    texts.map(|text| text.as_str().unwrap_or_default().to_owned())
}

/// Scenario: statements of which the Collector shows a secret or garbles the text, as it answered.
/// Guarantees: what is written beside its answer; no word `secret` is left of an attribute or a name.
///
/// Conforms: processor `redaction` | traces, logs | `db_sanitizer`, statements of which the Collector shows values or
/// garbles the text | better: stripped, as said below
#[test]
fn secrets_that_the_collector_shows_are_hidden() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let cases = Folder::unpacked(&tests, "redactionprocessor").json_lines("stricter.jsonl");
    assert!(cases.len() > 400, "{} cases", cases.len());
    for case in cases {
        let [why, place, database, before, collector, expected] =
            ["why", "place", "database", "text", "collector", "tailweir"]
                .map(|key| case[key].as_str().expect("a text"));
        let after = match place {
            "name" => {
                let transform = sanitizer(database, Signal::Traces);
                in_span(transform, before, system(database), "")[0].clone()
            }
            "attribute" => {
                let transform = sanitizer(database, Signal::Traces);
                in_span(transform, "", system(database), before)[1].clone()
            }
            _ => in_record(sanitizer(database, Signal::Logs), before, "")[0].clone(),
        };
        assert_eq!(after, expected, "{why}: {before}");
        assert_ne!(after, collector, "{why}: {before}");
        let is_hidden = place == "body" || !after.contains("secret");
        assert!(is_hidden, "{why}: {before} became {after}");
    }
}

/// Scenario: statements that are longer than what is read, one of them in a log body that has no command.
/// Guarantees: they are cut off there, with a mark, between characters.
#[test]
fn long_statements_are_cut_off() {
    let limit = 256 << 10;
    let keys = "GET k".to_owned() + &"é".repeat(limit);
    let [_, after] = in_span(sanitizer("redis", Signal::Traces), "", "redis", &keys);
    assert_eq!(after.len(), limit - 1 + 3);
    assert!(after.ends_with("é...") && after.starts_with("GET ké"));
    let list = format!("[{}secret]", "1,".repeat(limit));
    let [_, after] = in_span(sanitizer("mongo", Signal::Traces), "", "mongodb", &list);
    assert!(after.ends_with("\"?\"...") && !after.contains("secret"));
    assert!(after.len() < 3 * limit);
    let text = "a".repeat(limit) + "\nAUTH secret";
    let [body, _] = in_record(sanitizer("valkey", Signal::Logs), &text, "");
    assert_eq!((body.len(), &body[limit..]), (limit + 3, "..."));
}

/// Scenario: records of traces and logs have statements and say nothing of their database.
/// Guarantees: those of logs are stripped; those of traces are when the settings say so; names of spans are not.
#[test]
fn statements_without_a_database_are_stripped_in_logs() {
    let before = "SET k secret";
    let hidden = "SET k ?".to_owned();
    let [_, after] = in_record(sanitizer("redis", Signal::Logs), "", before);
    assert_eq!(after, hidden);
    let traces = sanitizer("redis", Signal::Traces);
    assert_eq!(in_span(traces, before, "", before), [before, before]);
    let both =
        "redis: {enabled: true, attributes: [statement]}, allow_fallback_without_system: true";
    let traces = processor(both, Signal::Traces);
    assert_eq!(in_span(&*traces, before, "", before), [before, &hidden]);
    assert_eq!(in_span(&*traces, before, "mysql", before), [before, before]);
}

/// Scenario: attributes of log records say nothing of their database, and hold statements of another one or a sentence.
/// Guarantees: they stay as they are.
#[test]
fn texts_of_no_database_stay() {
    let all = "redis: {enabled: true, attributes: [statement]}, memcached: {enabled: true, attributes: [statement]}, \
               mongo: {enabled: true, attributes: [statement]}, es: {enabled: true, attributes: [statement]}";
    let transform = processor(all, Signal::Logs);
    for text in [
        "SELECT a  FROM t WHERE b = '{\"c\": 1}'",
        "the  set of\r\n  all keys",
        "[INFO] {} started",
        "DEBUG  user 5",
        "GET  /cart/5",
    ] {
        assert_eq!(in_record(&*transform, text, text), [text, text]);
    }
}

/// Scenario: a statement stands in attributes of a resource, a scope and a span, in one that is ignored, and as no text.
/// Guarantees: it is stripped where it is a text of a key that is given, and what was done is counted.
#[test]
fn what_is_stripped_is_counted() {
    let block = "processors:\n  redaction: {allow_all_keys: true, summary: debug, ignored_keys: [kept], \
                 db_sanitizer: {mongo: {enabled: true, attributes: [statement, kept, number]}}}";
    let transform = transform(block, Signal::Traces);
    let statement = "{\"find\": \"t\"}";
    let attributes = json!([
        text("db.system.name", "MongoDB"), text("statement", statement), text("kept", statement),
        {"key": "number", "value": {"intValue": "5"}},
    ]);
    let holder = json!({"attributes": attributes});
    let request = json!({"resourceSpans": [{"resource": holder, "scopeSpans": [{"scope": holder, "spans": [holder]}]}]});
    let after = applied(&*transform, Signal::Traces, &request);
    let resource = &after["resourceSpans"][0];
    let scope = &resource["scopeSpans"][0];
    for holder in [&resource["resource"], &scope["scope"], &scope["spans"][0]] {
        let value = |key: &str| {
            let attributes = holder["attributes"].as_array().expect("attributes");
            let found = attributes.iter().find(|it| it["key"] == key);
            found.map(|it| it["value"].clone()).unwrap_or_default()
        };
        assert_eq!(value("statement")["stringValue"], "{\"find\":\"?\"}");
        assert_eq!(value("kept")["stringValue"], statement);
        assert_eq!(value("number")["intValue"], "5");
        assert_eq!(value("redaction.masked.keys")["stringValue"], "statement");
        assert_eq!(value("redaction.masked.count")["intValue"], "1");
    }
}

/// Scenario: brackets, quotes and lines in numbers that make a careless parser slow or its stack overflow.
/// Guarantees: all of them end, within bounds.
#[test]
fn hostile_statements_end() {
    let size = 200_000;
    for (database, piece) in [
        ("mongo", "["),
        ("es", "{\"a\":"),
        ("opensearch", "\\\""),
        ("redis", "\" "),
        ("redis", "GET \"\n"),
        ("valkey", "HSET ' \\"),
        ("redis", "x\n"),
        ("memcached", "set "),
        ("memcached", "set k 0 0\n"),
    ] {
        let statement = piece.repeat(size / piece.len());
        let traces = sanitizer(database, Signal::Traces);
        let after = in_span(traces, &statement, system(database), &statement);
        assert!(after.iter().all(|text| text.len() <= 2 * size + 16));
        let logs = sanitizer(database, Signal::Logs);
        let after = in_record(logs, &statement, &statement);
        assert!(after.iter().all(|text| text.len() <= 2 * size + 16));
    }
}

/// Bytes, mostly of what statements are made of.
fn statement() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 24] = [
        "SET", "hset", "AUTH", "MSET", "set", "get", "cas", " ", "\n", "\r\n", "\t", "\"", "'",
        "\\", "{", "}", "[", "]", ":", ",", "5", "é", "\\u00e9", "true",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..3),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Scenario: any bytes are the statement of a span, its name, or the body of a log record, of each database.
    /// Guarantees: no panic; what comes out is text where text was given, and little longer.
    #[test]
    fn any_bytes_are_stripped(bytes in statement()) {
        use opentelemetry_proto::tonic::collector::{logs, trace};
        use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
        use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
        use prost::Message;

        let text = String::from_utf8_lossy(&bytes).into_owned();
        let limit = 2 * text.len() + 16;
        for ((_, system), [traces, logs]) in DATABASES.iter().zip(SANITIZERS.iter()) {
            let string = |value: &str| opentelemetry_proto::tonic::common::v1::AnyValue {
                value: Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(value.to_owned())),
            };
            let attribute = |key: &str, value: &str| opentelemetry_proto::tonic::common::v1::KeyValue {
                key: key.to_owned(),
                value: Some(string(value)),
                ..Default::default()
            };
            let span = Span {
                name: text.clone(),
                kind: 3,
                attributes: vec![attribute("db.system", system), attribute("statement", &text)],
                ..Default::default()
            };
            let request = trace::v1::ExportTraceServiceRequest {
                resource_spans: vec![ResourceSpans {
                    scope_spans: vec![ScopeSpans { spans: vec![span], ..Default::default() }],
                    ..Default::default()
                }],
            };
            let client = &ClientContext::default();
            let body = request.encode_to_vec().into();
            let outcome = traces.apply(Request { signal: Signal::Traces, body, client }).expect("a small request");
            // Whoever decodes it looks whether texts are UTF-8.
            let after = trace::v1::ExportTraceServiceRequest::decode(outcome.body).expect("UTF-8");
            let span = &after.resource_spans[0].scope_spans[0].spans[0];
            prop_assert!(span.name.len() <= limit);
            prop_assert!(span.attributes[1].encoded_len() <= limit + 32);

            let record = LogRecord { body: Some(string(&text)), ..Default::default() };
            let request = logs_of(record);
            let body = request.encode_to_vec().into();
            let outcome = logs.apply(Request { signal: Signal::Logs, body, client }).expect("a small request");
            let after = logs::v1::ExportLogsServiceRequest::decode(outcome.body).expect("UTF-8");
            let body = after.resource_logs[0].scope_logs[0].log_records[0].body.clone().unwrap_or_default();
            prop_assert!(body.encoded_len() <= limit + 32);
        }

        fn logs_of(record: LogRecord) -> logs::v1::ExportLogsServiceRequest {
            logs::v1::ExportLogsServiceRequest {
                resource_logs: vec![ResourceLogs {
                    scope_logs: vec![ScopeLogs { log_records: vec![record], ..Default::default() }],
                    ..Default::default()
                }],
            }
        }
    }
}
