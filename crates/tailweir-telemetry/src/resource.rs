//! The resource that own telemetry is about: this process.

use std::collections::BTreeMap;
use tailweir_config::Literal;
use tailweir_otlp::{AttributeSet, EncodedValue, mark_own_telemetry};

const NAME: &str = "tailweir";
/// What `service.telemetry.resource` may hold beside attributes; nothing here depends on it.
const NOT_ATTRIBUTES: [&str; 3] = ["schema_url", "attributes_list", "detection/development"];
/// Attributes in the form of OpenTelemetry's declarative configuration: a list of names and values.
const LIST: &str = "attributes";

/// The resource with these settings: what they set is added or replaced, what they set to nothing left out.
pub(crate) fn resource(settings: &BTreeMap<String, Literal>, version: &str) -> AttributeSet {
    let mut attributes: BTreeMap<String, Literal> = [
        ("service.name", NAME.to_owned()),
        ("service.version", version.to_owned()),
        ("service.instance.id", instance_id()),
        ("telemetry.sdk.language", "rust".to_owned()),
        ("telemetry.sdk.version", version.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), Literal::Text(value)))
    .into();
    for (name, value) in settings {
        match value {
            Literal::List(entries) if name == LIST => attributes.extend(listed(entries)),
            _ if NOT_ATTRIBUTES.contains(&name.as_str()) => {}
            Literal::Null => {
                attributes.remove(name);
            }
            value => {
                attributes.insert(name.clone(), value.clone());
            }
        }
    }
    let mut resource = AttributeSet::default();
    for (name, value) in &attributes {
        resource.put(name.as_bytes(), &encoded(value));
    }
    mark_own_telemetry(&mut resource);
    resource
}

fn listed(entries: &[Literal]) -> impl Iterator<Item = (String, Literal)> {
    entries.iter().filter_map(|entry| match entry {
        Literal::Map(fields) => match (field(fields, "name")?, field(fields, "value")?) {
            (Literal::Text(name), value) => Some((name.clone(), value.clone())),
            _ => None,
        },
        _ => None,
    })
}

fn field<'a>(fields: &'a [(String, Literal)], name: &str) -> Option<&'a Literal> {
    let found = fields.iter().find(|(key, _)| key == name)?;
    Some(&found.1)
}

/// A value of the configuration in OTLP.
pub(crate) fn encoded(literal: &Literal) -> EncodedValue {
    match literal {
        Literal::Null => EncodedValue::empty(),
        Literal::Flag(flag) => EncodedValue::bool(*flag),
        Literal::Integer(number) => EncodedValue::int(*number),
        Literal::Number(number) => EncodedValue::double(*number),
        Literal::Text(text) => EncodedValue::string(text.as_bytes()),
        Literal::List(items) => EncodedValue::array(&items.iter().map(encoded).collect::<Vec<_>>()),
        Literal::Map(entries) => EncodedValue::map(
            entries
                .iter()
                .map(|(key, value)| (key.as_bytes(), encoded(value))),
        ),
    }
}

/// A random UUID, version 4.
fn instance_id() -> String {
    let mut bits = fastrand::u128(..);
    bits = (bits & !(0xf << 76)) | (0x4 << 76);
    bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::{instance_id, resource};
    use std::collections::BTreeMap;
    use tailweir_config::Literal;
    use tailweir_otlp::{AnyValue, AttributeSet};

    fn text(attributes: &AttributeSet, name: &str) -> Option<String> {
        match attributes.view().get(name.as_bytes())? {
            AnyValue::String(text) => Some(String::from_utf8_lossy(text).into_owned()),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// Scenario: a name is set, the version set to nothing, a region added in the form of a list, and the mark
    /// written over.
    /// Guarantees: each is as it was set, the rest has its default, and the mark stands.
    #[test]
    fn settings_add_replace_and_remove() {
        let word = |text: &str| Literal::Text(text.to_owned());
        let region = vec![
            ("name".to_owned(), word("region")),
            ("value".to_owned(), word("eu")),
        ];
        let settings: BTreeMap<String, Literal> = [
            ("service.name", word("edge")),
            ("service.version", Literal::Null),
            ("attributes", Literal::List(vec![Literal::Map(region)])),
            ("schema_url", word("https://example.org")),
            ("telemetry.sdk.name", word("other")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let resource = resource(&settings, "1.2.3");
        let text = |name| text(&resource, name);
        assert_eq!(text("service.name").as_deref(), Some("edge"));
        assert_eq!(text("service.version"), None);
        assert_eq!(text("region").as_deref(), Some("eu"));
        assert_eq!(text("schema_url"), None);
        assert_eq!(text("telemetry.sdk.name").as_deref(), Some("tailweir"));
        assert_eq!(text("telemetry.sdk.version").as_deref(), Some("1.2.3"));
        assert_eq!(text("service.instance.id").unwrap().len(), 36);
    }

    /// Scenario: two instances name themselves.
    /// Guarantees: their names differ and have the form of a random UUID.
    #[test]
    fn instances_have_names_of_their_own() {
        let (one, other) = (instance_id(), instance_id());
        assert_ne!(one, other);
        assert_eq!(one.as_bytes()[14], b'4');
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
