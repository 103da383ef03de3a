//! Name and labels of a series, from the stream that it shows.

use crate::attribute::{lossy, text};
use crate::labels::Labels;
use crate::selection::SERVICE;
use crate::translation::{NameKind, Translation};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tailweir_otlp::{AnyValue, Attributes, MetricData, MetricView, ScopeFields};

/// The type of a family of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Summary,
    Histogram,
}

impl Kind {
    /// That of a metric's data; nothing for a metric without any.
    pub(crate) fn of(data: MetricData<'_>) -> Option<Self> {
        Some(match data {
            MetricData::Empty => return None,
            MetricData::Gauge(_) => Self::Gauge,
            MetricData::Sum(points) if points.is_monotonic() => Self::Counter,
            MetricData::Sum(_) => Self::Gauge,
            MetricData::Histogram(_) | MetricData::ExponentialHistogram(_) => Self::Histogram,
            MetricData::Summary(_) => Self::Summary,
        })
    }

    /// The label that its lines have beside those of the series.
    const fn own_label(self) -> Option<&'static str> {
        match self {
            Self::Histogram => Some("le"),
            Self::Summary => Some("quantile"),
            Self::Counter | Self::Gauge => None,
        }
    }
}

/// A name or labels, and whether something had to be mended for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mended<T> {
    pub(crate) value: T,
    pub(crate) is_mended: bool,
}

/// The labels of a target.
#[derive(Debug)]
pub(crate) struct TargetLabels {
    /// Nothing where the Collector would write none.
    pub(crate) labels: Option<Labels>,
    /// Whether the Collector would write no `target_info` at all because of this one.
    pub(crate) spoils: bool,
}

/// How names and labels are made.
#[derive(Debug, Clone)]
pub(crate) struct Naming {
    pub(crate) translation: Translation,
    pub(crate) const_labels: BTreeMap<String, String>,
    pub(crate) without_scope: bool,
    /// Whether an attribute may be called as the label that tells buckets apart, which the Collector
    /// writes although no scraper takes it.
    pub(crate) keeps_bucket_label: bool,
}

/// Who sends: what `job` and `instance` are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) job: Option<String>,
    pub(crate) instance: Option<String>,
}

impl Sender {
    /// That of a resource.
    pub(crate) fn of(resource: Attributes<'_>) -> Self {
        let get = |key: &[u8]| resource.get(key).map(|value| text(value).0);
        let [name, namespace, instance] = SERVICE.map(get);
        Self {
            job: name.map(|name| match namespace {
                Some(namespace) => format!("{namespace}/{name}"),
                None => name,
            }),
            instance,
        }
    }

    /// Whether the target can be told from others.
    pub(crate) fn is_target(&self) -> bool {
        let is_there = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        is_there(&self.job) && is_there(&self.instance)
    }

    fn labels(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let pairs = [("job", &self.job), ("instance", &self.instance)];
        pairs.into_iter().filter_map(|(name, value)| {
            let value = value.as_deref()?;
            Some((Cow::Borrowed(name), Cow::Borrowed(value)))
        })
    }
}

/// Labels as names and values, not in any order unless said.
pub(crate) type Pairs = Vec<(String, String)>;

/// Labels under construction: those that this room writes itself, and attributes.
struct Draft<'a> {
    own: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Keys with the name that the translation gives them, if any, and their values.
    foreign: Vec<Foreign>,
    /// Whether all was UTF-8.
    is_text: bool,
}

struct Foreign {
    key: String,
    name: Option<String>,
    value: String,
}

impl Naming {
    /// The name of a metric. Where nothing is left of it, its characters as numbers.
    pub(crate) fn family(
        &self,
        metric: MetricView<'_>,
        kind: Kind,
        data: MetricData<'_>,
    ) -> Mended<String> {
        let (name, unit) = (lossy(metric.name()), lossy(metric.unit()));
        let is_text = matches!(name, Cow::Borrowed(_));
        let name_kind = match (kind, data) {
            (Kind::Counter, _) => NameKind::Counter,
            (_, MetricData::Gauge(_)) => NameKind::Gauge,
            _ => NameKind::Other,
        };
        let translated = self.translation.metric(&name, &unit, name_kind);
        Mended {
            // Foreign bytes are but foreign characters where these are translated.
            is_mended: translated.is_none() || (!is_text && self.translation.keeps_utf8()),
            value: translated.unwrap_or_else(|| self.translation.spelled(&name, &unit, name_kind)),
        }
    }

