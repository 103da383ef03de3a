//! Converters that apply lambdas.

use super::{Evaluated, Scope};
use crate::coerce::{Kind, coerce, datum, list};
use crate::editors::Entries;
use crate::expression::{Call, Expression, Lambda, LambdaForm};
use crate::value::{List, Map, Origin};
use crate::{EvaluationError, Subject, Text, Value};

impl<P> Lambda<P> {
    fn apply<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        outer: Option<&Scope<'_, 'a>>,
        values: &[Value<'a>],
    ) -> Evaluated<Value<'a>> {
        let scope = Scope { values, outer };
        match self {
            Self::Value(expression) => expression.value(subject, Some(&scope)),
            Self::Logic(predicate) => predicate.holds(subject, Some(&scope)).map(Value::Bool),
        }
    }

    fn holds<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
        values: &[Value<'a>],
    ) -> Evaluated<bool> {
        match self.apply(subject, scope, values)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvaluationError::type_of(
                "a lambda that gives a bool",
                &other,
            )),
        }
    }

    /// A result that may be anything but nil.
    fn something<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
        values: &[Value<'a>],
    ) -> Evaluated<Value<'a>> {
        match self.apply(subject, scope, values)? {
            Value::Nil => Err(EvaluationError::type_of(
                "a lambda that gives a value",
                &Value::Nil,
            )),
            value => Ok(value),
        }
    }
}

/// What lambdas go through: positions and items of a list, or keys and values of a map.
enum Source<'a> {
    List(Vec<Value<'a>>),
    Map(Vec<(Text<'a>, Value<'a>)>),
}

impl<'a> Source<'a> {
    fn of(value: Value<'a>) -> Evaluated<Self> {
        match value {
            Value::Map(map) => Ok(Self::Map(map.into_entries())),
            value @ Value::List(_) => match list(value)? {
                Value::List(list) => Ok(Self::List(list.into_items())),
                other => Err(EvaluationError::type_of("list", &other)),
            },
            other => Err(EvaluationError::type_of("a list or a map", &other)),
        }
    }

    fn pairs(&self) -> Vec<[Value<'a>; 2]> {
        match self {
            Self::List(items) => {
                let numbered = items.iter().enumerate();
                numbered
                    .map(|(position, item)| [Value::Int(position as i64), item.clone()])
                    .collect()
            }
            Self::Map(entries) => {
                let entries = entries.iter();
                entries
                    .map(|(key, item)| [Value::String(key.clone()), item.clone()])
                    .collect()
            }
        }
    }

    /// A list or map like this one, of other values; those without one are left out.
    fn like(self, values: Vec<Option<Value<'a>>>) -> Value<'a> {
        match self {
            Self::List(_) => Value::list(values.into_iter().flatten().collect()),
            Self::Map(entries) => {
                let pairs = entries.into_iter().zip(values);
                Value::map(
                    pairs
                        .filter_map(|((key, _), value)| Some((key, value?)))
                        .collect(),
                )
            }
        }
    }
}

impl<P> Call<P> {
    pub(super) fn applied<'a, S: Subject<P>>(
        &'a self,
        subject: &'a S,
        scope: Option<&Scope<'_, 'a>>,
    ) -> Evaluated<Value<'a>> {
        match self {
            Self::Each {
                form,
                source,
                lambda,
                mapper,
                seed,
            } => {
                let value = source.value(subject, scope)?;
                match form {
                    LambdaForm::MapKeys => map_keys(value, lambda, subject, scope),
                    LambdaForm::Reduce => reduce(value, seed.as_ref(), lambda, subject, scope),
                    LambdaForm::Find => find(value, lambda, mapper.as_ref(), subject, scope),
                    form => each(value, *form, lambda, subject, scope),
                }
            }
            Self::When { condition, values } => {
                let chosen = if condition.holds(subject, scope, &[])? {
                    &values.0
                } else {
                    &values.1
                };
                chosen.value(subject, scope)
            }
            // Everything else needs no lambda, and `value` has dealt with it.
            _ => Ok(Value::Nil),
        }
    }
}

