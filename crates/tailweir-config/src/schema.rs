//! The JSON Schema of a whole configuration, from the same definitions as the parser.

use crate::assemble::{CLUSTER, ServiceDocument};
use crate::catalogue::{PRESENT, Role};
use crate::cluster::Cluster;
use crate::setting::{Field, Setting, Shape, Standing};
use serde_json::{Map, Value as Json, json};

/// The JSON Schema (2020-12) of a configuration, as text.
///
/// Every value may be a substitution (`${env:NAME}`), so each type admits such a text.
#[must_use]
pub fn schema_json() -> String {
    let mut definitions = Map::new();
    definitions.insert(
        "Substitution".to_owned(),
        json!({"type": "string", "pattern": "\\$\\{.+\\}", "description": "A substitution."}),
    );
    let mut properties = Map::new();
    for role in Role::ALL {
        properties.insert(role.section().to_owned(), section(role, &mut definitions));
    }
    let service = of(&ServiceDocument::shape(), &mut definitions);
    properties.insert("service".to_owned(), service);
    let cluster = of(&Cluster::shape(), &mut definitions);
    properties.insert(CLUSTER.to_owned(), cluster);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tailweir configuration",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "required": ["receivers", "exporters", "service"],
        "$defs": definitions,
    });
    format!("{schema:#}\n")
}

fn section(role: Role, definitions: &mut Map<String, Json>) -> Json {
    let mut patterns = Map::new();
    for kind in PRESENT.iter().filter(|kind| kind.component.role == role) {
        let shape = of(&(kind.shape)(), definitions);
        for name in [kind.component.name].iter().chain(kind.component.old_names) {
            patterns.insert(format!("^{name}(/.+)?$"), shape.clone());
        }
    }
    json!({
        "type": ["object", "null"],
        "description": format!("The {}.", role.section()),
        "patternProperties": patterns,
        "additionalProperties": false,
    })
}

fn or_substitution(schema: Json) -> Json {
    json!({"anyOf": [schema, {"$ref": "#/$defs/Substitution"}, {"type": "null"}]})
}

fn of(shape: &Shape, definitions: &mut Map<String, Json>) -> Json {
    match shape {
        Shape::Any => json!({}),
        Shape::Flag => or_substitution(json!({"type": "boolean"})),
        Shape::Integer { min, max } => {
            // JSON numbers beyond 2^53 are not exact everywhere; such bounds say nothing.
            let mut integer = Map::from_iter([("type".to_owned(), json!("number"))]);
            for (key, bound) in [("minimum", min), ("maximum", max)] {
                if let Some(bound) = i64::try_from(*bound)
                    .ok()
                    .filter(|bound| bound.unsigned_abs() < 1 << 53)
                {
                    integer.insert(key.to_owned(), json!(bound));
                }
            }
            or_substitution(Json::Object(integer))
        }
        Shape::Number => or_substitution(json!({"type": "number"})),
        Shape::Text | Shape::Secret | Shape::Id => json!({"type": ["string", "null"]}),
        Shape::Duration => or_substitution(json!({
            "type": ["string", "integer"],
            "pattern": "^[-+]?(0|([0-9]*\\.?[0-9]+|[0-9]+\\.)(ns|us|µs|μs|ms|s|m|h))+$",
        })),
        Shape::Size => or_substitution(json!({
            "type": ["string", "integer"],
            "pattern": "^[0-9.]+ ?([kKmMgGtT]?i?[bB]?)$",
        })),
        Shape::Choice(words) => or_substitution(json!({"enum": words})),
        Shape::List(item) => {
            let items = of(item, definitions);
            or_substitution(json!({"type": "array", "items": items}))
        }
        Shape::Map(value) => {
            let values = of(value, definitions);
            or_substitution(json!({"type": "object", "additionalProperties": values}))
        }
        Shape::Headers => or_substitution(json!({"type": ["object", "array"]})),
        Shape::Record {
            name,
            about,
            fields,
            ..
        } => {
            if !definitions.contains_key(*name) {
                // Entered first, because a block may contain itself.
                definitions.insert((*name).to_owned(), Json::Null);
                let record = record(about, &fields(), definitions);
                definitions.insert((*name).to_owned(), record);
            }
            or_substitution(json!({"$ref": format!("#/$defs/{name}")}))
        }
    }
}

fn record(about: &[&str], fields: &[Field], definitions: &mut Map<String, Json>) -> Json {
    let mut properties = Map::new();
    for field in fields {
        let description = match &field.standing {
            Standing::Used => sentence(field.about),
            Standing::Ignored(reason) => format!("No effect: {reason}."),
            Standing::Refused(_) => continue,
        };
        let mut schema =
            json!({"description": description, "allOf": [of(&field.shape, definitions)]});
        let plain = !matches!(field.default, Json::Object(_) | Json::Null);
        if let Some(schema) = schema.as_object_mut() {
            if plain {
                schema.insert("default".to_owned(), field.default.clone());
            }
            if matches!(field.standing, Standing::Ignored(_)) {
                schema.insert("deprecated".to_owned(), json!(true));
            }
        }
        properties.insert(field.key.to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": sentence(about),
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Lines of a doc comment as one text.
pub(crate) fn sentence(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}
