//! Accepts connections and serves them, within limits, until told to stop.
//!
//! One listener serves HTTP/1.1 and HTTP/2 for OTLP/HTTP, or HTTP/2 alone for gRPC. Every accepted
//! socket gets `TCP_NODELAY`: without it a client waits for a delayed acknowledgement, 40 ms each.
//! A client that connects and says nothing is dropped after the handshake's time.

mod preface;

use super::grpc::GrpcService;
use super::http_server::HttpService;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use preface::{Opening, read_opening};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tailweir_export::tls::ServerConfigs;
use tailweir_transform::ClientContext;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Bytes that one stream may send ahead of being read.
const STREAM_WINDOW: u32 = 4 << 20;
/// Bytes that one connection may send ahead of being read.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Largest HTTP/2 frame: fewer reads per request than the 16 KiB of the default.
const FRAME_MAX: u32 = 1 << 20;
/// Bytes of headers of one request.
const HEADERS_MAX: u32 = 64 << 10;
/// Pause after the system refused to accept, so that a full table of files is not spun on.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What bounds the connections of one listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConnectionLimits {
    /// Most connections at once; further ones wait in the system's backlog.
    pub(crate) connections_max: usize,
    /// Most requests at once on one HTTP/2 connection.
    pub(crate) concurrent_streams_max: u32,
    /// Time for TLS and for the first bytes of the first request.
    pub(crate) handshake_timeout: Duration,
    /// How often an idle HTTP/2 connection is asked whether it lives.
    pub(crate) keepalive_time: Duration,
    /// How long the answer may take.
    pub(crate) keepalive_timeout: Duration,
    /// Age at which an HTTP/2 connection is asked to go, so that clients spread again.
    pub(crate) connection_age_max: Option<Duration>,
    /// How long it may then take to finish its requests.
    pub(crate) connection_age_grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            concurrent_streams_max: 256,
            handshake_timeout: Duration::from_secs(10),
            keepalive_time: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            connection_age_max: None,
            connection_age_grace: Duration::from_secs(30),
        }
    }
}

/// What is spoken on a listener.
#[derive(Clone)]
pub(crate) enum Protocol {
    /// OTLP/gRPC.
    Grpc(GrpcService),
    /// OTLP/HTTP.
    Http(HttpService),
}

/// A bound socket that nobody listens to yet.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `endpoint`, `host:port`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(crate) async fn bind(endpoint: &str) -> io::Result<Self> {
        let socket = TcpListener::bind(endpoint).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the server is stopped.
    pub(crate) fn serve(
        self,
        protocol: Protocol,
        tls: Option<Arc<ServerConfigs>>,
        limits: ConnectionLimits,
    ) -> Server {
        let shared = Arc::new(Shared {
            protocol,
            tls,
            room: Arc::new(Semaphore::new(limits.connections_max)),
            limits,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            refused_handshakes: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(self.socket, Arc::clone(&shared)));
        Server {
            shared,
            accepting,
            address: self.address,
        }
    }
}

/// A listener that serves.
pub(crate) struct Server {
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
    address: SocketAddr,
}

impl Server {
    /// Where it is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Connections that never became HTTP: no TLS, no preface, or not in time.
    pub(crate) fn failed_handshakes(&self) -> u64 {
        self.shared.refused_handshakes.load(Ordering::Relaxed)
    }

    /// Stops accepting, lets open requests finish, and closes what is left after `grace`. Returns
    /// whether everything finished by itself. The socket is closed when this returns.
    pub(crate) async fn stop(self, grace: Duration) -> bool {
        self.shared.stop.cancel();
        // It ends at once: it waits for nothing but the socket and this signal.
        let _ = self.accepting.await;
        self.shared.tracker.close();
        let finished = tokio::time::timeout(grace, self.shared.tracker.wait()).await;
        self.shared.abort.cancel();
        self.shared.tracker.wait().await;
        finished.is_ok()
    }
}

struct Shared {
    protocol: Protocol,
    tls: Option<Arc<ServerConfigs>>,
    limits: ConnectionLimits,
    room: Arc<Semaphore>,
    tracker: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
    refused_handshakes: AtomicU64,
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    loop {
        let next = async {
            let room = Arc::clone(&shared.room).acquire_owned().await;
            (room, socket.accept().await)
        };
        let (room, accepted) = tokio::select! {
            () = shared.stop.cancelled() => return,
            next = next => next,
        };
        match (room, accepted) {
            (Ok(room), Ok((stream, peer))) => {
                let connection = connection(stream, peer, room, Arc::clone(&shared));
                shared.tracker.spawn(connection);
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (Err(_), Ok(_)) => return,
        }
    }
}

/// One connection from its first byte to its last.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    _room: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "TCP_NODELAY cannot be set");
    }
    let served = async {
        let timeout = shared.limits.handshake_timeout;
        let opening = tokio::select! {
            opening = tokio::time::timeout(timeout, open(stream, &shared)) => opening,
            // Nothing was asked yet, so nothing is left unanswered.
            () = shared.stop.cancelled() => return,
        };
        let failure = match opening {
            Ok(Ok(opening)) => return serve(opening, peer.ip(), &shared).await,
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        shared.refused_handshakes.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(error = %failure, %peer, "a connection did not become HTTP");
    };
    tokio::select! {
        () = served => {}
        () = shared.abort.cancelled() => {}
    }
}

async fn open(stream: TcpStream, shared: &Shared) -> io::Result<Opening> {
    match &shared.tls {
        Some(tls) => {
            let acceptor = TlsAcceptor::from(tls.current());
            read_opening(Box::new(acceptor.accept(stream).await?)).await
        }
        None => read_opening(Box::new(stream)).await,
    }
}

/// A byte stream, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn serve(opening: Opening, peer: IpAddr, shared: &Arc<Shared>) {
    let client = Arc::new(ClientContext {
        address: Some(peer),
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
            shared.refused_handshakes.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%peer, "not HTTP/2 on a gRPC port");
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
        .header_read_timeout(limits.handshake_timeout.max(limits.keepalive_time))
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
