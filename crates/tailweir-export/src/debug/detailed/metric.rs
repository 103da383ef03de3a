//! Metrics in full.

use super::{Page, id, time};
use crate::terminal::printable;
use tailweir_otlp::{
    Buckets, DataPoint, ExemplarView, ExponentialHistogramPoint, HistogramPoint, MetricData,
    MetricView, Number, SummaryPoint, Temporality,
};

pub(super) fn render(page: &mut Page, index: usize, metric: MetricView<'_>) {
    let data = metric.data();
    page.line(format!("Metric #{index}"));
    page.line("Descriptor:");
    page.line(format!("     -> Name: {}", printable(metric.name())));
    page.line(format!(
        "     -> Description: {}",
        printable(metric.description())
    ));
    page.line(format!("     -> Unit: {}", printable(metric.unit())));
    page.line(format!("     -> DataType: {}", data.name()));
    if let MetricData::Sum(points) = data {
        page.line(format!("     -> IsMonotonic: {}", points.is_monotonic()));
    }
    if let MetricData::Sum(points)
    | MetricData::Histogram(points)
    | MetricData::ExponentialHistogram(points) = data
    {
        let name = match points.temporality() {
            Temporality::Unspecified => "Unspecified",
            Temporality::Delta => "Delta",
            Temporality::Cumulative => "Cumulative",
        };
        page.line(format!("     -> AggregationTemporality: {name}"));
    }
    for (index, each) in data.points().enumerate() {
        point(page, index, each);
    }
}

fn point(page: &mut Page, index: usize, point: DataPoint<'_>) {
    let name = match point {
        DataPoint::Number(_) => "NumberDataPoints",
        DataPoint::Histogram(_) => "HistogramDataPoints",
        DataPoint::ExponentialHistogram(_) => "ExponentialHistogramDataPoints",
        DataPoint::Summary(_) => "SummaryDataPoints",
    };
    page.line(format!("{name} #{index}"));
    page.attributes("Data point attributes:", "     ", point.attributes());
    page.line(format!("StartTimestamp: {}", time(point.start())));
    page.line(format!("Timestamp: {}", time(point.time())));
    match point {
        DataPoint::Number(point) => {
            number(page, "", point.value());
            exemplars(page, point.exemplars());
        }
        DataPoint::Histogram(point) => histogram(page, point),
        DataPoint::ExponentialHistogram(point) => exponential(page, point),
        DataPoint::Summary(point) => summary(page, point),
    }
}

fn number(page: &mut Page, indent: &str, number: Number) {
    match number {
        Number::Int(value) => page.line(format!("{indent}Value: {value}")),
        Number::Double(value) => page.line(format!("{indent}Value: {value:.6}")),
        Number::Empty => {}
    }
}

fn exemplars<'a>(page: &mut Page, exemplars: impl Iterator<Item = ExemplarView<'a>>) {
    for (index, exemplar) in exemplars.enumerate() {
        if index == 0 {
            page.line("Exemplars:");
        }
        let (trace, span) = (exemplar.trace_id(), exemplar.span_id());
        page.line(format!("Exemplar #{index}"));
        page.line(format!("     -> Trace ID: {}", id(&trace, trace.is_zero())));
        page.line(format!("     -> Span ID: {}", id(&span, span.is_zero())));
        page.line(format!("     -> Timestamp: {}", time(exemplar.time())));
        number(page, "     -> ", exemplar.value());
        let attributes = exemplar.filtered_attributes();
        page.attributes("     -> FilteredAttributes:", "          ", attributes);
    }
}

fn totals(page: &mut Page, count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    page.line(format!("Count: {count}"));
    for (name, value) in [("Sum", sum), ("Min", min), ("Max", max)] {
        if let Some(value) = value {
            page.line(format!("{name}: {value:.6}"));
        }
    }
}

fn histogram(page: &mut Page, point: HistogramPoint<'_>) {
    totals(page, point.count(), point.sum(), point.min(), point.max());
    for (index, bound) in point.explicit_bounds().enumerate() {
        page.line(format!("ExplicitBounds #{index}: {bound:.6}"));
    }
    for (index, count) in point.bucket_counts().enumerate() {
        page.line(format!("Buckets #{index}, Count: {count}"));
    }
    exemplars(page, point.exemplars());
}

fn exponential(page: &mut Page, point: ExponentialHistogramPoint<'_>) {
    totals(page, point.count(), point.sum(), point.min(), point.max());
    // Bucket `index` ends at 2 to the power of `(index + 1) / 2^scale`.
    let factor = 2_f64.powi(-point.scale());
    let bounds = |buckets: Buckets<'_>, place: usize| {
        let index = f64::from(buckets.offset()) + place as f64;
        ((index * factor).exp2(), ((index + 1.0) * factor).exp2())
    };
    let negative: Vec<u64> = point.negative().counts().collect();
    for (place, count) in negative.into_iter().enumerate().rev() {
        let (low, high) = bounds(point.negative(), place);
        page.line(format!(
            "Bucket [{:.6}, {:.6}), Count: {count}",
            -high, -low
        ));
    }
    if point.zero_count() > 0 {
        page.line(format!("Bucket [0, 0], Count: {}", point.zero_count()));
    }
    for (place, count) in point.positive().counts().enumerate() {
        let (low, high) = bounds(point.positive(), place);
        page.line(format!("Bucket ({low:.6}, {high:.6}], Count: {count}"));
    }
    exemplars(page, point.exemplars());
}

fn summary(page: &mut Page, point: SummaryPoint<'_>) {
    page.line(format!("Count: {}", point.count()));
    page.line(format!("Sum: {:.6}", point.sum()));
    for (index, each) in point.quantiles().enumerate() {
        let (quantile, value) = (each.quantile, each.value);
        page.line(format!(
            "QuantileValue #{index}: Quantile {quantile:.6}, Value {value:.6}"
        ));
    }
}
