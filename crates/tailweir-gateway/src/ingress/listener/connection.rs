//! One connection from its first byte to its last.

use super::preface::{Opening, read_opening};
use super::socket::Accepted;
use super::{ConnectionLimits, Protocol, Shared};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tailweir_transform::ClientContext;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

/// Bytes that one stream may send ahead of being read.
const STREAM_WINDOW: u32 = 4 << 20;
/// Bytes that one connection may send ahead of being read.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Largest HTTP/2 frame: fewer reads per request than the 16 KiB of the default.
const FRAME_MAX: u32 = 1 << 20;
/// Bytes of headers of one request.
const HEADERS_MAX: u32 = 64 << 10;

/// A byte stream, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Handshake, requests, end. `_room` is the connection's place among those that may be open.
pub(super) async fn connection(
    accepted: Accepted,
    _room: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) {
    let Accepted { stream, peer } = accepted;
    let served = async {
        let timeout = shared.limits.handshake_timeout;
        let opening = tokio::select! {
            opening = tokio::time::timeout(timeout, open(stream, &shared)) => opening,
            // Nothing was asked yet, so nothing is left unanswered.
            () = shared.stop.cancelled() => return,
        };
        let failure = match opening {
            Ok(Ok(opening)) => return serve(opening, peer, &shared).await,
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        shared.failed_handshakes.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(error = %failure, ?peer, "a connection did not become HTTP");
    };
    tokio::select! {
        () = served => {}
        () = shared.abort.cancelled() => {}
    }
}

async fn open(stream: Box<dyn Stream>, shared: &Shared) -> io::Result<Opening> {
    match &shared.tls {
        Some(tls) => {
            let acceptor = TlsAcceptor::from(tls.current());
            read_opening(Box::new(acceptor.accept(stream).await?)).await
        }
        None => read_opening(stream).await,
    }
}

async fn serve(opening: Opening, peer: Option<IpAddr>, shared: &Arc<Shared>) {
    let client = Arc::new(ClientContext {
        address: peer,
        ..ClientContext::default()
    });
    match (&shared.protocol, opening.is_http2) {
        (Protocol::Grpc(service), true) => {
            let service = service.clone();
            let respond = service_fn(move |request: hyper::Request<Incoming>| {
                let answer = service.clone().call(request, Arc::clone(&client));
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let io = TokioIo::new(opening.stream);
            let connection = http2_builder(&shared.limits).serve_connection(io, respond);
            drive(connection, shared).await;
        }
        (Protocol::Grpc(_), false) => {
            shared.failed_handshakes.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(?peer, "not HTTP/2 on a gRPC port");
        }
        (Protocol::Http(service), is_http2) => {
            let service = service.clone();
            let respond = service_fn(move |request: hyper::Request<Incoming>| {
                let answer = service.clone().call(request, Arc::clone(&client));
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let io = TokioIo::new(opening.stream);
            if is_http2 {
                let connection = http2_builder(&shared.limits).serve_connection(io, respond);
                drive(connection, shared).await;
            } else {
                let connection = http1_builder(&shared.limits).serve_connection(io, respond);
                drive(connection, shared).await;
            }
        }
    }
}

fn http2_builder(limits: &ConnectionLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADERS_MAX)
        .max_concurrent_streams(limits.concurrent_streams_max)
        .keep_alive_interval(limits.keepalive_time)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}

fn http1_builder(limits: &ConnectionLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .keep_alive(limits.keep_alive)
        .max_buf_size(512 << 10);
    builder
}

/// A connection of either version.
trait Connection: Future<Output = Result<(), hyper::Error>> {
    fn finish_requests(self: std::pin::Pin<&mut Self>);
}

impl<I, S, B> Connection for http1::Connection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish_requests(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> Connection for http2::Connection<I, S, E>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn finish_requests(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs a connection to its end; at the stop, or at its age, it finishes its requests first.
async fn drive(connection: impl Connection, shared: &Shared) {
    let mut connection = pin!(connection);
    let aged = async {
        match shared.limits.connection_age_max {
            Some(age) => tokio::time::sleep(age).await,
            None => std::future::pending().await,
        }
    };
    let by_age = tokio::select! {
        ended = connection.as_mut() => return report(ended),
        () = shared.stop.cancelled() => false,
        () = aged => true,
    };
    connection.as_mut().finish_requests();
    if by_age {
        let grace = shared.limits.connection_age_grace;
        if let Ok(ended) = tokio::time::timeout(grace, connection).await {
            report(ended);
        }
    } else {
        report(connection.await);
    }
}

fn report(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
