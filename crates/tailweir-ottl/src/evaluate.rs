//! Walks a compiled condition for one subject.

mod lambda;

use crate::coerce::{coerce, datum};
use crate::compare::compare;
use crate::converters::{Arguments, Failure};
use crate::expression::{Call, Expression, Keys, Local, Predicate, Supplied};
use crate::syntax::Arithmetic;
use crate::value::{List, Origin};
use crate::{Duration, EvaluationError, Key, Subject, Time, Value, outside};
use smallvec::SmallVec;

type Evaluated<T> = Result<T, EvaluationError>;

/// The parameters of the lambdas around an expression, innermost first.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'f, 'a> {
    values: &'f [Value<'a>],
    outer: Option<&'f Scope<'f, 'a>>,
}

impl<P> Predicate<P> {
    pub(crate) fn holds<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
    ) -> Evaluated<bool> {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::Comparison(left, comparator, right) => {
                let left = left.value(subject, scope)?;
                Ok(compare(&left, *comparator, &right.value(subject, scope)?))
            }
            Self::Truth(expression) => match expression.value(subject, scope)? {
                Value::Bool(value) => Ok(value),
                other => Err(EvaluationError::type_of("bool", &other)),
            },
            Self::Not(inner) => inner.holds(subject, scope).map(|value| !value),
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(subject, scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(subject, scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

impl<P> Expression<P> {
    pub(crate) fn value<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
    ) -> Evaluated<Value<'a>> {
        match self {
            Self::Constant(value) | Self::Folded(value) => Ok(value.borrowed()),
            Self::Path(path, Keys::Fixed(keys)) => subject.value(path, keys),
            Self::Path(path, Keys::Computed(keys)) => {
                let keys: SmallVec<[Key<'a>; 4]> = keys
                    .iter()
                    .map(|key| Key::of(key.value(subject, scope)))
                    .collect();
                subject.value(path, &keys)
            }
            Self::Local(local, keys) => keys.index(local_value(*local, scope), subject, scope),
            Self::Call(call, keys) => keys.index(call.value(subject, scope)?, subject, scope),
            Self::List(items) => {
                let items: Evaluated<Vec<_>> = items
                    .iter()
                    .map(|item| item.value(subject, scope))
                    .collect();
                Ok(Value::List(List::new(items?, Origin::Literal)))
            }
            Self::Map(entries) => {
                let entry = |(key, item): &'a (_, Self)| {
                    let value = entry_value(item.value(subject, scope)?)?;
                    Ok((
                        std::borrow::Cow::Borrowed(AsRef::<[u8]>::as_ref(key)),
                        value,
                    ))
                };
                let entries: Evaluated<Vec<_>> = entries.iter().map(entry).collect();
                Ok(Value::map(entries?))
            }
            Self::Arithmetic(parts) => {
                let (left, operation, right) = &**parts;
                let left = left.value(subject, scope)?;
                arithmetic(left, *operation, right.value(subject, scope)?)
            }
            Self::Negation(inner) => match inner.value(subject, scope)? {
                Value::Int(value) => Ok(Value::Int(value.wrapping_neg())),
                Value::Double(value) => Ok(Value::Double(-value)),
                other => Err(EvaluationError::type_of("a number to negate", &other)),
            },
        }
    }
}

/// A value as an entry of a map literal. A list becomes one of telemetry, but may keep maps of its own.
pub(crate) fn entry_value(value: Value<'_>) -> Evaluated<Value<'_>> {
    match value {
        Value::List(list) if list.origin() == Origin::Literal => {
            let items: Evaluated<Vec<_>> = list.into_items().into_iter().map(datum).collect();
            Ok(Value::list(items?))
        }
        Value::List(list) if list.origin() == Origin::Plain => Err(EvaluationError::type_of(
            "a value that telemetry can hold",
            &Value::List(list),
        )),
        value => datum(value),
    }
}

impl<P> Keys<P> {
    /// The value behind the keys. Unlike with paths, a key that is not there is an error.
    fn index<'a, S: Subject<P>>(
        &'a self,
        mut value: Value<'a>,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
    ) -> Evaluated<Value<'a>> {
        match self {
            Self::Fixed(keys) => {
                for key in keys {
                    value = step(value, &key.borrowed())?;
                }
            }
            Self::Computed(keys) => {
                for key in keys {
                    value = step(value, &Key::of(key.value(subject, scope)))?;
                }
            }
        }
        Ok(value)
    }
}

fn step<'a>(value: Value<'a>, key: &Key<'_>) -> Evaluated<Value<'a>> {
    match value {
        Value::Map(map) => {
            let name = key.name()?;
            let found = map.get(name).cloned();
            found.ok_or(EvaluationError::Key)
        }
        Value::List(list) => {
            let position = key.index(list.items().len())?;
            Ok(list.items()[position].clone())
        }
        Value::Bytes(bytes) => key
            .index(bytes.len())
            .map(|position| Value::Int(i64::from(bytes[position]))),
        other => Err(EvaluationError::type_of("a map or list to index", &other)),
    }
}

