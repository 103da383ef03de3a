//! Sends the workload as the shop's services would: each its own spans, in batches, over OTLP/gRPC.

use super::scenario::Service;
use super::workload::{Handed, Workload, text};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::transport::{Channel, Endpoint};

/// How often services hand over what they have.
const TICK: Duration = Duration::from_millis(100);
/// How long a request that is refused for the moment is sent again, and the pause between two attempts.
const PERSISTENCE: Duration = Duration::from_secs(30);
const RETRY_PAUSE: Duration = Duration::from_millis(300);
/// Requests under way at once; beyond it services wait.
const UNDER_WAY_MAX: usize = 256;

/// A span, as its trace and its own id.
pub(super) type SpanKey = (Vec<u8>, Vec<u8>);

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) traces: u64,
    pub(super) spans: u64,
    /// Spans of requests that were refused for good.
    pub(super) refused_spans: u64,
}

/// How the workload is paced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) traces_per_second: u32,
    pub(super) duration: Duration,
}

/// Who takes the requests: one gateway, or several of which any will do.
#[derive(Clone)]
pub(super) struct Gateways {
    clients: Vec<TraceServiceClient<Channel>>,
    turn: usize,
}

impl Gateways {
    /// The gateway at this OTLP/gRPC endpoint, `HOST:PORT`.
    ///
    /// # Errors
    /// When nothing listens there.
    pub(super) async fn connect(endpoint: &str) -> anyhow::Result<Self> {
        let channel = endpoint_of(endpoint)?.connect().await?;
        Ok(Self {
            clients: vec![TraceServiceClient::new(channel)],
            turn: 0,
        })
    }

    /// The gateways at these endpoints, which may come and go.
    ///
    /// # Errors
    /// When an endpoint is not `HOST:PORT`.
    pub(super) fn of<'a>(endpoints: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let channels = endpoints.into_iter().map(|endpoint| {
            let channel = endpoint_of(endpoint)?.connect_lazy();
            Ok(TraceServiceClient::new(channel))
        });
        Ok(Self {
            clients: channels.collect::<anyhow::Result<_>>()?,
            turn: 0,
        })
    }

    fn next(&mut self) -> TraceServiceClient<Channel> {
        self.turn += 1;
        self.clients[self.turn % self.clients.len()].clone()
    }
}

fn endpoint_of(endpoint: &str) -> anyhow::Result<Endpoint> {
    let endpoint = Channel::from_shared(format!("http://{endpoint}"))?;
    Ok(endpoint.tcp_nodelay(true))
}

/// Sends for the time of the pace, then what is still to be handed over. `progress` is told now and then;
/// `acknowledged` hears of every span that a gateway has taken.
///
/// # Errors
/// When a request is refused in a way that will not pass.
pub(super) async fn send(
    gateways: &mut Gateways,
    workload: &mut Workload,
    pace: Pace,
    mut progress: impl FnMut(Sent),
    mut acknowledged: impl FnMut(SpanKey),
) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    let mut waiting = Vec::new();
    let mut under_way = JoinSet::new();
    let start = now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let elapsed = now() - start;
        let is_over = elapsed >= pace.duration;
        let due = elapsed.min(pace.duration).as_secs_f64() * f64::from(pace.traces_per_second);
        while sent.traces < due as u64 {
            let visit = workload.next_visit(unix_nanos());
            waiting.extend(
                visit
                    .into_iter()
                    .map(|handed| (now() + handed.after, handed)),
            );
            sent.traces += 1;
        }
        for (service, spans) in take_ready(&mut waiting, now()) {
            sent.spans += spans.len() as u64;
            under_way.spawn(export(gateways.clone(), service, spans));
            gateways.next();
        }
        let is_done = is_over && waiting.is_empty();
        while under_way.len() > UNDER_WAY_MAX || is_done {
            let Some(outcome) = under_way.join_next().await else {
                break;
            };
            sent.settle(outcome??, &mut acknowledged);
        }
        while let Some(outcome) = under_way.try_join_next() {
            sent.settle(outcome??, &mut acknowledged);
        }
        progress(sent);
        if is_done {
            return Ok(sent);
        }
    }
}

impl Sent {
    fn settle(&mut self, outcome: Outcome, acknowledged: &mut impl FnMut(SpanKey)) {
        match outcome {
            Outcome::Taken(spans) => spans.into_iter().for_each(acknowledged),
            Outcome::Refused(spans) => self.refused_spans += spans,
        }
    }
}

/// What became of a request.
enum Outcome {
    Taken(Vec<SpanKey>),
    /// After all attempts.
    Refused(u64),
}

fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "spans carry the time of day")]
fn unix_nanos() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn take_ready(waiting: &mut Vec<(Instant, Handed)>, now: Instant) -> BTreeMap<Service, Vec<Span>> {
    let mut ready: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (_, handed) in waiting.extract_if(.., |(due, _)| *due <= now) {
        ready.entry(handed.service).or_default().push(handed.span);
    }
    ready
}

async fn export(
    mut gateways: Gateways,
    service: Service,
    spans: Vec<Span>,
) -> anyhow::Result<Outcome> {
    let key = |span: &Span| (span.trace_id.clone(), span.span_id.clone());
    let keys: Vec<SpanKey> = spans.iter().map(key).collect();
    let request = request(service, spans);
    let deadline = now() + PERSISTENCE;
    loop {
        match gateways.next().export(request.clone()).await {
            Ok(answer) => {
                let partial = answer.into_inner().partial_success;
                return Ok(match partial.map_or(0, |partial| partial.rejected_spans) {
                    0 => Outcome::Taken(keys),
                    rejected => Outcome::Refused(u64::try_from(rejected).unwrap_or(0)),
                });
            }
            Err(status) if !is_passing(&status) => return Err(status.into()),
            Err(_) if now() >= deadline => return Ok(Outcome::Refused(keys.len() as u64)),
            Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
        }
    }
}

/// Whether another attempt, or another gateway, may have more luck: it is busy, or it has gone.
fn is_passing(status: &tonic::Status) -> bool {
    let code = status.code();
    let is_gone = std::error::Error::source(status).is_some();
    is_gone
        || matches!(
            code,
            tonic::Code::Unavailable
                | tonic::Code::ResourceExhausted
                | tonic::Code::DeadlineExceeded
                | tonic::Code::Cancelled
        )
}

fn request(service: Service, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let name = service.name();
    let attributes = vec![
        text("service.name", name),
        text("service.namespace", "shop"),
        text("service.instance.id", &format!("{name}-0")),
        text("telemetry.sdk.language", service.language()),
    ];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes,
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "tailweir.demo".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}
