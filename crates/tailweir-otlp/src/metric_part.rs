//! A metric with some of its data points.

use crate::splice::Positions;
use crate::view::{MetricData, MetricView};
use crate::wire::put_bytes;

const POINTS: u32 = 1;

/// Appends to `out` the content of a metric with those of its data points for which `keeps` holds; it is
/// asked by their number, from 0. Points keep their bytes and their order; everything else of the metric
/// stays as it is.
///
/// ```
/// use tailweir_otlp::{MetricView, write_metric_part};
///
/// // name: "x", gauge: two points, one with flags 1, one with flags 2
/// let metric = b"\x0a\x01x\x2a\x08\x0a\x02\x40\x01\x0a\x02\x40\x02";
/// let mut part = Vec::new();
/// write_metric_part(MetricView(metric), |number| number == 1, &mut part);
/// assert_eq!(part, b"\x0a\x01x\x2a\x04\x0a\x02\x40\x02");
/// ```
pub fn write_metric_part(metric: MetricView<'_>, keeps: impl Fn(usize) -> bool, out: &mut Vec<u8>) {
    let data = Positions::new(metric.0).filter_map(|(field, _)| {
        MetricData::new(field.number, field.content?)?;
        Some(field.start)
    });
    // Of several kinds of data only the last counts.
    let last = data.last();
    for (field, end) in Positions::new(metric.0) {
        match field.content {
            Some(content) if Some(field.start) == last => {
                let points = kept_points(content, &keeps);
                put_bytes(out, field.number, &points);
            }
            _ => out.extend_from_slice(&metric.0[field.start..end]),
        }
    }
}

fn kept_points(data: &[u8], keeps: &impl Fn(usize) -> bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = 0;
    for (field, end) in Positions::new(data) {
        let is_point = field.number == POINTS && field.content.is_some();
        if !is_point || keeps(number) {
            out.extend_from_slice(&data[field.start..end]);
        }
        number += usize::from(is_point);
    }
    out
}
