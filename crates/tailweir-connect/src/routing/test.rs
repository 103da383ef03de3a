//! What a route asks of telemetry.

use super::client::{ClientPath, ClientScene, ClientSubject};
use super::request_condition::RequestCondition;
use super::split::{Entry, Items};
use crate::error::ConnectError;
use tailweir_config::{Route, RouteContext};
use tailweir_core::Signal;
use tailweir_otlp::{DataPoint, LogRecordView, MetricView, SpanView};
use tailweir_ottl::{Context, Dialect, EvaluationError, Options, PathError, PathExpression};
use tailweir_paths::{
    Condition, DataPointSubject, LogSubject, MetricSubject, ResourceSubject, Scene, SpanSubject,
};
use tailweir_transform::ClientContext;

/// The scenes of conditions that name none, from the outside to the inside: a condition is about the first
/// that has all that it names.
const SCENES: [Scene; 5] = [
    Scene::Resource,
    Scene::Span,
    Scene::Metric,
    Scene::DataPoint,
    Scene::Log,
];

/// See the module.
#[derive(Debug)]
pub(super) struct Test {
    kind: Kind,
    /// The condition as it was written, without white space around it.
    text: String,
}

#[derive(Debug)]
enum Kind {
    /// A comparison of a header.
    Request(RequestCondition),
    /// A condition about the client.
    Client(tailweir_ottl::Condition<ClientPath>),
    /// A condition about telemetry; nothing: it always holds.
    Telemetry(Scene, Option<Condition>),
}

impl Test {
    /// The test of a route of this number in the table.
    pub(super) fn compile(
        route: &Route,
        index: usize,
        dialect: &Dialect,
    ) -> Result<Self, ConnectError> {
        let key = if route.condition.is_empty() {
            "statement"
        } else {
            "condition"
        };
        let option = format!("table::{index}::{key}");
        if route.context == RouteContext::Request {
            return match RequestCondition::parse(&route.condition) {
                Some(condition) => Ok(Self::of(Kind::Request(condition), &route.condition)),
                None => Err(ConnectError::RequestCondition { option }),
            };
        }
        let text = if route.condition.is_empty() {
            match where_clause(&route.statement) {
                Some(text) => text,
                None => return Err(ConnectError::Statement { option }),
            }
        } else {
            Some(route.condition.as_str())
        };
        let kind = kind(route.context, text, &dialect.options());
        let kind = kind.map_err(|source| ConnectError::Condition { option, source })?;
        Ok(Self::of(kind, text.unwrap_or_default()))
    }

    fn of(kind: Kind, text: &str) -> Self {
        Self {
            kind,
            text: text.trim().to_owned(),
        }
    }

    /// Whether it asks what another one asks.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        let same_kind = match (&self.kind, &other.kind) {
            (Kind::Telemetry(scene, _), Kind::Telemetry(other, _)) => scene == other,
            (kind, other) => std::mem::discriminant(kind) == std::mem::discriminant(other),
        };
        same_kind && self.text == other.text
    }

    /// Whether it asks about each data point, so that metrics can be taken apart.
    pub(super) fn is_about_points(&self) -> bool {
        matches!(self.kind, Kind::Telemetry(Scene::DataPoint, _))
    }

    /// Whether all items of a resource have the same answer.
    pub(super) fn is_about_resources(&self) -> bool {
        !matches!(self.kind, Kind::Telemetry(scene, _) if scene != Scene::Resource)
    }

    /// Whether an item, or one data point of it, matches. What it does not ask about does not.
    pub(super) fn matches(
        &self,
        items: &Items<'_>,
        entry: &Entry<'_>,
        point: Option<DataPoint<'_>>,
        client: &ClientContext,
    ) -> Result<bool, EvaluationError> {
        let (scene, condition) = match &self.kind {
            Kind::Request(condition) => return Ok(condition.matches(client)),
            Kind::Client(condition) => return condition.evaluate(&ClientSubject(client)),
            Kind::Telemetry(scene, condition) => (*scene, condition),
        };
        if !is_in(scene, items.signal()) {
            return Ok(false);
        }
        let Some(condition) = condition else {
            return Ok(true);
        };
        let (resource, scope) = items.context(entry);
        match (scene, point) {
            (Scene::Span, _) => condition.evaluate(&SpanSubject {
                resource,
                scope,
                span: SpanView(&entry.item),
            }),
            (Scene::Log, _) => condition.evaluate(&LogSubject {
                resource,
                scope,
                record: LogRecordView(&entry.item),
            }),
            (Scene::DataPoint, Some(point)) => condition.evaluate(&DataPointSubject {
                resource,
                scope,
                metric: MetricView(&entry.item),
                point,
            }),
            (Scene::Metric, _) => condition.evaluate(&MetricSubject {
                resource,
                scope,
                metric: MetricView(&entry.item),
            }),
            _ => condition.evaluate(&ResourceSubject { resource }),
        }
    }
}

