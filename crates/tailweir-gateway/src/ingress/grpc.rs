//! OTLP/gRPC, the three `Export` methods with bytes in and bytes out, and other APIs over gRPC.
//!
//! The message is not decoded. It is read by hand rather than by a codec, because its length has to be
//! charged to the budget before it is read.

use super::compression::Compression;
use super::content::Content;
use super::door::{CallerSpan, Door};
use super::status::grpc_status;
use crate::refusal::Refusal;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tailweir_core::Signal;
use tailweir_transform::ClientContext;
use tailweir_translate::Jaeger;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const ENCODING: &str = "grpc-encoding";
const ACCEPTED: &str = "identity,gzip,zstd,deflate,snappy,lz4";

/// An API over gRPC. A call is answered with an empty message in each.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GrpcApi {
    /// OTLP.
    Otlp,
    /// That of Jaeger's collector.
    Jaeger,
}

/// The gRPC side of a receiver. A clone is the same receiver.
#[derive(Clone)]
pub(crate) struct GrpcService {
    api: GrpcApi,
    door: Arc<Door>,
}

impl GrpcService {
    /// A service behind this door.
    pub(crate) fn new(api: GrpcApi, door: Arc<Door>) -> Self {
        Self { api, door }
    }

    /// Answers one call.
    pub(crate) async fn call<B>(
        self,
        request: Request<B>,
        peer: Arc<ClientContext>,
    ) -> Response<Answer>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        if !is_grpc(&request) {
            let mut response = Response::new(Answer::Done);
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        }
        match self.export(request, &peer).await {
            Ok(()) => taken(),
            Err(refusal) => grpc_status(&refusal).into_http(),
        }
    }

    async fn export<B>(&self, request: Request<B>, peer: &Arc<ClientContext>) -> Result<(), Refusal>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let (head, mut body) = request.into_parts();
        let served = self.api.served_at(head.uri.path());
        let (signal, content) = served.ok_or(Refusal::UnknownPath)?;
        let headers = &head.headers;
        let client = self.door.identify(headers, headers, peer).await?;
        let compression = compression_of(&head.headers)?;
        let (mut charged, compressed) = self.door.reading.message(&mut body).await?;
        if compressed {
            let compression = compression.ok_or(Refusal::BadFraming {
                detail: "the message is compressed, but grpc-encoding does not say how",
            })?;
            charged = self.door.reading.decompressed(compression, charged).await?;
        }
        let reading = &self.door.reading;
        let charged = reading.translated(signal, content, charged).await?;
        let caller = CallerSpan::of(headers);
        self.door.hand_in(signal, charged, client, caller).await
    }
}

impl GrpcApi {
    /// What comes in at a path.
    fn served_at(self, path: &str) -> Option<(Signal, Content)> {
        match self {
            Self::Otlp => Some((signal_of(path)?, Content::Wire)),
            Self::Jaeger => {
                let is_known = path == "/jaeger.api_v2.CollectorService/PostSpans";
                is_known.then_some((Signal::Traces, Content::Jaeger(Jaeger::Protobuf)))
            }
        }
    }
}

fn is_grpc<B>(request: &Request<B>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    let known = content_type.is_some_and(|value| {
        let value = value.as_bytes();
        value == b"application/grpc" || value.starts_with(b"application/grpc+proto")
    });
    known && request.method() == Method::POST
}

fn signal_of(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        _ => None,
    }
}

fn compression_of(headers: &HeaderMap) -> Result<Option<Compression>, Refusal> {
    let Some(value) = headers.get(ENCODING) else {
        return Ok(None);
    };
    let name = value.to_str().unwrap_or("(not text)");
    if name.eq_ignore_ascii_case("identity") {
        return Ok(None);
    }
    let known = Compression::named(name).ok_or_else(|| Refusal::UnknownEncoding {
        encoding: name.chars().take(64).collect(),
        accepted: ACCEPTED.to_owned(),
    })?;
    Ok(Some(known))
}

/// Success: an empty response message, then the status as a trailer.
fn taken() -> Response<Answer> {
    let mut response = Response::new(Answer::Message);
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

/// The body of an answer.
#[derive(Debug, Default)]
pub(crate) enum Answer {
    /// The empty message is still to be sent.
    Message,
    /// The trailer is still to be sent.
    Trailer,
    /// Nothing more comes; from the start on for an error, whose status is among the headers.
    #[default]
    Done,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (frame, next) = match *self {
            Self::Message => (Frame::data(Bytes::from_static(&[0; 5])), Self::Trailer),
            Self::Trailer => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(STATUS, HeaderValue::from_static("0"));
                (Frame::trailers(trailers), Self::Done)
            }
            Self::Done => return Poll::Ready(None),
        };
        *self = next;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Done)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if matches!(self, Self::Message) { 5 } else { 0 })
    }
}