    /// The labels of a series.
    pub(crate) fn series(
        &self,
        sender: &Sender,
        scope: ScopeFields<'_>,
        attributes: &[(&[u8], AnyValue<'_>)],
        kind: Kind,
    ) -> Mended<Labels> {
        let mut draft = Draft::of(sender);
        if !self.without_scope {
            self.scope(scope, &mut draft);
        }
        for (name, value) in &self.const_labels {
            draft.own.push((name.into(), value.into()));
        }
        for (key, value) in attributes {
            self.attribute(key, *value, "", &mut draft);
        }
        let own_label = kind.own_label();
        draft.finish(own_label.filter(|label| *label != "le" || !self.keeps_bucket_label))
    }

    /// The labels of `target_info`.
    pub(crate) fn target(&self, sender: &Sender, resource: Attributes<'_>) -> TargetLabels {
        let mut draft = Draft::of(sender);
        for entry in resource {
            if !SERVICE.contains(&entry.key) {
                self.attribute(entry.key, entry.value, "", &mut draft);
            }
        }
        TargetLabels {
            labels: Some(draft.finish(None).value),
            spoils: false,
        }
    }

    /// The same as the Collector writes it: values joined in the order in which they came, `job` and
    /// `instance` over attributes of these names, nothing at all where a name cannot be had.
    pub(crate) fn target_as_collector(
        &self,
        sender: &Sender,
        resource: Attributes<'_>,
    ) -> TargetLabels {
        let (mut spoils, mut stands) = (false, true);
        let mut all = BTreeMap::<String, String>::new();
        for entry in resource
            .iter()
            .filter(|entry| !SERVICE.contains(&entry.key))
        {
            let Some(name) = self.translation.label(&lossy(entry.key)) else {
                spoils = true;
                continue;
            };
            let (value, is_text) = text(entry.value);
            stands &= is_text && !name.starts_with("__");
            all.entry(name)
                .and_modify(|present| *present = format!("{present};{value}"))
                .or_insert(value);
        }
        for (name, value) in sender.labels() {
            all.insert(name.into_owned(), value.into_owned());
        }
        let pairs = all
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        TargetLabels {
            labels: stands.then(|| Labels::of(pairs)),
            spoils,
        }
    }

    /// The labels of a series as remote write has them: none is empty, and of the scope only what is
    /// there.
    pub(crate) fn written(
        &self,
        sender: &Sender,
        scope: ScopeFields<'_>,
        attributes: &[(&[u8], AnyValue<'_>)],
        kind: Kind,
    ) -> Mended<Pairs> {
        let mut draft = Draft::of(sender);
        if !self.without_scope {
            self.scope(scope, &mut draft);
            draft
                .own
                .retain(|(name, _)| name != "otel_scope_schema_url");
        }
        draft.own.retain(|(_, value)| !value.is_empty());
        for (key, value) in attributes {
            self.attribute(key, *value, "", &mut draft);
        }
        draft.foreign.retain(|foreign| !foreign.value.is_empty());
        draft.written(kind.own_label())
    }

    /// The labels of `target_info` as remote write has them: where there is more to say than who sends, and
    /// it can be said of whom.
    pub(crate) fn target_pairs(&self, sender: &Sender, resource: Attributes<'_>) -> Option<Pairs> {
        let mut draft = Draft::of(sender);
        draft.own.retain(|(_, value)| !value.is_empty());
        for entry in resource {
            if !SERVICE.contains(&entry.key) {
                self.attribute(entry.key, entry.value, "", &mut draft);
            }
        }
        if draft.own.is_empty() || draft.foreign.is_empty() {
            return None;
        }
        draft.foreign.retain(|foreign| !foreign.value.is_empty());
        Some(draft.written(None).value)
    }

    fn scope<'a>(&self, fields: ScopeFields<'a>, draft: &mut Draft<'a>) {
        let scope = fields.scope();
        for (name, value) in [
            ("otel_scope_name", scope.name()),
            ("otel_scope_version", scope.version()),
            ("otel_scope_schema_url", fields.schema_url()),
        ] {
            let value = lossy(value);
            draft.is_text &= matches!(value, Cow::Borrowed(_));
            draft.own.push((name.into(), value));
        }
        for entry in scope.attributes() {
            if ![&b"name"[..], b"version", b"schema_url"].contains(&entry.key) {
                self.attribute(entry.key, entry.value, "otel_scope_", draft);
            }
        }
    }

    fn attribute(&self, key: &[u8], value: AnyValue<'_>, prefix: &str, draft: &mut Draft<'_>) {
        let key = lossy(key);
        let (value, is_text) = text(value);
        let is_name = matches!(key, Cow::Borrowed(_)) || !self.translation.keeps_utf8();
        draft.is_text &= is_text && is_name;
        let key = format!("{prefix}{key}");
        draft.foreign.push(Foreign {
            name: self.translation.label(&key),
            key,
            value,
        });
    }
}

impl<'a> Draft<'a> {
    /// With who sends.
    fn of(sender: &'a Sender) -> Self {
        Self {
            own: sender.labels().collect(),
            foreign: Vec::new(),
            is_text: true,
        }
    }

    /// Puts them in order. Attributes whose names become one have their values joined, in order of their
    /// keys; a name that is taken, or that Prometheus keeps for itself, gets `exported_` in front.
    fn settle(mut self, own_label: Option<&str>) -> Mended<BTreeMap<String, String>> {
        let mut is_mended = !self.is_text;
        let mut all = BTreeMap::<Cow<'_, str>, String>::new();
        for (name, value) in self.own {
            let name = if name.starts_with("__") || name.is_empty() {
                is_mended = true;
                format!("exported_{name}").into()
            } else {
                name
            };
            all.insert(name, value.into_owned());
        }
        let taken: Vec<String> = all.keys().map(|name| name.clone().into_owned()).collect();
        let is_taken = |name: &str| {
            name.starts_with("__")
                || own_label == Some(name)
                || taken.iter().any(|taken| taken == name)
        };
        self.foreign.sort_by(|left, right| left.key.cmp(&right.key));
        for Foreign { key, name, value } in self.foreign {
            is_mended |= name.is_none();
            let mut name = name.unwrap_or_else(|| spelled(&key));
            while is_taken(&name) {
                is_mended = true;
                name = format!("exported_{name}");
            }
            match all.get_mut(name.as_str()) {
                None => {
                    all.insert(name.into(), value);
                }
                Some(present) => {
                    is_mended = true;
                    if *present != value {
                        *present = format!("{present};{value}");
                    }
                }
            }
        }
        Mended {
            value: all
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value))
                .collect(),
            is_mended,
        }
    }

    /// As the labels of a page.
    fn finish(self, own_label: Option<&str>) -> Mended<Labels> {
        let Mended { value, is_mended } = self.settle(own_label);
        let pairs = value.iter();
        Mended {
            value: Labels::of(pairs.map(|(name, value)| (name.as_str(), value.as_str()))),
            is_mended,
        }
    }

    /// As the labels of a request.
    fn written(self, own_label: Option<&str>) -> Mended<Pairs> {
        let Mended { value, is_mended } = self.settle(own_label);
        Mended {
            value: value.into_iter().collect(),
            is_mended,
        }
    }
}

/// A label name for a key of which nothing is left otherwise: its characters as numbers.
fn spelled(key: &str) -> String {
    match key {
        "" => "unnamed".to_owned(),
        key if key.bytes().all(|byte| byte == b'_') => format!("key{key}"),
        key => crate::Escaping::Values.apply(key).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Naming, Sender};
    use crate::translation::Translation;
    use std::collections::BTreeMap;
    use tailweir_config::TranslationStrategy;
    use tailweir_otlp::{AnyValue, ScopeFields};

    /// Scenario: attributes that become one, are called `job` or `le`, begin with `__`, or have no name.
    /// Guarantees: none is lost, no two labels have one name, and all that is told.
    #[test]
    fn no_attribute_is_lost() {
        let naming = Naming {
            translation: Translation::new("", TranslationStrategy::default()),
            const_labels: BTreeMap::from([("zone".to_owned(), "1".to_owned())]),
            without_scope: true,
            keeps_bucket_label: false,
        };
        let sender = Sender {
            job: Some("shop/checkout".to_owned()),
            instance: None,
        };
        let value = |text: &'static str| AnyValue::String(text.as_bytes());
        let attributes: [(&[u8], _); 7] = [
            (b"a/b", value("2")),
            (b"a.b", value("1")),
            (b"job", value("own")),
            (b"le", value("5")),
            (b"zone", value("x")),
            (b"__reserved__", value("y")),
            ("日".as_bytes(), value("z")),
        ];
        let labels = naming.series(&sender, ScopeFields(b""), &attributes, Kind::Histogram);
        assert!(labels.is_mended);
        let found: Vec<_> = labels.value.iter().collect();
        assert_eq!(
            found,
            [
                ("a_b", "1;2"),
                ("exported___reserved__", "y"),
                ("exported_job", "own"),
                ("exported_le", "5"),
                ("exported_zone", "x"),
                ("job", "shop/checkout"),
                ("key_", "z"),
                ("zone", "1"),
            ]
        );
        let plain = naming.series(&sender, ScopeFields(b""), &attributes[1..2], Kind::Gauge);
        assert!(!plain.is_mended);
    }
}
