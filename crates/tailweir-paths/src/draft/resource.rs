//! Writing fields of resources and scopes.

use super::write::{Written, attributes, int, nested, number, text, unsigned};
use crate::resource::{ResourceField, ScopeField};
use tailweir_otlp::{ResourceFields, ScopeFields, field};
use tailweir_ottl::{Key, Value};

pub(super) fn set_resource(
    fields: &[u8],
    path: ResourceField,
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let view = ResourceFields(fields);
    match path {
        ResourceField::Attributes => nested(field::RESOURCE, fields, |resource| {
            attributes(field::RESOURCE_ATTRIBUTES, resource, keys, value)
        }),
        ResourceField::DroppedAttributesCount => nested(field::RESOURCE, fields, |resource| {
            let held = view.resource().dropped_attributes_count().into();
            let new = unsigned(int(&value)?);
            number(field::RESOURCE_DROPPED_ATTRIBUTES, resource, held, new)
        }),
        ResourceField::SchemaUrl => text(field::SCHEMA_URL, fields, view.schema_url(), &value),
    }
}

pub(super) fn set_scope(
    fields: &[u8],
    path: ScopeField,
    keys: &[Key<'_>],
    value: Value<'_>,
) -> Written {
    let view = ScopeFields(fields);
    match path {
        ScopeField::Name => nested(field::SCOPE, fields, |scope| {
            text(field::SCOPE_NAME, scope, view.scope().name(), &value)
        }),
        ScopeField::Version => nested(field::SCOPE, fields, |scope| {
            text(field::SCOPE_VERSION, scope, view.scope().version(), &value)
        }),
        ScopeField::Attributes => nested(field::SCOPE, fields, |scope| {
            attributes(field::SCOPE_ATTRIBUTES, scope, keys, value)
        }),
        ScopeField::DroppedAttributesCount => nested(field::SCOPE, fields, |scope| {
            let held = view.scope().dropped_attributes_count().into();
            let new = unsigned(int(&value)?);
            number(field::SCOPE_DROPPED_ATTRIBUTES, scope, held, new)
        }),
        ScopeField::SchemaUrl => text(field::SCHEMA_URL, fields, view.schema_url(), &value),
    }
}
