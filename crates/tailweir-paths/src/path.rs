//! Resolved paths, and the tables of what can be resolved.

use crate::log::LogField;
use crate::metric::MetricField;
use crate::point::PointField;
use crate::resource::{ResourceField, ScopeField};
use crate::span::{EventField, SpanField};
use tailweir_ottl::{EvaluationError, PathError, Value};

/// A resolved path: which field of which message. Made by a [`crate::Scene`]; a subject has the values of
/// the paths of its own scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path(pub(crate) Place);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Span(SpanField),
    SpanEvent(EventField),
    Resource(ResourceField),
    Scope(ScopeField),
    Log(LogField),
    Metric(MetricField),
    DataPoint(PointField),
    /// A map that statements may fill. Conditions find it empty.
    Cache,
    /// The address of the client that sent a request. Unknown where a subject comes without its client.
    ClientAddress,
    /// What the client sent with its request, by name. The same holds.
    ClientMetadata,
    /// What is known of who the client is, by name. The same holds.
    ClientAuth,
}

impl Place {
    /// The value of a place that is the same in every scene, or an error for one of another scene.
    pub(crate) fn elsewhere<'a>(self) -> Result<Value<'a>, EvaluationError> {
        match self {
            Self::ClientAddress => Ok(Value::Nil),
            _ => Err(EvaluationError::Unavailable(
                "the path belongs to another kind of telemetry",
            )),
        }
    }
}

/// Whether a path can be followed by keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    None,
    One,
    Any,
}

/// A path below the name of its context.
pub(crate) struct Entry {
    pub(crate) names: &'static [&'static str],
    pub(crate) place: Place,
    pub(crate) keys: Keys,
}

pub(crate) const fn entry(names: &'static [&'static str], place: Place) -> Entry {
    Entry {
        names,
        place,
        keys: Keys::None,
    }
}

pub(crate) const fn indexed(names: &'static [&'static str], place: Place, keys: Keys) -> Entry {
    Entry { names, place, keys }
}

pub(crate) const CLIENT: &[Entry] = &[
    entry(&["client", "addr"], Place::ClientAddress),
    indexed(&["client", "metadata"], Place::ClientMetadata, Keys::Any),
    indexed(
        &["client", "auth", "attributes"],
        Place::ClientAuth,
        Keys::Any,
    ),
    indexed(&["grpc", "metadata"], Place::ClientMetadata, Keys::Any),
];

pub(crate) const CACHE: &[Entry] = &[indexed(&["cache"], Place::Cache, Keys::Any)];

/// Finds names in tables. `before` names of the whole path come before them.
pub(crate) fn look_up(
    tables: &[&[Entry]],
    names: &[&str],
    keys: usize,
    before: usize,
) -> Result<Path, PathError> {
    let entries = || tables.iter().flat_map(|table| table.iter());
    if let Some(entry) = entries().find(|entry| entry.names == names) {
        let last = before + names.len() - 1;
        return match (entry.keys, keys) {
            (Keys::None, 1..) => Err(PathError::not_indexable(last)),
            (Keys::One, 2..) => Err(PathError::not_indexable_twice(last)),
            _ => Ok(Path(entry.place)),
        };
    }
    // The first name that cannot stand where it does, and what could.
    let common = |entry: &Entry| {
        entry
            .names
            .iter()
            .zip(names)
            .take_while(|(a, b)| a == b)
            .count()
    };
    let right = entries().map(common).max().unwrap_or_default();
    let mut valid: Vec<&'static str> = Vec::new();
    for entry in entries()
        .filter(|entry| entry.names.len() > right && entry.names[..right] == names[..right])
    {
        if !valid.contains(&entry.names[right]) {
            valid.push(entry.names[right]);
        }
    }
    Err(PathError::unknown(before + right, valid))
}
