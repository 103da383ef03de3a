//! What is served over HTTP: which paths there are, what comes in, and how it becomes OTLP.

use crate::ingress::content::Content;
use crate::ingress::status::Encoding;
use crate::refusal::Refusal;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use std::sync::Arc;
use tailweir_core::Signal;
use tailweir_transform::Surroundings;
use tailweir_translate::{Jaeger, Zipkin, ZipkinFormat};

/// An API over HTTP.
#[derive(Clone)]
pub(crate) enum HttpApi {
    /// OTLP; the paths of the three signals, in the order of [`Signal::ALL`].
    Otlp([String; 3]),
    /// Zipkin's.
    Zipkin {
        /// Whether tags become numbers and booleans.
        parse_string_tags: bool,
        /// Tells the time.
        surroundings: Arc<dyn Surroundings>,
    },
    /// That of Jaeger's collector: thrift.
    Jaeger,
}

impl HttpApi {
    /// What comes in at a path.
    pub(super) fn signal_of(&self, path: &str) -> Option<Signal> {
        match self {
            Self::Otlp(paths) => {
                let found = paths.iter().position(|known| known == path)?;
                Some(Signal::ALL[found])
            }
            Self::Zipkin { .. } => Some(Signal::Traces),
            Self::Jaeger => (path == "/api/traces").then_some(Signal::Traces),
        }
    }

    /// What the body of a request is.
    pub(super) fn content_of(&self, head: &Parts) -> Result<Content, Refusal> {
        match self {
            Self::Otlp(_) => match encoding_of(&head.headers)? {
                Encoding::Json => Ok(Content::Json),
                Encoding::Protobuf | Encoding::Text => Ok(Content::Wire),
            },
            Self::Zipkin {
                parse_string_tags,
                surroundings,
            } => {
                let now = surroundings.now().unix_units(1);
                Ok(Content::Zipkin(Zipkin {
                    format: zipkin_format(head),
                    parse_string_tags: *parse_string_tags,
                    now: u64::try_from(now).unwrap_or_default(),
                }))
            }
            Self::Jaeger => require_thrift(&head.headers),
        }
    }

    /// How the answer is written. An unknown content type is answered in the encoding every client can read.
    pub(super) fn encoding_of_answer(&self, headers: &HeaderMap) -> Encoding {
        match self {
            Self::Otlp(_) => encoding_of(headers).unwrap_or(Encoding::Json),
            Self::Zipkin { .. } | Self::Jaeger => Encoding::Text,
        }
    }
}

/// The media type, without parameters.
fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE);
    let text = value.map_or("", |value| value.to_str().unwrap_or("(not text)"));
    text.split(';').next().unwrap_or_default().trim()
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let media_type = media_type(headers);
    if media_type.eq_ignore_ascii_case("application/x-protobuf") {
        Ok(Encoding::Protobuf)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Ok(Encoding::Json)
    } else {
        Err(unknown(
            media_type,
            "application/x-protobuf or application/json",
        ))
    }
}

fn require_thrift(headers: &HeaderMap) -> Result<Content, Refusal> {
    const TYPES: [&str; 2] = [
        "application/x-thrift",
        "application/vnd.apache.thrift.binary",
    ];
    let media_type = media_type(headers);
    let mut types = TYPES.iter();
    match types.any(|wanted| media_type.eq_ignore_ascii_case(wanted)) {
        true => Ok(Content::Jaeger(Jaeger::Thrift)),
        false => Err(unknown(media_type, "application/x-thrift")),
    }
}

fn unknown(media_type: &str, accepted: &'static str) -> Refusal {
    Refusal::UnknownContentType {
        content_type: media_type.chars().take(64).collect(),
        accepted,
    }
}

/// What is not said to be thrift or protobuf is JSON.
fn zipkin_format(head: &Parts) -> ZipkinFormat {
    let media_type = media_type(&head.headers);
    let is = |wanted: &str| media_type.eq_ignore_ascii_case(wanted);
    match head.uri.path().contains("api/v1/spans") {
        true if is("application/x-thrift") => ZipkinFormat::ThriftV1,
        true => ZipkinFormat::JsonV1,
        false if is("application/x-protobuf") => ZipkinFormat::ProtobufV2,
        false => ZipkinFormat::JsonV2,
    }
}
