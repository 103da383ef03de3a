//! The `routing` connector: parts of a request to pipelines, by what they are.
//!
//! Routes are asked in order. What one matches goes to its pipelines; unless it is copied, later routes do
//! not see it. What is left goes to the default pipelines.

mod client;
mod request_condition;
mod split;
mod test;

use crate::error::ConnectError;
use bytes::Bytes;
use split::{Entry, Groups, Items, Parts};
use tailweir_config::{OttlErrorMode, PipelineId, RouteAction, RoutingConnector};
use tailweir_core::Signal;
use tailweir_otlp::DataPoint;
use tailweir_ottl::{Dialect, EvaluationError};
use tailweir_transform::ClientContext;
use test::Test;

/// Sends parts of requests to pipelines. Keeps nothing.
#[derive(Debug)]
pub struct Routing {
    routes: Vec<Route>,
    /// Lists of pipelines, each once.
    targets: Vec<Vec<PipelineId>>,
    /// Number of the target of what no route matches.
    default: Option<usize>,
    propagates: bool,
}

#[derive(Debug)]
struct Route {
    test: Test,
    copies: bool,
    target: usize,
}

/// A request, routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// What goes where. A target occurs once.
    pub portions: Vec<Portion>,
    /// Items that go nowhere.
    pub unrouted: u64,
}

/// A part of a request, or the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    /// Number of its target; see [`Routing::targets`].
    pub target: usize,
    /// Its bytes: the buffer of the request itself when that goes there whole.
    pub body: Bytes,
    /// Spans, data points or log records in it.
    pub items: u64,
}

/// Why a request cannot be routed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the condition of a route failed: {0}")]
pub struct RouteError(EvaluationError);

impl Routing {
    /// Routes as these settings say. Conditions are in this dialect.
    ///
    /// # Errors
    ///
    /// When a condition does not compile.
    pub fn new(settings: &RoutingConnector, dialect: &Dialect) -> Result<Self, ConnectError> {
        let mut routing = Self {
            routes: Vec::new(),
            targets: Vec::new(),
            default: None,
            propagates: settings.error_mode == OttlErrorMode::Propagate,
        };
        if !settings.default_pipelines.is_empty() {
            routing.default = Some(routing.target(&settings.default_pipelines));
        }
        for (index, route) in settings.table.iter().enumerate() {
            let test = Test::compile(route, index, dialect)?;
            // Of routes that ask the same the first counts.
            if routing
                .routes
                .iter()
                .any(|known| known.test.asks_the_same(&test))
            {
                continue;
            }
            let target = routing.target(&route.pipelines);
            routing.routes.push(Route {
                test,
                copies: route.action == RouteAction::Copy,
                target,
            });
        }
        Ok(routing)
    }

    fn target(&mut self, pipelines: &[PipelineId]) -> usize {
        let known = self.targets.iter().position(|target| target == pipelines);
        known.unwrap_or_else(|| {
            self.targets.push(pipelines.to_vec());
            self.targets.len() - 1
        })
    }

    /// The pipelines of each target, by its number.
    #[must_use]
    pub fn targets(&self) -> &[Vec<PipelineId>] {
        &self.targets
    }

    /// Says what of a request goes where.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when a condition fails and the settings say that this matters.
    pub fn route(
        &self,
        signal: Signal,
        body: &Bytes,
        client: &ClientContext,
    ) -> Result<Routed, RouteError> {
        let items = Items::of(signal, body);
        let mut left: Vec<Entry<'_>> = items.entries().collect();
        let mut groups = Groups::new(self.targets.len());
        for route in &self.routes {
            if left.is_empty() {
                break;
            }
            let (matched, others) = self.divide(route, &items, left.clone(), client)?;
            if !route.copies {
                left = others;
            }
            groups.add(route.target, matched);
        }
        let mut unrouted = 0;
        match self.default {
            Some(target) => groups.add(target, left),
            None => unrouted = left.iter().map(|entry| entry.count).sum(),
        }
        Ok(Routed {
            portions: groups.into_portions(&items, body),
            unrouted,
        })
    }

    /// Divides what is left into what a route matches, and the others. A condition that fails on an item
    /// does not match it.
    fn divide<'a>(
        &self,
        route: &Route,
        items: &Items<'a>,
        left: Vec<Entry<'a>>,
        client: &ClientContext,
    ) -> Result<Parts<'a>, RouteError> {
        let mut failed = None;
        let mut matches = |entry: &Entry<'_>, point: Option<DataPoint<'_>>| {
            let found = route.test.matches(items, entry, point, client);
            found.unwrap_or_else(|error| {
                failed.get_or_insert(error);
                false
            })
        };
        let parts = if route.test.is_about_points() {
            split::divide_points(left, |entry, point| matches(entry, Some(point)))
        } else if route.test.is_about_resources() {
            let mut last = None;
            split::divide(left, |entry| {
                let resource = items.resource_number(entry);
                match last {
                    Some((same, answer)) if same == resource => answer,
                    _ => {
                        let answer = matches(entry, None);
                        last = Some((resource, answer));
                        answer
                    }
                }
            })
        } else {
            split::divide(left, |entry| matches(entry, None))
        };
        match failed.filter(|_| self.propagates) {
            Some(error) => Err(RouteError(error)),
            None => Ok(parts),
        }
    }
}
