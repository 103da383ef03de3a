//! What converters are given and what they give back.

use crate::value::{List, Map};
use crate::{Duration, EvaluationError, Text, Time, Value};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A value, or why there is none.
pub(crate) type Outcome<'a> = Result<Value<'a>, Failure>;

/// Why a converter has no value.
pub(crate) enum Failure {
    /// Said in its own words.
    Reason(Cow<'static, str>),
    /// Said as everywhere.
    Error(EvaluationError),
}

impl From<&'static str> for Failure {
    fn from(reason: &'static str) -> Self {
        Self::Reason(Cow::Borrowed(reason))
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Reason(Cow::Owned(reason))
    }
}

impl From<EvaluationError> for Failure {
    fn from(error: EvaluationError) -> Self {
        Self::Error(error)
    }
}

/// The arguments of a call by position, each of the kind that the table names. Taking one leaves nil.
pub(crate) struct Arguments<'a>(SmallVec<[Value<'a>; 4]>);

impl<'a> FromIterator<Value<'a>> for Arguments<'a> {
    fn from_iter<I: IntoIterator<Item = Value<'a>>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

macro_rules! take {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&mut self, position: usize) -> Option<$type> {
            match self.value(position) {
                Value::$variant(value) => Some(value),
                _ => None,
            }
        }
    };
}

impl<'a> Arguments<'a> {
    /// The argument, whatever it is.
    pub(crate) fn value(&mut self, position: usize) -> Value<'a> {
        match self.0.get_mut(position) {
            Some(value) => std::mem::replace(value, Value::Nil),
            None => Value::Nil,
        }
    }

    take!(
        /// Text, or nothing for nil.
        optional_text, String, Text<'a>
    );
    take!(
        /// Bytes, or nothing for nil.
        bytes, Bytes, Text<'a>
    );
    take!(
        /// An integer, or nothing for nil.
        optional_int, Int, i64
    );
    take!(
        /// A float, or nothing for nil.
        optional_double, Double, f64
    );
    take!(
        /// A truth value, or nothing for nil.
        optional_bool, Bool, bool
    );

    /// Text; empty where there is none, which the table excludes for required parameters.
    pub(crate) fn text(&mut self, position: usize) -> Text<'a> {
        self.optional_text(position).unwrap_or_default()
    }

    /// An integer; 0 where there is none.
    pub(crate) fn int(&mut self, position: usize) -> i64 {
        self.optional_int(position).unwrap_or_default()
    }

    /// A moment; 1970 where there is none.
    pub(crate) fn time(&mut self, position: usize) -> Time {
        match self.value(position) {
            Value::Time(time) => time,
            _ => Time::default(),
        }
    }

    /// A span of time; zero where there is none.
    pub(crate) fn duration(&mut self, position: usize) -> Duration {
        match self.value(position) {
            Value::Duration(duration) => duration,
            _ => Duration::default(),
        }
    }

    /// The values of a list; none where there is no list.
    pub(crate) fn items(&mut self, position: usize) -> Vec<Value<'a>> {
        match self.value(position) {
            Value::List(list) => List::into_items(list),
            _ => Vec::new(),
        }
    }

    /// The entries of a map; none where there is no map.
    pub(crate) fn entries(&mut self, position: usize) -> Vec<(Text<'a>, Value<'a>)> {
        match self.value(position) {
            Value::Map(map) => Map::into_entries(map),
            _ => Vec::new(),
        }
    }
}

/// The literals among the arguments of a call, when it is compiled.
pub(crate) struct Literals<'l>(pub(crate) &'l [Option<&'l Value<'static>>]);

/// Why a call cannot be compiled, and which argument is to blame.
pub(crate) struct Refusal {
    pub(crate) argument: usize,
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(argument: usize, reason: impl Into<String>) -> Self {
        Self {
            argument,
            reason: reason.into(),
        }
    }
}

impl Literals<'_> {
    /// Text, when it is written in the condition. Literals are always UTF-8.
    pub(crate) fn text(&self, position: usize) -> Option<&str> {
        match self.0.get(position).copied().flatten() {
            Some(Value::String(text)) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// Bytes, when they are written in the condition.
    pub(crate) fn bytes(&self, position: usize) -> Option<&[u8]> {
        match self.0.get(position).copied().flatten() {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// A truth value, when it is written in the condition.
    pub(crate) fn bool(&self, position: usize) -> Option<bool> {
        match self.0.get(position).copied().flatten() {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// An integer, when it is written in the condition.
    pub(crate) fn int(&self, position: usize) -> Option<i64> {
        match self.0.get(position).copied().flatten() {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// Entries, when the map is written in the condition.
    pub(crate) fn map(&self, position: usize) -> Option<&Map<'static>> {
        match self.0.get(position).copied().flatten() {
            Some(Value::Map(map)) => Some(map),
            _ => None,
        }
    }

    /// A list of text, when all of it is written in the condition.
    pub(crate) fn texts(&self, position: usize) -> Option<Vec<String>> {
        let Some(Value::List(list)) = self.0.get(position).copied().flatten() else {
            return None;
        };
        let items = list.items().iter();
        items
            .map(|item| match item {
                Value::String(text) => String::from_utf8(text.to_vec()).ok(),
                _ => None,
            })
            .collect()
    }
}
