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
use tokio::time::{Instant, MissedTickBehavior};
use tonic::transport::Channel;

/// How often services hand over what they have.
const TICK: Duration = Duration::from_millis(100);
/// Attempts at a request that is refused for the moment, and the pause between them.
const ATTEMPTS: u32 = 10;
const RETRY_PAUSE: Duration = Duration::from_millis(300);

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

/// Connects to an OTLP/gRPC endpoint, `HOST:PORT`.
///
/// # Errors
/// When nothing listens there.
pub(super) async fn connect(endpoint: &str) -> anyhow::Result<TraceServiceClient<Channel>> {
    let channel = Channel::from_shared(format!("http://{endpoint}"))?
        .tcp_nodelay(true)
        .connect()
        .await?;
    Ok(TraceServiceClient::new(channel))
}

/// Sends for the time of the pace, then what is still to be handed over. `progress` is told now and
/// then.
///
/// # Errors
/// When a request is refused in a way that will not pass.
pub(super) async fn send(
    client: &TraceServiceClient<Channel>,
    workload: &mut Workload,
    pace: Pace,
    mut progress: impl FnMut(Sent),
) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    let mut waiting = Vec::new();
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
        let ready = take_ready(&mut waiting, now());
        let spans: u64 = ready.values().map(|spans| spans.len() as u64).sum();
        sent.refused_spans += export_all(client, ready).await?;
        sent.spans += spans;
        progress(sent);
        if is_over && waiting.is_empty() {
            return Ok(sent);
        }
    }
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

async fn export_all(
    client: &TraceServiceClient<Channel>,
    ready: BTreeMap<Service, Vec<Span>>,
) -> anyhow::Result<u64> {
    let mut exports = tokio::task::JoinSet::new();
    for (service, spans) in ready {
        exports.spawn(export(client.clone(), service, spans));
    }
    let mut refused = 0;
    for outcome in exports.join_all().await {
        refused += outcome?;
    }
    Ok(refused)
}

/// Returns how many spans were refused after all attempts.
async fn export(
    mut client: TraceServiceClient<Channel>,
    service: Service,
    spans: Vec<Span>,
) -> anyhow::Result<u64> {
    let count = spans.len() as u64;
    let request = request(service, spans);
    for _ in 0..ATTEMPTS {
        match client.export(request.clone()).await {
            Ok(answer) => {
                let partial = answer.into_inner().partial_success;
                let rejected = partial.map_or(0, |partial| partial.rejected_spans);
                return Ok(u64::try_from(rejected).unwrap_or(0));
            }
            Err(status) if is_passing(status.code()) => tokio::time::sleep(RETRY_PAUSE).await,
            Err(status) => return Err(status.into()),
        }
    }
    Ok(count)
}

fn is_passing(code: tonic::Code) -> bool {
    matches!(
        code,
        tonic::Code::Unavailable | tonic::Code::ResourceExhausted | tonic::Code::DeadlineExceeded
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
