//! Accepts connections and serves them, within limits, until told to stop.
//!
//! One listener serves HTTP/1.1 and HTTP/2 for OTLP/HTTP, or HTTP/2 alone for gRPC. Every accepted
//! socket gets `TCP_NODELAY`: without it a client waits for a delayed acknowledgement, 40 ms each.
//! A client that connects and says nothing is dropped after the handshake's time.

mod activity;
mod connection;
mod pings;
mod preface;
mod socket;
mod watched;

pub(crate) use pings::PingPolicy;
pub(crate) use socket::{Endpoint, Family, resolve};

use super::grpc::GrpcService;
use super::http_server::HttpService;
use super::page::PageService;
use connection::connection;
use socket::Socket;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tailweir_tls::ServerConfigs;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
    /// Age at which an HTTP/2 connection is asked to go, give or take a tenth, so that clients spread
    /// again.
    pub(crate) connection_age_max: Option<Duration>,
    /// How long it may then take to finish its requests; nothing: as long as they take.
    pub(crate) connection_age_grace: Option<Duration>,
    /// How long a connection is kept without a request.
    pub(crate) idle_max: Option<Duration>,
    /// How often HTTP/2 clients may ping; nothing: as they like.
    pub(crate) pings: Option<PingPolicy>,
    /// Time for the headers of a request over HTTP/1.1.
    pub(crate) header_timeout: Duration,
    /// Time for an answer, from the headers of the request.
    pub(crate) answer_timeout: Option<Duration>,
    /// Whether an HTTP/1.1 connection serves more than one request.
    pub(crate) keep_alive: bool,
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
            connection_age_grace: None,
            idle_max: None,
            pings: None,
            header_timeout: Duration::from_secs(60),
            answer_timeout: None,
            keep_alive: true,
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
    /// Pages for Prometheus.
    Page(PageService),
}

/// A bound socket that nobody listens to yet.
pub(crate) struct Listener {
    socket: Socket,
}

impl Listener {
    /// Binds an endpoint; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(crate) async fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        let socket = Socket::bind(endpoint).await?;
        Ok(Self { socket })
    }

    /// Where it is bound; nothing for a Unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.socket.address()
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
            failed_handshakes: AtomicU64::new(0),
        });
        let address = self.socket.address();
        let accepting = tokio::spawn(accept(self.socket, Arc::clone(&shared)));
        Server {
            shared,
            accepting,
            address,
        }
    }
}

/// A listener that serves. Dropped without [`Server::stop`], it closes everything at once.
pub(crate) struct Server {
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
    address: Option<SocketAddr>,
}

impl Server {
    /// Where it is bound; nothing for a Unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.shared.tracker.len()
    }

    /// Connections that never became HTTP: no TLS, no preface, or not in time.
    pub(crate) fn failed_handshakes(&self) -> u64 {
        self.shared.failed_handshakes.load(Ordering::Relaxed)
    }

    /// Stops accepting, lets open requests finish, and closes what is left after `grace`. Returns
    /// whether everything finished by itself. The socket is closed when this returns.
    pub(crate) async fn stop(mut self, grace: Duration) -> bool {
        self.shared.stop.cancel();
        // It ends at once: it waits for nothing but the socket and this signal.
        let _ = (&mut self.accepting).await;
        self.shared.tracker.close();
        let finished = tokio::time::timeout(grace, self.shared.tracker.wait()).await;
        self.shared.abort.cancel();
        self.shared.tracker.wait().await;
        finished.is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.abort.cancel();
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
    failed_handshakes: AtomicU64,
}

async fn accept(socket: Socket, shared: Arc<Shared>) {
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
            (Ok(room), Ok(accepted)) => {
                let connection = connection(accepted, room, Arc::clone(&shared));
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
