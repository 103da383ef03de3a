//! Which values are equal, and which come before others.

use crate::syntax::Comparator;
use crate::value::{List, Map, Origin};
use crate::{Text, Value};
use std::cmp::Ordering;

/// Whether a comparison holds. Values that cannot be compared are just not equal. Bytes without a single
/// byte are nil in a comparison, as in the Collector.
pub(crate) fn compare(left: &Value<'_>, comparator: Comparator, right: &Value<'_>) -> bool {
    const NIL: &Value<'_> = &Value::Nil;
    match (left, right) {
        (Value::Bytes(a), Value::Bytes(b)) if a.is_empty() && b.is_empty() => {
            ordered(NIL, comparator, NIL)
        }
        (Value::Bytes(bytes), other) if bytes.is_empty() => ordered(NIL, comparator, other),
        (other, Value::Bytes(bytes)) if bytes.is_empty() => ordered(other, comparator, NIL),
        (left, right) => ordered(left, comparator, right),
    }
}

fn ordered(left: &Value<'_>, comparator: Comparator, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Nil, Value::Nil) => holds(comparator, Some(Ordering::Equal)),
        (Value::Bool(a), Value::Bool(b)) => bools(*a, comparator, *b),
        (Value::Int(a), Value::Int(b)) => holds(comparator, Some(a.cmp(b))),
        (Value::Int(a), Value::Double(b)) => holds(comparator, (*a as f64).partial_cmp(b)),
        (Value::Double(a), Value::Int(b)) => holds(comparator, a.partial_cmp(&(*b as f64))),
        (Value::Double(a), Value::Double(b)) => holds(comparator, a.partial_cmp(b)),
        (Value::String(a), Value::String(b)) | (Value::Bytes(a), Value::Bytes(b)) => {
            holds(comparator, Some(a.cmp(b)))
        }
        (Value::Time(a), Value::Time(b)) => holds(comparator, Some(a.cmp(b))),
        (Value::Duration(a), Value::Duration(b)) => holds(comparator, Some(a.cmp(b))),
        (Value::List(a), Value::List(b)) => equality(comparator, || lists_equal(a, b)),
        (Value::Map(a), Value::Map(b)) => equality(comparator, || maps_equal(a, b)),
        (Value::TraceId(a), Value::TraceId(b)) | (Value::ProfileId(a), Value::ProfileId(b)) => {
            equality(comparator, || a == b)
        }
        (Value::SpanId(a), Value::SpanId(b)) => equality(comparator, || a == b),
        (Value::Object(a), Value::Object(b)) => equality(comparator, || a == b),
        _ => comparator == Comparator::NotEqual,
    }
}

fn holds(comparator: Comparator, ordering: Option<Ordering>) -> bool {
    match comparator {
        Comparator::Equal => ordering == Some(Ordering::Equal),
        Comparator::NotEqual => ordering != Some(Ordering::Equal),
        Comparator::Less => ordering == Some(Ordering::Less),
        Comparator::LessOrEqual => ordering.is_some_and(Ordering::is_le),
        Comparator::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
        Comparator::Greater => ordering == Some(Ordering::Greater),
    }
}

/// False comes before true, except that the Collector has `<=` as "not left, or right" and `>=` as
/// "left, or not right", which is the same.
fn bools(left: bool, comparator: Comparator, right: bool) -> bool {
    holds(comparator, Some(left.cmp(&right)))
}

/// For values that have no order.
fn equality(comparator: Comparator, equal: impl FnOnce() -> bool) -> bool {
    match comparator {
        Comparator::Equal => equal(),
        Comparator::NotEqual => !equal(),
        _ => false,
    }
}

fn lists_equal(left: &List<'_>, right: &List<'_>) -> bool {
    match (left.origin(), right.origin()) {
        (Origin::Plain, _) | (_, Origin::Plain) => false,
        (a, b) => items_equal(left.items(), right.items(), a == b),
    }
}

