//! Editors of single contexts: those that turn one metric into another or add one, and one for span names.

mod aggregate;
mod buckets;
mod convert;
mod exponential;
mod extract;
mod percentile;
mod scale;
mod span_name;

use super::stage::Stage;
use aggregate::Aggregation;
use exponential::Distribution;
use std::sync::Arc;
use tailweir_otlp::{MetricView, Temporality};
use tailweir_ottl::{EvaluationError, Parameter, Signature, Surroundings, Value};
use tailweir_paths::Scene;

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

const SUFFIX: Parameter = Parameter::literal_text("suffix").or_nothing();
const MONOTONIC: Parameter = Parameter::literal_flag("monotonic");
const TEMPORALITY: Parameter = Parameter::literal_text("string_agg_temp");
const FUNCTION: Parameter = Parameter::literal_text("aggregation_function");

const fn signature(name: &'static str, parameters: &'static [Parameter]) -> Signature {
    Signature { name, parameters }
}

const SPAN: &[Signature] = &[signature(
    "set_semconv_span_name",
    &[
        Parameter::literal_text("semconv_version"),
        Parameter::literal_text("original_span_name_attribute").or_nothing(),
    ],
)];

const METRIC: &[Signature] = &[
    signature("convert_sum_to_gauge", &[]),
    signature("convert_gauge_to_sum", &[TEMPORALITY, MONOTONIC]),
    signature("extract_sum_metric", &[MONOTONIC, SUFFIX]),
    signature("extract_count_metric", &[MONOTONIC, SUFFIX]),
    signature(
        "extract_percentile_metric",
        &[Parameter::literal_float("percentile"), SUFFIX],
    ),
    signature(
        "convert_summary_quantile_val_to_gauge",
        &[
            Parameter::literal_text("attribute_key").or_nothing(),
            SUFFIX,
        ],
    ),
    signature(
        "copy_metric",
        &[
            Parameter::text("name").or_nothing(),
            Parameter::text("description").or_nothing(),
            Parameter::text("unit").or_nothing(),
        ],
    ),
    signature(
        "scale_metric",
        &[
            Parameter::literal_float("multiplier"),
            Parameter::text("unit").or_nothing(),
        ],
    ),
    signature(
        "aggregate_on_attributes",
        &[
            FUNCTION,
            Parameter::literal_texts("attributes").or_nothing(),
        ],
    ),
    signature(
        "aggregate_on_attribute_value",
        &[
            FUNCTION,
            Parameter::literal_text("attribute"),
            Parameter::literal_texts("values"),
            Parameter::literal_text("new_value"),
        ],
    ),
    signature(
        "convert_exponential_histogram_to_histogram",
        &[
            Parameter::literal_text("distribution_fn"),
            Parameter::literal_floats("explicit_bounds"),
        ],
    ),
];

const POINT: &[Signature] = &[
    signature(
        "convert_summary_sum_val_to_sum",
        &[TEMPORALITY, MONOTONIC, SUFFIX],
    ),
    signature(
        "convert_summary_count_val_to_sum",
        &[TEMPORALITY, MONOTONIC, SUFFIX],
    ),
    signature(
        "merge_histogram_buckets",
        &[
            Parameter::anything("bound"),
            Parameter::literal_text("method").or_nothing(),
        ],
    ),
];

/// The editors of a scene.
pub(super) const fn of(scene: Scene) -> &'static [Signature] {
    match scene {
        Scene::Span => SPAN,
        Scene::Metric => METRIC,
        Scene::DataPoint => POINT,
        Scene::Log | Scene::SpanEvent | Scene::Scope | Scene::Resource => &[],
    }
}

/// The literals that an editor is given.
struct Given<'l>(&'l [Option<&'l Value<'static>>]);

