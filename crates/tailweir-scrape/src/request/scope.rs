//! Scopes, as labels say them.

use crate::Labels;

/// Labels of such names are about the scope.
pub(super) const PREFIX: &str = "otel_scope_";

/// What labels say about a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) schema_url: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Scope {
    /// That of a series.
    pub(super) fn of(labels: &Labels) -> Self {
        let mut scope = Self::default();
        for (name, value) in labels.iter() {
            let Some(name) = name.strip_prefix(PREFIX) else {
                continue;
            };
            match name {
                "name" => value.clone_into(&mut scope.name),
                "version" => value.clone_into(&mut scope.version),
                "schema_url" => value.clone_into(&mut scope.schema_url),
                _ => scope.attributes.push((name.to_owned(), value.to_owned())),
            }
        }
        scope
    }

    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
