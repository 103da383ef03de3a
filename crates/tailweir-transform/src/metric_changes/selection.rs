//! Which metrics, and which of their data points.

use std::borrow::Cow;
use tailweir_otlp::{Attributes, Change, MetricView};
use tailweir_ottl::GoRegex;

/// A text that is wanted, exactly or as a pattern.
#[derive(Debug)]
pub(super) enum Wanted {
    Exactly(Vec<u8>),
    Pattern(GoRegex),
}

impl Wanted {
    fn is_met(&self, text: &[u8]) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == text,
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }
}

/// Metrics of some names, and of them the points with some labels.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) name: Wanted,
    pub(super) labels: Vec<(Vec<u8>, Wanted)>,
}

/// What of a metric is selected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Share {
    Nothing,
    Whole,
    /// The metric with the points that are selected, and with the others.
    Part {
        selected: Vec<u8>,
        rest: Vec<u8>,
    },
}

impl Selection {
    /// Whether a metric of this name may be selected.
    pub(super) fn has_name(&self, name: &[u8]) -> bool {
        self.name.is_met(name)
    }

    /// Whether a point with these labels is selected. What is no text, or not there, counts as empty text.
    pub(super) fn allows(&self, attributes: Attributes<'_>) -> bool {
        self.labels.iter().all(|(key, wanted)| {
            let value = attributes.get(key).and_then(|value| value.as_string());
            wanted.is_met(value.unwrap_or_default())
        })
    }

    /// Whether each point of a metric is selected.
    pub(super) fn allows_all(&self, metric: MetricView<'_>) -> bool {
        self.labels.is_empty()
            || metric
                .data()
                .points()
                .all(|point| self.allows(point.attributes()))
    }

    /// Whether the metric has the name, and a point that is selected or none at all.
    pub(super) fn matches(&self, metric: MetricView<'_>) -> bool {
        if !self.has_name(metric.name()) {
            return false;
        }
        let mut points = metric.data().points().peekable();
        self.labels.is_empty()
            || points.peek().is_none()
            || points.any(|point| self.allows(point.attributes()))
    }

    /// What of a metric is selected.
    pub(super) fn share_of(&self, metric: MetricView<'_>) -> Share {
        if !self.matches(metric) {
            return Share::Nothing;
        }
        if self.allows_all(metric) {
            return Share::Whole;
        }
        let those = |are_selected: bool| {
            let sifted =
                metric.sift_points(
                    |point| match self.allows(point.attributes()) == are_selected {
                        true => Change::Keep,
                        false => Change::Drop,
                    },
                );
            sifted.content.unwrap_or_else(|| metric.0.to_vec())
        };
        Share::Part {
            selected: those(true),
            rest: those(false),
        }
    }

    /// What a template makes of a name; the template itself where that is nothing.
    pub(super) fn name_of<'n>(&self, name: &[u8], template: &'n [u8]) -> Cow<'n, [u8]> {
        let expanded = match &self.name {
            Wanted::Exactly(_) => None,
            Wanted::Pattern(pattern) => pattern.expand_first(name, template),
        };
        let expanded = expanded.filter(|name| !name.is_empty());
        expanded.map_or(Cow::Borrowed(template), Cow::Owned)
    }
}
