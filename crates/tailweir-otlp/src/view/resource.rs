//! Requests, resources and scopes. The three signals number these fields alike.

use super::{Attributes, Messages};
use crate::wire::{Fields, last_bytes};

const RESOURCE: u32 = 1;
const SCOPE: u32 = 1;
const NESTED: u32 = 2;
const SCHEMA_URL: u32 = 3;

/// An `Export*ServiceRequest` of any signal.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a>(pub &'a [u8]);

impl<'a> RequestView<'a> {
    /// Each `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`.
    pub fn resources(self) -> impl Iterator<Item = ResourceFields<'a>> + Clone {
        Messages::new(self.0, 1).map(ResourceFields)
    }

    /// Each `ScopeSpans`, `ScopeMetrics` or `ScopeLogs` of each of them.
    pub fn scopes(self) -> impl Iterator<Item = ScopeFields<'a>> + Clone {
        self.resources().flat_map(ResourceFields::scopes)
    }
}

/// The fields of a `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`. A scan leaves out the scopes
/// and keeps the rest: resource, schema URL, and fields that nobody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceFields<'a>(pub &'a [u8]);

impl<'a> ResourceFields<'a> {
    /// The resource.
    #[must_use]
    pub fn resource(self) -> ResourceView<'a> {
        ResourceView(self.0)
    }

    /// URL of the schema of the resource, or nothing.
    #[must_use]
    pub fn schema_url(self) -> &'a [u8] {
        last_bytes(self.0, SCHEMA_URL).unwrap_or_default()
    }

    /// Each `ScopeSpans`, `ScopeMetrics` or `ScopeLogs`, unless they were left out.
    pub fn scopes(self) -> impl Iterator<Item = ScopeFields<'a>> + Clone {
        Messages::new(self.0, NESTED).map(ScopeFields)
    }
}

/// What produced the telemetry.
#[derive(Debug, Clone, Copy)]
pub struct ResourceView<'a>(&'a [u8]);

impl<'a> ResourceView<'a> {
    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::within(self.0, RESOURCE, 1)
    }

    /// How many attributes its producer left out.
    #[must_use]
    pub fn dropped_attributes_count(self) -> u32 {
        nested_varint(self.0, RESOURCE, 2) as u32
    }

    /// The content of the message. When it occurs twice, of the last occurrence.
    #[must_use]
    pub fn message(self) -> Option<&'a [u8]> {
        last_bytes(self.0, RESOURCE)
    }
}

/// The fields of a `ScopeSpans`, `ScopeMetrics` or `ScopeLogs`. A scan leaves out the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeFields<'a>(pub &'a [u8]);

impl<'a> ScopeFields<'a> {
    /// The scope.
    #[must_use]
    pub fn scope(self) -> ScopeView<'a> {
        ScopeView(self.0)
    }

    /// URL of the schema of the items, or nothing.
    #[must_use]
    pub fn schema_url(self) -> &'a [u8] {
        last_bytes(self.0, SCHEMA_URL).unwrap_or_default()
    }

    /// The content of each item: a `Span`, `Metric` or `LogRecord`, unless they were left out.
    #[must_use]
    pub fn items(self) -> Messages<'a> {
        Messages::new(self.0, NESTED)
    }
}

/// The library that made the telemetry.
#[derive(Debug, Clone, Copy)]
pub struct ScopeView<'a>(&'a [u8]);

impl<'a> ScopeView<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        nested_bytes(self.0, SCOPE, 1)
    }

    /// Its version.
    #[must_use]
    pub fn version(self) -> &'a [u8] {
        nested_bytes(self.0, SCOPE, 2)
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::within(self.0, SCOPE, 3)
    }

    /// How many attributes its producer left out.
    #[must_use]
    pub fn dropped_attributes_count(self) -> u32 {
        nested_varint(self.0, SCOPE, 4) as u32
    }
}

/// The last occurrence of a field in any occurrence of a sub-message: they are merged.
fn nested_bytes(message: &[u8], within: u32, number: u32) -> &[u8] {
    Fields::new(message)
        .filter(|field| field.number == within)
        .filter_map(|field| last_bytes(field.bytes()?, number))
        .last()
        .unwrap_or_default()
}

fn nested_varint(message: &[u8], within: u32, number: u32) -> u64 {
    Fields::new(message)
        .filter(|field| field.number == within)
        .filter_map(|field| field.bytes())
        .flat_map(Fields::new)
        .filter(|field| field.number == number)
        .filter_map(|field| field.varint())
        .last()
        .unwrap_or(0)
}
