//! What a status of gRPC means for the request.

use super::partial_success;
use crate::destination::{Accepted, Advice, Failure};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, StatusCode};
use tailweir_otlp::Status;

const OK: i32 = 0;
const UNKNOWN: i32 = 2;
const RESOURCE_EXHAUSTED: i32 = 8;

/// The codes by number.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Codes after which the same request may succeed: CANCELLED, DEADLINE_EXCEEDED, ABORTED,
/// OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. RESOURCE_EXHAUSTED is one of them only with a `RetryInfo`.
const TRANSIENT: [i32; 6] = [1, 4, 10, 11, 14, 15];

/// Base64 of either sort: gRPC leaves the padding out, some servers do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CallStatus(Status);

/// The status in headers or trailers, if it is there.
pub(super) fn read(headers: &HeaderMap) -> Option<CallStatus> {
    let code = headers.get("grpc-status")?.to_str().ok();
    let code = code.and_then(|code| code.parse().ok()).unwrap_or(UNKNOWN);
    let message = headers
        .get("grpc-message")
        .map(|value| percent_decoded(value.as_bytes()));
    let details = headers
        .get("grpc-status-details-bin")
        .and_then(|value| BASE64.decode(value).ok());
    let details = details.map(|details| Status::from_wire(&details));
    Some(CallStatus(Status {
        code,
        message: message.unwrap_or_default(),
        retry_after: details.and_then(|details| details.retry_after),
    }))
}

impl CallStatus {
    /// `body` is that of the answer.
    pub(super) fn into_answer(self, body: &[u8]) -> Result<Accepted, Failure> {
        let Self(status) = self;
        if status.code == OK {
            return Ok(partial_success(body));
        }
        let advice = match status.retry_after {
            Some(pause) if status.code == RESOURCE_EXHAUSTED || is_transient(status.code) => {
                Advice::PauseFor(pause)
            }
            None if is_transient(status.code) => Advice::TryAgain,
            _ => Advice::GiveUp,
        };
        let name = usize::try_from(status.code)
            .ok()
            .and_then(|code| NAMES.get(code));
        let message = match name {
            Some(name) => format!("{name}: {}", status.message),
            None => format!("code {}: {}", status.code, status.message),
        };
        Err(Failure { advice, message })
    }
}

fn is_transient(code: i32) -> bool {
    TRANSIENT.contains(&code)
}

/// What an answer without a status means: a proxy in between, or not a gRPC server at all.
pub(super) fn of_http(status: StatusCode) -> Failure {
    let message = format!("the server answered HTTP {status} instead of gRPC");
    match status.as_u16() {
        429 | 502 | 503 | 504 => Failure::transient(message),
        _ => Failure::permanent(message),
    }
}

/// Undoes percent-encoding; what is not encoded rightly stays as it is.
fn percent_decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let encoded = (byte == b'%').then(|| after.get(..2)).flatten();
        let decoded = encoded
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Advice, BASE64, percent_decoded, read};
    use base64::Engine;
    use http::HeaderMap;
    use std::time::Duration;
    use tailweir_otlp::Status;

    fn advice(code: i32, retry_after: Option<Duration>) -> Option<Advice> {
        let status = Status {
            code,
            message: String::new(),
            retry_after,
        };
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", code.into());
        let details = BASE64.encode(status.to_wire());
        headers.insert("grpc-status-details-bin", details.parse().unwrap());
        let answer = read(&headers).unwrap().into_answer(&[]);
        answer.err().map(|failure| failure.advice)
    }

    /// Scenario: each code there is, and one there is not, without details.
    /// Guarantees: exactly those are tried again that the Collector tries again.
    #[test]
    fn the_codes_to_try_again_are_those_of_the_collector() {
        let again: Vec<i32> = (0..=17)
            .filter(|&code| advice(code, None) == Some(Advice::TryAgain))
            .collect();
        assert_eq!(again, [1, 4, 10, 11, 14, 15]);
        assert_eq!(advice(0, None), None);
    }

    /// Scenario: a server is full, and says when to come again, or does not.
    /// Guarantees: the time is kept; without one the request is given up. It does not make a permanent
    /// error transient.
    #[test]
    fn exhausted_servers_are_asked_again_only_when_they_say_when() {
        let pause = Duration::from_millis(1500);
        assert_eq!(advice(8, Some(pause)), Some(Advice::PauseFor(pause)));
        assert_eq!(advice(8, None), Some(Advice::GiveUp));
        assert_eq!(advice(14, Some(pause)), Some(Advice::PauseFor(pause)));
        assert_eq!(advice(3, Some(pause)), Some(Advice::GiveUp));
    }

    /// Scenario: messages with and without percent-encoding, damaged ones among them.
    /// Guarantees: what is encoded is decoded, the rest stays.
    #[test]
    fn messages_are_decoded_as_far_as_they_can_be() {
        assert_eq!(percent_decoded(b"a%20b%C3%A9%zz%2"), "a b\u{e9}%zz%2");
    }
}
