//! The contexts `resource` and `scope`.

use crate::attributes::{read, read_empty};
use crate::path::{Entry, Keys, Path, Place, entry, indexed};
use std::borrow::Cow;
use tailweir_otlp::{ResourceFields, ScopeFields};
use tailweir_ottl::{EvaluationError, Key, Subject, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceField {
    Attributes,
    DroppedAttributesCount,
    SchemaUrl,
}

pub(crate) const RESOURCE: &[Entry] = &[
    indexed(
        &["attributes"],
        Place::Resource(ResourceField::Attributes),
        Keys::Any,
    ),
    entry(
        &["dropped_attributes_count"],
        Place::Resource(ResourceField::DroppedAttributesCount),
    ),
    entry(&["schema_url"], Place::Resource(ResourceField::SchemaUrl)),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeField {
    Name,
    Version,
    Attributes,
    DroppedAttributesCount,
    SchemaUrl,
}

pub(crate) const SCOPE: &[Entry] = &[
    entry(&["name"], Place::Scope(ScopeField::Name)),
    entry(&["version"], Place::Scope(ScopeField::Version)),
    indexed(
        &["attributes"],
        Place::Scope(ScopeField::Attributes),
        Keys::Any,
    ),
    entry(
        &["dropped_attributes_count"],
        Place::Scope(ScopeField::DroppedAttributesCount),
    ),
    entry(&["schema_url"], Place::Scope(ScopeField::SchemaUrl)),
];

type Found<'a> = Result<Value<'a>, EvaluationError>;

pub(crate) fn text(text: &[u8]) -> Value<'_> {
    Value::String(Cow::Borrowed(text))
}

pub(crate) fn resource_value<'a>(
    resource: ResourceFields<'a>,
    field: ResourceField,
    keys: &[Key<'_>],
) -> Found<'a> {
    Ok(match field {
        ResourceField::Attributes => return read(resource.resource().attributes(), keys),
        ResourceField::DroppedAttributesCount => {
            Value::Int(resource.resource().dropped_attributes_count().into())
        }
        ResourceField::SchemaUrl => text(resource.schema_url()),
    })
}

pub(crate) fn scope_value<'a>(
    scope: ScopeFields<'a>,
    field: ScopeField,
    keys: &[Key<'_>],
) -> Found<'a> {
    Ok(match field {
        ScopeField::Name => text(scope.scope().name()),
        ScopeField::Version => text(scope.scope().version()),
        ScopeField::Attributes => return read(scope.scope().attributes(), keys),
        ScopeField::DroppedAttributesCount => {
            Value::Int(scope.scope().dropped_attributes_count().into())
        }
        ScopeField::SchemaUrl => text(scope.schema_url()),
    })
}

/// The value of a path that is neither of the subject itself nor of what surrounds it in a message.
pub(crate) fn surroundings<'a>(
    resource: ResourceFields<'a>,
    scope: Option<ScopeFields<'a>>,
    place: Place,
    keys: &[Key<'_>],
) -> Found<'a> {
    match (place, scope) {
        (Place::Resource(field), _) => resource_value(resource, field, keys),
        (Place::Scope(field), Some(scope)) => scope_value(scope, field, keys),
        (Place::Cache | Place::ClientMetadata | Place::ClientAuth, _) => read_empty(keys),
        (place, _) => place.elsewhere(),
    }
}

/// A resource, for conditions of [`crate::Scene::Resource`].
#[derive(Debug, Clone, Copy)]
pub struct ResourceSubject<'b> {
    /// The resource and its schema URL.
    pub resource: ResourceFields<'b>,
}

impl Subject<Path> for ResourceSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        surroundings(self.resource, None, path.0, keys)
    }
}

/// A scope, for conditions of [`crate::Scene::Scope`].
#[derive(Debug, Clone, Copy)]
pub struct ScopeSubject<'b> {
    /// The resource that it belongs to.
    pub resource: ResourceFields<'b>,
    /// The scope and its schema URL.
    pub scope: ScopeFields<'b>,
}

impl Subject<Path> for ScopeSubject<'_> {
    fn value<'a>(&'a self, path: &'a Path, keys: &[Key<'a>]) -> Found<'a> {
        surroundings(self.resource, Some(self.scope), path.0, keys)
    }
}
