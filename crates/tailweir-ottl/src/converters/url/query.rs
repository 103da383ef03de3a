//! The parameters of a query.

use super::escape::{Mode, unescape};
use super::{Reason, cut};
use crate::{Text, Value};
use std::collections::HashMap;

/// The values of each parameter, in the order in which names came first.
pub(super) fn parameters(query: &[u8]) -> Result<Vec<(Text<'static>, Value<'static>)>, Reason> {
    let mut parameters: Vec<(Text<'static>, Vec<Value<'static>>)> = Vec::new();
    let mut places: HashMap<Text<'static>, usize> = HashMap::new();
    for part in query
        .split(|byte| *byte == b'&')
        .filter(|part| !part.is_empty())
    {
        if part.contains(&b';') {
            return Err("a query cannot hold a semicolon");
        }
        let (key, value) = cut(part, b'=');
        let key: Text<'static> = unescape(key, Mode::Query)?.into();
        let value = Value::String(unescape(value.unwrap_or_default(), Mode::Query)?.into());
        match places.get(&key).copied() {
            Some(place) => parameters[place].1.push(value),
            None => {
                places.insert(key.clone(), parameters.len());
                parameters.push((key, vec![value]));
            }
        }
    }
    let entries = parameters
        .into_iter()
        .map(|(key, values)| (key, Value::list(values)));
    Ok(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::parameters;
    use crate::Value;
    use proptest::prelude::{prop, proptest};

    proptest! {
        /// Scenario: queries with up to two hundred parameters of fewer names, empty ones and values among them.
        /// Guarantees: each name is there once, in the place where it came first, with all its values in order, as looking
        /// for it among all before gives them.
        #[test]
        fn values_are_gathered_by_name(pairs in prop::collection::vec(("[a-h]{0,2}", "[0-9]{0,2}"), 0..200)) {
            let mut expected: Vec<(String, Vec<String>)> = Vec::new();
            for (name, value) in &pairs {
                match expected.iter_mut().find(|(taken, _)| taken == name) {
                    Some((_, values)) => values.push(value.clone()),
                    None => expected.push((name.clone(), vec![value.clone()])),
                }
            }
            let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let found = parameters(query.join("&").as_bytes()).expect("a query");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let found: Vec<(String, Vec<String>)> = found
                .iter()
                .map(|(name, values)| match values {
                    Value::List(list) => (text(name), list.items().iter().map(Value::to_text).collect()),
                    other => unreachable!("{other:?} is no list"),
                })
                .collect();
            assert_eq!(found, expected);
        }
    }
}
