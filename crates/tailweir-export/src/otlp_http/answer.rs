//! What an answer over HTTP means for the request.

use crate::destination::{Accepted, Advice, Failure};
use crate::transport::{AnswerError, read_answer};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use std::time::{Duration, SystemTime};
use tailweir_otlp::{ExportResponse, Status};

/// Longest message of a backend that is passed on, in bytes.
const MESSAGE_MAX: usize = 1024;

/// Reads the answer and judges it. A body that is too long or breaks off does not change what the
/// status said.
pub(super) async fn read(response: Response<Incoming>) -> Result<Accepted, Failure> {
    let (parts, body) = response.into_parts();
    let body = read_answer(body).await.map(|answer| answer.body);
    if parts.status.is_success() {
        return Ok(match body {
            Ok(body) => partial_success(&parts.headers, &body),
            Err(AnswerError::Broken(_)) => Accepted::default(),
            Err(error @ AnswerError::TooLong) => Accepted {
                rejected_items: 0,
                message: error.to_string(),
                ..Accepted::default()
            },
        });
    }
    let said = body.map_or_else(
        |error| error.to_string(),
        |body| message(&parts.headers, &body),
    );
    Err(failure(parts.status, &parts.headers, &said, wall_clock()))
}

fn failure(status: StatusCode, headers: &HeaderMap, said: &str, now: SystemTime) -> Failure {
    let advice = match status.as_u16() {
        429 | 503 => retry_after(headers, now).map_or(Advice::TryAgain, Advice::PauseFor),
        502 | 504 => Advice::TryAgain,
        _ => Advice::GiveUp,
    };
    let location = headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok());
    let message = match location {
        Some(location) if status.is_redirection() => {
            format!(
                "HTTP {status}: redirects are not followed; the endpoint seems to be {location}"
            )
        }
        _ => format!("HTTP {status}: {said}"),
    };
    Failure {
        advice,
        message: cut(message),
    }
}

/// Seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a date in an answer is compared with the wall clock"
)]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
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

pub(crate) fn cut(mut text: String) -> String {
    let mut end = text.len().min(MESSAGE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::{Advice, failure, partial_success};
    use http::{HeaderMap, StatusCode};
    use std::time::{Duration, UNIX_EPOCH};

    fn advice(status: u16, retry_after: &str) -> Advice {
        let mut headers = HeaderMap::new();
        if !retry_after.is_empty() {
            headers.insert("retry-after", retry_after.parse().unwrap());
        }
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        failure(StatusCode::from_u16(status).unwrap(), &headers, "", now).advice
    }

    /// Scenario: answers of each status, with seconds, a date, a date of the past, and nonsense.
    /// Guarantees: exactly 429, 502, 503 and 504 are tried again; 429 and 503 keep the backend's time.
    #[test]
    fn the_backend_says_when_to_try_again() {
        let again: Vec<u16> = (300..600)
            .filter(|&status| advice(status, "") != Advice::GiveUp)
            .collect();
        assert_eq!(again, [429, 502, 503, 504]);
        assert_eq!(advice(429, "7"), Advice::PauseFor(Duration::from_secs(7)));
        assert_eq!(advice(502, "7"), Advice::TryAgain);
        let date = "Sun, 06 Nov 1994 08:49:47 GMT";
        assert_eq!(advice(503, date), Advice::PauseFor(Duration::from_secs(10)));
        let past = "Sun, 06 Nov 1994 08:49:07 GMT";
        assert_eq!(advice(503, past), Advice::PauseFor(Duration::ZERO));
        assert_eq!(advice(503, "soon"), Advice::TryAgain);
    }

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
