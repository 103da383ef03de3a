//! Which key each part of a request is routed by, and the request taken apart accordingly.
//!
//! Bytes in, bytes out: items, resources and scopes keep theirs. A metric is taken apart only where its
//! points have different keys.

use super::identity::{self, Streams};
use crate::portion::{Context, contexts};
use crate::value::span_kind;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashMap;
use tailweir_config::{LoadBalancingExporter, RoutingKey};
use tailweir_core::Signal;
use tailweir_otlp::{
    AnyValue, Assembler, Attributes, DataPoint, LogRecordView, MetricView, ResourceFields,
    SpanView, write_metric_part,
};

const SERVICE_NAME: &str = "service.name";

/// How the requests of one signal are routed.
#[derive(Debug, Clone)]
pub(super) struct Routing {
    signal: Signal,
    key: RoutingKey,
    attributes: Vec<String>,
}

/// What of a request goes to one endpoint.
#[derive(Debug)]
pub(super) struct Share {
    /// Number of the endpoint.
    pub(super) endpoint: usize,
    pub(super) body: Bytes,
    pub(super) items: u64,
}

/// An item, or a part of a metric, and where it goes.
struct Assigned<'a> {
    endpoint: usize,
    context: usize,
    item: Cow<'a, [u8]>,
    items: u64,
}

impl Routing {
    /// That of an exporter for a signal. A key that the signal does not have is refused with the
    /// settings; here the usual one stands in for it.
    pub(super) fn of(settings: &LoadBalancingExporter, signal: Signal) -> Self {
        let usual = || RoutingKey::Usual.of(signal).unwrap_or_default();
        let key = settings.routing_key.of(signal).unwrap_or_else(usual);
        let attributes = match (key, signal) {
            // For traces the service is one attribute among others: it may stand on scope or span.
            (RoutingKey::Service, Signal::Traces) => vec![SERVICE_NAME.to_owned()],
            _ => settings.routing_attributes.clone(),
        };
        Self {
            signal,
            key,
            attributes,
        }
    }

    /// Takes a request apart. `owner` says which endpoint a key belongs to, `turn` spreads what has no
    /// key of its own (log records without a trace).
    pub(super) fn split(
        &self,
        body: &Bytes,
        turn: u64,
        owner: impl Fn(&[u8]) -> usize,
    ) -> Vec<Share> {
        let contexts = contexts(body);
        let mut assigned = Vec::new();
        let mut walk = Walk {
            routing: self,
            owner: &owner,
            turn,
            endpoint: OfLast(None),
            streams: OfLast(None),
            assigned: &mut assigned,
        };
        for (number, context) in contexts.iter().enumerate() {
            walk.context(number, context);
        }
        shares(body, &contexts, &assigned)
    }

    /// `name=value|` of each attribute, looked for on the resource, the scope, then by `lowest`.
    fn composite(
        &self,
        context: &Context<'_>,
        lowest: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Vec<u8> {
        let resource = context.outer.resource().resource().attributes();
        let scope = context.outer.scope().scope().attributes();
        let mut key = Vec::new();
        for name in &self.attributes {
            let above = [resource, scope].into_iter();
            let value = above
                .filter_map(|attributes| attributes.get(name.as_bytes()))
                .map(text)
                .next()
                .or_else(|| lowest(name))
                .unwrap_or_default();
            key.extend_from_slice(&[name.as_bytes(), b"=", &value, b"|"].concat());
        }
        key
    }
}

/// What was found for the last resource. It may be long, and have many scopes and items: it is read once for all of them.
struct OfLast<'w, T>(Option<(&'w [u8], T)>);

impl<'w, T: Copy> OfLast<'w, T> {
    fn get(&mut self, resource: ResourceFields<'w>, find: impl FnOnce() -> T) -> T {
        match self.0 {
            Some((last, found)) if std::ptr::eq(last, resource.0) => found,
            _ => self.0.insert((resource.0, find())).1,
        }
    }
}

