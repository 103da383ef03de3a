//! A backend for tests: an OTLP gRPC server on loopback that keeps what it is sent.
//!
//! It runs on a thread and a runtime of its own, so that both blocking and async tests can use it.
//! How it answers is scripted: [`Sink::answer_next`] for the requests to come, one each, and
//! [`Sink::answer_always`] for all others.

mod service;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How long a test waits for something that must happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a sink does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Keeps it and says so.
    Success,
    /// Keeps nothing and answers with this status.
    Refuse(tonic::Code),
    /// Keeps nothing and answers RESOURCE_EXHAUSTED with this delay to retry after.
    RetryAfter(Duration),
    /// Keeps it, but answers only when the gate is opened.
    Hold(Gate),
    /// Keeps it and never answers: every connection and the listener are closed, as when a process
    /// is killed. [`Sink::restart`] listens again.
    Die,
    /// Keeps it and answers success with a message of this many bytes.
    Giant(usize),
    /// Keeps it and says that this many items were rejected.
    Partial(i64),
}

/// A gate that requests wait at. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    /// Lets everyone through from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn pass(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

/// A request that a sink kept.
#[derive(Debug, Clone)]
pub enum Received {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Data points.
    Metrics(ExportMetricsServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
}

#[derive(Default)]
struct State {
    next: VecDeque<Answer>,
    always: Option<Answer>,
    received: Vec<Received>,
    /// Metadata of each request seen, kept or not.
    metadata: Vec<tonic::metadata::MetadataMap>,
}

#[derive(Clone, Default)]
struct Shared {
    state: Arc<Mutex<State>>,
    /// How many requests were seen, kept or not.
    seen: Arc<watch::Sender<usize>>,
    die: Arc<watch::Sender<bool>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub struct Sink {
    shared: Shared,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
}

impl Sink {
    /// Listens on a free port of loopback.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    #[must_use]
    pub fn start() -> Self {
        let mut sink = Self {
            shared: Shared::default(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            server: None,
        };
        sink.restart();
        sink
    }

    /// Listens again at the same address after a death.
    ///
    /// # Panics
    /// When the address was taken meanwhile.
    pub fn restart(&mut self) {
        self.stop();
        self.shared.die.send_replace(false);
        let (ready, bound) = oneshot::channel();
        let (shared, address) = (self.shared.clone(), self.address);
        self.server = Some(std::thread::spawn(move || serve(shared, address, ready)));
        self.address = bound.blocking_recv_anywhere();
    }

    /// Closes every connection and the listener.
    pub fn stop(&mut self) {
        self.shared.die.send_replace(true);
        if let Some(server) = self.server.take() {
            server.join().expect("the sink's thread does not panic");
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as an exporter's `endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers one request to come this way, after those already scripted.
    pub fn answer_next(&self, answer: Answer) {
        self.shared.state().next.push_back(answer);
    }

    /// Answers all requests this way for which nothing was scripted.
    pub fn answer_always(&self, answer: Answer) {
        self.shared.state().always = Some(answer);
    }

    /// What it kept so far, in order of arrival.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// The metadata of every request so far, also of those refused.
    #[must_use]
    pub fn metadata(&self) -> Vec<tonic::metadata::MetadataMap> {
        self.shared.state().metadata.clone()
    }

    /// Every metric it kept so far, in order of arrival.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let requests = self.received().into_iter().filter_map(|kept| match kept {
            Received::Metrics(request) => Some(request.resource_metrics),
            _ => None,
        });
        let scopes = requests.flatten().flat_map(|it| it.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).collect()
    }

    /// Every span it kept so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let requests = self.received();
        let traces = requests.into_iter().filter_map(|request| match request {
            Received::Traces(traces) => Some(traces.resource_spans),
            Received::Metrics(_) | Received::Logs(_) => None,
        });
        let scopes = traces.flatten().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Waits until `done` holds of the sink, looking again after each request.
    ///
    /// # Panics
    /// When it does not within [`PATIENCE`].
    pub async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(|_| done(self))).await;
        let count = self.received().len();
        assert!(waited.is_ok(), "no {what} after {count} requests kept");
    }

    /// [`Self::until`] for tests without a runtime.
    ///
    /// # Panics
    /// As [`Self::until`], and inside a runtime.
    pub fn block_until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime")
            .block_on(self.until(what, done));
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits on a thread of its own, because `blocking_recv` refuses to run inside a runtime.
trait ReceiveAnywhere<T> {
    fn blocking_recv_anywhere(self) -> T;
}

impl<T: Send + 'static> ReceiveAnywhere<T> for oneshot::Receiver<T> {
    fn blocking_recv_anywhere(self) -> T {
        let wait = std::thread::spawn(move || self.blocking_recv());
        let received = wait.join().expect("waiting does not panic");
        received.expect("the sink listens on loopback")
    }
}

/// The sink's thread. Returning drops the runtime, which closes every socket it has.
fn serve(shared: Shared, address: SocketAddr, ready: oneshot::Sender<SocketAddr>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let mut die = shared.die.subscribe();
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .expect("a port of loopback");
        let _ = ready.send(listener.local_addr().expect("a bound address"));
        tokio::select! {
            () = service::run(shared, listener) => {}
            _ = die.wait_for(|die| *die) => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{Answer, Gate, Sink};
    use crate::{request, span, trace_id};
    use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;

    async fn export(sink: &Sink, trace: u64) -> Result<String, tonic::Code> {
        let client = TraceServiceClient::connect(sink.endpoint()).await;
        let mut client = client.map_err(|_| tonic::Code::Unavailable)?;
        let request = request().span(span(trace_id(trace), 1)).message();
        let answer = client.export(request).await;
        let answer = answer.map_err(|status| status.code())?.into_inner();
        Ok(answer
            .partial_success
            .map(|it| it.error_message)
            .unwrap_or_default())
    }

    /// Scenario: a sink refuses, dies, is started again, answers at length and holds a request.
    /// Guarantees: each answer comes in its turn, and what was kept is what was not refused.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_sink_keeps_to_its_script() {
        let mut sink = Sink::start();
        sink.answer_next(Answer::Refuse(tonic::Code::ResourceExhausted));
        sink.answer_next(Answer::Die);
        let refused = export(&sink, 1).await.unwrap_err();
        assert_eq!(refused, tonic::Code::ResourceExhausted);
        export(&sink, 2).await.unwrap_err();
        sink.restart();
        sink.answer_next(Answer::Giant(100_000));
        assert_eq!(export(&sink, 3).await.unwrap().len(), 100_000);
        let gate = Gate::default();
        sink.answer_next(Answer::Hold(gate.clone()));
        let held = export(&sink, 4);
        let opened = async {
            sink.until("held request", |sink| sink.spans().len() == 3)
                .await;
            gate.open();
        };
        let (answer, ()) = tokio::join!(held, opened);
        answer.unwrap();
        let kept: Vec<_> = sink.spans().into_iter().map(|it| it.trace_id).collect();
        assert_eq!(kept, [2, 3, 4].map(|trace| trace_id(trace).0.to_vec()));
    }
}
