//! What bodies are, and how they become OTLP's protobuf, which is what everything behind the door works on.

use super::body::{Charged, Reading};
use super::compression::OFFLOAD;
use crate::admission::Permit;
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
    /// Appends it to `out` as an OTLP request. What that takes is charged before it is taken, as far as it is more than the body,
    /// which is charged already.
    fn to_wire(
        self,
        signal: Signal,
        body: &[u8],
        out: &mut Vec<u8>,
        permit: &mut Permit,
    ) -> Result<(), Refusal> {
        let mut refused = None;
        let mut room = |bytes: usize| {
            refused = permit.grow_to(bytes as u64).err();
            refused.is_none()
        };
        let written = match self {
            Self::Wire => {
                out.extend_from_slice(body);
                Ok(())
            }
            Self::Json => {
                json::to_wire_within(signal, body, out, &mut room).map_err(|it| it.to_string())
            }
            Self::Zipkin(zipkin) => zipkin
                .to_wire_within(body, out, &mut room)
                .map_err(|it| it.to_string()),
            Self::Jaeger(jaeger) => jaeger
                .to_wire_within(body, out, &mut room)
                .map_err(|it| it.to_string()),
        };
        match (written, refused) {
            (Ok(()), _) => Ok(()),
            (Err(_), Some(refusal)) => Err(refusal),
            (Err(detail), None) => Err(Refusal::Malformed { signal, detail }),
        }
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
            let Charged { body, mut permit } = charged;
            content.to_wire(signal, &body, buffer.vec(), &mut permit)?;
            drop(body);
            permit.grow_to(buffer.vec().len() as u64)?;
            permit.shrink_to(buffer.vec().len() as u64);
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

#[cfg(test)]
mod tests {
    use super::Content;
    use crate::admission::Admission;
    use crate::refusal::{Bound, Refusal};
    use tailweir_core::{ByteSize, Signal};
    use tailweir_translate::{Zipkin, ZipkinFormat};

    /// Bodies of about a megabyte that become several: numbers in two bytes of text each, and spans that say next to nothing.
    fn growing() -> [(Signal, Content, Vec<u8>); 2] {
        let numbers = "0,".repeat(512 << 10);
        let metrics = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{numbers}0]}}]}}}}]}}]}}]}}"#
        );
        let spans = r#"{"traceId":"a","id":"b"},"#.repeat(42_000);
        let spans = format!(r#"[{spans}{{"traceId":"a","id":"b"}}]"#);
        let zipkin = Zipkin {
            format: ZipkinFormat::JsonV2,
            parse_string_tags: false,
            now: 0,
        };
        [
            (Signal::Metrics, Content::Json, metrics.into_bytes()),
            (Signal::Traces, Content::Zipkin(zipkin), spans.into_bytes()),
        ]
    }

    /// Scenario: bodies become several times as long, where the budget has room for themselves and as much again; with another
    /// request in flight, and beyond the whole budget.
    /// Guarantees: they are refused before that memory is taken, for the moment or for good; with room they are taken.
    #[test]
    fn what_a_body_becomes_is_charged_before_it_is_there() {
        for (signal, content, body) in growing() {
            let length = body.len() as u64;
            let translated = |budget: u64, others: u64| {
                let admission = Admission::new(ByteSize(budget));
                let _others = admission.take(others).unwrap();
                let mut permit = admission.take(length).unwrap();
                let mut out = Vec::new();
                let written = content.to_wire(signal, &body, &mut out, &mut permit);
                assert_eq!(out.is_empty(), written.is_err());
                assert!(written.is_ok() || out.capacity() == 0);
                written
            };
            assert_eq!(translated(64 << 20, 1), Ok(()), "{content:?}");
            let refusal = translated(2 * length, 1).unwrap_err();
            assert!(matches!(refusal, Refusal::TooLarge { .. }), "{refusal}");
            let refusal = translated(64 << 20, (63 << 20) - length).unwrap_err();
            let is_passing = matches!(
                refusal,
                Refusal::Full {
                    bound: Bound::InFlight,
                    ..
                }
            );
            assert!(is_passing, "{content:?}: {refusal}");
        }
    }
}
