//! Number points that are alike, as one.

use super::{Aggregation, Mixed};
use tailweir_otlp::{DataPoint, Number, NumberPoint, field};
use tailweir_ottl::integer_of;

/// The first point, with the value that all of them give and the earliest start.
pub(super) fn merged(group: Vec<Vec<u8>>, how: Aggregation, mixed: Mixed) -> Vec<u8> {
    let first = NumberPoint(&group[0]);
    let values = group.iter().map(|point| NumberPoint(point).value());
    let mut values: Vec<_> = values.collect();
    let mut kind = first.value();
    if mixed == Mixed::AsFloats {
        values.retain(|value| *value != Number::Empty);
        let mut floats = values
            .iter()
            .filter(|value| matches!(value, Number::Double(_)));
        kind = match floats.next().or(values.first()) {
            Some(kind) => *kind,
            None => Number::Empty,
        };
    }
    let new = match kind {
        // A point without a value stays as it is.
        Number::Empty => return group[0].clone(),
        Number::Double(_) => {
            let value = double(values.into_iter().map(as_double).collect(), how);
            field::NUMBER_DOUBLE.with_number(first.0, value.to_bits())
        }
        Number::Int(_) => field::NUMBER_INT.with_number(first.0, int(&values, how) as u64),
    };
    let starts = group
        .iter()
        .map(|point| DataPoint::Number(NumberPoint(point)).start());
    field::POINT_START.with_number(&new, starts.min().unwrap_or_default())
}

fn as_double(number: Number) -> f64 {
    match number {
        Number::Empty => 0.0,
        Number::Double(value) => value,
        Number::Int(value) => value as f64,
    }
}

fn as_int(number: Number) -> i64 {
    match number {
        Number::Empty => 0,
        Number::Double(value) => integer_of(value),
        Number::Int(value) => value,
    }
}

fn double(mut values: Vec<f64>, how: Aggregation) -> f64 {
    let count = values.len() as f64;
    let sum = || {
        values
            .iter()
            .skip(1)
            .fold(values[0], |sum, value| sum + value)
    };
    // Unlike Rust's, Go's minimum and maximum are not a number when one value is none.
    let extreme = |pick: fn(f64, f64) -> f64| {
        values.iter().skip(1).fold(values[0], |found, value| {
            if found.is_nan() || value.is_nan() {
                f64::NAN
            } else {
                pick(found, *value)
            }
        })
    };
    match how {
        Aggregation::First => values[0],
        Aggregation::Sum => sum(),
        Aggregation::Mean => sum() / count,
        Aggregation::Min => extreme(f64::min),
        Aggregation::Max => extreme(f64::max),
        Aggregation::Count if values.len() > 1 => count,
        Aggregation::Count => values[0],
        Aggregation::Median => {
            values.sort_by(f64::total_cmp);
            let middle = values.len() / 2;
            if values.len() % 2 == 1 {
                values[middle]
            } else {
                (values[middle - 1] + values[middle]) / 2.0
            }
        }
    }
}

fn int(numbers: &[Number], how: Aggregation) -> i64 {
    let count = numbers.len() as i64;
    let first = as_int(numbers[0]);
    // Floats among integers count as zero in sums, as in the Collector; see `Mixed`.
    let sum = || {
        numbers
            .iter()
            .skip(1)
            .fold(first, |sum, number| match number {
                Number::Int(value) => sum.wrapping_add(*value),
                Number::Empty | Number::Double(_) => sum,
            })
    };
    let values = || numbers.iter().map(|number| as_int(*number));
    match how {
        Aggregation::First => first,
        Aggregation::Sum => sum(),
        Aggregation::Mean => sum() / count,
        Aggregation::Min => values().min().unwrap_or(first),
        Aggregation::Max => values().max().unwrap_or(first),
        Aggregation::Count if count > 1 => count,
        Aggregation::Count => first,
        Aggregation::Median => {
            let mut sorted: Vec<i64> = values().collect();
            sorted.sort_unstable();
            let middle = sorted.len() / 2;
            if sorted.len() % 2 == 1 {
                sorted[middle]
            } else {
                sorted[middle - 1].wrapping_add(sorted[middle]) / 2
            }
        }
    }
}
