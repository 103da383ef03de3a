//! `append`, `clear` and `delete_index`.

use super::{Edit, Edited, Editor, Given, TARGET, TargetKind, editor, optional, required};
use crate::coerce::{Kind, datum, list};
use crate::converters::{Arguments, Refusal};
use crate::value::{Object, Origin};
use crate::{List, Time, Value};
use std::borrow::Cow;

pub(super) const TABLE: &[Editor] = &[
    editor(
        "append",
        &[
            TARGET,
            optional("value", Kind::Any),
            optional("values", Kind::AnyList),
        ],
        TargetKind::Any,
        append,
    ),
    editor("clear", &[TARGET], TargetKind::Any, |_| Ok(Box::new(clear))),
    editor(
        "delete_index",
        &[
            TARGET,
            required("start_index", Kind::Int),
            optional("end_index", Kind::Int),
        ],
        TargetKind::List,
        delete_index,
    ),
];

/// A target that holds no list becomes one, with what it held as its first item.
fn append(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let has_value = given.is_there[1];
    if !has_value && !given.is_there[2] {
        return Err(Refusal::new(0, "there is neither `value` nor `values`"));
    }
    Ok(Box::new(move |target, mut arguments| {
        let mut items = match target {
            Value::Nil => Vec::new(),
            Value::List(list) => list.into_items(),
            other => vec![other],
        };
        if has_value {
            items.push(arguments.value(1));
        }
        items.extend(arguments.items(2));
        let items: Result<Vec<_>, _> = items.into_iter().map(datum).collect();
        Ok(Some(Value::list(items?)))
    }))
}

/// What is as empty as a value of its kind can be.
fn clear<'a>(target: Value<'a>, _: Arguments<'a>) -> Edited<'a> {
    Ok(Some(match target {
        Value::Nil => Value::Nil,
        Value::Bool(_) => Value::Bool(false),
        Value::Int(_) => Value::Int(0),
        Value::Double(_) => Value::Double(0.0),
        Value::String(_) => Value::String(Cow::Borrowed(&[])),
        Value::Bytes(_) => Value::Bytes(Cow::Borrowed(&[])),
        Value::Time(_) => Value::Time(Time::default()),
        Value::Duration(_) => Value::Duration(crate::Duration::default()),
        Value::TraceId(_) => Value::TraceId([0; 16]),
        Value::SpanId(_) => Value::SpanId([0; 8]),
        Value::ProfileId(_) => Value::ProfileId([0; 16]),
        Value::List(list) => Value::List(List::new(Vec::new(), list.origin())),
        Value::Map(_) => Value::map(Vec::new()),
        Value::Object(object) => Value::Object(Object {
            identity: 0,
            length: Some(0),
            ..object
        }),
    }))
}

fn delete_index(given: &mut Given<'_>) -> Result<Edit, Refusal> {
    let has_end = given.is_there[2];
    Ok(Box::new(move |target, mut arguments| {
        let Value::List(found) = list(target)? else {
            return Ok(None);
        };
        let mut items = found.into_items();
        let length = items.len() as i64;
        let start = arguments.int(1);
        let end = if has_end {
            arguments.int(2)
        } else {
            start.saturating_add(1)
        };
        let is_all = start == 0 && end == length;
        if !is_all && !(0..length).contains(&start) {
            return Err(format!("there is no index {start} in a list of {length}").into());
        }
        if end < start || end > length {
            return Err(format!("there is no range {start} to {end} in a list of {length}").into());
        }
        items.drain(start as usize..end as usize);
        Ok(Some(Value::List(List::new(items, Origin::Data))))
    }))
}
