//! Editors of single contexts: those that turn one metric into another or add one, and one for span names.

mod buckets;
mod convert;
mod exponential;
mod extract;
mod given;
mod percentile;
mod signatures;
mod span_name;

pub(super) use signatures::of;

use super::stage::Stage;
use crate::aggregation::{self, Aggregation, Mixed};
use crate::scaling;
use exponential::Distribution;
use given::Given;
use std::sync::Arc;
use tailweir_otlp::{MetricView, Temporality};
use tailweir_ottl::{EvaluationError, Surroundings, Value};

/// An editor of one context, made ready.
#[derive(Debug)]
pub(super) enum OwnEditor {
    SpanName {
        original: Option<String>,
    },
    SumToGauge,
    GaugeToSum {
        temporality: Temporality,
        is_monotonic: bool,
    },
    ExtractSum {
        is_monotonic: bool,
        suffix: String,
    },
    ExtractCount {
        is_monotonic: bool,
        suffix: String,
    },
    ExtractPercentile {
        percentile: f64,
        suffix: String,
    },
    SummarySum {
        temporality: Temporality,
        is_monotonic: bool,
        suffix: String,
    },
    SummaryCount {
        temporality: Temporality,
        is_monotonic: bool,
        suffix: String,
    },
    SummaryQuantiles {
        key: String,
        suffix: String,
    },
    Copy,
    Scale {
        factor: f64,
    },
    Aggregate {
        how: Aggregation,
        keys: Option<Vec<String>>,
    },
    AggregateValues {
        how: Aggregation,
        key: String,
        values: Vec<String>,
        new: String,
    },
    ToHistogram {
        how: Distribution,
        bounds: Vec<f64>,
    },
    MergeBuckets {
        bound: f64,
    },
    LimitBuckets {
        count: usize,
    },
}

