//! Which labels a record's stream has, which tenant it belongs to, and how its line is written: by hints
//! among its attributes, and by default.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use tailweir_otlp::{AnyValue, Attributes, LogRecordView};

pub(super) const HINT_ATTRIBUTES: &str = "loki.attribute.labels";
pub(super) const HINT_RESOURCES: &str = "loki.resource.labels";
const HINT_TENANT: &str = "loki.tenant";
const HINT_FORMAT: &str = "loki.format";
const LEVEL: &str = "level";

/// A record's attributes and those of its resource, and what is made of them.
pub(super) struct Labels<'a> {
    pub(super) resource: Attributes<'a>,
    pub(super) record: Attributes<'a>,
    /// The name of its severity, where that is a label or an attribute of its own.
    pub(super) level: Option<&'a str>,
    /// Labels by their names as they were asked for.
    labels: BTreeMap<String, String>,
}

impl<'a> Labels<'a> {
    /// The labels of a record. `defaults` switches default labels off that it holds as false.
    pub(super) fn of(
        resource: Attributes<'a>,
        record: LogRecordView<'a>,
        defaults: &BTreeMap<String, bool>,
    ) -> Self {
        let is_on = |label: &str| defaults.get(label).copied().unwrap_or(true);
        let level = severity(record.severity_number()).filter(|_| is_on(LEVEL));
        let mut labels = Self {
            resource,
            record: record.attributes(),
            level: level.filter(|_| record.attributes().get(LEVEL.as_bytes()).is_none()),
            labels: default_labels(resource, is_on),
        };
        for hint in [
            get(resource, HINT_RESOURCES),
            get(labels.record, HINT_RESOURCES),
        ] {
            labels.promote(resource, hint.map(names).unwrap_or_default());
        }
        let hint = get(labels.record, HINT_ATTRIBUTES);
        let mut wanted = hint.map(names).unwrap_or_default();
        // A hint that is neither text nor a list takes no further name.
        let takes_level = matches!(hint, None | Some(AnyValue::String(_) | AnyValue::Array(_)));
        if level.is_some() && takes_level {
            wanted.push(LEVEL.into());
        }
        labels.promote(labels.record, wanted);
        labels
    }

    fn promote(&mut self, attributes: Attributes<'a>, wanted: Vec<Cow<'a, str>>) {
        for name in wanted {
            let name = name.trim();
            let level = self
                .level
                .filter(|_| name == LEVEL && attributes == self.record);
            let value = find(attributes, name).map(text);
            if let Some(value) = value.or_else(|| level.map(str::to_owned)) {
                self.labels.insert(name.to_owned(), value);
            }
        }
    }

    /// Whether an attribute is left out of the line: hints, and what became a label.
    pub(super) fn is_taken(&self, name: &[u8]) -> bool {
        [HINT_ATTRIBUTES, HINT_RESOURCES, HINT_TENANT, HINT_FORMAT]
            .iter()
            .any(|hint| hint.as_bytes() == name)
            || std::str::from_utf8(name).is_ok_and(|name| self.labels.contains_key(name))
    }

    /// The labels of the stream, by the names that Loki allows.
    pub(super) fn of_stream(&self) -> BTreeMap<String, &String> {
        self.labels
            .iter()
            .map(|(name, value)| (normalized(name), value))
            .collect()
    }

    /// How the line is wanted.
    pub(super) fn format(&self) -> String {
        let hint = get(self.resource, HINT_FORMAT).or_else(|| get(self.record, HINT_FORMAT));
        hint.map(text).unwrap_or_default()
    }

    /// The tenant: the value of the attribute that the hint names, where it is text.
    pub(super) fn tenant(&self) -> &'a [u8] {
        let both = [self.resource, self.record];
        let hint = both
            .iter()
            .find_map(|attributes| get(*attributes, HINT_TENANT));
        let Some(name) = hint.and_then(AnyValue::as_string) else {
            return b"";
        };
        let value = both.iter().find_map(|attributes| attributes.get(name));
        value.and_then(AnyValue::as_string).unwrap_or_default()
    }
}

fn default_labels(
    resource: Attributes<'_>,
    is_on: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let value = |name| get(resource, name).map(text);
    let job = value("service.name").map(|name| match value("service.namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name,
    });
    [
        ("exporter", Some("OTLP".to_owned())),
        ("job", job),
        ("instance", value("service.instance.id")),
    ]
    .into_iter()
    .filter(|(label, _)| is_on(label))
    .filter_map(|(label, value)| Some((label.to_owned(), value?)))
    .collect()
}

/// The names in a hint: text with commas, or a list.
fn names(hint: AnyValue<'_>) -> Vec<Cow<'_, str>> {
    match hint {
        AnyValue::String(names) => {
            let names = String::from_utf8_lossy(names).into_owned();
            names
                .split(',')
                .map(|name| Cow::Owned(name.to_owned()))
                .collect()
        }
        AnyValue::Array(items) => items.iter().map(|item| text(item).into()).collect(),
        other => vec![text(other).into()],
    }
}

/// An attribute, or what a map among the attributes holds under the rest of the name: `http.status` is
/// `status` in the map `http`, where there is no `http.status`. The longest beginning that is there counts.
fn find<'a>(attributes: Attributes<'a>, name: &str) -> Option<AnyValue<'a>> {
    if let Some(value) = get(attributes, name) {
        return Some(value);
    }
    let cuts: BTreeSet<usize> = name.match_indices('.').map(|(at, _)| at).collect();
    for cut in cuts.into_iter().rev() {
        if let Some(AnyValue::Map(inner)) = get(attributes, &name[..cut]) {
            return find(inner, &name[cut + 1..]);
        }
    }
    None
}

fn get<'a>(attributes: Attributes<'a>, name: &str) -> Option<AnyValue<'a>> {
    attributes.get(name.as_bytes())
}

pub(super) fn text(value: AnyValue<'_>) -> String {
    tailweir_paths::value_of(value).to_text()
}

/// A name that Prometheus allows for labels.
pub(super) fn normalized(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|character| {
            if character.is_alphanumeric() {
                character
            } else {
                '_'
            }
        })
        .collect();
    match name.as_bytes() {
        [b'0'..=b'9', ..] => format!("key_{name}"),
        [b'_', second, ..] if *second != b'_' => format!("key{name}"),
        b"_" => "key_".to_owned(),
        _ => name,
    }
}

/// `INFO`, `INFO2` and so on; nothing for a severity that is not said, empty text for one that is none.
fn severity(number: i32) -> Option<&'static str> {
    const NAMES: [&str; 24] = [
        "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO",
        "INFO2", "INFO3", "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3",
        "ERROR4", "FATAL", "FATAL2", "FATAL3", "FATAL4",
    ];
    if number == 0 {
        return None;
    }
    let index = usize::try_from(number - 1).ok();
    Some(
        index
            .and_then(|index| NAMES.get(index))
            .copied()
            .unwrap_or(""),
    )
}
