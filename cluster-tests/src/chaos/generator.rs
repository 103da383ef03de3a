//! Sends the workload as clients would: both gateways, batches, and again what is refused for the moment.

use super::attempt::{is_answer, is_passing, no_answer, was_sent};
use super::event::{Event, Millis, Refused, Returned, SentSpan, SpanKey, Trace, TraceKey};
use super::history::History;
use super::workload::{Load, Planned, Workload};
use anyhow::Result;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// How often spans that are due are sent.
const TICK: Duration = Duration::from_millis(50);
/// Spans of a request, at most.
const BATCH_MAX: usize = 48;
/// Requests at once, at most. What is due waits.
const REQUESTS_MAX: usize = 512;
/// Traces that should have begun while requests waited are made up for up to this long; others never begin. A cluster that is too
/// slow for its load is not sent more and more.
const BEHIND_MAX: Duration = Duration::from_secs(1);
/// A connection, and an answer, are waited for this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is cut is found by its silence, as SDKs are told to find it.
const SILENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3));
/// Pauses between attempts, from the first to the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(800));
/// After this long a client gives up.
const PERSISTENCE: Duration = Duration::from_secs(45);
const MESSAGE_CHARACTERS_MAX: usize = 160;

/// A running generator.
#[derive(Debug)]
pub(super) struct Generator {
    stop: watch::Sender<bool>,
    load: watch::Sender<Load>,
    task: JoinHandle<()>,
}

impl Generator {
    pub(super) fn start(
        history: Arc<History>,
        workload: Workload,
        gateways: &[SocketAddr],
        load: Load,
    ) -> Result<Self> {
        let clients = gateways
            .iter()
            .map(|address| connect(*address))
            .collect::<Result<Vec<_>>>()?;
        let clients = Arc::new(Clients { history, clients });
        let (stop, stopped) = watch::channel(false);
        let (load, asked) = watch::channel(load);
        let task = tokio::spawn(run(clients, workload, asked, stopped));
        Ok(Self { stop, load, task })
    }

    /// Where the load can be changed.
    pub(super) fn load(&self) -> watch::Sender<Load> {
        self.load.clone()
    }

    /// Begins no more traces; returns when all that was begun is acknowledged or given up.
    pub(super) async fn finish(self) -> Result<()> {
        self.stop.send_replace(true);
        Ok(self.task.await?)
    }
}

fn connect(address: SocketAddr) -> Result<TraceServiceClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(SILENCE.0)
        .keep_alive_timeout(SILENCE.1);
    Ok(TraceServiceClient::new(endpoint.connect_lazy()))
}

/// A span that waits for its time.
struct Due {
    trace: TraceKey,
    planned: Planned,
}

async fn run(
    clients: Arc<Clients>,
    mut workload: Workload,
    load: watch::Receiver<Load>,
    stopped: watch::Receiver<bool>,
) {
    let mut looked = Instant::now();
    // Traces that should have begun and have not.
    let mut due = 0.0;
    let mut waiting: Vec<(Instant, Due)> = Vec::new();
    let mut requests = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let is_stopped = *stopped.borrow();
        let (now, load) = (Instant::now(), *load.borrow());
        let rate = f64::from(load.traces_per_second);
        due += (now - looked).as_secs_f64().min(BEHIND_MAX.as_secs_f64()) * rate;
        if let Some(behind) = (now - looked).checked_sub(BEHIND_MAX) {
            let missed = behind.as_secs_f64() * rate;
            let note = format!("every request waits: {missed:.0} traces were not begun");
            clients.history.note(note);
        }
        looked = now;
        while !is_stopped && due >= 1.0 {
            waiting.extend(begin(&clients.history, &mut workload, load));
            due -= 1.0;
        }
        for (gateway, batch) in batches(&mut waiting) {
            while requests.len() >= REQUESTS_MAX {
                let _ = requests.join_next().await;
            }
            requests.spawn(clients.clone().deliver(gateway, batch));
        }
        while requests.try_join_next().is_some() {}
        if is_stopped && waiting.is_empty() {
            break;
        }
    }
    while requests.join_next().await.is_some() {}
}

fn begin(history: &History, workload: &mut Workload, load: Load) -> Vec<(Instant, Due)> {
    let trace = workload.next_trace(unix_nanos(), load.filler_below);
    history.record(Event::Trace(Trace {
        at: history.now(),
        trace: trace.key,
        spans: trace.spans.len(),
        in_share: trace.in_share,
        in_later_share: trace.in_later_share,
    }));
    let now = Instant::now();
    let spans = trace.spans.into_iter().map(|planned| {
        let due = Due {
            trace: trace.key,
            planned,
        };
        (now + due.planned.after, due)
    });
    spans.collect()
}

