//! `convert_exponential_histogram_to_histogram`: exponential buckets spread over explicit bounds.

use super::{Given, OwnEditor};
use std::fmt;
use std::sync::Arc;
use tailweir_otlp::{DataPoint, ExponentialHistogramPoint, MetricData, MetricView, field};
use tailweir_ottl::Surroundings;

/// How the count of an exponential bucket is given to explicit ones.
pub(in super::super) enum Distribution {
    /// To the bucket that holds its upper bound.
    Upper,
    /// To the bucket that holds its middle.
    Midpoint,
    /// In equal parts to all that it touches.
    Uniform,
    /// By chance to all that it touches.
    Random(Arc<dyn Surroundings>),
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upper => "Upper",
            Self::Midpoint => "Midpoint",
            Self::Uniform => "Uniform",
            Self::Random(_) => "Random",
        })
    }
}

pub(super) fn prepare(
    given: &Given<'_>,
    surroundings: &Arc<dyn Surroundings>,
) -> Result<OwnEditor, (usize, String)> {
    let how = match given.text_or(0, "").as_str() {
        "upper" => Distribution::Upper,
        "midpoint" => Distribution::Midpoint,
        "uniform" => Distribution::Uniform,
        "" | "random" => Distribution::Random(surroundings.clone()),
        other => {
            let known = "write upper, midpoint, uniform or random";
            return Err((0, format!("there is no distribution `{other}`; {known}")));
        }
    };
    let bounds = given.numbers(1);
    if bounds.is_empty() {
        return Err((1, "at least one bound is needed".to_owned()));
    }
    Ok(OwnEditor::ToHistogram { how, bounds })
}

/// An exponential histogram as one with these bounds.
pub(super) fn to_histogram(
    metric: MetricView<'_>,
    how: &Distribution,
    bounds: &[f64],
) -> Option<Vec<u8>> {
    let MetricData::ExponentialHistogram(points) = metric.data() else {
        return None;
    };
    let mut chance = match how {
        Distribution::Random(surroundings) => Chance::new(surroundings.random()),
        _ => Chance::new([0; 16]),
    };
    let converted: Vec<_> = metric
        .data()
        .points()
        .filter_map(|point| match point {
            DataPoint::ExponentialHistogram(point) => {
                let mut spread = Spread {
                    bounds,
                    counts: vec![0; bounds.len()],
                    how,
                    chance: &mut chance,
                };
                spread.point(point);
                Some(histogram_point(point, bounds, spread.counts))
            }
            _ => None,
        })
        .collect();
    let data = field::DATA_POINTS.with_messages(&[], converted.iter().map(Vec::as_slice));
    let temporality = points.temporality().number() as u64;
    let data = field::DATA_TEMPORALITY.with_number(&data, temporality);
    Some(field::METRIC_HISTOGRAM.with_bytes(metric.0, &data))
}

/// What an exponential point says, with other buckets. Sum, minimum and maximum are there even when they
/// were not, as in the Collector.
fn histogram_point(
    point: ExponentialHistogramPoint<'_>,
    bounds: &[f64],
    counts: Vec<u64>,
) -> Vec<u8> {
    let whole = DataPoint::ExponentialHistogram(point);
    let attributes = field::EXPONENTIAL_ATTRIBUTES.messages(point.0);
    let new = field::HISTOGRAM_ATTRIBUTES.with_messages(&[], attributes);
    let new = field::POINT_START.with_number(&new, whole.start());
    let new = field::POINT_TIME.with_number(&new, whole.time());
    let new = field::POINT_COUNT.with_number(&new, point.count());
    let float = |value: Option<f64>| value.unwrap_or_default().to_bits();
    let new = field::HISTOGRAM_SUM.with_number(&new, float(point.sum()));
    let new = field::HISTOGRAM_MIN.with_number(&new, float(point.min()));
    let new = field::HISTOGRAM_MAX.with_number(&new, float(point.max()));
    let exemplars = field::EXPONENTIAL_EXEMPLARS.messages(point.0);
    let new = field::HISTOGRAM_EXEMPLARS.with_messages(&new, exemplars);
    let bounds = bounds.iter().map(|bound| bound.to_bits());
    let new = field::HISTOGRAM_BOUNDS.with_numbers(&new, bounds);
    field::HISTOGRAM_BUCKETS.with_numbers(&new, counts)
}

