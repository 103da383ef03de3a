//! What servers answer and exporters read: `Export*ServiceResponse` and `google.rpc.Status`.

use crate::wire::{Fields, Payload, last_bytes, last_varint, put_bytes, put_key, put_varint};
use std::time::Duration;
use tailweir_core::Signal;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// The answer to a request that was taken, in whole or in part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportResponse {
    /// How many items were refused. OTLP forbids sending them again.
    pub rejected: u64,
    /// Why, or advice when nothing was refused; empty when there is nothing to say.
    pub message: String,
}

impl ExportResponse {
    /// Its protobuf; empty when all was well.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut partial = Vec::new();
        if self.rejected > 0 {
            put_key(&mut partial, 1, 0);
            put_varint(&mut partial, self.rejected);
        }
        if !self.message.is_empty() {
            put_bytes(&mut partial, 2, self.message.as_bytes());
        }
        let mut out = Vec::new();
        if !partial.is_empty() {
            put_bytes(&mut out, 1, &partial);
        }
        out
    }

    /// Its JSON.
    #[must_use]
    pub fn to_json(&self, signal: Signal) -> String {
        let rejected = match signal {
            Signal::Traces => "rejectedSpans",
            Signal::Metrics => "rejectedDataPoints",
            Signal::Logs => "rejectedLogRecords",
        };
        let mut partial = serde_json::Map::new();
        if self.rejected > 0 {
            partial.insert(rejected.to_owned(), self.rejected.to_string().into());
        }
        if !self.message.is_empty() {
            partial.insert("errorMessage".to_owned(), self.message.as_str().into());
        }
        serde_json::json!({ "partialSuccess": partial }).to_string()
    }

    /// Reads its protobuf. What is malformed is absent: the request was taken all the same.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Self {
        let partial = last_bytes(wire, 1).unwrap_or_default();
        Self {
            rejected: u64::try_from(last_varint(partial, 1) as i64).unwrap_or(0),
            message: text(last_bytes(partial, 2)),
        }
    }
}

/// Why a request was not taken: a gRPC code, words, and when to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The gRPC code, such as 3 for an invalid argument.
    pub code: i32,
    /// What is wrong, for people.
    pub message: String,
    /// When the request may be sent again, where the server says so.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// Its protobuf.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.code != 0 {
            put_key(&mut out, 1, 0);
            put_varint(&mut out, i64::from(self.code) as u64);
        }
        if !self.message.is_empty() {
            put_bytes(&mut out, 2, self.message.as_bytes());
        }
        if let Some(delay) = self.retry_after {
            let mut detail = Vec::new();
            put_bytes(&mut detail, 1, RETRY_INFO.as_bytes());
            put_bytes(&mut detail, 2, &retry_info(delay));
            put_bytes(&mut out, 3, &detail);
        }
        out
    }

    /// Its JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut status = serde_json::json!({ "code": self.code, "message": self.message });
        if let Some(delay) = self.retry_after {
            let seconds = format!("{}s", delay.as_secs_f64());
            status["details"] = serde_json::json!([{ "@type": RETRY_INFO, "retryDelay": seconds }]);
        }
        status.to_string()
    }

    /// Reads its protobuf. What is malformed is absent.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Self {
        let details = Fields::new(wire).filter_map(|field| match field.payload {
            Payload::Bytes(detail) if field.number == 3 => Some(detail),
            _ => None,
        });
        Self {
            code: last_varint(wire, 1) as i32,
            message: text(last_bytes(wire, 2)),
            retry_after: details.filter_map(parse_retry_info).last(),
        }
    }
}

/// `RetryInfo { retry_delay: Duration { seconds, nanos } }`.
fn retry_info(delay: Duration) -> Vec<u8> {
    let mut duration = Vec::new();
    put_key(&mut duration, 1, 0);
    put_varint(&mut duration, delay.as_secs().min(i64::MAX as u64));
    if delay.subsec_nanos() != 0 {
        put_key(&mut duration, 2, 0);
        put_varint(&mut duration, u64::from(delay.subsec_nanos()));
    }
    let mut info = Vec::new();
    put_bytes(&mut info, 1, &duration);
    info
}

fn parse_retry_info(detail: &[u8]) -> Option<Duration> {
    if last_bytes(detail, 1)? != RETRY_INFO.as_bytes() {
        return None;
    }
    let duration = last_bytes(last_bytes(detail, 2)?, 1).unwrap_or_default();
    let seconds = u64::try_from(last_varint(duration, 1) as i64).ok()?;
    let nanos = u32::try_from(last_varint(duration, 2) as i64).ok()?;
    Some(Duration::new(seconds, nanos.min(999_999_999)))
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{ExportResponse, Status};
    use proptest::prelude::*;
    use std::time::Duration;
    use tailweir_core::Signal;

    proptest! {
        /// Scenario: any answer is written and read again.
        /// Guarantees: it says the same.
        #[test]
        fn answers_survive_the_wire(
            rejected in 0_u64..=i64::MAX as u64,
            message: String,
            code: i32,
            seconds in proptest::option::of(0_u64..=i64::MAX as u64),
            nanos in 0_u32..1_000_000_000,
        ) {
            let response = ExportResponse { rejected, message: message.clone() };
            prop_assert_eq!(&ExportResponse::from_wire(&response.to_wire()), &response);
            let retry_after = seconds.map(|seconds| Duration::new(seconds, nanos));
            let status = Status { code, message, retry_after };
            prop_assert_eq!(&Status::from_wire(&status.to_wire()), &status);
        }

        /// Scenario: any bytes are read as an answer.
        /// Guarantees: no panic.
        #[test]
        fn any_bytes_are_some_answer(bytes: Vec<u8>) {
            let _ = ExportResponse::from_wire(&bytes);
            let _ = Status::from_wire(&bytes);
        }
    }

    /// Scenario: answers are written as JSON.
    /// Guarantees: they read as protobuf's JSON mapping has them.
    #[test]
    fn answers_have_the_names_of_their_signal() {
        let response = ExportResponse {
            rejected: 2,
            message: "no \"x\"".to_owned(),
        };
        assert_eq!(
            response.to_json(Signal::Metrics),
            r#"{"partialSuccess":{"errorMessage":"no \"x\"","rejectedDataPoints":"2"}}"#
        );
        assert_eq!(
            ExportResponse::default().to_json(Signal::Traces),
            r#"{"partialSuccess":{}}"#
        );
        let retry_after = Some(Duration::from_millis(1500));
        let status = Status {
            code: 8,
            message: "full".to_owned(),
            retry_after,
        };
        let expected = r#"{"code":8,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}],"message":"full"}"#;
        assert_eq!(status.to_json(), expected);
    }
}
