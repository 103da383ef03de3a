//! The `routing` connector.

use crate::PipelineId;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use crate::tail_sampling::OttlErrorMode;

choice! {
    /// What a route is about.
    pub enum RouteContext = Inferred {
        /// What the paths of the condition name; the resource when they name nothing.
        Inferred = "",
        /// A resource and all that is below it.
        Resource = "resource",
        /// A span.
        Span = "span",
        /// A metric.
        Metric = "metric",
        /// A data point.
        DataPoint = "datapoint",
        /// A log record.
        Log = "log",
        /// The headers of the request, in one comparison: `request["name"] == "value"`.
        Request = "request",
        /// The client that sent the request.
        Otelcol = "otelcol",
    }
}

choice! {
    /// What becomes of what a route matches.
    pub enum RouteAction = Move {
        /// Later routes do not see it.
        Move = "move" | "",
        /// Later routes see it too.
        Copy = "copy",
    }
}

settings! {
    /// A route: what matches goes to these pipelines.
    pub struct Route {
        /// What the condition is about. Absent: what its paths name, else the resource.
        context: RouteContext = RouteContext::Inferred,
        /// `route() where` and an OTTL condition. This or `condition`.
        statement: String = String::new(),
        /// An OTTL condition. This or `statement`.
        condition: String = String::new(),
        /// Whether later routes see it too: `move` or `copy`.
        action: RouteAction = RouteAction::Move,
        /// The pipelines. One at least; each must have the connector as a receiver.
        pipelines: Vec<PipelineId> = Vec::new(),
    }
    rules route_rules;
}

fn route_rules(route: &mut Route, block: &mut Block<'_>, report: &mut Report) {
    match (route.statement.is_empty(), route.condition.is_empty()) {
        (true, true) => {
            let text = "the route has neither `condition` nor `statement`";
            report.error_at(block.place(), Cause::Missing, text, "add a `condition`");
        }
        (false, false) => {
            let text = "the route has both `condition` and `statement`";
            report.error_at(
                block.at("statement"),
                Cause::Contradiction,
                text,
                "remove one",
            );
        }
        (false, true) if route.context == RouteContext::Request => {
            let text = "a route by `request` has a `condition`, no `statement`";
            report.error_at(
                block.at("statement"),
                Cause::Contradiction,
                text,
                "write a condition",
            );
        }
        _ => {}
    }
    if route.pipelines.is_empty() {
        let text = "the route has no `pipelines`";
        report.error_at(block.at("pipelines"), Cause::Missing, text, "add one");
    }
}

settings! {
    /// Sends telemetry to pipelines by what it is.
    pub struct RoutingConnector {
        /// What a condition that fails means: `ignore` and `silent`: it does not match; `propagate`: the
        /// request is refused.
        error_mode: OttlErrorMode = OttlErrorMode::Ignore,
        /// Where what no route matches goes. Empty: nowhere, and it is counted as dropped.
        default_pipelines: Vec<PipelineId> = Vec::new(),
        /// The routes, in order. One at least.
        table: Vec<Route> = Vec::new(),
    }
    rules routing_rules;
}

fn routing_rules(connector: &mut RoutingConnector, block: &mut Block<'_>, report: &mut Report) {
    if connector.table.is_empty() {
        let text = "the routing connector has no `table`";
        report.error_at(block.at("table"), Cause::Missing, text, "add a route");
    }
}
