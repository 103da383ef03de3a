//! The `transform` processor: OTTL statements over all three signals.
//!
//! Statements come in groups. A group is about one context, and goes over a whole request before the next
//! group begins. Only what a statement changes is written anew.

mod compile;
mod editors;
mod group;
mod infer;
mod pass;
mod scene;
mod stage;

use crate::client;
use crate::error::{CompileErrors, TransformError};
use crate::growth::GROWTH_MAX;
use crate::transform::{Count, Outcome, Request, Transform, count_points};
use group::Group;
use pass::{Pass, Stop};
use std::collections::HashMap;
use tailweir_config::TransformProcessor;
use tailweir_core::Signal;
use tailweir_ottl::{Dialect, Value};
use tailweir_paths::Scene;

/// The compiled settings of a `transform` processor.
#[derive(Debug)]
pub struct Statements {
    traces: Vec<Group>,
    metrics: Vec<Group>,
    logs: Vec<Group>,
}

impl Statements {
    /// Compiles a `transform` processor whose statements are in this dialect.
    ///
    /// # Errors
    /// Each statement and condition that is wrong.
    pub fn new(settings: &TransformProcessor, dialect: &Dialect) -> Result<Self, CompileErrors> {
        compile::statements(settings, dialect)
    }

    fn groups(&self, signal: Signal) -> &[Group] {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }

    fn apply_within(&self, request: Request<'_>, limit: usize) -> Result<Outcome, TransformError> {
        let Request {
            signal,
            body,
            client,
        } = request;
        let facts = client::facts(client);
        let mut caches: HashMap<Scene, Value<'static>> = HashMap::new();
        let mut changed: Option<Vec<u8>> = None;
        let (mut room, mut failures) = (limit, 0);
        for group in self.groups(signal) {
            let bytes = changed.as_deref().unwrap_or(&body);
            let mut pass = Pass::new(group, &facts, room);
            if group.shares_cache
                && let Some(cache) = caches.remove(&group.scene)
            {
                pass.give_cache(cache);
            }
            let new = pass.run(bytes).map_err(|stop| match stop {
                Stop::Full => TransformError::Growth {
                    length: body.len(),
                    limit,
                },
                Stop::Failed(detail) => TransformError::Evaluation(detail),
            })?;
            room = pass.room();
            failures += pass.failures();
            if group.shares_cache {
                caches.insert(group.scene, pass.take_cache());
            }
            changed = new.or(changed);
        }
        let mut outcome = Outcome::of(changed.map_or_else(|| body.clone(), Into::into));
        if signal == Signal::Metrics && outcome.body.as_ptr() != body.as_ptr() {
            let (before, after) = (count_points(&body), count_points(&outcome.body));
            outcome.added = after.saturating_sub(before);
            outcome.dropped = before.saturating_sub(after);
        }
        if failures > 0 {
            outcome.counts.push((Count::EvaluationErrors, failures));
        }
        Ok(outcome)
    }
}

impl Transform for Statements {
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        self.apply_within(request, GROWTH_MAX)
    }
}
