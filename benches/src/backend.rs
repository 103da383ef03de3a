//! What stands behind the gateway: takes everything, counts spans, and notes when traces arrive.

use crate::collecting::{Collecting, Traces};
use crate::load::Ids;
use anyhow::Result;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tailweir_otlp::{Scan, ScanLimits};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;

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
    let noted = Arc::clone(&arrivals);
    let service = Collecting::<Traces, _>::new(move |body: &[u8]| noted.note(body));
    let server = tonic::transport::Server::builder()
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .add_service(service)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    Ok((address, arrivals))
}
