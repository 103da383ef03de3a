//! The `filter` processor.

mod expression;
mod layer;
mod test;

use crate::client;
use crate::error::{CompileError, CompileErrors, TransformError};
use crate::transform::{Count, DropCause, Outcome, Request, Transform};
use layer::{Findings, Layer};
use tailweir_config::{ConditionGroup, ConditionGroups, FilterProcessor, OttlErrorMode};
use tailweir_core::Signal;
use tailweir_ottl::{Dialect, Options};
use tailweir_paths::ClientFacts;
use test::Test;

/// The compiled settings of a `filter` processor.
#[derive(Debug)]
pub(crate) struct Filter {
    /// By signal. Each layer looks at what the one before has left.
    layers: [Vec<Layer>; Signal::ALL.len()],
}

impl Filter {
    /// Compiles a `filter` processor.
    pub(crate) fn new(
        settings: &FilterProcessor,
        dialect: &Dialect,
    ) -> Result<Self, CompileErrors> {
        let mut compiler = Compiler {
            error_mode: settings.error_mode,
            options: dialect.options(),
            errors: Vec::new(),
        };
        let layers = Signal::ALL.map(|signal| match signal {
            Signal::Traces => compiler.traces(settings),
            Signal::Metrics => compiler.metrics(settings),
            Signal::Logs => compiler.logs(settings),
        });
        if compiler.errors.is_empty() {
            Ok(Self { layers })
        } else {
            Err(CompileErrors(compiler.errors))
        }
    }
}

impl Transform for Filter {
    fn check(&self, signal: Signal) -> Result<(), CompileError> {
        let layers = &self.layers[signal as usize];
        layers.iter().try_for_each(|layer| layer.check(signal))
    }

    /// An item on which a condition fails is kept, and where the error mode is to propagate the whole
    /// request fails, unless nothing of it is left anyway.
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let asks = |layer: &Layer| layer.asks_for_client();
        let client = match self.layers[request.signal as usize].iter().any(asks) {
            true => client::facts(request.client),
            false => ClientFacts::default(),
        };
        let mut findings = Findings::of(&client);
        let mut body = request.body;
        for layer in &self.layers[request.signal as usize] {
            let sifted = layer.sift(request.signal, &body, &mut findings);
            if let Some(content) = sifted.content {
                body = content.into();
            }
            if sifted.left == 0 {
                body = bytes::Bytes::new();
                break;
            }
        }
        if let Some(error) = findings.error.take().filter(|_| !body.is_empty()) {
            return Err(TransformError::Evaluation(error));
        }
        let failed = (findings.failed > 0).then_some((Count::EvaluationErrors, findings.failed));
        Ok(Outcome {
            dropped: findings.dropped,
            counts: failed.into_iter().collect(),
            ..Outcome::of(body)
        })
    }

    fn drop_cause(&self) -> DropCause {
        DropCause::Filtered
    }
}

/// Compiles the blocks, gathering what is wrong.
struct Compiler {
    error_mode: OttlErrorMode,
    options: Options,
    errors: Vec<CompileError>,
}

impl Compiler {
    fn traces(&mut self, settings: &FilterProcessor) -> Vec<Layer> {
        let mut layers = self.groups(
            Signal::Traces,
            "trace_conditions",
            &settings.trace_conditions,
        );
        let older = &settings.traces;
        layers.extend(self.layer(
            Signal::Traces,
            "traces",
            &[
                ("resource", "resource", &older.resource),
                ("span", "span", &older.span),
                ("spanevent", "spanevent", &older.spanevent),
            ],
        ));
        let spans = &settings.spans;
        let matching = Test::matching(
            "spans",
            spans.include.as_ref(),
            spans.exclude.as_ref(),
            &mut self.errors,
        );
        layers.extend(matching.map(Layer::of_items));
        layers
    }

    fn metrics(&mut self, settings: &FilterProcessor) -> Vec<Layer> {
        let conditions = &settings.metric_conditions;
        let mut layers = self.groups(Signal::Metrics, "metric_conditions", conditions);
        let older = &settings.metrics;
        layers.extend(self.layer(
            Signal::Metrics,
            "metrics",
            &[
                ("resource", "resource", &older.resource),
                ("metric", "metric", &older.metric),
                ("datapoint", "datapoint", &older.datapoint),
            ],
        ));
        layers.extend(Layer::of_metrics(older, &mut self.errors));
        layers
    }

    fn logs(&mut self, settings: &FilterProcessor) -> Vec<Layer> {
        let mut layers = self.groups(Signal::Logs, "log_conditions", &settings.log_conditions);
        let older = &settings.logs;
        layers.extend(self.layer(
            Signal::Logs,
            "logs",
            &[
                ("resource", "resource", &older.resource),
                ("log_record", "log", &older.log_record),
            ],
        ));
        let properties = |block: &Option<tailweir_config::LogMatchProperties>| {
            block.as_ref().and_then(|block| block.properties())
        };
        let matching = Test::matching(
            "logs",
            properties(&older.include).as_ref(),
            properties(&older.exclude).as_ref(),
            &mut self.errors,
        );
        layers.extend(matching.map(Layer::of_items));
        layers
    }

    fn groups(&mut self, signal: Signal, path: &str, groups: &ConditionGroups) -> Vec<Layer> {
        let groups = groups.0.iter().enumerate();
        groups
            .filter_map(|(index, group)| {
                let path = format!("{path}[{index}]");
                let error_mode = group.error_mode.unwrap_or(self.error_mode);
                let layer = self.group(signal, &path, group, error_mode);
                layer.map_err(|errors| self.errors.extend(errors)).ok()
            })
            .collect()
    }

    /// One layer of a group: of its context, or of the one that each condition names.
    fn group(
        &self,
        signal: Signal,
        path: &str,
        group: &ConditionGroup,
        error_mode: OttlErrorMode,
    ) -> Result<Layer, Vec<CompileError>> {
        let mut layer = Layer::default();
        let mut errors = Vec::new();
        for (index, text) in group.conditions.iter().enumerate() {
            let path = format!("{path}.conditions[{index}]");
            let added = layer.add(signal, &group.context, text, error_mode, &self.options);
            errors.extend(added.err().map(|problem| CompileError::new(path, problem)));
        }
        if errors.is_empty() {
            Ok(layer)
        } else {
            Err(errors)
        }
    }

    /// One layer of the older style: key, context and conditions of each.
    fn layer(
        &mut self,
        signal: Signal,
        path: &str,
        lists: &[(&str, &str, &Vec<String>)],
    ) -> Option<Layer> {
        let mut layer = Layer::default();
        for (key, context, conditions) in lists {
            for (index, text) in conditions.iter().enumerate() {
                let added = layer.add(signal, context, text, self.error_mode, &self.options);
                if let Err(problem) = added {
                    let path = format!("{path}.{key}[{index}]");
                    self.errors.push(CompileError::new(path, problem));
                }
            }
        }
        (!layer.is_empty()).then_some(layer)
    }
}
