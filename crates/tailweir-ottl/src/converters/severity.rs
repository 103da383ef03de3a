//! The level of a log, from what the source calls it.

use super::{Body, Converter, Failure, Literals, Refusal, converter, required};
use crate::coerce::{Kind, readable};
use crate::expression::Prepared;
use crate::value::Map;
use crate::{Text, Value};
use std::ops::RangeInclusive;

pub(super) const TABLE: &[Converter] = &[converter(
    "ParseSeverity",
    &[
        required("target", Kind::Any),
        required("mapping", Kind::Map),
    ],
    Body::Prepared(parse_severity),
)];

/// What makes a level: texts that are equal, or numbers in a range.
struct Criterion {
    equals: Vec<Text<'static>>,
    range: Option<RangeInclusive<i64>>,
}

struct Level {
    name: Text<'static>,
    criteria: Vec<Criterion>,
}

/// A mapping that is wrong, or not written in the condition, fails when it is used: the Collector starts
/// with it. Levels are tried in the order in which they are written.
fn parse_severity(literals: &Literals<'_>) -> Result<Prepared, Refusal> {
    let levels: Result<Vec<Level>, &'static str> = match literals.map(1) {
        Some(mapping) => mapping
            .entries()
            .iter()
            .map(|(name, criteria)| level(name, criteria))
            .collect(),
        None => Err("the mapping must be written out"),
    };
    Ok(Box::new(move |mut arguments| {
        let levels = levels.as_ref().map_err(|reason| Failure::from(*reason))?;
        let target = arguments.value(0);
        let matching = |criterion: &Criterion| match &target {
            Value::String(text) => criterion.equals.contains(text),
            Value::Int(number) => criterion
                .range
                .as_ref()
                .is_some_and(|range| range.contains(number)),
            _ => false,
        };
        if !matches!(target, Value::String(_) | Value::Int(_)) {
            return Err(format!("a {} is no level", target.kind()).into());
        }
        let found = levels
            .iter()
            .find(|level| level.criteria.iter().any(matching));
        match found {
            Some(level) => Ok(Value::String(level.name.clone())),
            None => Err("no level fits".into()),
        }
    }))
}

fn level(name: &Text<'_>, criteria: &Value<'_>) -> Result<Level, &'static str> {
    let Value::List(list) = criteria else {
        return Err("a level takes a list of criteria");
    };
    let criteria = list.items().iter().map(|item| match item {
        Value::Map(map) => criterion(map),
        _ => Err("a criterion is a map"),
    });
    Ok(Level {
        name: name.to_vec().into(),
        criteria: criteria.collect::<Result<_, _>>()?,
    })
}

fn criterion(map: &Map<'_>) -> Result<Criterion, &'static str> {
    let equals = match map.get(b"equals") {
        None => Vec::new(),
        Some(Value::List(list)) => {
            let texts = list.items().iter().map(|item| match item {
                Value::String(text) => Ok(Text::from(text.to_vec())),
                _ => Err("`equals` takes a list of text"),
            });
            texts.collect::<Result<_, _>>()?
        }
        Some(_) => return Err("`equals` takes a list of text"),
    };
    let range = match map.get(b"range") {
        None => None,
        Some(Value::String(class)) => Some(match readable(class).as_ref() {
            "2xx" => 200..=299,
            "3xx" => 300..=399,
            "4xx" => 400..=499,
            "5xx" => 500..=599,
            _ => return Err("a range in one word is 2xx, 3xx, 4xx or 5xx"),
        }),
        Some(Value::Map(bounds)) => match (bounds.get(b"min"), bounds.get(b"max")) {
            (Some(Value::Int(least)), Some(Value::Int(most))) => Some(*least..=*most),
            _ => return Err("a range takes ints as `min` and `max`"),
        },
        Some(_) => return Err("a range is a map or one word"),
    };
    Ok(Criterion { equals, range })
}
