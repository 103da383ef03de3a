//! The one place that knows what a refusal looks like in gRPC and in HTTP.
//!
//! | refusal | gRPC | HTTP | again? |
//! |---|---|---|---|
//! | the client's share is full (requests in flight, undecided traces) | `RESOURCE_EXHAUSTED` + `RetryInfo` | 429 + `Retry-After` | yes |
//! | the gateway is full (memory, a batch, an exporter's queue) | `UNAVAILABLE` + `RetryInfo` | 503 + `Retry-After` | yes |
//! | no member of the cluster takes all of it now | `UNAVAILABLE` + `RetryInfo` | 503 + `Retry-After` | yes |
//! | stopping, a part restarts, the body broke off, a processor failed | `UNAVAILABLE` | 503 + `Retry-After` | yes |
//! | larger than the limit | `RESOURCE_EXHAUSTED` without `RetryInfo` | 413 | no |
//! | not what is served, damaged | `INVALID_ARGUMENT` | 400 | no |
//! | credentials | `UNAUTHENTICATED` | 401 | no |
//! | nobody takes this signal, unknown path | `UNIMPLEMENTED` | 404 | no |
//! | unknown compression or content type | `UNIMPLEMENTED` | 415 | no |
//!
//! Bodies over HTTP are a `google.rpc.Status` in the encoding of the request; plain text for APIs other than OTLP.

use crate::refusal::{Bound, Refusal};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use std::time::Duration;
use tonic::{Code, Status};

/// What a client is asked to wait when the refusal itself does not say.
const RETRY_SOON: Duration = Duration::from_secs(1);

/// How a request, and so its answer, is encoded over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
    /// Plain text; success is an empty 202. What APIs other than OTLP expect.
    Text,
}

impl Encoding {
    /// Its content type.
    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
        })
    }

    /// The answer to a request that was taken whole: an empty `Export*ServiceResponse`.
    pub(crate) fn success(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from_static(match self {
            Self::Protobuf | Self::Text => b"",
            Self::Json => br#"{"partialSuccess":{}}"#,
        }));
        if self == Self::Text {
            *response.status_mut() = StatusCode::ACCEPTED;
        }
        response
            .headers_mut()
            .insert(CONTENT_TYPE, self.content_type());
        response
    }
}

/// The gRPC status of a refusal.
pub(crate) fn grpc_status(refusal: &Refusal) -> Status {
    let status = rpc_status(refusal);
    let code = grpc_code(refusal);
    if status.retry_after.is_none() {
        return Status::new(code, status.message);
    }
    let details = Bytes::from(status.to_wire());
    Status::with_details(code, status.message, details)
}

/// The `google.rpc.Status` of a refusal.
fn rpc_status(refusal: &Refusal) -> tailweir_otlp::Status {
    tailweir_otlp::Status {
        code: i32::from(grpc_code(refusal)),
        message: refusal.to_string(),
        retry_after: match refusal {
            Refusal::Full { retry_after, .. } | Refusal::HandOver { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        },
    }
}

/// The HTTP answer of a refusal, in this encoding.
pub(crate) fn http_response(refusal: &Refusal, encoding: Encoding) -> Response<Bytes> {
    let mut response = Response::new(error_body(refusal, encoding));
    *response.status_mut() = http_code(refusal);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, encoding.content_type());
    if let Some(wait) = retry_after(refusal) {
        headers.insert(RETRY_AFTER, seconds(wait));
    }
    match refusal {
        Refusal::WrongMethod => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Refusal::Unauthenticated { scheme, .. } => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        _ => {}
    }
    response
}

fn error_body(refusal: &Refusal, encoding: Encoding) -> Bytes {
    let status = rpc_status(refusal);
    match encoding {
        Encoding::Protobuf => Bytes::from(status.to_wire()),
        Encoding::Json => Bytes::from(status.to_json()),
        Encoding::Text => Bytes::from(status.message),
    }
}

const fn grpc_code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::Full { bound, .. } => match bound {
            Bound::InFlight | Bound::Traces | Bound::Member | Bound::Logins => {
                Code::ResourceExhausted
            }
            Bound::Memory | Bound::Queue | Bound::Batch | Bound::Connector | Bound::Logs => {
                Code::Unavailable
            }
        },
        Refusal::Stopping
        | Refusal::HandOver { .. }
        | Refusal::Interrupted { .. }
        | Refusal::Incomplete { .. }
        | Refusal::Failed { .. } => Code::Unavailable,
        Refusal::TooLarge { .. } => Code::ResourceExhausted,
        Refusal::Malformed { .. } | Refusal::BadCompression { .. } | Refusal::BadFraming { .. } => {
            Code::InvalidArgument
        }
        Refusal::Unauthenticated { .. } => Code::Unauthenticated,
        Refusal::NotWanted { .. }
        | Refusal::UnknownPath
        | Refusal::WrongMethod
        | Refusal::UnknownEncoding { .. }
        | Refusal::UnknownContentType { .. } => Code::Unimplemented,
        Refusal::Impossible { .. } => Code::Internal,
    }
}

