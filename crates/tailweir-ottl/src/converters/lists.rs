//! Lists and maps: what they hold, in which order, and what they become.

use super::last_of_each::last_of_each;
use super::{
    Arguments, Body, Converter, Failure, Literals, Outcome, Refusal, converter, optional, required,
};
use crate::coerce::{self, Kind};
use crate::compare::compare;
use crate::expression::Prepared;
use crate::json;
use crate::syntax::Comparator;
use crate::value::{List, Origin};
use crate::{Text, Value};
use std::cmp::Ordering;

pub(super) const TABLE: &[Converter] = &[
    converter(
        "ContainsValue",
        &[required("target", Kind::List), required("item", Kind::Any)],
        Body::Plain(contains_value),
    ),
    converter(
        "Index",
        &[required("target", Kind::Any), required("value", Kind::Any)],
        Body::Plain(index),
    ),
    converter("Keys", &[required("target", Kind::Map)], Body::Plain(keys)),
    converter(
        "SliceToMap",
        &[
            required("target", Kind::List),
            optional("key_path", Kind::LiteralStrings),
            optional("value_path", Kind::LiteralStrings),
        ],
        Body::Prepared(slice_to_map),
    ),
    converter(
        "Sort",
        &[
            required("target", Kind::Any),
            optional("order", Kind::LiteralString),
        ],
        Body::Prepared(sort),
    ),
    converter(
        "Values",
        &[required("target", Kind::Map)],
        Body::Plain(values),
    ),
];

fn contains_value(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (items, wanted) = (arguments.items(0), arguments.value(1));
    Ok(Value::Bool(
        items
            .iter()
            .any(|item| compare(item, Comparator::Equal, &wanted)),
    ))
}

/// Where text stands in text, in bytes, or a value in a list; -1 when it does not.
fn index(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let (target, wanted) = (arguments.value(0), arguments.value(1));
    let found = match (target, wanted) {
        (Value::String(text), Value::String(part)) => position(&text, &part),
        (Value::String(_), _) => return Err("text can only be looked for in text".into()),
        (target, wanted) => {
            let Value::List(list) = coerce::list(target)? else {
                return Ok(Value::Int(-1));
            };
            list.items()
                .iter()
                .position(|item| compare(item, Comparator::Equal, &wanted))
        }
    };
    Ok(Value::Int(found.map_or(-1, |position| position as i64)))
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window == part)
}

fn keys(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let entries = arguments.entries(0).into_iter();
    Ok(Value::list(
        entries.map(|(key, _)| Value::String(key)).collect(),
    ))
}

fn values(mut arguments: Arguments<'_>) -> Outcome<'_> {
    let entries = arguments.entries(0).into_iter();
    Ok(Value::list(entries.map(|(_, value)| value).collect()))
}

fn slice_to_map(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let (key_path, value_path) = (literals.texts(1), literals.texts(2));
    Ok(Box::new(move |mut arguments| {
        let mut entries: Vec<(Text<'_>, Value<'_>)> = Vec::new();
        for (number, item) in arguments.items(0).into_iter().enumerate() {
            let key = match &key_path {
                Some(path) => match at_path(&item, path)? {
                    Value::String(key) => key,
                    other => {
                        return Err(
                            format!("a key must be a string, not a {}", other.kind()).into()
                        );
                    }
                },
                None => number.to_string().into_bytes().into(),
            };
            let value = match &value_path {
                Some(path) => at_path(&item, path)?,
                None => item,
            };
            entries.push((key, value));
        }
        Ok(Value::map(last_of_each(entries)))
    }))
}

fn at_path<'a>(item: &Value<'a>, path: &[String]) -> Result<Value<'a>, Failure> {
    let mut value = item;
    if path.is_empty() {
        return Err("a path takes at least one key".into());
    }
    for key in path {
        let Value::Map(map) = value else {
            return Err(
                format!("a path leads through maps, not through a {}", value.kind()).into(),
            );
        };
        value = map
            .get(key.as_bytes())
            .ok_or_else(|| format!("an item lacks the path {path:?}"))?;
    }
    Ok(value.clone())
}

fn sort(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let descending = match literals.text(1) {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            return Err(Refusal::new(
                1,
                format!("the order is \"asc\" or \"desc\", not {other:?}"),
            ));
        }
    };
    Ok(Box::new(move |mut arguments| match arguments.value(0) {
        Value::List(list) => sorted(list, descending),
        other => Err(format!("a {} cannot be sorted", other.kind()).into()),
    }))
}

/// Sorted by number when all are numbers, by text when text, bools or nils are among them. A list with
/// lists, maps or bytes stays as it is.
fn sorted(list: List<'_>, descending: bool) -> Outcome<'_> {
    let plain = list.origin() == Origin::Plain;
    let Value::List(list) = coerce::list(Value::List(list))? else {
        return Ok(Value::Nil);
    };
    let items = list.items();
    let sortable =
        |item: &Value<'_>| !matches!(item, Value::List(_) | Value::Map(_) | Value::Bytes(_));
    if items.is_empty() || !items.iter().all(sortable) {
        return Ok(Value::List(list));
    }
    let numbers = items
        .iter()
        .all(|item| matches!(item, Value::Int(_) | Value::Double(_)));
    let ints = items.iter().all(|item| matches!(item, Value::Int(_)));
    let mut items = list.into_items();
    if ints {
        items.sort_by_key(|item| {
            if let Value::Int(value) = item {
                *value
            } else {
                0
            }
        });
    } else if numbers {
        items.sort_by(|a, b| compare_doubles(double(a), double(b)));
    } else {
        items.sort_by_cached_key(json::as_text);
    }
    if descending {
        items.reverse();
    }
    let origin = if plain {
        Origin::Plain
    } else {
        Origin::Literal
    };
    Ok(Value::List(List::new(items, origin)))
}

fn double(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Double(value) => *value,
        _ => 0.0,
    }
}

/// Not-a-number comes before all numbers.
fn compare_doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}
