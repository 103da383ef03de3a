//! OTTL conditions of one policy.

use crate::error::CompileErrorCause;
use crate::evaluation::Failed;
use crate::rules::Rules;
use tailweir_config::OttlErrorMode;
use tailweir_otlp::{SpanRecord, TraceView};
use tailweir_ottl::{EvaluationError, Options};
use tailweir_paths::{Condition, Scene, SpanEventSubject, SpanSubject};

/// Conditions on spans and on span events, of which one must hold.
#[derive(Debug)]
pub(crate) struct Conditions {
    propagates: bool,
    event_index_counts: bool,
    span: Box<[Condition]>,
    event: Box<[Condition]>,
}

impl Conditions {
    /// Compiles the conditions of a policy. They may not ask for the time or for random numbers: a
    /// decision must be the same wherever it is made.
    pub(crate) fn compile(
        error_mode: OttlErrorMode,
        span: &[String],
        event: &[String],
        rules: Rules,
        lambdas: bool,
    ) -> Result<Self, Vec<CompileErrorCause>> {
        if span.is_empty() && event.is_empty() {
            return Err(vec![CompileErrorCause::NoCondition]);
        }
        let mut errors = Vec::new();
        let options = Options {
            lambdas,
            ..Options::default()
        };
        let span = compile_all(span, Scene::Span, &options, &mut errors);
        let event = compile_all(event, Scene::SpanEvent, &options, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            propagates: error_mode == OttlErrorMode::Propagate,
            event_index_counts: rules.event_index_counts,
            span,
            event,
        })
    }

    /// Whether a condition that fails makes the policy fail.
    pub(crate) fn propagates(&self) -> bool {
        self.propagates
    }

    /// Whether a condition holds for any span, or for any event of a span.
    pub(crate) fn hold(&self, trace: &TraceView<'_>) -> Result<bool, Failed> {
        for record in trace.spans {
            if self.hold_for_span(record)? || self.hold_for_events(record)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn hold_for_span(&self, record: &SpanRecord<'_>) -> Result<bool, Failed> {
        let subject = SpanSubject {
            resource: record.resource,
            scope: record.scope,
            span: record.span,
        };
        self.any(&self.span, |condition| condition.evaluate(&subject))
    }

    fn hold_for_events(&self, record: &SpanRecord<'_>) -> Result<bool, Failed> {
        if self.event.is_empty() {
            return Ok(false);
        }
        for (index, event) in record.span.events().enumerate() {
            let subject = SpanEventSubject {
                resource: record.resource,
                scope: record.scope,
                span: record.span,
                event,
                index: self.event_index_counts.then_some(index),
            };
            if self.any(&self.event, |condition| condition.evaluate(&subject))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn any(
        &self,
        conditions: &[Condition],
        evaluate: impl Fn(&Condition) -> Result<bool, EvaluationError>,
    ) -> Result<bool, Failed> {
        for condition in conditions {
            match evaluate(condition) {
                Ok(true) => return Ok(true),
                Err(_) if self.propagates => return Err(Failed),
                Ok(false) | Err(_) => {}
            }
        }
        Ok(false)
    }
}

fn compile_all(
    conditions: &[String],
    scene: Scene,
    options: &Options,
    errors: &mut Vec<CompileErrorCause>,
) -> Box<[Condition]> {
    let mut compiled = Vec::with_capacity(conditions.len());
    for text in conditions {
        match Condition::compile(text, &scene, options) {
            Ok(condition) => compiled.push(condition),
            Err(error) => errors.push(CompileErrorCause::InvalidCondition(error)),
        }
    }
    compiled.into()
}
