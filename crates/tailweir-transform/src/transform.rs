//! What every processor here is: a request goes in, and what becomes of it comes out.

use crate::edits::Edits;
use crate::error::{CompileError, CompileErrors, TransformError};
use crate::filter::Filter;
use crate::grouping::Grouping;
use crate::metric_changes::MetricChanges;
use crate::redaction::Redaction;
use crate::sampling::Sampling;
use crate::span_names::SpanNames;
use crate::statements::Statements;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use tailweir_config::Processor;
use tailweir_core::{ClientContext, Signal};
use tailweir_otlp::{MetricView, RequestView, Sifted};
use tailweir_ottl::Dialect;

/// A processor that changes requests, compiled. It remembers nothing from one request to the next, so all
/// pipelines that name the processor share it.
pub trait Transform: fmt::Debug + Send + Sync {
    /// Whether it fits a pipeline of this signal.
    ///
    /// # Errors
    /// The first setting that does not fit.
    fn check(&self, _signal: Signal) -> Result<(), CompileError> {
        Ok(())
    }

    /// What becomes of a request that was found sound. The same request gives the same answer, but for
    /// what the surroundings say.
    ///
    /// # Errors
    /// [`TransformError`]: nothing of the request may be handed on.
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError>;

    /// Why it leaves items out, if it does.
    fn drop_cause(&self) -> DropCause {
        DropCause::Merged
    }
}

/// A request on its way through a transform.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What it carries.
    pub signal: Signal,
    /// The bytes of an `Export*ServiceRequest`.
    pub body: Bytes,
    /// Who sent it.
    pub client: &'a ClientContext,
}

/// What a transform made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What is handed on: the same buffer when nothing changed, empty when nothing is left.
    pub body: Bytes,
    /// Spans, log records or data points that were there before and are not any more.
    pub dropped: u64,
    /// Spans, log records or data points that were not there before.
    pub added: u64,
    /// What else there is to count.
    pub counts: Vec<(Count, u64)>,
}

impl Outcome {
    /// As many items as before.
    #[must_use]
    pub fn of(body: Bytes) -> Self {
        Self {
            body,
            dropped: 0,
            added: 0,
            counts: Vec::new(),
        }
    }

    /// What is left of a request that was sifted: nothing when it has no resources left.
    pub(crate) fn of_sifted(body: Bytes, sifted: Sifted) -> Self {
        Self::of(match sifted.content {
            _ if sifted.left == 0 => Bytes::new(),
            Some(content) => content.into(),
            None => body,
        })
    }
}

/// Why a transform leaves items out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropCause {
    /// A condition said so.
    Filtered,
    /// Chance said so.
    NotSampled,
    /// Data points became one.
    Merged,
}

/// What a transform counts beside items that come and go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// Conditions, statements or operations that failed on an item and were passed over.
    EvaluationErrors,
    /// Items that gave attributes to their resource.
    Grouped,
    /// Items that had none to give.
    NotGrouped,
    /// Spans or log records that were decided by chance.
    Sampled {
        /// Where their randomness came from, as the Collector calls it.
        policy: Arc<str>,
        /// Whether they were kept.
        sampled: bool,
    },
}

/// Compiles a processor that is a [`Transform`]; nothing for any other. Its expressions are in this dialect.
///
/// # Errors
/// All that is wrong with its settings, whatever the signal.
pub fn compile(
    processor: &Processor,
    dialect: &Dialect,
) -> Result<Option<Arc<dyn Transform>>, CompileErrors> {
    let transform: Arc<dyn Transform> = match processor {
        Processor::Attributes(settings) => Arc::new(Edits::attributes(settings)?),
        Processor::Resource(settings) => Arc::new(Edits::resource(settings)?),
        Processor::Transform(settings) => Arc::new(Statements::new(settings, dialect)?),
        Processor::Filter(settings) => Arc::new(Filter::new(settings, dialect)?),
        Processor::ProbabilisticSampler(settings) => Arc::new(Sampling::new(settings)),
        Processor::GroupByAttrs(settings) => Arc::new(Grouping::new(settings)),
        Processor::MetricsTransform(settings) => Arc::new(MetricChanges::new(settings)?),
        Processor::Span(settings) => Arc::new(SpanNames::new(settings)?),
        Processor::Redaction(settings) => Arc::new(Redaction::new(settings)?),
        Processor::TailSampling(_)
        | Processor::TraceAware(_)
        | Processor::ResourceDetection(_)
        | Processor::KubernetesAttributes(_)
        | Processor::SpanMetrics(_)
        | Processor::GroupByTrace(_)
        | Processor::Batch(_)
        | Processor::MemoryLimiter(_) => {
            return Ok(None);
        }
    };
    Ok(Some(transform))
}

/// How many data points a request has.
pub(crate) fn count_points(request: &[u8]) -> u64 {
    let scopes = RequestView(request)
        .resources()
        .flat_map(|resource| resource.scopes());
    let metrics = scopes.flat_map(|scope| scope.items());
    let points = metrics.map(|metric| MetricView(metric).data().points().count() as u64);
    points.sum()
}
