//! Verbosity `normal`: one line an item.

use crate::terminal::printable;
use crate::value::{pairs, plain};
use std::fmt::Write;
use tailweir_core::Signal;
use tailweir_otlp::{
    Attributes, DataPoint, ExponentialHistogramPoint, LogRecordView, MetricView, Number,
    RequestView, ResourceFields, ScopeFields, SpanView,
};

/// A line for each resource, scope and item.
pub(super) fn render(signal: Signal, body: &[u8]) -> String {
    let name = match signal {
        Signal::Traces => "Traces",
        Signal::Metrics => "Metrics",
        Signal::Logs => "Log",
    };
    let mut text = String::new();
    for (index, resource) in RequestView(body).resources().enumerate() {
        push(
            &mut text,
            &format!("Resource{name} #{index}{}", of_resource(resource)),
        );
        for (index, scope) in resource.scopes().enumerate() {
            push(
                &mut text,
                &format!("Scope{name} #{index}{}", of_scope(scope)),
            );
            for item in scope.items() {
                match signal {
                    Signal::Traces => push(&mut text, &span(SpanView(item))),
                    Signal::Logs => push(&mut text, &log_record(LogRecordView(item))),
                    Signal::Metrics => metric(&mut text, MetricView(item)),
                }
            }
        }
    }
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn schema(url: &[u8]) -> String {
    match url {
        [] => String::new(),
        url => format!(" [{}]", printable(url)),
    }
}

/// ` key=value key=value`, each with a space before it.
fn inline(attributes: Attributes<'_>) -> String {
    pairs(attributes).map(|pair| format!(" {pair}")).collect()
}

fn of_resource(resource: ResourceFields<'_>) -> String {
    schema(resource.schema_url()) + &inline(resource.resource().attributes())
}

fn of_scope(fields: ScopeFields<'_>) -> String {
    let scope = fields.scope();
    let mut text = String::new();
    if !scope.name().is_empty() {
        text = format!(" {}", printable(scope.name()));
        if !scope.version().is_empty() {
            text = format!("{text}@{}", printable(scope.version()));
        }
    }
    text + &schema(fields.schema_url()) + &inline(scope.attributes())
}

fn span(span: SpanView<'_>) -> String {
    let (trace, id) = (span.trace_id(), span.span_id());
    format!(
        "{} {trace} {id}{}",
        printable(span.name()),
        inline(span.attributes())
    )
}

fn log_record(record: LogRecordView<'_>) -> String {
    plain(record.body()) + &inline(record.attributes())
}

fn metric(text: &mut String, metric: MetricView<'_>) {
    let name = printable(metric.name());
    for point in metric.data().points() {
        let labels: Vec<String> = pairs(point.attributes()).collect();
        push(
            text,
            &format!("{name}{{{}}} {}", labels.join(","), point_value(point)),
        );
    }
}

fn point_value(point: DataPoint<'_>) -> String {
    match point {
        DataPoint::Number(point) => number(point.value()),
        DataPoint::Histogram(point) => {
            let mut text = counted(point.count(), point.sum(), point.min(), point.max());
            let mut bounds = point.explicit_bounds();
            for count in point.bucket_counts() {
                // The last bucket has no bound.
                let bound = bounds.next().map(|bound| format!("le{bound}="));
                let _ = write!(text, " {}{count}", bound.unwrap_or_default());
            }
            text
        }
        DataPoint::ExponentialHistogram(point) => exponential(point),
        DataPoint::Summary(point) => {
            let mut text = format!("count={} sum={:.6}", point.count(), point.sum());
            for quantile in point.quantiles() {
                let _ = write!(text, " q{}={}", quantile.quantile, quantile.value);
            }
            text
        }
    }
}

fn exponential(point: ExponentialHistogramPoint<'_>) -> String {
    let mut text = counted(point.count(), point.sum(), point.min(), point.max());
    let factor = 2_f64.powi(-point.scale());
    for buckets in [point.negative(), point.positive()] {
        for (place, count) in buckets.counts().enumerate() {
            let index = f64::from(buckets.offset()) + place as f64;
            let _ = write!(text, " le{}={count}", (index * factor).exp2());
        }
    }
    if point.zero_count() > 0 {
        let _ = write!(
            text,
            " zero_count{}={}",
            point.zero_threshold(),
            point.zero_count()
        );
    }
    text
}

fn counted(count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> String {
    let mut text = format!("count={count}");
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}

fn number(number: Number) -> String {
    match number {
        Number::Empty => String::new(),
        Number::Double(value) => value.to_string(),
        Number::Int(value) => value.to_string(),
    }
}
