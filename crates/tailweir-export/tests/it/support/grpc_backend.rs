//! A gRPC server of OTLP that follows a script.

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tailweir_tls::ServerConfigs;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::{Request, Response, Status};

/// What the backend does with a call; it takes those beyond its script.
pub(crate) enum Answer {
    Reject(i64, &'static str),
    Fail(Box<Status>),
    /// Never.
    Hang,
}

/// A server in this process. Stops when it is dropped.
pub(crate) struct GrpcBackend {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<Call>>,
    called: Notify,
    connections: AtomicUsize,
}

/// What was received: the message and the headers of the call.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) message: Vec<u8>,
    pub(crate) headers: tonic::metadata::MetadataMap,
}

impl GrpcBackend {
    pub(crate) async fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, None, script)
    }

    pub(crate) async fn start_with_tls(tls: Arc<ServerConfigs>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, Some(tls), [])
    }

    pub(crate) fn serve(
        listener: TcpListener,
        tls: Option<Arc<ServerConfigs>>,
        script: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let state = Arc::new(State {
            script: Mutex::new(script.into_iter().collect()),
            ..State::default()
        });
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(accept(listener, tls, state.clone()));
        Self {
            address,
            state,
            server,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// Waits for so many calls in all.
    pub(crate) async fn called(&self, count: usize) {
        loop {
            let called = self.state.called.notified();
            if self.state.calls.lock().unwrap().len() >= count {
                return;
            }
            called.await;
        }
    }

    /// Ends the server with all its connections, and waits until its port is free.
    pub(crate) async fn kill(mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }
}

impl Drop for GrpcBackend {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<Arc<ServerConfigs>>, state: Arc<State>) {
    // Connections end with this set.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        state.connections.fetch_add(1, SeqCst);
        let (tls, state) = (tls.clone(), state.clone());
        connections.spawn(async move {
            match tls {
                None => serve_connection(stream, state).await,
                Some(tls) => {
                    let acceptor = TlsAcceptor::from(tls.current());
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve_connection(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection<S>(stream: S, state: Arc<State>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let traces = TraceServiceServer::from_arc(state.clone());
    let metrics = MetricsServiceServer::from_arc(state.clone());
    let logs = LogsServiceServer::from_arc(state);
    let routes = tonic::service::Routes::new(
        traces
            .accept_compressed(Gzip)
            .accept_compressed(Zstd)
            .max_decoding_message_size(64 << 20),
    )
    .add_service(metrics.accept_compressed(Gzip))
    .add_service(logs.accept_compressed(Gzip));
    let service = hyper_util::service::TowerToHyperService::new(routes.prepare());
    let executor = hyper_util::rt::TokioExecutor::new();
    let connection = hyper::server::conn::http2::Builder::new(executor)
        .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
    // Clients may leave as they please.
    let _ = connection.await;
}

impl State {
    async fn answer<T: Message>(
        &self,
        request: Request<T>,
    ) -> Result<Option<(i64, &'static str)>, Status> {
        let call = Call {
            headers: request.metadata().clone(),
            message: request.into_inner().encode_to_vec(),
        };
        self.calls.lock().unwrap().push(call);
        self.called.notify_waiters();
        let answer = self.script.lock().unwrap().pop_front();
        match answer {
            None => Ok(None),
            Some(Answer::Reject(items, message)) => Ok(Some((items, message))),
            Some(Answer::Fail(status)) => Err(*status),
            Some(Answer::Hang) => std::future::pending().await,
        }
    }
}

#[tonic::async_trait]
impl TraceService for State {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let rejected = self.answer(request).await?;
        Ok(Response::new(ExportTraceServiceResponse {
            partial_success: rejected.map(|(rejected_spans, message)| ExportTracePartialSuccess {
                rejected_spans,
                error_message: message.to_owned(),
            }),
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for State {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.answer(request).await?;
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for State {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.answer(request).await?;
        Ok(Response::new(Default::default()))
    }
}
