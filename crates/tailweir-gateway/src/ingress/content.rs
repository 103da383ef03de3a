//! What bodies are, and how they become OTLP's protobuf, which is what everything behind the door works on.

use super::body::{Charged, Reading};
use super::compression::OFFLOAD;
use crate::refusal::Refusal;
use tailweir_core::Signal;
use tailweir_otlp::json;
use tailweir_translate::{Jaeger, Zipkin};

/// What a body is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content {
    /// An OTLP request, as it is.
    Wire,
    /// An OTLP request in JSON.
    Json,
    /// Spans for Zipkin.
    Zipkin(Zipkin),
    /// Spans for Jaeger.
    Jaeger(Jaeger),
}

impl Content {
    /// Appends it to `out` as an OTLP request.
    fn to_wire(self, signal: Signal, body: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        let written = match self {
            Self::Wire => {
                out.extend_from_slice(body);
                Ok(())
            }
            Self::Json => json::to_wire(signal, body, out).map_err(|error| error.to_string()),
            Self::Zipkin(zipkin) => zipkin.to_wire(body, out).map_err(|error| error.to_string()),
            Self::Jaeger(jaeger) => jaeger.to_wire(body, out).map_err(|error| error.to_string()),
        };
        written.map_err(|detail| Refusal::Malformed { signal, detail })
    }
}

impl Reading {
    /// Turns a body that was read and decompressed into an OTLP request. Large ones are worked on off the
    /// runtime's threads.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`], or [`Refusal::Full`] when there is no room for what it becomes.
    pub(crate) async fn translated(
        &self,
        signal: Signal,
        content: Content,
        charged: Charged,
    ) -> Result<Charged, Refusal> {
        if matches!(content, Content::Wire) {
            return Ok(charged);
        }
        let length = charged.body.len();
        let mut buffer = self.buffers.take();
        let translate = move || {
            content.to_wire(signal, &charged.body, buffer.vec())?;
            let mut permit = charged.permit;
            permit.grow_to(buffer.vec().len() as u64)?;
            Ok(Charged {
                body: buffer.freeze(),
                permit,
            })
        };
        if length <= OFFLOAD {
            return translate();
        }
        tokio::task::spawn_blocking(translate)
            .await
            .unwrap_or(Err(Refusal::Interrupted {
                part: "the translation of requests",
            }))
    }
}
