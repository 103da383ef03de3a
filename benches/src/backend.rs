//! What stands behind the gateway: takes everything, counts spans, and notes when traces arrive.

use crate::load::Ids;
use anyhow::Result;
use bytes::Bytes;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tailweir_otlp::{Scan, ScanLimits};
use tailweir_testkit::BytesCodec;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

/// Counts of what arrived.
pub(crate) struct Arrivals {
    origin: Instant,
    spans: AtomicU64,
    /// Time from the first send of a trace to its arrival here.
    ages: Mutex<Vec<Duration>>,
}

impl Arrivals {
    /// Spans that arrived so far.
    pub(crate) fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }

    /// Ages of the traces that arrived since the last call, sorted.
    pub(crate) fn take_ages(&self) -> Vec<Duration> {
        let mut ages =
            std::mem::take(&mut *self.ages.lock().unwrap_or_else(|lock| lock.into_inner()));
        ages.sort_unstable();
        ages
    }

    fn note(&self, body: &[u8]) -> Result<(), Status> {
        let now = self.origin.elapsed();
        let mut scan = Scan::default();
        Scan::traces(body, &ScanLimits::default(), &mut scan)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.spans
            .fetch_add(scan.spans.len() as u64, Ordering::Relaxed);
        let mut ids: Vec<_> = scan.spans.iter().map(|span| span.head.trace_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let ages = ids
            .iter()
            .filter_map(|id| Some(now.saturating_sub(Ids::sent(&id.0)?)));
        self.ages
            .lock()
            .unwrap_or_else(|lock| lock.into_inner())
            .extend(ages);
        Ok(())
    }
}

/// Listens on a free loopback port; `origin` is that of [`Ids`].
pub(crate) async fn start(origin: Instant) -> Result<(SocketAddr, Arc<Arrivals>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let arrivals = Arc::new(Arrivals {
        origin,
        spans: AtomicU64::new(0),
        ages: Mutex::default(),
    });
    let service = TraceService(Arc::clone(&arrivals));
    let server = tonic::transport::Server::builder()
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .add_service(service)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    Ok((address, arrivals))
}

#[derive(Clone)]
struct TraceService(Arc<Arrivals>);

impl NamedService for TraceService {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl UnaryService<Bytes> for TraceService {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(
            self.0
                .note(request.get_ref())
                .map(|()| Response::new(Bytes::new())),
        )
    }
}

impl tower::Service<http::Request<tonic::body::Body>> for TraceService {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<
        Box<dyn Future<Output = Result<http::Response<tonic::body::Body>, Infallible>> + Send>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(BytesCodec)
                .max_decoding_message_size(64 << 20)
                .accept_compressed(tonic::codec::CompressionEncoding::Gzip);
            Ok(grpc.unary(service, request).await)
        })
    }
}
