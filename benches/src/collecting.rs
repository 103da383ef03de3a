//! The gRPC service of a signal, which hands on the bytes that it receives.

use bytes::Bytes;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use tailweir_testkit::BytesCodec;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

/// Largest message, in bytes.
const MESSAGE_MAX: usize = 64 << 20;

/// The signal of a service.
pub(crate) struct Traces;
/// See [`Traces`].
pub(crate) struct Metrics;
/// See [`Traces`].
pub(crate) struct Logs;

/// The service of signal `S`, whose requests go to `take`.
pub(crate) struct Collecting<S, F> {
    take: F,
    signal: PhantomData<S>,
}

impl<S, F: Fn(&[u8]) -> Result<(), Status>> Collecting<S, F> {
    pub(crate) fn new(take: F) -> Self {
        Self {
            take,
            signal: PhantomData,
        }
    }
}

impl<S, F: Clone> Clone for Collecting<S, F> {
    fn clone(&self) -> Self {
        Self {
            take: self.take.clone(),
            signal: PhantomData,
        }
    }
}

impl<F> NamedService for Collecting<Traces, F> {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl<F> NamedService for Collecting<Metrics, F> {
    const NAME: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
}

impl<F> NamedService for Collecting<Logs, F> {
    const NAME: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
}

impl<S, F: Fn(&[u8]) -> Result<(), Status>> UnaryService<Bytes> for Collecting<S, F> {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready((self.take)(request.get_ref()).map(|()| Response::new(Bytes::new())))
    }
}

impl<S, F> tower::Service<http::Request<tonic::body::Body>> for Collecting<S, F>
where
    S: Send + 'static,
    F: Fn(&[u8]) -> Result<(), Status> + Clone + Send + 'static,
{
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
                .max_decoding_message_size(MESSAGE_MAX)
                .accept_compressed(CompressionEncoding::Gzip);
            Ok(grpc.unary(service, request).await)
        })
    }
}
