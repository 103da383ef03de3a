//! Requests of OTLP/JSON as subjects of conditions.

use tailweir_core::Signal;
use tailweir_otlp::{
    DataPoint, LogRecordView, MetricView, RequestView, ResourceFields, ScopeFields, SpanEventView,
    SpanView, json,
};
use tailweir_ottl::{EvaluationError, Key, Subject, Value};
use tailweir_paths::{
    DataPointSubject, LogSubject, MetricSubject, Path, ResourceSubject, Scene, ScopeSubject,
    SpanEventSubject, SpanSubject,
};

/// A request of one item, on the wire.
pub(crate) struct Request(Vec<u8>);

/// The first item of the first scope of the first resource.
#[derive(Clone, Copy)]
pub(crate) struct Item<'b> {
    pub(crate) resource: ResourceFields<'b>,
    pub(crate) scope: ScopeFields<'b>,
    pub(crate) message: &'b [u8],
}

impl Request {
    pub(crate) fn new(signal: Signal, text: &[u8]) -> Self {
        let mut wire = Vec::new();
        json::to_wire(signal, text, &mut wire).expect("valid OTLP/JSON");
        Self(wire)
    }

    pub(crate) fn item(&self) -> Item<'_> {
        let resource = RequestView(&self.0).resources().next().expect("a resource");
        let scope = resource.scopes().next().expect("a scope");
        let message = scope.items().next().expect("an item");
        Item {
            resource,
            scope,
            message,
        }
    }
}

/// A subject of any scene.
pub(crate) enum Any<'b> {
    Span(SpanSubject<'b>),
    SpanEvent(SpanEventSubject<'b>),
    Resource(ResourceSubject<'b>),
    Scope(ScopeSubject<'b>),
    Log(LogSubject<'b>),
    Metric(MetricSubject<'b>),
    DataPoint(DataPointSubject<'b>),
}

impl<'b> Item<'b> {
    /// The item as a subject; `event` is the number of the span's event.
    pub(crate) fn subject(self, scene: Scene, event: usize) -> Any<'b> {
        let Self {
            resource,
            scope,
            message,
        } = self;
        let (span, metric) = (SpanView(message), MetricView(message));
        match scene {
            Scene::Span => Any::Span(SpanSubject {
                resource,
                scope,
                span,
            }),
            Scene::SpanEvent => Any::SpanEvent(SpanEventSubject {
                resource,
                scope,
                span,
                event: span.events().nth(event).unwrap_or(SpanEventView(&[])),
                index: None,
            }),
            Scene::Resource => Any::Resource(ResourceSubject { resource }),
            Scene::Scope => Any::Scope(ScopeSubject { resource, scope }),
            Scene::Log => Any::Log(LogSubject {
                resource,
                scope,
                record: LogRecordView(message),
            }),
            Scene::Metric => Any::Metric(MetricSubject {
                resource,
                scope,
                metric,
            }),
            Scene::DataPoint => {
                let point: DataPoint<'b> = metric.data().points().next().expect("a data point");
                Any::DataPoint(DataPointSubject {
                    resource,
                    scope,
                    metric,
                    point,
                })
            }
        }
    }
}

impl Subject<Path> for Any<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Result<Value<'a>, EvaluationError> {
        match self {
            Self::Span(subject) => subject.value(path, keys),
            Self::SpanEvent(subject) => subject.value(path, keys),
            Self::Resource(subject) => subject.value(path, keys),
            Self::Scope(subject) => subject.value(path, keys),
            Self::Log(subject) => subject.value(path, keys),
            Self::Metric(subject) => subject.value(path, keys),
            Self::DataPoint(subject) => subject.value(path, keys),
        }
    }
}