/// The walk over a request.
struct Walk<'w, 'a, F> {
    routing: &'w Routing,
    owner: &'w F,
    turn: u64,
    /// Where all of the resource goes.
    endpoint: OfLast<'w, usize>,
    /// The streams that are its.
    streams: OfLast<'w, Streams>,
    assigned: &'w mut Vec<Assigned<'a>>,
}

impl<'w, 'a, F: Fn(&[u8]) -> usize> Walk<'w, 'a, F> {
    fn context(&mut self, number: usize, context: &'w Context<'a>) {
        match (self.routing.signal, self.routing.key) {
            (Signal::Traces, _) => self.spans(number, context),
            (Signal::Logs, _) => self.records(number, context),
            (Signal::Metrics, RoutingKey::StreamId) => self.streams(number, context),
            (Signal::Metrics, _) => self.metrics(number, context),
        }
    }

    fn whole(&mut self, context: usize, item: &'a [u8], items: u64, key: &[u8]) {
        self.assign((self.owner)(key), context, item, items);
    }

    fn assign(&mut self, endpoint: usize, context: usize, item: &'a [u8], items: u64) {
        self.assigned.push(Assigned {
            endpoint,
            context,
            item: Cow::Borrowed(item),
            items,
        });
    }

    /// The endpoint of an item that is routed by its resource.
    fn endpoint_of(&mut self, context: &'w Context<'a>) -> usize {
        let resource = context.outer.resource();
        let (key, owner) = (self.routing.key, self.owner);
        self.endpoint.get(resource, || match key {
            RoutingKey::Resource => owner(identity::of_resource(resource).as_bytes()),
            _ => owner(&service(resource)),
        })
    }

    /// Spans of one trace in one scope stay together: the first of them stands for all.
    fn spans(&mut self, number: usize, context: &Context<'a>) {
        let mut keys = HashMap::new();
        for &item in &context.items {
            let trace = SpanView(item).trace_id();
            if self.routing.key == RoutingKey::TraceId {
                self.whole(number, item, 1, &trace.0);
                continue;
            }
            let key = keys
                .entry(trace)
                .or_insert_with(|| self.routing.composite(context, span_values(SpanView(item))))
                .clone();
            self.whole(number, item, 1, &key);
        }
    }

    fn records(&mut self, number: usize, context: &'w Context<'a>) {
        for &item in &context.items {
            let record = LogRecordView(item);
            let key = match self.routing.key {
                RoutingKey::TraceId if record.trace_id().0 == [0; 16] => {
                    self.turn.to_le_bytes().to_vec()
                }
                RoutingKey::TraceId => record.trace_id().to_string().into_bytes(),
                RoutingKey::Attributes => self.routing.composite(context, record_values(record)),
                _ => {
                    let endpoint = self.endpoint_of(context);
                    self.assign(endpoint, number, item, 1);
                    continue;
                }
            };
            self.whole(number, item, 1, &key);
        }
    }

    fn metrics(&mut self, number: usize, context: &'w Context<'a>) {
        for &item in &context.items {
            let metric = MetricView(item);
            let points = || metric.data().points().count() as u64;
            match self.routing.key {
                RoutingKey::Attributes => {
                    let routing = self.routing;
                    let key = |point| routing.composite(context, point_values(point));
                    self.points(number, metric, key);
                }
                RoutingKey::Metric => self.whole(number, item, points(), metric.name()),
                _ => {
                    let endpoint = self.endpoint_of(context);
                    self.assign(endpoint, number, item, points());
                }
            }
        }
    }

    fn streams(&mut self, number: usize, context: &'w Context<'a>) {
        let resource = context.outer.resource();
        let of_last = &mut self.streams;
        let streams = of_last.get(resource, || Streams::of_resource(resource));
        let streams = streams.of_scope(context.outer.scope());
        for &item in &context.items {
            let metric = MetricView(item);
            let streams = streams.of_metric(metric);
            let key = |point: DataPoint<'a>| streams.identity(point).into_bytes();
            self.points(number, metric, key);
        }
    }

