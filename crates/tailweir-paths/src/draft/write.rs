//! Writing one field of a message. Each function gives the message anew, or nothing when it would be the
//! same.

use super::encode::{encode_value, is_same};
use crate::attributes::plain;
use std::borrow::Cow;
use std::collections::HashMap;
use tailweir_otlp::field::WritableField;
use tailweir_otlp::{AnyValue, AttributeList, EncodedValue, KeyLengths, NewEntry};
use tailweir_ottl::{EvaluationError, Key, Object, Text, Value};

/// A message anew, or nothing when it stays as it is.
pub(super) type Written = Result<Option<Vec<u8>>, EvaluationError>;

/// A list that an index makes may have so many items.
const LENGTH_MAX: i64 = 1 << 16;

/// With so many attributes and more, old ones are found by hash.
const HASHED_FROM: usize = 32;

pub(super) fn mismatch(expected: &'static str, value: &Value<'_>) -> EvaluationError {
    EvaluationError::Type {
        expected,
        found: value.kind(),
    }
}

pub(super) fn number(field: WritableField, message: &[u8], held: u64, new: u64) -> Written {
    Ok((held != new).then(|| field.with_number(message, new)))
}

pub(super) fn bytes(field: WritableField, message: &[u8], held: &[u8], new: &[u8]) -> Written {
    Ok((held != new).then(|| field.with_bytes(message, new)))
}

pub(super) fn text(
    field: WritableField,
    message: &[u8],
    held: &[u8],
    value: &Value<'_>,
) -> Written {
    match value {
        Value::String(new) => bytes(field, message, held, new),
        other => Err(mismatch("string", other)),
    }
}

/// The whole number that a value is.
pub(super) fn int(value: &Value<'_>) -> Result<i64, EvaluationError> {
    match value {
        Value::Int(value) => Ok(*value),
        other => Err(mismatch("int", other)),
    }
}

/// The nanoseconds of a moment.
pub(super) fn moment(value: &Value<'_>) -> Result<u64, EvaluationError> {
    match value {
        Value::Time(time) => Ok(time.unix_units(1) as u64),
        other => Err(mismatch("time", other)),
    }
}

/// An enumeration or signed number as protobuf writes it: 32 bits, its sign carried on.
pub(super) fn enumerated(value: i64) -> u64 {
    i64::from(value as i32) as u64
}

/// An unsigned number of 32 bits.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::from(value as u32)
}

/// An id from hexadecimal digits.
pub(super) fn id<const N: usize>(value: &Value<'_>) -> Result<[u8; N], EvaluationError> {
    let Value::String(digits) = value else {
        return Err(mismatch("string", value));
    };
    let mut id = [0; N];
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = digits.chunks_exact(2).zip(&mut id);
    let read = pairs.map(|(pair, byte)| {
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        Some(())
    });
    match digits.len() == 2 * N && read.collect::<Option<()>>().is_some() {
        true => Ok(id),
        false => Err(EvaluationError::Unavailable(
            "an id takes as many hexadecimal digits as it has halves of bytes",
        )),
    }
}

/// Lets `write` change the message in a field.
pub(super) fn nested(
    field: WritableField,
    message: &[u8],
    write: impl FnOnce(&[u8]) -> Written,
) -> Written {
    let inner = write(&field.nested(message))?;
    Ok(inner.map(|inner| field.with_bytes(message, &inner)))
}

/// A list of parts of telemetry can be set to itself, which changes nothing, and emptied.
pub(super) fn list(
    field: WritableField,
    message: &[u8],
    kind: &'static str,
    value: &Value<'_>,
) -> Written {
    match value {
        Value::Object(object) if object.kind == kind => Ok(is_emptied(object)
            .then(|| field.without(message))
            .filter(|emptied| emptied.len() < message.len())),
        other => Err(mismatch(kind, other)),
    }
}

/// Whether an object is what `clear` makes of one.
pub(super) fn is_emptied(object: &Object) -> bool {
    object.identity == 0
}

/// Attributes: all of them, or what the keys lead to.
pub(super) fn attributes(
    field: WritableField,
    message: &[u8],
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    match keys {
        [] => match value {
            Value::Map(map) => Ok(field.edit_attributes(message, KeyLengths::ALL, |list| {
                rebuild(list, map.entries());
            })),
            // What is no map is passed over, as in the Collector.
            _ => Ok(None),
        },
        [first, rest @ ..] => set_attribute(field, message, first.name()?, rest, value),
    }
}

