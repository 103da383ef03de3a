//! `extract_percentile_metric`: a percentile of each point of a histogram, as a gauge.

use super::convert::derived;
use super::extract::number_point;
use super::{Given, OwnEditor};
use tailweir_otlp::{DataPoint, ExponentialHistogramPoint, HistogramPoint, MetricView, field};
use tailweir_ottl::EvaluationError;

/// A percentile; nothing where there is nothing to tell it from.
type Told = Result<Option<f64>, EvaluationError>;

const MALFORMED: EvaluationError =
    EvaluationError::Unavailable("the buckets of the histogram contradict its count");

pub(super) fn prepare(given: &Given<'_>) -> Result<OwnEditor, (usize, String)> {
    let percentile = given.number(0).unwrap_or_default();
    if percentile <= 0.0 || percentile >= 100.0 {
        return Err((
            0,
            format!("the percentile is {percentile}; it must be above 0 and below 100"),
        ));
    }
    let suffix = given.text(1).filter(|suffix| !suffix.is_empty());
    Ok(OwnEditor::ExtractPercentile {
        percentile,
        suffix: suffix.unwrap_or_else(|| format!("_p{percentile}")),
    })
}

pub(super) fn extract(
    metric: MetricView<'_>,
    percentile: f64,
    suffix: &str,
) -> Result<Option<Vec<u8>>, EvaluationError> {
    let mut points = Vec::new();
    for point in metric.data().points() {
        let told = match point {
            DataPoint::Histogram(point) => of_histogram(point, percentile)?,
            DataPoint::ExponentialHistogram(point) => of_exponential(point, percentile)?,
            DataPoint::Number(_) | DataPoint::Summary(_) => None,
        };
        if let Some(value) = told {
            points.push(number_point(point, field::NUMBER_DOUBLE, value.to_bits()));
        }
    }
    if points.is_empty() {
        return Ok(None);
    }
    let data = field::DATA_POINTS.with_messages(&[], points.iter().map(Vec::as_slice));
    let new = derived(metric, suffix, field::METRIC_GAUGE, &data);
    let mut description = String::from_utf8_lossy(metric.description()).into_owned();
    if description.is_empty() {
        description = format!("p{percentile}");
    } else {
        description += &format!(" (p{percentile})");
    }
    Ok(Some(
        field::METRIC_DESCRIPTION.with_bytes(&new, description.as_bytes()),
    ))
}

/// The count up to which values lie below the percentile.
fn wanted(count: u64, percentile: f64) -> u64 {
    (count as f64 * (percentile / 100.0)).ceil() as u64
}

fn of_histogram(point: HistogramPoint<'_>, percentile: f64) -> Told {
    let counts: Vec<u64> = point.bucket_counts().collect();
    let bounds: Vec<f64> = point.explicit_bounds().collect();
    if point.count() == 0 || counts.is_empty() {
        return Ok(None);
    }
    if counts.len() != bounds.len() + 1 {
        return Err(MALFORMED);
    }
    let wanted = wanted(point.count(), percentile);
    let mut below = 0_u64;
    for (at, count) in counts.iter().enumerate() {
        let reached = below.saturating_add(*count);
        if reached < wanted {
            below = reached;
            continue;
        }
        let ratio = (wanted - below) as f64 / *count as f64;
        return match ends(point, &bounds, at) {
            Ends::Between(lower, upper) => linear(lower, upper, ratio).map(Some),
            Ends::At(value) => Ok(Some(value)),
            Ends::Unknown => Ok(None),
        };
    }
    Err(MALFORMED)
}

enum Ends {
    Between(f64, f64),
    At(f64),
    Unknown,
}

/// Where a bucket begins and ends. The first and the last are open, and end where the least and the
/// greatest value are.
fn ends(point: HistogramPoint<'_>, bounds: &[f64], at: usize) -> Ends {
    match (
        at.checked_sub(1).map(|before| bounds[before]),
        bounds.get(at),
    ) {
        (None, None) => match (point.min(), point.max()) {
            (Some(min), Some(max)) => Ends::Between(min, max),
            _ => Ends::Unknown,
        },
        (None, Some(&upper)) => match point.min() {
            Some(min) if min < upper => Ends::Between(min, upper),
            _ if upper < 0.0 => Ends::At(upper),
            _ => Ends::Between(0.0, upper),
        },
        (Some(lower), Some(&upper)) => Ends::Between(lower, upper),
        (Some(lower), None) => match point.max() {
            Some(max) if max > lower => Ends::Between(lower, max),
            _ => Ends::At(lower),
        },
    }
}

fn of_exponential(point: ExponentialHistogramPoint<'_>, percentile: f64) -> Told {
    let negative: Vec<u64> = point.negative().counts().collect();
    let positive: Vec<u64> = point.positive().counts().collect();
    let zeros = point.zero_count();
    if point.count() == 0 || (negative.is_empty() && positive.is_empty() && zeros == 0) {
        return Ok(None);
    }
    let wanted = wanted(point.count(), percentile);
    let bound = |index: i64| bound(index, point.scale());
    let mut below = 0_u64;
    for (at, count) in negative.iter().enumerate().rev() {
        let reached = below.saturating_add(*count);
        if reached >= wanted {
            let index = i64::from(point.negative().offset()) + at as i64;
            let ratio = (wanted - below) as f64 / *count as f64;
            let value = logarithmic(bound(index), bound(index + 1), 1.0 - ratio)?;
            return Ok(Some(-value));
        }
        below = reached;
    }
    if below.saturating_add(zeros) >= wanted {
        let threshold = point.zero_threshold();
        let lower = if negative.is_empty() && !positive.is_empty() {
            0.0
        } else {
            -threshold
        };
        let upper = if positive.is_empty() && !negative.is_empty() {
            0.0
        } else {
            threshold
        };
        return linear(lower, upper, (wanted - below) as f64 / zeros as f64).map(Some);
    }
    below = below.saturating_add(zeros);
    for (at, count) in positive.iter().enumerate() {
        let reached = below.saturating_add(*count);
        if reached >= wanted {
            let index = i64::from(point.positive().offset()) + at as i64;
            let ratio = (wanted - below) as f64 / *count as f64;
            return logarithmic(bound(index), bound(index + 1), ratio).map(Some);
        }
        below = reached;
    }
    Err(MALFORMED)
}

/// The lower bound of an exponential bucket.
fn bound(index: i64, scale: i32) -> f64 {
    (index as f64 * f64::from(-scale).exp2() * std::f64::consts::LN_2).exp()
}

fn linear(lower: f64, upper: f64, ratio: f64) -> Result<f64, EvaluationError> {
    if (0.0..=1.0).contains(&ratio) {
        Ok(lower + ratio * (upper - lower))
    } else {
        Err(MALFORMED)
    }
}

fn logarithmic(lower: f64, upper: f64, ratio: f64) -> Result<f64, EvaluationError> {
    if !(0.0..=1.0).contains(&ratio) || lower <= 0.0 || upper <= lower {
        return Err(MALFORMED);
    }
    let (lower, upper) = (lower.log2(), upper.log2());
    Ok((lower + (upper - lower) * ratio).exp2())
}
