//! Spans in datagrams, as agents of Jaeger take them: there is no connection, no credential and no answer.
//!
//! ```text
//! socket -> datagram -> room in the queue, permit -> a worker: translation -> Intake
//! ```
//!
//! What finds no room, is too large or cannot be read is dropped and counted here; what the pipelines refuse is
//! counted as refused spans. Nothing of either was acknowledged.

use super::body::Charged;
use super::content::Content;
use super::door::{CallerSpan, Door};
use super::listener::{Family, resolve};
use crate::refusal::Refusal;
use bytes::Bytes;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_transform::ClientContext;
use tokio::net::UdpSocket;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after the system refused to receive, so that it is not spun on.
const RECEIVE_PAUSE: Duration = Duration::from_millis(100);

/// How datagrams are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatagramOptions {
    /// What is in them.
    pub(crate) content: Content,
    /// Largest one, in bytes.
    pub(crate) length_max: usize,
    /// Most that wait for their turn.
    pub(crate) queue_max: usize,
    /// Most that are worked on at once.
    pub(crate) workers: usize,
    /// What the system may hold of those that were not read yet, in bytes; nothing: as it likes.
    pub(crate) system_buffer: Option<usize>,
}

/// A bound socket that nobody reads yet.
pub(crate) struct DatagramSocket {
    socket: UdpSocket,
    options: DatagramOptions,
}

impl DatagramSocket {
    /// Binds `host:port`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub(crate) async fn bind(endpoint: &str, options: DatagramOptions) -> io::Result<Self> {
        let mut failure =
            io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
        let mut addresses = resolve(endpoint, Family::Any).await?;
        // Of a name such as localhost, that of IPv4, as in the Collector: agents' clients know no other.
        addresses.sort_by_key(|it| it.is_ipv6() && !it.ip().is_unspecified());
        for address in addresses {
            match UdpSocket::bind(address).await {
                Ok(socket) => {
                    if let Some(bytes) = options.system_buffer {
                        SockRef::from(&socket).set_recv_buffer_size(bytes)?;
                    }
                    return Ok(Self { socket, options });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Where it is bound.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Takes datagrams until the server is stopped.
    pub(crate) fn serve(self, door: Arc<Door>) -> DatagramServer {
        let options = self.options;
        let shared = Arc::new(Shared {
            door,
            options,
            room: Arc::new(Semaphore::new(options.queue_max + options.workers)),
            workers: Semaphore::new(options.workers),
            dropped: AtomicU64::new(0),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
        });
        let address = self.address();
        let receiving = tokio::spawn(receive(self.socket, Arc::clone(&shared)));
        DatagramServer {
            shared,
            receiving,
            address,
        }
    }
}

/// A socket that is read. Dropped without [`DatagramServer::stop`], it drops what it has.
pub(crate) struct DatagramServer {
    shared: Arc<Shared>,
    receiving: JoinHandle<()>,
    address: Option<SocketAddr>,
}

impl DatagramServer {
    /// Where it is bound.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Datagrams that found no room, were too large or could not be read.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed)
    }

    /// Reads no further, lets what was read go its way, and drops what is left after `grace`. Returns whether
    /// nothing was. The socket is closed when this returns.
    pub(crate) async fn stop(mut self, grace: Duration) -> bool {
        self.shared.stop.cancel();
        // It ends at once: it waits for nothing but the socket and this signal.
        let _ = (&mut self.receiving).await;
        self.shared.tracker.close();
        let finished = tokio::time::timeout(grace, self.shared.tracker.wait()).await;
        self.shared.abort.cancel();
        self.shared.tracker.wait().await;
        finished.is_ok()
    }
}

impl Drop for DatagramServer {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.abort.cancel();
    }
}

struct Shared {
    door: Arc<Door>,
    options: DatagramOptions,
    /// A place for each datagram that waits or is worked on.
    room: Arc<Semaphore>,
    workers: Semaphore,
    dropped: AtomicU64,
    tracker: TaskTracker,
    stop: CancellationToken,
    abort: CancellationToken,
}

async fn receive(socket: UdpSocket, shared: Arc<Shared>) {
    // A byte more than is taken shows what is longer.
    let mut buffer = vec![0; shared.options.length_max + 1];
    loop {
        let received = tokio::select! {
            () = shared.stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((length, peer)) => match buffer.get(..length) {
                Some(datagram) if length <= shared.options.length_max => {
                    shared.admit(datagram, peer);
                }
                _ => shared.drop_one("it is larger than max_packet_size"),
            },
            Err(error) => {
                tracing::warn!(%error, "receiving a datagram failed");
                tokio::time::sleep(RECEIVE_PAUSE).await;
            }
        }
    }
}

impl Shared {
    /// Finds room for a datagram and a worker.
    fn admit(self: &Arc<Self>, datagram: &[u8], peer: SocketAddr) {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            return self.drop_one("the queue is full");
        };
        let permit = match self.door.reading.admission.take(datagram.len() as u64) {
            Ok(permit) => permit,
            Err(refusal) => return self.drop_one(&refusal.to_string()),
        };
        let charged = Charged {
            body: Bytes::copy_from_slice(datagram),
            permit,
        };
        let shared = Arc::clone(self);
        self.tracker.spawn(async move {
            tokio::select! {
                () = shared.abort.cancelled() => shared.drop_one("the receiver stopped"),
                () = shared.work(charged, peer, place) => {}
            }
        });
    }

    async fn work(&self, charged: Charged, peer: SocketAddr, _place: OwnedSemaphorePermit) {
        // Closed it never is.
        let Ok(_worker) = self.workers.acquire().await else {
            return;
        };
        let reading = &self.door.reading;
        let translated = reading.translated(Signal::Traces, self.options.content, charged);
        let charged = match translated.await {
            Ok(charged) => charged,
            Err(refusal) => return self.drop_one(&refusal.to_string()),
        };
        let client = Arc::new(ClientContext {
            address: Some(peer.ip()),
            ..ClientContext::default()
        });
        let caller = CallerSpan::default();
        let taken = self.door.hand_in(Signal::Traces, charged, client, caller);
        match taken.await {
            Ok(()) => {}
            // Not even looked into, so its spans are in no count.
            Err(refusal @ (Refusal::Malformed { .. } | Refusal::NotWanted { .. })) => {
                self.drop_one(&refusal.to_string());
            }
            Err(refusal) => tracing::debug!(reason = %refusal, "spans of a datagram are refused"),
        }
    }

    /// Not louder than this: whoever can send datagrams could fill the log.
    fn drop_one(&self, reason: &str) {
        self.dropped.fetch_add(1, Relaxed);
        tracing::debug!(reason, "a datagram is dropped");
    }
}