/// Whether telemetry of this signal has what a condition is about.
fn is_in(scene: Scene, signal: Signal) -> bool {
    match scene {
        Scene::Resource => true,
        Scene::Span => signal == Signal::Traces,
        Scene::Log => signal == Signal::Logs,
        Scene::Metric | Scene::DataPoint => signal == Signal::Metrics,
        Scene::SpanEvent | Scene::Scope => false,
    }
}

/// The condition of a statement that calls `route()`; nothing within for one that always holds, and
/// nothing at all for other statements.
fn where_clause(statement: &str) -> Option<Option<&str>> {
    let rest = statement.trim().strip_prefix("route")?.trim_start();
    let rest = rest.strip_prefix('(')?.trim_start().strip_prefix(')')?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(None);
    }
    let condition = rest.strip_prefix("where")?;
    let is_word = condition.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    (!is_word).then_some(Some(condition))
}

fn kind(
    context: RouteContext,
    text: Option<&str>,
    options: &Options,
) -> Result<Kind, tailweir_ottl::CompileError> {
    let Some(text) = text else {
        return Ok(Kind::Telemetry(
            scene_of(context).unwrap_or(Scene::Resource),
            None,
        ));
    };
    let client = || tailweir_ottl::Condition::compile(text, &ClientScene, options);
    let telemetry = |scene, must_name| {
        let context = Telemetry { scene, must_name };
        let condition = tailweir_ottl::Condition::compile(text, &context, options)?;
        Ok(Kind::Telemetry(scene, Some(condition)))
    };
    match (context, scene_of(context)) {
        (RouteContext::Otelcol, _) => client().map(Kind::Client),
        (_, Some(scene)) => telemetry(scene, false),
        (_, None) if text.contains("otelcol.") => client().map(Kind::Client),
        // Paths that name no context are those of the resource, as they were before contexts.
        (_, None) => {
            let mut scenes = SCENES.into_iter();
            let found = scenes.find_map(|scene| telemetry(scene, true).ok());
            found.map_or_else(|| telemetry(Scene::Resource, false), Ok)
        }
    }
}

fn scene_of(context: RouteContext) -> Option<Scene> {
    match context {
        RouteContext::Resource => Some(Scene::Resource),
        RouteContext::Span => Some(Scene::Span),
        RouteContext::Metric => Some(Scene::Metric),
        RouteContext::DataPoint => Some(Scene::DataPoint),
        RouteContext::Log => Some(Scene::Log),
        RouteContext::Inferred | RouteContext::Request | RouteContext::Otelcol => None,
    }
}

/// A scene of telemetry alone: who sent it is asked by routes of their own.
struct Telemetry {
    scene: Scene,
    /// Whether every path must begin with the name of a context.
    must_name: bool,
}

impl Context for Telemetry {
    type Path = tailweir_paths::Path;

    fn resolve(&self, path: &PathExpression<'_>) -> Result<Self::Path, PathError> {
        let own = self.scene.name();
        let names = [own, "resource", "scope", "instrumentation_scope", "metric"];
        let first = path.segments.first().copied().unwrap_or_default();
        if first == "otelcol" || (self.must_name && !names.contains(&first)) {
            return Err(PathError::unknown(0, names));
        }
        self.scene.resolve(path)
    }

    fn symbol(&self, name: &str) -> Option<i64> {
        self.scene.symbol(name)
    }

    fn symbols(&self) -> Vec<&'static str> {
        self.scene.symbols()
    }

    fn converter(&self, name: &str) -> Option<Self::Path> {
        self.scene.converter(name)
    }

    fn converters(&self) -> &[&'static str] {
        self.scene.converters()
    }
}
