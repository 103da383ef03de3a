//! The backend of the demo: remembers which spans it got.

use crate::demo::client::SpanKey;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Largest request that it takes, in bytes.
const REQUEST_MAX: usize = 64 << 20;

/// A backend that listens for as long as it lives.
pub(super) struct Backend {
    spans: Spans,
    address: SocketAddr,
    serving: tokio::task::AbortHandle,
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<SpanKey>>>);

impl Backend {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let spans = Spans::default();
        let service = TraceServiceServer::new(spans.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(REQUEST_MAX);
        let serving = Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpIncoming::from(listener));
        let serving = tokio::spawn(serving).abort_handle();
        Ok(Self {
            spans,
            address,
            serving,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The spans that it got so far, each as often as it came.
    pub(super) fn spans(&self) -> Vec<SpanKey> {
        self.spans.0.lock().clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        let keys = spans.map(|span| (span.trace_id, span.span_id));
        self.0.lock().extend(keys);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
