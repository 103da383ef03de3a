//! A compiled condition: what the compiler makes and the evaluator walks.

use crate::coerce::Kind;
use crate::converters::{Arguments, Outcome};
use crate::syntax::{Arithmetic, Comparator};
use crate::{Key, Surroundings, Text, Value};
use std::sync::Arc;

/// Something that is true or false.
#[derive(Debug)]
pub(crate) enum Predicate<P> {
    Constant(bool),
    Comparison(Expression<P>, Comparator, Expression<P>),
    Truth(Expression<P>),
    Not(Box<Predicate<P>>),
    All(Box<[Predicate<P>]>),
    Any(Box<[Predicate<P>]>),
}

/// Something that has a value.
#[derive(Debug)]
pub(crate) enum Expression<P> {
    /// Written in the condition.
    Constant(Value<'static>),
    /// The same for every subject, so computed when the condition was compiled.
    Folded(Value<'static>),
    Path(P, Keys<P>),
    Local(Local, Keys<P>),
    Call(Box<Call<P>>, Keys<P>),
    List(Box<[Supplied<P>]>),
    Map(Box<[(Text<'static>, Expression<P>)]>),
    Arithmetic(Box<(Expression<P>, Arithmetic, Expression<P>)>),
    Negation(Box<Expression<P>>),
}

impl<P> Expression<P> {
    /// Its value, when that was written in the condition.
    pub(crate) fn literal(&self) -> Option<&Value<'static>> {
        match self {
            Self::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it is the same for every subject.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self, Self::Constant(_) | Self::Folded(_))
    }
}

/// A lambda's parameter: how many lambdas out from here, and which of its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local {
    pub(crate) levels: usize,
    pub(crate) parameter: usize,
}

/// The keys behind a path or a call.
#[derive(Debug)]
pub(crate) enum Keys<P> {
    Fixed(Box<[Key<'static>]>),
    Computed(Box<[Expression<P>]>),
}

impl<P> Keys<P> {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Fixed(keys) if keys.is_empty())
    }
}

/// An expression and the kind that is made of its value.
#[derive(Debug)]
pub(crate) struct Supplied<P> {
    pub(crate) expression: Expression<P>,
    pub(crate) kind: Kind,
}

impl<P> Supplied<P> {
    /// An argument that was left out.
    pub(crate) fn nothing() -> Self {
        Self {
            expression: Expression::Constant(Value::Nil),
            kind: Kind::Any,
        }
    }
}

/// A converter that was made ready when the condition was compiled.
pub(crate) type Prepared = Box<dyn for<'a> Fn(Arguments<'a>) -> Outcome<'a> + Send + Sync>;

/// A call of a converter.
pub(crate) enum Call<P> {
    /// Takes the values of its arguments.
    Plain {
        name: &'static str,
        function: for<'a> fn(Arguments<'a>) -> Outcome<'a>,
        arguments: Box<[Supplied<P>]>,
    },
    Prepared {
        name: &'static str,
        function: Prepared,
        arguments: Box<[Supplied<P>]>,
    },
    /// The first value that is not nil.
    Coalesce(Box<[Expression<P>]>),
    /// What does not follow from the subject.
    Outside(Outside, Arc<dyn Surroundings>),
    /// Applies lambdas to the items of a list or map.
    Each {
        form: LambdaForm,
        source: Expression<P>,
        lambda: Lambda<P>,
        /// The mapper of `Find`.
        mapper: Option<Lambda<P>>,
        /// The seed of `Reduce`.
        seed: Option<Expression<P>>,
    },
    When {
        condition: Lambda<P>,
        values: (Expression<P>, Expression<P>),
    },
}

impl<P> std::fmt::Debug for Call<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain { name, .. } | Self::Prepared { name, .. } => name,
            Self::Coalesce(_) => "Coalesce",
            Self::Outside(..) => "outside",
            Self::Each { .. } => "each",
            Self::When { .. } => "When",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    Now,
    Uuid,
    UuidV7,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LambdaForm {
    All,
    Any,
    Filter,
    Find,
    MapEach,
    MapKeys,
    Reduce,
    When,
}

/// A lambda's body; its parameters are found by number.
#[derive(Debug)]
pub(crate) enum Lambda<P> {
    Value(Expression<P>),
    Logic(Predicate<P>),
}