/// Counts on their way to other buckets: as many as there are bounds, as in the Collector.
struct Spread<'s> {
    bounds: &'s [f64],
    counts: Vec<u64>,
    how: &'s Distribution,
    chance: &'s mut Chance,
}

impl Spread<'_> {
    /// Negative buckets have no place; zeros only where the first bound is zero.
    fn point(&mut self, point: ExponentialHistogramPoint<'_>) {
        if self.bounds[0] == 0.0 {
            self.add(0, point.zero_count());
        }
        let factor = std::f64::consts::LN_2 * f64::from(-point.scale()).exp2();
        let offset = i64::from(point.positive().offset());
        for (position, count) in point.positive().counts().enumerate() {
            let index = (offset + position as i64) as f64;
            let (lower, upper) = ((index * factor).exp(), ((index + 1.0) * factor).exp());
            self.bucket(lower, upper, count);
        }
    }

    fn bucket(&mut self, lower: f64, upper: f64, count: u64) {
        let last = self.bounds.len() - 1;
        if lower > self.bounds[last] {
            self.add(last, count);
            return;
        }
        let mut pairs = self.bounds.windows(2);
        if let Some(at) = pairs.position(|pair| lower > pair[0] && upper <= pair[1]) {
            self.add(at, count);
            return;
        }
        match self.how {
            Distribution::Upper => {
                let at = self.bounds.iter().position(|bound| upper <= *bound);
                self.add(at.unwrap_or(last), count);
            }
            Distribution::Midpoint => {
                let middle = f64::midpoint(lower, upper);
                let at = self.bounds.iter().position(|bound| middle <= *bound);
                self.add(at.map_or(last, |at| at.saturating_sub(1)), count);
            }
            Distribution::Uniform => self.equally(lower, upper, count),
            Distribution::Random(_) => self.by_chance(lower, upper, count),
        }
    }

    /// The first and the last bound that a bucket touches.
    fn touched(&self, lower: f64, upper: f64) -> (usize, usize) {
        let last = self.bounds.len() - 1;
        let at_or_above = |value: f64| self.bounds.iter().position(|bound| value <= *bound);
        let start = at_or_above(lower).unwrap_or(last);
        (start, at_or_above(upper).unwrap_or(last).max(start))
    }

    fn equally(&mut self, lower: f64, upper: f64, count: u64) {
        let (start, end) = self.touched(lower, upper);
        let parts = (end - start + 1) as u64;
        for (number, at) in (start..=end).enumerate() {
            let more = u64::from((number as u64) < count % parts);
            self.add(at, count / parts + more);
        }
    }

    /// A share of what the overlap would give is drawn for each; what is left is spread equally, but for
    /// a last few that are drawn again.
    fn by_chance(&mut self, lower: f64, upper: f64, count: u64) {
        let (start, end) = self.touched(lower, upper);
        if end == start {
            self.add(start, count);
            return;
        }
        let mut left = count;
        for at in start..=end {
            let from = if at == 0 {
                lower
            } else {
                self.bounds[at - 1].max(lower)
            };
            let overlap = (self.bounds[at].min(upper) - from) / (upper - lower);
            let share = (count as f64 * overlap.clamp(0.0, 1.0)) as u64;
            let drawn = ((self.chance.fraction() * share as f64) as u64).min(left);
            self.add(at, drawn);
            left -= drawn;
        }
        let parts = (end - start + 1) as u64;
        for at in start..=end {
            self.add(at, left / parts);
        }
        for _ in 0..left % parts {
            let at = start + (self.chance.next() % parts) as usize;
            self.add(at, 1);
        }
    }

    fn add(&mut self, at: usize, count: u64) {
        self.counts[at] = self.counts[at].wrapping_add(count);
    }
}

/// Numbers that follow from a seed: SplitMix64.
struct Chance(u64);

impl Chance {
    fn new(seed: [u8; 16]) -> Self {
        Self((u128::from_le_bytes(seed) as u64) ^ (u128::from_le_bytes(seed) >> 64) as u64)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, without 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