    /// Takes a metric apart by the keys of its points.
    fn points(
        &mut self,
        context: usize,
        metric: MetricView<'a>,
        key: impl Fn(DataPoint<'a>) -> Vec<u8>,
    ) {
        let points = metric.data().points();
        let owners: Vec<usize> = points.map(|point| (self.owner)(&key(point))).collect();
        if owners.is_empty() {
            return self.whole(context, metric.0, 0, metric.name());
        }
        let mut endpoints = owners.clone();
        endpoints.sort_unstable();
        endpoints.dedup();
        for &endpoint in &endpoints {
            let items = owners.iter().filter(|&&owner| owner == endpoint).count();
            let item = if endpoints.len() == 1 {
                Cow::Borrowed(metric.0)
            } else {
                let mut part = Vec::new();
                write_metric_part(
                    metric,
                    |point| owners.get(point) == Some(&endpoint),
                    &mut part,
                );
                Cow::Owned(part)
            };
            self.assigned.push(Assigned {
                endpoint,
                context,
                item,
                items: items as u64,
            });
        }
    }
}

/// A request for each endpoint that gets something; the request itself where only one does.
fn shares(body: &Bytes, contexts: &[Context<'_>], assigned: &[Assigned<'_>]) -> Vec<Share> {
    let mut items: HashMap<usize, u64> = HashMap::new();
    for part in assigned {
        *items.entry(part.endpoint).or_default() += part.items;
    }
    let mut endpoints: Vec<_> = items.into_iter().collect();
    endpoints.sort_unstable();
    if let [(endpoint, items)] = endpoints[..] {
        return vec![Share {
            endpoint,
            body: body.clone(),
            items,
        }];
    }
    let mut assembler = Assembler::new();
    let share = |(endpoint, items)| {
        let parts = assigned.iter().filter(|part| part.endpoint == endpoint);
        let parts = parts.map(|part| contexts[part.context].outer.part(&part.item));
        let mut body = Vec::new();
        assembler.assemble(parts, &mut body);
        Share {
            endpoint,
            body: body.into(),
            items,
        }
    };
    endpoints.into_iter().map(share).collect()
}

/// The name of the service, where it is text.
fn service(resource: ResourceFields<'_>) -> Vec<u8> {
    let attributes = resource.resource().attributes();
    let name = attributes.get(SERVICE_NAME.as_bytes());
    name.and_then(AnyValue::as_string)
        .unwrap_or_default()
        .to_vec()
}

fn span_values(span: SpanView<'_>) -> impl Fn(&str) -> Option<Vec<u8>> {
    move |name| match name {
        "span.kind" => Some(span_kind(span.kind()).into()),
        "span.name" => Some(span.name().to_vec()),
        _ => attribute(span.attributes(), name),
    }
}

fn record_values(record: LogRecordView<'_>) -> impl Fn(&str) -> Option<Vec<u8>> {
    move |name| match name {
        "log.severity" => Some(record.severity_text().to_vec()),
        "log.body" => Some(text(record.body())),
        _ => attribute(record.attributes(), name),
    }
}

fn point_values(point: DataPoint<'_>) -> impl Fn(&str) -> Option<Vec<u8>> {
    move |name| attribute(point.attributes(), name)
}

fn attribute(attributes: Attributes<'_>, name: &str) -> Option<Vec<u8>> {
    attributes.get(name.as_bytes()).map(text)
}

/// As the Collector writes values. Text keeps its bytes, whatever they are.
fn text(value: AnyValue<'_>) -> Vec<u8> {
    match value {
        AnyValue::String(text) => text.to_vec(),
        value => tailweir_paths::value_of(value).to_text().into_bytes(),
    }
}