/// One attribute, or what more keys lead to within it.
fn set_attribute(
    field: WritableField,
    message: &[u8],
    name: &[u8],
    rest: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let new = if rest.is_empty() {
        // What cannot be held leaves what is there, or nothing.
        encode_value(&value).filter(|_| !matches!(value, Value::Nil))
    } else {
        let held = field.attribute(message, name).map_or(Value::Nil, plain);
        encode_value(&set_within(held, rest, value)?)
    };
    Ok(match new {
        Some(new) => field.with_attribute(message, name, &new),
        None if field.attribute(message, name).is_some() => None,
        None => field.with_attribute(message, name, &EncodedValue::empty()),
    })
}

/// Takes these entries. Those that are as before keep their bytes.
fn rebuild(list: &mut AttributeList<'_>, entries: &[(Text<'_>, Value<'_>)]) {
    let old: Vec<_> = list.iter().collect();
    let mut positions: HashMap<&[u8], usize> = HashMap::new();
    if old.len() >= HASHED_FROM {
        for (position, entry) in old.iter().enumerate().rev() {
            positions.insert(entry.key, position);
        }
    }
    let mut is_kept = vec![false; old.len()];
    let mut expected = 0;
    let mut new = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let is_it = |position: usize| {
            old.get(position)
                .is_some_and(|entry| entry.key == key.as_ref())
        };
        let position = if is_it(expected) {
            Some(expected)
        } else if positions.is_empty() {
            (0..old.len()).find(|position| is_it(*position))
        } else {
            positions.get(key.as_ref()).copied()
        };
        let kept = position.filter(|at| !is_kept[*at] && is_same(old[*at].value, value));
        if let Some(position) = position {
            expected = position + 1;
        }
        match kept {
            Some(position) => {
                is_kept[position] = true;
                new.push(NewEntry::Kept(position));
            }
            None => {
                let value = encode_value(value).unwrap_or_else(EncodedValue::empty);
                new.push(NewEntry::Put(key, value));
            }
        }
    }
    drop(old);
    drop(positions);
    list.rebuild(new);
}

/// A value with what the keys lead to set in it. Maps and lists that are missing on the way are made.
pub(super) fn set_within<'a>(
    held: Value<'a>,
    keys: &[Key<'_>],
    value: Value<'a>,
) -> Result<Value<'a>, EvaluationError> {
    let Some((first, rest)) = keys.split_first() else {
        let is_settable = encode_value(&value).is_some() && !matches!(value, Value::Nil);
        return Ok(if is_settable { value } else { held });
    };
    match held {
        Value::Map(map) => {
            let name = first.name()?;
            let mut entries = map.into_entries();
            match entries.iter().position(|(key, _)| key.as_ref() == name) {
                Some(position) => {
                    let inner = std::mem::replace(&mut entries[position].1, Value::Nil);
                    entries[position].1 = set_within(inner, rest, value)?;
                }
                None => {
                    let inner = set_within(Value::Nil, rest, value)?;
                    entries.push((Cow::Owned(name.to_vec()), inner));
                }
            }
            Ok(Value::map(entries))
        }
        Value::List(list) => {
            let mut items = list.into_items();
            let position = first.index(items.len())?;
            let inner = std::mem::replace(&mut items[position], Value::Nil);
            items[position] = set_within(inner, rest, value)?;
            Ok(Value::list(items))
        }
        Value::Nil => match first {
            Key::Index(index) if (0..LENGTH_MAX).contains(index) => {
                let mut items = vec![Value::Nil; *index as usize];
                items.push(set_within(Value::Nil, rest, value)?);
                Ok(Value::list(items))
            }
            Key::Index(index) => Err(EvaluationError::Index {
                index: *index,
                length: 0,
            }),
            key => {
                let name = Cow::Owned(key.name()?.to_vec());
                Ok(Value::map(vec![(
                    name,
                    set_within(Value::Nil, rest, value)?,
                )]))
            }
        },
        other => Err(mismatch("a map or list to index", &other)),
    }
}

/// A value in a message of its own, all of it or what the keys lead to.
pub(super) fn value(
    field: WritableField,
    message: &[u8],
    held: AnyValue<'_>,
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let new = if keys.is_empty() {
        value
    } else {
        match held {
            AnyValue::Map(_) | AnyValue::Array(_) => set_within(plain(held), keys, value)?,
            other => return Err(mismatch("a map or list to index", &plain(other))),
        }
    };
    if matches!(new, Value::Nil) || is_same(held, &new) {
        return Ok(None);
    }
    Ok(encode_value(&new).map(|new| field.with_bytes(message, new.message())))
}