impl OwnEditor {
    /// Makes the editor of this name ready.
    pub(super) fn new(
        name: &str,
        literals: &[Option<&Value<'static>>],
        surroundings: &Arc<dyn Surroundings>,
    ) -> Result<Self, (usize, String)> {
        let given = Given(literals);
        Ok(match name {
            "set_semconv_span_name" => span_name::prepare(&given)?,
            "convert_sum_to_gauge" => Self::SumToGauge,
            "convert_gauge_to_sum" => Self::GaugeToSum {
                temporality: given.temporality(0)?,
                is_monotonic: given.flag(1),
            },
            "extract_sum_metric" => Self::ExtractSum {
                is_monotonic: given.flag(0),
                suffix: given.text_or(1, "_sum"),
            },
            "extract_count_metric" => Self::ExtractCount {
                is_monotonic: given.flag(0),
                suffix: given.text_or(1, "_count"),
            },
            "extract_percentile_metric" => percentile::prepare(&given)?,
            "convert_summary_sum_val_to_sum" => Self::SummarySum {
                temporality: given.temporality(0)?,
                is_monotonic: given.flag(1),
                suffix: given.text_or(2, "_sum"),
            },
            "convert_summary_count_val_to_sum" => Self::SummaryCount {
                temporality: given.temporality(0)?,
                is_monotonic: given.flag(1),
                suffix: given.text_or(2, "_count"),
            },
            "convert_summary_quantile_val_to_gauge" => Self::SummaryQuantiles {
                key: given.text_or(0, "quantile"),
                suffix: given.text_or(1, ".quantiles"),
            },
            "copy_metric" => Self::Copy,
            "scale_metric" => Self::Scale {
                factor: given.number(0).unwrap_or(1.0),
            },
            "aggregate_on_attributes" => Self::Aggregate {
                how: Aggregation::named(&given.text_or(0, ""))?,
                keys: given.texts(1),
            },
            "aggregate_on_attribute_value" => Self::AggregateValues {
                how: Aggregation::named(&given.text_or(0, ""))?,
                key: given.text_or(1, ""),
                values: given.texts(2).unwrap_or_default(),
                new: given.text_or(3, ""),
            },
            "convert_exponential_histogram_to_histogram" => {
                exponential::prepare(&given, surroundings)?
            }
            "merge_histogram_buckets" => buckets::prepare(&given)?,
            other => return Err((0, format!("there is no editor `{other}`"))),
        })
    }

    /// Runs it.
    pub(super) fn run(
        &self,
        stage: &mut Stage<'_>,
        arguments: Vec<Value<'static>>,
    ) -> Result<(), EvaluationError> {
        match self {
            Self::SpanName { original } => span_name::set(stage, original.as_deref()),
            Self::MergeBuckets { bound } => {
                buckets::edit(stage, |point| buckets::merged(point, *bound))
            }
            Self::LimitBuckets { count } => {
                buckets::edit(stage, |point| buckets::limited(point, *count))
            }
            Self::Copy => {
                let copy = convert::copy(MetricView(&stage.draft.whole), &arguments)?;
                stage.add(copy)
            }
            Self::SummarySum { .. } | Self::SummaryCount { .. } => {
                let whole = stage.draft.whole_metric();
                add(stage, self.extracted(MetricView(&whole))?)
            }
            Self::ExtractSum { .. }
            | Self::ExtractCount { .. }
            | Self::ExtractPercentile { .. }
            | Self::SummaryQuantiles { .. } => {
                let made = self.extracted(MetricView(&stage.draft.whole))?;
                add(stage, made)
            }
            Self::SumToGauge
            | Self::GaugeToSum { .. }
            | Self::Scale { .. }
            | Self::Aggregate { .. }
            | Self::AggregateValues { .. }
            | Self::ToHistogram { .. } => {
                let new = self.rewritten(MetricView(&stage.draft.whole), arguments.get(1))?;
                take(stage, new)
            }
        }
    }

    /// The metric that it makes of another, if it makes one.
    fn extracted(&self, metric: MetricView<'_>) -> Result<Option<Vec<u8>>, EvaluationError> {
        match self {
            Self::ExtractSum {
                is_monotonic,
                suffix,
            } => extract::sum(metric, *is_monotonic, suffix),
            Self::ExtractCount {
                is_monotonic,
                suffix,
            } => extract::count(metric, *is_monotonic, suffix),
            Self::ExtractPercentile { percentile, suffix } => {
                percentile::extract(metric, *percentile, suffix)
            }
            Self::SummarySum {
                temporality,
                is_monotonic,
                suffix,
            } => Ok(extract::summary_sum(
                metric,
                *temporality,
                *is_monotonic,
                suffix,
            )),
            Self::SummaryCount {
                temporality,
                is_monotonic,
                suffix,
            } => Ok(extract::summary_count(
                metric,
                *temporality,
                *is_monotonic,
                suffix,
            )),
            Self::SummaryQuantiles { key, suffix } => {
                Ok(extract::summary_quantiles(metric, key, suffix))
            }
            _ => Ok(None),
        }
    }

    /// What becomes of the metric, if it changes.
    fn rewritten(
        &self,
        metric: MetricView<'_>,
        unit: Option<&Value<'_>>,
    ) -> Result<Option<Vec<u8>>, EvaluationError> {
        match self {
            Self::SumToGauge => Ok(convert::sum_to_gauge(metric)),
            Self::GaugeToSum {
                temporality,
                is_monotonic,
            } => Ok(convert::gauge_to_sum(metric, *temporality, *is_monotonic)),
            Self::Scale { factor } => scaling::scale(metric, *factor, unit),
            Self::Aggregate { how, keys } => {
                aggregation::on_attributes(metric, (*how, Mixed::AsFirst), keys.as_deref())
            }
            Self::AggregateValues {
                how,
                key,
                values,
                new,
            } => Ok(aggregation::on_values(
                metric,
                (*how, Mixed::AsFirst),
                key,
                values,
                new,
            )),
            Self::ToHistogram { how, bounds } => Ok(exponential::to_histogram(metric, how, bounds)),
            _ => Ok(None),
        }
    }
}

/// Puts a metric in the place of the one at hand, if there is a new one.
fn take(stage: &mut Stage<'_>, new: Option<Vec<u8>>) -> Result<(), EvaluationError> {
    let Some(new) = new else {
        return Ok(());
    };
    let grown = new.len().saturating_sub(stage.draft.whole.len());
    stage.draft.take_room(grown)?;
    stage.draft.whole = new.into();
    Ok(())
}

/// Adds a metric to its scope, if there is one.
fn add(stage: &mut Stage<'_>, made: Option<Vec<u8>>) -> Result<(), EvaluationError> {
    match made {
        Some(metric) => stage.add(metric),
        None => Ok(()),
    }
}