#[expect(clippy::disallowed_methods, reason = "spans carry the time of day")]
fn unix_nanos() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What is due, by gateway, in requests of a bounded size.
fn batches(waiting: &mut Vec<(Instant, Due)>) -> Vec<(usize, Vec<Due>)> {
    let now = Instant::now();
    let mut by_gateway: BTreeMap<usize, Vec<Due>> = BTreeMap::new();
    for (_, due) in waiting.extract_if(.., |(time, _)| *time <= now) {
        by_gateway.entry(due.planned.gateway).or_default().push(due);
    }
    let mut batches = Vec::new();
    for (gateway, mut spans) in by_gateway {
        while !spans.is_empty() {
            let rest = spans.split_off(spans.len().min(BATCH_MAX));
            batches.push((gateway, std::mem::replace(&mut spans, rest)));
        }
    }
    batches
}

struct Clients {
    history: Arc<History>,
    clients: Vec<TraceServiceClient<Channel>>,
}

impl Clients {
    /// Sends a request until it is acknowledged, refused for good, or given up; each attempt at the next gateway.
    async fn deliver(self: Arc<Self>, gateway: usize, batch: Vec<Due>) {
        let sent = self.history.now();
        let start = Instant::now();
        let message = request(&batch);
        let mut pause = PAUSE.0;
        let mut attempts = 0;
        let acknowledged = loop {
            let gateway = (gateway + attempts as usize) % self.clients.len();
            attempts += 1;
            let Err(status) = self.attempt(gateway, &message, batch.len()).await else {
                break Some(self.history.now());
            };
            self.record_refusal(gateway, &status, batch.len());
            if !is_passing(&status) || start.elapsed() > PERSISTENCE {
                break None;
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE.1.min(pause * 2);
        };
        self.record_outcome(batch, sent, acknowledged, attempts, gateway);
    }

    /// Sends a request once, however often its connection gives it back unsent.
    async fn attempt(
        &self,
        gateway: usize,
        message: &ExportTraceServiceRequest,
        spans: usize,
    ) -> Result<(), Status> {
        let sent = async {
            loop {
                match self.export(gateway, message.clone()).await {
                    Err(status) if !was_sent(&status) => {
                        let at = self.history.now();
                        let returned = Returned { at, gateway, spans };
                        self.history.record(Event::Returned(returned));
                    }
                    outcome => return outcome,
                }
            }
        };
        let outcome = tokio::time::timeout(ANSWER_TIMEOUT, sent).await;
        outcome.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn export(
        &self,
        gateway: usize,
        message: ExportTraceServiceRequest,
    ) -> Result<(), Status> {
        let answer = self.clients[gateway].clone().export(message).await?;
        match answer.into_inner().partial_success {
            Some(partial) if partial.rejected_spans > 0 => Err(Status::data_loss(format!(
                "{} spans rejected: {}",
                partial.rejected_spans, partial.error_message
            ))),
            _ => Ok(()),
        }
    }

    fn record_refusal(&self, gateway: usize, status: &Status, spans: usize) {
        let message = status.message().chars().take(MESSAGE_CHARACTERS_MAX);
        self.history.record(Event::Refused(Refused {
            at: self.history.now(),
            gateway,
            code: format!("{:?}", status.code()),
            message: message.collect(),
            spans,
            answered: is_answer(status),
        }));
    }

    fn record_outcome(
        &self,
        batch: Vec<Due>,
        sent: Millis,
        acknowledged: Option<Millis>,
        attempts: u32,
        gateway: usize,
    ) {
        self.history.record_all(batch.into_iter().map(|due| {
            Event::Span(SentSpan {
                key: SpanKey {
                    trace: due.trace,
                    span: span_number(&due.planned.span.span_id),
                },
                sent,
                acknowledged,
                attempts,
                gateway,
                hash: due.planned.hash,
                decides: due.planned.decides,
            })
        }));
    }
}

/// A span's id as a number; 0 when it is none.
pub(super) fn span_number(id: &[u8]) -> u64 {
    id.try_into().map(u64::from_be_bytes).unwrap_or_default()
}

fn request(batch: &[Due]) -> ExportTraceServiceRequest {
    let spans = batch.iter().map(|due| due.planned.span.clone()).collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![super::content::text("service.name", "shop")],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "tailweir.chaos".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}
