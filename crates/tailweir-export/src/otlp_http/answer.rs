//! What an answer over HTTP means for the request.

use crate::destination::{Accepted, Failure};
use crate::http_post::{Answer, cut};
use crate::transport::AnswerError;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tailweir_otlp::{ExportResponse, Status};

/// Judges an answer. A body that is too long or breaks off does not change what the status said.
pub(super) fn judge(answer: Answer) -> Result<Accepted, Failure> {
    let Answer {
        status,
        headers,
        body,
    } = &answer;
    if status.is_success() {
        return Ok(match body {
            Ok(body) => partial_success(headers, body),
            Err(AnswerError::Broken(_)) => Accepted::default(),
            Err(error @ AnswerError::TooLong) => Accepted {
                rejected_items: 0,
                message: error.to_string(),
                ..Accepted::default()
            },
        });
    }
    let said = body
        .as_ref()
        .map_or_else(ToString::to_string, |body| message(headers, body));
    Err(answer.failure(&said, |status| matches!(status, 429 | 502..=504)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().starts_with("application/json"))
}

fn partial_success(headers: &HeaderMap, body: &[u8]) -> Accepted {
    if !is_json(headers) {
        let ExportResponse { rejected, message } = ExportResponse::from_wire(body);
        return Accepted {
            rejected_items: rejected,
            message: cut(message),
            ..Accepted::default()
        };
    }
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = field(&body, "partialSuccess", "partial_success");
    let count = [
        ("rejectedSpans", "rejected_spans"),
        ("rejectedDataPoints", "rejected_data_points"),
        ("rejectedLogRecords", "rejected_log_records"),
    ]
    .into_iter()
    .find_map(|(name, old)| number(field(partial, name, old)));
    let message = field(partial, "errorMessage", "error_message").as_str();
    Accepted {
        rejected_items: count.unwrap_or(0),
        message: cut(message.unwrap_or_default().to_owned()),
        ..Accepted::default()
    }
}

/// A field by either of its names; null where it has none.
fn field<'a>(value: &'a serde_json::Value, name: &str, old: &str) -> &'a serde_json::Value {
    match &value[name] {
        serde_json::Value::Null => &value[old],
        found => found,
    }
}

/// Protobuf's JSON writes numbers of 64 bits as text; some servers do not.
fn number(value: &serde_json::Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// What the backend says of its error: a `google.rpc.Status`, or whatever text it sent.
pub(crate) fn message(headers: &HeaderMap, body: &[u8]) -> String {
    let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    if content_type == Some(b"application/x-protobuf") {
        return Status::from_wire(body).message;
    }
    if is_json(headers) {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(message) = body["message"].as_str() {
            return message.to_owned();
        }
    }
    String::from_utf8_lossy(body).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::partial_success;
    use http::HeaderMap;

    /// Scenario: partial successes as JSON, with the number as text and as a number, and none.
    /// Guarantees: the rejected items are counted in each form.
    #[test]
    fn rejected_items_are_read_from_json() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "content-type",
            "application/json; charset=utf-8".parse().unwrap(),
        );
        let rejected = |body: &str| partial_success(&headers, body.as_bytes()).rejected_items;
        assert_eq!(rejected(r#"{"partialSuccess":{"rejectedSpans":"3"}}"#), 3);
        assert_eq!(
            rejected(r#"{"partialSuccess":{"rejectedLogRecords":4}}"#),
            4
        );
        assert_eq!(
            rejected(r#"{"partial_success":{"rejected_data_points":5}}"#),
            5
        );
        assert_eq!(rejected("{}"), 0);
        assert_eq!(rejected("not json"), 0);
    }
}