const fn http_code(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Full { bound, .. } => match bound {
            Bound::InFlight | Bound::Traces | Bound::Member | Bound::Logins => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Bound::Memory | Bound::Queue | Bound::Batch | Bound::Connector | Bound::Logs => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        },
        Refusal::Stopping
        | Refusal::HandOver { .. }
        | Refusal::Interrupted { .. }
        | Refusal::Incomplete { .. }
        | Refusal::Failed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Malformed { .. } | Refusal::BadCompression { .. } | Refusal::BadFraming { .. } => {
            StatusCode::BAD_REQUEST
        }
        Refusal::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        Refusal::NotWanted { .. } | Refusal::UnknownPath => StatusCode::NOT_FOUND,
        Refusal::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::UnknownEncoding { .. } | Refusal::UnknownContentType { .. } => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        Refusal::Impossible { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn retry_after(refusal: &Refusal) -> Option<Duration> {
    match refusal {
        Refusal::Full { retry_after, .. } | Refusal::HandOver { retry_after, .. } => {
            Some(*retry_after)
        }
        _ if refusal.is_retryable() => Some(RETRY_SOON),
        _ => None,
    }
}

/// Whole seconds, rounded up: 0 would invite the client back at once.
fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::{Encoding, grpc_status, http_response};
    use crate::refusal::{Bound, Refusal};
    use http::StatusCode;
    use std::time::Duration;
    use tailweir_core::{ByteSize, Signal};
    use tonic::Code;
    use tonic_types::StatusExt;

    fn full(bound: Bound) -> Refusal {
        Refusal::Full {
            bound,
            retry_after: Duration::from_millis(1200),
        }
    }

    /// Scenario: each bound is full.
    /// Guarantees: both protocols say so retryably, and say when to come back.
    #[test]
    fn a_full_gateway_says_when_to_come_back() {
        for (bound, code, status) in [
            (Bound::InFlight, Code::ResourceExhausted, 429),
            (Bound::Traces, Code::ResourceExhausted, 429),
            (Bound::Member, Code::ResourceExhausted, 429),
            (Bound::Logins, Code::ResourceExhausted, 429),
            (Bound::Memory, Code::Unavailable, 503),
            (Bound::Queue, Code::Unavailable, 503),
            (Bound::Batch, Code::Unavailable, 503),
        ] {
            let refusal = full(bound);
            let grpc = grpc_status(&refusal);
            assert_eq!(grpc.code(), code);
            let hint = grpc.get_details_retry_info().unwrap().retry_delay;
            assert_eq!(hint, Some(Duration::from_millis(1200)));
            let http = http_response(&refusal, Encoding::Json);
            assert_eq!(http.status().as_u16(), status);
            assert_eq!(http.headers()["retry-after"], "2");
        }
    }

    /// Scenario: a request is too large, or not OTLP.
    /// Guarantees: no client is invited to send the same again.
    #[test]
    fn a_final_refusal_has_no_retry_hint() {
        let too_large = Refusal::TooLarge {
            limit: ByteSize::mib(4),
            option: "max_recv_msg_size_mib",
        };
        let malformed = Refusal::Malformed {
            signal: Signal::Logs,
            detail: "truncated".to_owned(),
        };
        for (refusal, code, status) in [
            (
                too_large,
                Code::ResourceExhausted,
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            (malformed, Code::InvalidArgument, StatusCode::BAD_REQUEST),
        ] {
            let grpc = grpc_status(&refusal);
            assert_eq!(grpc.code(), code);
            assert!(grpc.get_details_retry_info().is_none());
            let http = http_response(&refusal, Encoding::Protobuf);
            assert_eq!(http.status(), status);
            assert!(!http.headers().contains_key("retry-after"));
        }
    }

    /// Scenario: a refusal is answered over HTTP in both encodings.
    /// Guarantees: the body is a `google.rpc.Status` in that encoding, with the code of gRPC.
    #[test]
    fn bodies_are_a_status_in_the_encoding_of_the_request() {
        let refusal = full(Bound::Memory);
        let json = http_response(&refusal, Encoding::Json);
        assert_eq!(json.headers()["content-type"], "application/json");
        let body: serde_json::Value = serde_json::from_slice(json.body()).unwrap();
        assert_eq!(body["code"], 14);
        assert_eq!(body["message"], refusal.to_string());

        let protobuf = http_response(&refusal, Encoding::Protobuf);
        assert_eq!(protobuf.headers()["content-type"], "application/x-protobuf");
        // Field 1, varint: the code. Field 2, text: the message.
        assert_eq!(protobuf.body()[..3], [0x08, 14, 0x12]);
    }
}