impl Given<'_> {
    fn value(&self, position: usize) -> Option<&Value<'static>> {
        self.0.get(position).copied().flatten()
    }

    fn text(&self, position: usize) -> Option<String> {
        text(self.value(position)?)
    }

    fn text_or(&self, position: usize, default: &str) -> String {
        self.text(position).unwrap_or_else(|| default.to_owned())
    }

    fn flag(&self, position: usize) -> bool {
        matches!(self.value(position), Some(Value::Bool(true)))
    }

    fn number(&self, position: usize) -> Option<f64> {
        match self.value(position)? {
            Value::Double(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    fn texts(&self, position: usize) -> Option<Vec<String>> {
        match self.value(position)? {
            Value::List(list) => list.items().iter().map(text).collect(),
            _ => None,
        }
    }

    fn numbers(&self, position: usize) -> Vec<f64> {
        let Some(Value::List(list)) = self.value(position) else {
            return Vec::new();
        };
        let numbers = list.items().iter().filter_map(|item| match item {
            Value::Double(number) => Some(*number),
            _ => None,
        });
        numbers.collect()
    }

    fn temporality(&self, position: usize) -> Result<Temporality, (usize, String)> {
        match self.text_or(position, "").as_str() {
            "delta" => Ok(Temporality::Delta),
            "cumulative" => Ok(Temporality::Cumulative),
            other => {
                let reason =
                    format!("there is no temporality `{other}`; write delta or cumulative");
                Err((position, reason))
            }
        }
    }
}

/// Text of the configuration, which is UTF-8.
fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::String(text) => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
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
            Self::SumToGauge => rewrite(stage, |metric| Ok(convert::sum_to_gauge(metric))),
            Self::GaugeToSum {
                temporality,
                is_monotonic,
            } => rewrite(stage, |metric| {
                Ok(convert::gauge_to_sum(metric, *temporality, *is_monotonic))
            }),
            Self::ExtractSum {
                is_monotonic,
                suffix,
            } => add(stage, |metric| extract::sum(metric, *is_monotonic, suffix)),
            Self::ExtractCount {
                is_monotonic,
                suffix,
            } => add(stage, |metric| {
                extract::count(metric, *is_monotonic, suffix)
            }),
            Self::ExtractPercentile { percentile, suffix } => add(stage, |metric| {
                percentile::extract(metric, *percentile, suffix)
            }),
            Self::SummarySum {
                temporality,
                is_monotonic,
                suffix,
            } => {
                let whole = stage.draft.whole_metric();
                add_of(
                    stage,
                    extract::summary_sum(MetricView(&whole), *temporality, *is_monotonic, suffix),
                )
            }
            Self::SummaryCount {
                temporality,
                is_monotonic,
                suffix,
            } => {
                let whole = stage.draft.whole_metric();
                add_of(
                    stage,
                    extract::summary_count(MetricView(&whole), *temporality, *is_monotonic, suffix),
                )
            }
            Self::SummaryQuantiles { key, suffix } => add(stage, |metric| {
                Ok(extract::summary_quantiles(metric, key, suffix))
            }),
            Self::Copy => {
                let copy = convert::copy(MetricView(&stage.draft.whole), &arguments)?;
                stage.add(copy)
            }
            Self::Scale { factor } => rewrite(stage, |metric| {
                scale::scale(metric, *factor, arguments.get(1))
            }),
            Self::Aggregate { how, keys } => rewrite(stage, |metric| {
                aggregate::on_attributes(metric, *how, keys.as_deref())
            }),
            Self::AggregateValues {
                how,
                key,
                values,
                new,
            } => rewrite(stage, |metric| {
                Ok(aggregate::on_values(metric, *how, key, values, new))
            }),
            Self::ToHistogram { how, bounds } => rewrite(stage, |metric| {
                Ok(exponential::to_histogram(metric, how, bounds))
            }),
            Self::MergeBuckets { bound } => {
                buckets::edit(stage, |point| buckets::merged(point, *bound))
            }
            Self::LimitBuckets { count } => {
                buckets::edit(stage, |point| buckets::limited(point, *count))
            }
        }
    }
}

/// Takes the metric that `edit` makes of the one at hand, if it makes one.
fn rewrite(
    stage: &mut Stage<'_>,
    edit: impl FnOnce(MetricView<'_>) -> Result<Option<Vec<u8>>, EvaluationError>,
) -> Result<(), EvaluationError> {
    let Some(new) = edit(MetricView(&stage.draft.whole))? else {
        return Ok(());
    };
    let grown = new.len().saturating_sub(stage.draft.whole.len());
    stage.draft.whole = new.into();
    stage.draft.take_room(grown)
}

/// Adds the metric that `make` makes of the one at hand, if it makes one.
fn add(
    stage: &mut Stage<'_>,
    make: impl FnOnce(MetricView<'_>) -> Result<Option<Vec<u8>>, EvaluationError>,
) -> Result<(), EvaluationError> {
    let made = make(MetricView(&stage.draft.whole))?;
    add_of(stage, made)
}

fn add_of(stage: &mut Stage<'_>, made: Option<Vec<u8>>) -> Result<(), EvaluationError> {
    match made {
        Some(metric) => stage.add(metric),
        None => Ok(()),
    }
}
