//! What an expression evaluates to.

use crate::{Duration, Time};
use std::borrow::Cow;

/// Text: bytes that should be UTF-8 but come from clients, so may not be.
pub type Text<'a> = Cow<'a, [u8]>;

/// A value of the language, borrowed from the subject or the condition where possible.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Nothing: an absent attribute, an empty value.
    Nil,
    /// True or false.
    Bool(bool),
    /// A 64-bit integer; also what enumeration symbols stand for.
    Int(i64),
    /// A 64-bit float.
    Double(f64),
    /// Text.
    String(Text<'a>),
    /// Raw bytes.
    Bytes(Text<'a>),
    /// A moment.
    Time(Time),
    /// A span of time.
    Duration(Duration),
    /// A trace id.
    TraceId([u8; 16]),
    /// A span id.
    SpanId([u8; 8]),
    /// A profile id.
    ProfileId([u8; 16]),
    /// Values in order.
    List(List<'a>),
    /// Values by key, in the order in which they were sent.
    Map(Map<'a>),
    /// A part of the telemetry that is no plain value, such as a status or the list of events.
    Object(Object),
}

impl<'a> Value<'a> {
    /// Text from a string.
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }

    /// A list as data has it.
    #[must_use]
    pub fn list(items: Vec<Value<'a>>) -> Self {
        Self::List(List::new(items, Origin::Data))
    }

    /// A map; of equal keys the first counts.
    #[must_use]
    pub fn map(entries: Vec<(Text<'a>, Value<'a>)>) -> Self {
        Self::Map(Map(Items::Owned(entries)))
    }

    /// The same value without copying text, lists or maps.
    #[must_use]
    pub fn borrowed(&'a self) -> Self {
        match self {
            Self::String(text) => Self::String(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Self::Bytes(Cow::Borrowed(bytes)),
            Self::List(list) => Self::List(List {
                items: Items::Borrowed(list.items.as_slice()),
                origin: list.origin,
            }),
            Self::Map(map) => Self::Map(Map(Items::Borrowed(map.entries()))),
            plain => plain.clone(),
        }
    }

    /// The same value, borrowing from nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Double(value) => Value::Double(value),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Time(time) => Value::Time(time),
            Self::Duration(duration) => Value::Duration(duration),
            Self::TraceId(id) => Value::TraceId(id),
            Self::SpanId(id) => Value::SpanId(id),
            Self::ProfileId(id) => Value::ProfileId(id),
            Self::List(list) => {
                let items = list.items.into_vec().into_iter();
                Value::List(List::new(
                    items.map(Value::into_owned).collect(),
                    list.origin,
                ))
            }
            Self::Map(map) => {
                let entries = map.into_entries().into_iter();
                let owned = |(key, value): (Text<'a>, Value<'a>)| {
                    (Cow::Owned(key.into_owned()), value.into_owned())
                };
                Value::map(entries.map(owned).collect())
            }
            Self::Object(object) => Value::Object(object),
        }
    }

    /// What it is called in errors.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Time(_) => "time",
            Self::Duration(_) => "duration",
            Self::TraceId(_) => "trace id",
            Self::SpanId(_) => "span id",
            Self::ProfileId(_) => "profile id",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Object(object) => object.kind,
        }
    }
}

/// Where a list comes from, which decides what it can be equal to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From telemetry, or made by a converter as telemetry would have it.
    Data,
    /// Written in the condition. A map inside it equals no map of telemetry, and a list with a map
    /// directly inside cannot be given to a converter that takes lists.
    Literal,
    /// A plain list of text or numbers, as `Split` makes and histogram buckets are: equal to no list.
    Plain,
}

/// A list of values.
#[derive(Debug, Clone)]
pub struct List<'a> {
    items: Items<'a, Value<'a>>,
    origin: Origin,
}

impl<'a> List<'a> {
    /// A list of these values.
    #[must_use]
    pub fn new(items: Vec<Value<'a>>, origin: Origin) -> Self {
        Self {
            items: Items::Owned(items),
            origin,
        }
    }

    /// Its values, in order.
    #[must_use]
    pub fn items(&self) -> &[Value<'a>] {
        self.items.as_slice()
    }

    /// Its values, for keeping.
    #[must_use]
    pub fn into_items(self) -> Vec<Value<'a>> {
        self.items.into_vec()
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }
}

/// Values by key.
#[derive(Debug, Clone)]
pub struct Map<'a>(Items<'a, (Text<'a>, Value<'a>)>);

impl<'a> Map<'a> {
    /// Keys and values, in order; a key may occur twice.
    #[must_use]
    pub fn entries(&self) -> &[(Text<'a>, Value<'a>)] {
        self.0.as_slice()
    }

    /// Keys and values, for keeping.
    #[must_use]
    pub fn into_entries(self) -> Vec<(Text<'a>, Value<'a>)> {
        self.0.into_vec()
    }

    /// The first value of this key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Value<'a>> {
        let mut entries = self.entries().iter();
        entries
            .find(|(name, _)| name.as_ref() == key)
            .map(|(_, value)| value)
    }
}

/// Borrowed or owned. `Cow` of a slice of values would pin the lifetime.
#[derive(Debug, Clone)]
enum Items<'a, T> {
    Borrowed(&'a [T]),
    Owned(Vec<T>),
}

impl<T> Items<'_, T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::Borrowed(items) => items,
            Self::Owned(items) => items,
        }
    }

    fn into_vec(self) -> Vec<T>
    where
        T: Clone,
    {
        match self {
            Self::Borrowed(items) => items.to_vec(),
            Self::Owned(items) => items,
        }
    }
}

/// A part of the telemetry that is no plain value. It equals itself, is not nil, and may have a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// What it is called in errors, such as `status`.
    pub kind: &'static str,
    /// Tells it from others of its kind: the same part has the same number.
    pub identity: usize,
    /// How many parts it has, when it is a list of them.
    pub length: Option<usize>,
}

impl Object {
    /// The kind of a number that equals no other number, only itself; its identity is the number.
    pub(crate) const MACHINE_INT: &'static str = "machine int";

    /// The number that it is, if it is one of these. A map that holds one is written with an integer.
    #[must_use]
    pub fn as_machine_int(&self) -> Option<i64> {
        (self.kind == Self::MACHINE_INT).then_some(self.identity as i64)
    }
}
