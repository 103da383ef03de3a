//! The backend: an OTLP server that writes down each span, and has moods.

use super::content::content_hash;
use super::event::{Event, ReceivedSpan, SpanKey, TraceKey};
use super::generator::span_number;
use super::history::History;
use anyhow::{Context, Result};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// How the backend answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Takes everything at once.
    Good,
    /// Takes everything, this much later.
    Slow(Duration),
    /// Takes nothing, UNAVAILABLE.
    Failing,
    /// Takes nothing, RESOURCE_EXHAUSTED with a time to come back.
    Throttling(Duration),
    /// Takes everything and says UNAVAILABLE to every other request.
    LosingAnswers,
    /// Is not there: no listener, no connection.
    Down,
}

/// A running backend.
pub(super) struct Sink {
    address: SocketAddr,
    backend: Backend,
    /// Dropped in the background with all its connections. Nothing while the backend is down.
    server: Option<Runtime>,
}

#[derive(Clone)]
struct Backend {
    history: Arc<History>,
    mood: Arc<watch::Sender<Mood>>,
    /// Requests that did not find it good.
    troubled: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Sink {
    pub(super) async fn start(history: Arc<History>, address: SocketAddr) -> Result<Self> {
        let backend = Backend {
            history,
            mood: Arc::new(watch::Sender::new(Mood::Good)),
            troubled: Arc::default(),
            requests: Arc::default(),
        };
        let mut sink = Self {
            address,
            backend,
            server: None,
        };
        sink.listen().await?;
        Ok(sink)
    }

    /// Changes its mood; returns how many requests met the one before.
    pub(super) async fn set(&mut self, mood: Mood) -> Result<u64> {
        self.backend.mood.send_replace(mood);
        match (mood, &self.server) {
            (Mood::Down, _) => self.close(),
            (_, None) => self.listen().await?,
            _ => {}
        }
        Ok(self.backend.troubled.swap(0, Ordering::Relaxed))
    }

    /// Requests that it saw so far.
    pub(super) fn requests(&self) -> u64 {
        self.backend.requests.load(Ordering::Relaxed)
    }

    async fn listen(&mut self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (backend, address) = (self.backend.clone(), self.address);
        let bound = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::bind(address).await?;
            tokio::spawn(serve(backend, listener));
            std::io::Result::Ok(())
        });
        let bound = bound.await?;
        bound.with_context(|| format!("the backend cannot listen on {address}"))?;
        self.server = Some(runtime);
        Ok(())
    }

    fn close(&mut self) {
        if let Some(runtime) = self.server.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.close();
    }
}

async fn serve(backend: Backend, listener: tokio::net::TcpListener) {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let service = TraceServiceServer::new(backend)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    // It ends with its runtime; a failure shows as spans that never come.
    let _ = tonic::transport::Server::builder()
        .add_service(service)
        .serve_with_incoming(incoming)
        .await;
}

#[tonic::async_trait]
impl TraceService for Backend {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mood = *self.mood.borrow();
        if mood != Mood::Good {
            self.troubled.fetch_add(1, Ordering::Relaxed);
        }
        match mood {
            Mood::Good | Mood::Down => self.take(request.into_inner()),
            Mood::Slow(delay) => {
                tokio::time::sleep(delay).await;
                self.take(request.into_inner());
            }
            Mood::Failing => return Err(Status::unavailable("the backend fails")),
            Mood::Throttling(delay) => return Err(throttled(delay)),
            Mood::LosingAnswers => {
                self.take(request.into_inner());
                if number.is_multiple_of(2) {
                    return Err(Status::unavailable("the answer is lost"));
                }
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn throttled(delay: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(delay));
    Status::with_error_details(tonic::Code::ResourceExhausted, "too much", details)
}

impl Backend {
    fn take(&self, message: ExportTraceServiceRequest) {
        let at = self.history.now();
        let scopes = message
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        self.history.record_all(spans.map(|span| {
            Event::Received(ReceivedSpan {
                at,
                key: key(&span),
                hash: content_hash(&span),
            })
        }));
    }
}

fn key(span: &Span) -> SpanKey {
    let trace: [u8; 16] = span.trace_id.as_slice().try_into().unwrap_or_default();
    SpanKey {
        trace: TraceKey(u128::from_be_bytes(trace)),
        span: span_number(&span.span_id),
    }
}
