//! The names of these editors and what they take.

use tailweir_ottl::{Parameter, Signature};
use tailweir_paths::Scene;

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
pub(in crate::statements) const fn of(scene: Scene) -> &'static [Signature] {
    match scene {
        Scene::Span => SPAN,
        Scene::Metric => METRIC,
        Scene::DataPoint => POINT,
        Scene::Log | Scene::SpanEvent | Scene::Scope | Scene::Resource => &[],
    }
}
