//! Connections to backends: names resolved, TCP without delay, TLS where configured.
//!
//! Both OTLP exporters stand on it. It knows HTTP, not OTLP.

mod balancer;
mod connector;

pub(crate) use balancer::{Balancer, CallError, Target};
pub(crate) use connector::Connector;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;

/// An HTTP client with a pool of connections.
pub(crate) type Client = legacy::Client<Connector, Full<Bytes>>;

/// Most bytes of an answer that are read. What a backend has to say fits; what it sends beyond that would
/// only fill our memory.
pub(crate) const ANSWER_MAX: usize = 64 << 10;

/// The body of an answer, and the trailers behind it.
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Why the body of an answer was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("the answer is longer than {ANSWER_MAX} bytes")]
    TooLong,
    #[error("the answer broke off: {0}")]
    Broken(String),
}

/// Reads an answer, at most [`ANSWER_MAX`] bytes of it.
pub(crate) async fn read_answer(body: Incoming) -> Result<Answer, AnswerError> {
    let collected = Limited::new(body, ANSWER_MAX)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                AnswerError::TooLong
            } else {
                AnswerError::Broken(chain(&*error))
            }
        })?;
    let trailers = collected.trailers().cloned();
    Ok(Answer {
        body: collected.to_bytes(),
        trailers,
    })
}

/// An error with its causes: those of the transport say little without them.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