fn items_equal(left: &[Value<'_>], right: &[Value<'_>], same_origin: bool) -> bool {
    let pairs = || left.iter().zip(right);
    left.len() == right.len() && pairs().all(|(a, b)| same(a, b, same_origin))
}

fn maps_equal(left: &Map<'_>, right: &Map<'_>) -> bool {
    let (a, b) = (left.entries(), right.entries());
    let found = |(key, value): &(Text<'_>, Value<'_>)| {
        right.get(key).is_some_and(|other| same(value, other, true))
    };
    a.len() == b.len() && a.iter().all(found)
}

/// Equality inside lists and maps: an int is no double there. A map of a list literal is no map of
/// telemetry, so between the two maps are never equal.
fn same(left: &Value<'_>, right: &Value<'_>, same_origin: bool) -> bool {
    match (left, right) {
        (Value::Int(_), Value::Double(_)) | (Value::Double(_), Value::Int(_)) => false,
        (Value::List(a), Value::List(b)) => items_equal(a.items(), b.items(), same_origin),
        (Value::Map(a), Value::Map(b)) => same_origin && maps_equal(a, b),
        _ => ordered(left, Comparator::Equal, right),
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::Value;
    use crate::syntax::Comparator::{self, Equal, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    use crate::value::{List, Origin};

    const ALL: [Comparator; 6] = [
        Equal,
        NotEqual,
        Less,
        LessOrEqual,
        GreaterOrEqual,
        Comparator::Greater,
    ];

    /// Scenario: values of kinds that have no common order are compared in every way.
    /// Guarantees: only "not equal" holds.
    #[test]
    fn different_kinds_are_just_not_equal() {
        let pairs = [
            (Value::Int(1), Value::text("1")),
            (Value::Nil, Value::Bool(false)),
            (Value::text("a"), Value::Bytes(b"a".as_slice().into())),
            (Value::SpanId([0; 8]), Value::TraceId([0; 16])),
        ];
        for (a, b) in &pairs {
            let held: Vec<_> = ALL.into_iter().filter(|by| compare(a, *by, b)).collect();
            assert_eq!(held, [NotEqual], "{a:?} {b:?}");
        }
    }

    /// Scenario: bytes of which there are none meet nil and other bytes.
    /// Guarantees: they are nil, and before nothing.
    #[test]
    fn no_bytes_are_nil() {
        let none = Value::Bytes(b"".as_slice().into());
        let some = Value::Bytes(b"\x01".as_slice().into());
        assert!(compare(&none, Equal, &Value::Nil) && compare(&none, LessOrEqual, &none));
        assert!(!compare(&none, Less, &some) && compare(&some, NotEqual, &none));
    }

    /// Scenario: an int and a double, alone and inside lists; not-a-number.
    /// Guarantees: they mix alone, not inside; not-a-number equals nothing.
    #[test]
    fn ints_and_doubles_mix_only_outside_lists() {
        assert!(compare(&Value::Int(1), Equal, &Value::Double(1.0)));
        let list = |value| Value::list(vec![value]);
        assert!(!compare(
            &list(Value::Int(1)),
            Equal,
            &list(Value::Double(1.0))
        ));
        let nan = Value::Double(f64::NAN);
        assert!(!compare(&nan, LessOrEqual, &nan) && compare(&nan, NotEqual, &nan));
    }

    /// Scenario: the same map in a list of telemetry and in a list literal; a plain list.
    /// Guarantees: maps are equal only within one origin, and a plain list equals nothing.
    #[test]
    fn origins_keep_maps_apart() {
        let map = || Value::map(vec![(b"a".as_slice().into(), Value::Int(1))]);
        let list = |origin| Value::List(List::new(vec![map()], origin));
        assert!(compare(&list(Origin::Data), Equal, &list(Origin::Data)));
        assert!(compare(
            &list(Origin::Literal),
            Equal,
            &list(Origin::Literal)
        ));
        assert!(!compare(&list(Origin::Literal), Equal, &list(Origin::Data)));
        assert!(!compare(&list(Origin::Plain), Equal, &list(Origin::Plain)));
    }
}