fn local_value<'a>(local: Local, mut scope: Option<&Scope<'_, 'a>>) -> Value<'a> {
    for _ in 0..local.levels {
        scope = scope.and_then(|scope| scope.outer);
    }
    let value = scope.and_then(|scope| scope.values.get(local.parameter));
    debug_assert!(
        value.is_some(),
        "the compiler numbers parameters of open lambdas only"
    );
    value.cloned().unwrap_or(Value::Nil)
}

impl<P> Supplied<P> {
    pub(crate) fn value<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
    ) -> Evaluated<Value<'a>> {
        coerce(self.expression.value(subject, scope)?, self.kind)
    }
}

impl<P> Call<P> {
    pub(crate) fn value<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
    ) -> Evaluated<Value<'a>> {
        let gather = |arguments: &'a [Supplied<P>]| -> Evaluated<Arguments<'a>> {
            arguments
                .iter()
                .map(|argument| argument.value(subject, scope))
                .collect()
        };
        match self {
            Self::Plain {
                name,
                function,
                arguments,
            } => function(gather(arguments)?).map_err(|failure| named(name, failure)),
            Self::Prepared {
                name,
                function,
                arguments,
            } => function(gather(arguments)?).map_err(|failure| named(name, failure)),
            Self::Coalesce(values) => {
                for value in values {
                    match value.value(subject, scope)? {
                        Value::Nil => {}
                        value => return Ok(value),
                    }
                }
                Ok(Value::Nil)
            }
            Self::Outside(what, surroundings) => Ok(outside::value(*what, surroundings.as_ref())),
            Self::Each { .. } | Self::When { .. } => self.applied(subject, scope),
        }
    }
}

pub(crate) fn named(converter: &'static str, failure: Failure) -> EvaluationError {
    match failure {
        Failure::Reason(reason) => EvaluationError::Converter { converter, reason },
        Failure::Error(error) => error,
    }
}

fn arithmetic<'a>(
    left: Value<'a>,
    operation: Arithmetic,
    right: Value<'a>,
) -> Evaluated<Value<'a>> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => ints(a, operation, b).map(Value::Int),
        (Value::Int(a), Value::Double(b)) => doubles(a as f64, operation, b),
        (Value::Double(a), Value::Int(b)) => doubles(a, operation, b as f64),
        (Value::Double(a), Value::Double(b)) => doubles(a, operation, b),
        (Value::Time(a), Value::Duration(b)) if operation == Arithmetic::Add => {
            Ok(Value::Time(a.plus(b)))
        }
        (Value::Duration(a), Value::Time(b)) if operation == Arithmetic::Add => {
            Ok(Value::Time(b.plus(a)))
        }
        (Value::Time(a), Value::Duration(b)) if operation == Arithmetic::Subtract => Ok(
            Value::Time(a.plus(Duration::from_nanoseconds(b.nanoseconds().saturating_neg()))),
        ),
        (Value::Time(a), Value::Time(b)) if operation == Arithmetic::Subtract => {
            Ok(Value::Duration(Time::since(a, b)))
        }
        (Value::Duration(a), Value::Duration(b)) => durations(a, operation, b),
        (Value::Int(_) | Value::Double(_), other) => {
            Err(EvaluationError::type_of("a number", &other))
        }
        (Value::Time(_), other) => Err(EvaluationError::type_of(
            "a duration to add, or a time to subtract",
            &other,
        )),
        (Value::Duration(_), other) => Err(EvaluationError::type_of(
            "a duration to add or subtract",
            &other,
        )),
        (other, _) => Err(EvaluationError::type_of(
            "a number, a time or a duration",
            &other,
        )),
    }
}

/// Wraps on overflow, as Go does.
fn ints(left: i64, operation: Arithmetic, right: i64) -> Evaluated<i64> {
    Ok(match operation {
        Arithmetic::Add => left.wrapping_add(right),
        Arithmetic::Subtract => left.wrapping_sub(right),
        Arithmetic::Multiply => left.wrapping_mul(right),
        Arithmetic::Divide if right == 0 => return Err(EvaluationError::Division),
        Arithmetic::Divide => left.wrapping_div(right),
    })
}

fn doubles<'a>(left: f64, operation: Arithmetic, right: f64) -> Evaluated<Value<'a>> {
    Ok(Value::Double(match operation {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide if right == 0.0 => return Err(EvaluationError::Division),
        Arithmetic::Divide => left / right,
    }))
}

fn durations<'a>(left: Duration, operation: Arithmetic, right: Duration) -> Evaluated<Value<'a>> {
    let (a, b) = (left.nanoseconds(), right.nanoseconds());
    let result = match operation {
        Arithmetic::Add => a.wrapping_add(b),
        Arithmetic::Subtract => a.wrapping_sub(b),
        Arithmetic::Multiply | Arithmetic::Divide => {
            return Err(EvaluationError::type_of("a number", &Value::Duration(left)));
        }
    };
    Ok(Value::Duration(Duration::from_nanoseconds(result)))
}
