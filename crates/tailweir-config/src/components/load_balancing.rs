//! The `load_balancing` exporter.

use super::otlp_exporters::OtlpGrpcExporter;
use super::queue::{RetryOnFailure, SendingQueue};
use crate::node::{Node, Value};
use crate::report::{Cause, Report};
use crate::setting::{Block, Setting, Shape, choice, settings};
use serde_json::Value as Json;
use std::time::Duration;
use tailweir_core::Signal;

choice! {
    /// What decides to which endpoint something goes.
    pub enum RoutingKey = Usual {
        /// `traceID` for traces, `service` for metrics and logs.
        Usual = "",
        /// The trace id. Traces and logs.
        TraceId = "traceID",
        /// `service.name` of the resource.
        Service = "service",
        /// The attributes that `routing_attributes` names.
        Attributes = "attributes",
        /// All attributes of the resource. Metrics and logs.
        Resource = "resource",
        /// The name of the metric. Metrics only.
        Metric = "metric",
        /// Resource, scope, metric and attributes of a data point. Metrics only.
        StreamId = "streamID",
    }
}

impl RoutingKey {
    /// What it means for a signal; nothing where the signal has no such key.
    #[must_use]
    pub fn of(self, signal: Signal) -> Option<Self> {
        let key = match (self, signal) {
            (Self::Usual, Signal::Traces) => Self::TraceId,
            (Self::Usual, Signal::Metrics | Signal::Logs) => Self::Service,
            (key, _) => key,
        };
        let has = match key {
            Self::TraceId => signal != Signal::Metrics,
            Self::Resource => signal != Signal::Traces,
            Self::Metric | Self::StreamId => signal == Signal::Metrics,
            Self::Usual | Self::Service | Self::Attributes => true,
        };
        has.then_some(key)
    }
}

settings! {
    /// Sends each trace, service or stream to one of several endpoints, always the same as long as the
    /// endpoints are. Written `load_balancing`, or `loadbalancing` as before.
    pub struct LoadBalancingExporter {
        /// What decides to which endpoint something goes.
        routing_key: RoutingKey = RoutingKey::Usual,
        /// The attributes of `routing_key: attributes`, in order. A name is looked for on the resource,
        /// then the scope, then the span, data point or log record; `span.kind`, `span.name`,
        /// `log.severity` and `log.body` are fields.
        routing_attributes: Vec<String> = Vec::new(),
        /// How the endpoints are spoken to.
        protocol: BalancedProtocol = BalancedProtocol::default(),
        /// Where the endpoints come from. Exactly one.
        resolver: EndpointResolver = EndpointResolver::default(),
        /// Stands in for `protocol.otlp.sending_queue` where that is disabled.
        sending_queue: Option<SendingQueue> = None,
        /// Stands in for `protocol.otlp.retry_on_failure` where that is disabled.
        retry_on_failure: RetryOnFailure = no_retries(),
    }
    ignored {
        "timeout": Duration = "`protocol.otlp.timeout` bounds each attempt",
    }
    rules load_balancing_rules;
}

fn load_balancing_rules(
    exporter: &mut LoadBalancingExporter,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    let by_attributes = exporter.routing_key == RoutingKey::Attributes;
    if by_attributes == exporter.routing_attributes.is_empty() {
        let (cause, text) = if by_attributes {
            (
                Cause::Missing,
                "`routing_key: attributes` names no attributes",
            )
        } else {
            (
                Cause::Contradiction,
                "`routing_attributes` are only for `routing_key: attributes`",
            )
        };
        let place = block.at("routing_attributes");
        report.error_at(
            place,
            cause,
            text,
            "add `routing_attributes: [tenant]`, say",
        );
    }
    one_resolver(&exporter.resolver, block, report);
    queues_in_memory(exporter, block, report);
    outer_resilience(exporter, block, report);
}

fn one_resolver(resolver: &EndpointResolver, block: &Block<'_>, report: &mut Report) {
    let (cause, text) = match (&resolver.r#static, &resolver.dns) {
        (None, None) => (Cause::Missing, "the exporter has no resolver"),
        (Some(_), Some(_)) => (Cause::Contradiction, "the exporter has two resolvers"),
        _ => return,
    };
    let written = block.node().get("resolver");
    let is_elsewhere = |key| written.is_some_and(|written| written.get(key).is_some());
    if !["k8s", "aws_cloud_map"].into_iter().any(is_elsewhere) {
        let fix = "write `resolver: {static: {hostnames: [a:4317, b:4317]}}`, or `dns`";
        report.error_at(block.at("resolver"), cause, text, fix);
    }
}

/// What waits for an endpoint that leaves goes to the others: that is of one process.
fn queues_in_memory(exporter: &LoadBalancingExporter, block: &Block<'_>, report: &mut Report) {
    let queues = [
        ("protocol", Some(&exporter.protocol.otlp.sending_queue)),
        ("sending_queue", exporter.sending_queue.as_ref()),
    ];
    for (key, queue) in queues {
        if queue.is_some_and(|queue| queue.kept_by().is_some()) {
            let text = "`sending_queue.storage` is not available here: the queues of endpoints are in memory";
            let fix = "remove it, or keep the queue of an `otlp_grpc` exporter";
            report.error_at(block.at(key), Cause::AbsentOption, text, fix);
        }
    }
}

