//! A backend that takes every signal, over gRPC and over HTTP, and counts bytes.

use anyhow::Result;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use bytes::Bytes;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tailweir_testkit::BytesCodec;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

/// A running backend; it lives as long as the runtime.
pub(crate) struct Drain {
    /// Takes OTLP over gRPC.
    pub(crate) grpc: SocketAddr,
    /// Takes any request over HTTP.
    pub(crate) http: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Drain {
    /// Listens on two free loopback ports.
    pub(crate) async fn start() -> Result<Self> {
        let (grpc, http) = (listener().await?, listener().await?);
        let bytes = Arc::new(AtomicU64::new(0));
        let drain = Self {
            grpc: grpc.local_addr()?,
            http: http.local_addr()?,
            bytes: Arc::clone(&bytes),
        };
        let server = tonic::transport::Server::builder()
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .add_service(Service::<Traces>::new(&bytes))
            .add_service(Service::<Metrics>::new(&bytes))
            .add_service(Service::<Logs>::new(&bytes))
            .serve_with_incoming(TcpListenerStream::new(grpc));
        tokio::spawn(server);
        let router = Router::new()
            .fallback(move |body: Bytes| {
                bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
                ready(())
            })
            .layer(DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(http, router).await });
        Ok(drain)
    }

    /// Bytes that arrived so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

async fn listener() -> Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

struct Traces;
struct Metrics;
struct Logs;

/// The service of one signal.
struct Service<S> {
    bytes: Arc<AtomicU64>,
    signal: PhantomData<S>,
}

impl<S> Service<S> {
    fn new(bytes: &Arc<AtomicU64>) -> Self {
        Self {
            bytes: Arc::clone(bytes),
            signal: PhantomData,
        }
    }
}

impl<S> Clone for Service<S> {
    fn clone(&self) -> Self {
        Self::new(&self.bytes)
    }
}

impl NamedService for Service<Traces> {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl NamedService for Service<Metrics> {
    const NAME: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
}

impl NamedService for Service<Logs> {
    const NAME: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
}

impl<S> UnaryService<Bytes> for Service<S> {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let length = request.get_ref().len() as u64;
        self.bytes.fetch_add(length, Ordering::Relaxed);
        ready(Ok(Response::new(Bytes::new())))
    }
}

impl<S: Send + 'static> tower::Service<http::Request<tonic::body::Body>> for Service<S> {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(BytesCodec)
                .max_decoding_message_size(64 << 20)
                .accept_compressed(CompressionEncoding::Gzip);
            Ok(grpc.unary(service, request).await)
        })
    }
}
