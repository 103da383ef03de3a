//! Values of the configuration as values of telemetry.

use tailweir_config::Literal;
use tailweir_otlp::{AnyValue, EncodedValue};

/// The value that is written for a literal.
#[must_use]
pub fn encode(literal: &Literal) -> EncodedValue {
    match literal {
        Literal::Null => EncodedValue::empty(),
        Literal::Flag(value) => EncodedValue::bool(*value),
        Literal::Integer(value) => EncodedValue::int(*value),
        Literal::Number(value) => EncodedValue::double(*value),
        Literal::Text(text) => EncodedValue::string(text.as_bytes()),
        Literal::List(elements) => {
            EncodedValue::array(&elements.iter().map(encode).collect::<Vec<_>>())
        }
        Literal::Map(entries) => EncodedValue::map(
            entries
                .iter()
                .map(|(key, value)| (key.as_bytes(), encode(value))),
        ),
    }
}

/// Whether a value of telemetry is that of a literal: of the same type, and equal. The order of maps is
/// nothing.
pub(crate) fn is_equal(value: AnyValue<'_>, literal: &Literal) -> bool {
    match (value, literal) {
        (AnyValue::Empty, Literal::Null) => true,
        (AnyValue::Bool(value), Literal::Flag(expected)) => value == *expected,
        (AnyValue::Int(value), Literal::Integer(expected)) => value == *expected,
        (AnyValue::Double(value), Literal::Number(expected)) => value == *expected,
        (AnyValue::String(text), Literal::Text(expected)) => text == expected.as_bytes(),
        (AnyValue::Array(list), Literal::List(expected)) => {
            list.count() == expected.len()
                && list
                    .iter()
                    .zip(expected)
                    .all(|(value, expected)| is_equal(value, expected))
        }
        (AnyValue::Map(map), Literal::Map(expected)) => {
            let has = |key: &str, expected: &Literal| {
                map.get(key.as_bytes())
                    .is_some_and(|value| is_equal(value, expected))
            };
            map.count() == expected.len() && expected.iter().all(|(key, value)| has(key, value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{encode, is_equal};
    use tailweir_config::Literal;

    /// Scenario: literals of each type are written and compared with each other.
    /// Guarantees: each equals itself and no other; a number and an integer differ.
    #[test]
    fn a_literal_equals_what_is_written_for_it() {
        let entry = |key: &str, value| (key.to_owned(), value);
        let literals = [
            Literal::Null,
            Literal::Flag(true),
            Literal::Integer(1),
            Literal::Number(1.0),
            Literal::Text("1".to_owned()),
            Literal::List(vec![Literal::Integer(1)]),
            Literal::List(vec![Literal::Integer(1), Literal::Null]),
            Literal::Map(vec![entry("a", Literal::Null)]),
            Literal::Map(vec![
                entry("a", Literal::Null),
                entry("b", Literal::Integer(1)),
            ]),
        ];
        for (at, written) in literals.iter().enumerate() {
            for (other, expected) in literals.iter().enumerate() {
                assert_eq!(
                    is_equal(encode(written).view(), expected),
                    at == other,
                    "{at} {other}"
                );
            }
        }
    }
}