/// The queue and the retries of the exporter itself take the place of the endpoints' own, where those
/// are off. There is never need of both: what waits for an endpoint that leaves goes to the others.
fn outer_resilience(exporter: &mut LoadBalancingExporter, block: &Block<'_>, report: &mut Report) {
    let otlp = &mut exporter.protocol.otlp;
    let text = "has no effect beside that of `protocol.otlp`";
    let help = "remove one of them";
    if let Some(queue) = exporter
        .sending_queue
        .as_ref()
        .filter(|queue| queue.enabled)
    {
        if otlp.sending_queue.enabled {
            let text = format!("`sending_queue` {text}");
            report.warn_at(block.at("sending_queue"), Cause::NoEffect, text, help);
        } else {
            otlp.sending_queue = queue.clone();
        }
    }
    if exporter.retry_on_failure.enabled {
        if otlp.retry_on_failure.enabled {
            let text = format!("`retry_on_failure` {text}");
            report.warn_at(block.at("retry_on_failure"), Cause::NoEffect, text, help);
        } else {
            otlp.retry_on_failure = with_intervals(&exporter.retry_on_failure);
        }
    }
}

/// Off, and without any interval, as the Collector has it.
fn no_retries() -> RetryOnFailure {
    RetryOnFailure {
        enabled: false,
        initial_interval: Duration::ZERO,
        randomization_factor: 0.0,
        multiplier: 0.0,
        max_interval: Duration::ZERO,
        max_elapsed_time: Duration::ZERO,
    }
}

/// Retries whose intervals are not written would follow each other at once: they get the usual ones.
fn with_intervals(retry: &RetryOnFailure) -> RetryOnFailure {
    let usual = RetryOnFailure::default();
    let mut retry = retry.clone();
    for (interval, usual) in [
        (&mut retry.initial_interval, usual.initial_interval),
        (&mut retry.max_interval, usual.max_interval),
    ] {
        if interval.is_zero() {
            *interval = usual;
        }
    }
    if retry.multiplier < 1.0 {
        retry.multiplier = usual.multiplier;
    }
    retry
}

settings! {
    /// How the endpoints of a `load_balancing` exporter are spoken to.
    pub struct BalancedProtocol {
        /// Options of an `otlp_grpc` exporter. Its `endpoint` is not used.
        otlp: OtlpGrpcExporter = any_endpoint(),
    }
}

fn any_endpoint() -> OtlpGrpcExporter {
    let mut otlp = OtlpGrpcExporter::default();
    "placeholder:4317".clone_into(&mut otlp.client.endpoint);
    otlp
}

settings! {
    /// Where the endpoints of a `load_balancing` exporter come from.
    pub struct EndpointResolver {
        /// A fixed list.
        r#static: Option<StaticResolver> = None,
        /// The addresses of a name.
        dns: Option<DnsResolver> = None,
    }
    refused {
        "k8s" = "use `dns` with the name of a headless service: it has the same addresses",
        "aws_cloud_map" = "use `dns` with the name that Cloud Map registers",
    }
}

settings! {
    /// Endpoints that are listed.
    pub struct StaticResolver {
        /// `host:port` each; without a port, 4317.
        hostnames: Vec<String> = Vec::new(),
    }
    rules static_rules;
}

fn static_rules(resolver: &mut StaticResolver, block: &mut Block<'_>, report: &mut Report) {
    if resolver.hostnames.iter().all(String::is_empty) {
        let text = "the static resolver has no `hostnames`";
        report.error_at(
            block.at("hostnames"),
            Cause::Missing,
            text,
            "add `hostnames: [a:4317]`",
        );
    }
}

settings! {
    /// Endpoints that a name has in the domain name system.
    pub struct DnsResolver {
        /// The name.
        hostname: String = String::new(),
        /// The port of each address, as text.
        port: Port = Port("4317".to_owned()),
        /// How often the name is looked up. Zero: 5 s.
        interval: Duration = Duration::from_secs(5),
        /// Time for one look-up. Zero: 1 s.
        timeout: Duration = Duration::from_secs(1),
    }
    rules dns_rules;
}

fn dns_rules(resolver: &mut DnsResolver, block: &mut Block<'_>, report: &mut Report) {
    if resolver.hostname.is_empty() {
        let text = "the dns resolver has no `hostname`";
        report.error_at(
            block.at("hostname"),
            Cause::Missing,
            text,
            "add `hostname: NAME`",
        );
    }
    let Port(port) = &resolver.port;
    if !port.is_empty() && port.parse::<u16>().is_err() {
        let text = "`port` is not a port";
        report.error_at(
            block.at("port"),
            Cause::OutOfRange,
            text,
            "write 1 to 65535",
        );
    }
    if resolver.interval.is_zero() {
        resolver.interval = Duration::from_secs(5);
    }
    if resolver.timeout.is_zero() {
        resolver.timeout = Duration::from_secs(1);
    }
}

/// A port as text. Configurations of old have a number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Port(pub String);

impl Setting for Port {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(&mut self, node: &Node, report: &mut Report) {
        if let Value::Integer(number) = node.value {
            self.0 = number.to_string();
            let text = "a port stands here as a number, and is text today";
            report.advise_at(node.place.clone(), text, format!("write '{number}'"));
            return;
        }
        self.0.read(node, report);
    }

    fn write(&self) -> Json {
        self.0.write()
    }
}
