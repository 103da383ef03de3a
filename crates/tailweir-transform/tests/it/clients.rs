//! What filters know of who sent a request.

use crate::golden::transform;
use crate::processors::{read, wire};
use tailweir_core::Signal;
use tailweir_transform::{AuthAttribute, ClientContext, Request};

/// What a filter of logs leaves of two records of a client, `a` and `b`.
fn left(conditions: &str, client: &ClientContext) -> Vec<String> {
    let text = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"severityText": "a"}, {"severityText": "b"}]}]}]}"#;
    let block = format!("processors:\n  filter: {{{conditions}}}");
    let outcome = transform(&block, Signal::Logs).apply(Request {
        signal: Signal::Logs,
        body: wire(Signal::Logs, text),
        client,
    });
    let body = outcome.expect("conditions that can be asked").body;
    if body.is_empty() {
        return Vec::new();
    }
    let records = &read(Signal::Logs, &body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    let records = records.as_array().into_iter().flatten();
    let left = records.filter_map(|record| record["severityText"].as_str());
    left.map(str::to_owned).collect()
}

/// Scenario: conditions in each style ask for metadata, the address and what the authenticator found, of a client that
/// has them and of one that has not.
/// Guarantees: records of the first are dropped where the condition holds, those of the second stay.
#[test]
fn filters_know_who_sent_a_request() {
    let client = ClientContext {
        address: Some([10, 0, 0, 1].into()),
        metadata: vec![("x-tenant".to_owned(), vec!["noisy".to_owned()])],
        auth: vec![("subject".to_owned(), AuthAttribute::Text("eve".to_owned()))],
    };
    let nobody = ClientContext::default();
    let both = ["a", "b"];
    for (conditions, rest) in [
        (
            r#"log_conditions: ['log.severity_text == "a" and otelcol.client.metadata["X-Tenant"][0] == "noisy"']"#,
            vec!["b"],
        ),
        (
            r#"log_conditions: [{context: resource, conditions: ['otelcol.client.addr == "10.0.0.1"']}]"#,
            vec![],
        ),
        (
            r#"logs: {log_record: ['severity_text == "b" and otelcol.client.auth.attributes["subject"] == "eve"']}"#,
            vec!["a"],
        ),
    ] {
        assert_eq!(left(conditions, &client), rest, "{conditions}");
        assert_eq!(left(conditions, &nobody), both, "{conditions}");
    }
}