fn each<'a, P, S: Subject<P>>(
    value: Value<'a>,
    form: LambdaForm,
    lambda: &'a Lambda<P>,
    subject: &'a S,
    scope: Option<&Scope<'_, 'a>>,
) -> Evaluated<Value<'a>> {
    let source = Source::of(value)?;
    let mut kept = Vec::new();
    for pair in source.pairs() {
        match form {
            LambdaForm::MapEach => {
                let mapped = lambda.something(subject, scope, &pair)?;
                kept.push(Some(stored(mapped)?));
            }
            form => {
                let holds = lambda.holds(subject, scope, &pair)?;
                match form {
                    LambdaForm::Any if holds => return Ok(Value::Bool(true)),
                    LambdaForm::All if !holds => return Ok(Value::Bool(false)),
                    _ => {
                        let [_, item] = pair;
                        kept.push(holds.then_some(item));
                    }
                }
            }
        }
    }
    Ok(match form {
        LambdaForm::Any => Value::Bool(false),
        LambdaForm::All => Value::Bool(true),
        _ => source.like(kept),
    })
}

/// A lambda's result as an item of telemetry.
fn stored(value: Value<'_>) -> Evaluated<Value<'_>> {
    datum(value)
}

fn find<'a, P, S: Subject<P>>(
    value: Value<'a>,
    lambda: &'a Lambda<P>,
    mapper: Option<&'a Lambda<P>>,
    subject: &'a S,
    scope: Option<&Scope<'_, 'a>>,
) -> Evaluated<Value<'a>> {
    for pair in Source::of(value)?.pairs() {
        if lambda.holds(subject, scope, &pair)? {
            return match mapper {
                Some(mapper) => mapper.something(subject, scope, &pair).map(comparable),
                None => {
                    let [_, item] = pair;
                    Ok(item)
                }
            };
        }
    }
    Ok(Value::Nil)
}

/// A plain list as a list that can be equal to others.
fn comparable(value: Value<'_>) -> Value<'_> {
    match value {
        Value::List(list) if list.origin() == Origin::Plain => {
            Value::List(List::new(list.into_items(), Origin::Literal))
        }
        value => value,
    }
}

fn reduce<'a, P, S: Subject<P>>(
    value: Value<'a>,
    seed: Option<&'a Expression<P>>,
    lambda: &'a Lambda<P>,
    subject: &'a S,
    scope: Option<&Scope<'_, 'a>>,
) -> Evaluated<Value<'a>> {
    let source = Source::of(value)?;
    let mut accumulated = match seed {
        Some(seed) => seed.value(subject, scope)?,
        None => Value::Nil,
    };
    for [position, item] in source.pairs() {
        let values = [comparable(accumulated), position, item];
        accumulated = lambda.something(subject, scope, &values)?;
    }
    Ok(accumulated)
}

/// Of entries whose keys become equal, the first keeps its place and the last gives the value.
fn map_keys<'a, P, S: Subject<P>>(
    value: Value<'a>,
    lambda: &'a Lambda<P>,
    subject: &'a S,
    scope: Option<&Scope<'_, 'a>>,
) -> Evaluated<Value<'a>> {
    let Value::Map(map) = coerce(value, Kind::Map)? else {
        return Ok(Value::Nil);
    };
    let mut renamed = Entries::default();
    for (key, item) in Map::into_entries(map) {
        let new_key = match lambda.apply(subject, scope, &[Value::String(key), item.clone()])? {
            Value::String(key) => key,
            other => {
                return Err(EvaluationError::type_of(
                    "a lambda that gives a string",
                    &other,
                ));
            }
        };
        renamed.put(new_key, item);
    }
    Ok(renamed.into_map())
}
