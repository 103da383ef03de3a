//! Metrics: the series that belong together, in groups that are one point each.

use super::group::{Group, Role};
use super::kind::{COUNT, CREATED, Known, SUM, kind, without_suffix};
use super::scope::PREFIX;
use super::{Point, Value};
use crate::Labels;
use crate::labels::{BUCKET, INSTANCE, JOB, NAME, QUANTILE};
use crate::metadata::{MetadataStore, MetricType};
use crate::number;
use hashbrown::HashMap;
use std::sync::Arc;
use tailweir_otlp::ForeignKind;

/// A metric under construction.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind_said: MetricType,
    pub(super) help: String,
    pub(super) unit: String,
    /// The name that the page says these of.
    said_of: String,
    /// Nothing for histograms of gauges.
    pub(super) kind: Option<ForeignKind>,
    pub(super) groups: Vec<Group>,
    by_labels: HashMap<Vec<u8>, usize>,
}

impl Family {
    /// The metric that a series of this name begins.
    pub(super) fn new(series: &str, is_native: bool, metadata: &MetadataStore) -> Self {
        let known = Known::of(series, metadata);
        let said = match is_native {
            // It shows what it is, whatever the page says.
            true => MetricType::Histogram,
            false => known.metadata.kind,
        };
        Self {
            name: known.name,
            kind_said: said,
            help: known.metadata.help,
            unit: known.metadata.unit,
            said_of: known.family,
            kind: kind(said, is_native),
            groups: Vec::new(),
            by_labels: HashMap::new(),
        }
    }

    /// Whether a series of this name belongs to it.
    pub(super) fn includes(&self, series: &str) -> bool {
        match self.kind {
            Some(ForeignKind::Sum { .. }) => without_suffix(series) == self.said_of,
            Some(ForeignKind::Gauge) => series == self.name,
            _ => without_suffix(series) == self.name,
        }
    }

    /// Adds a point. Whether it could be used.
    pub(super) fn add(&mut self, point: Point<'_>) -> bool {
        let role = self.role(point.labels);
        let group = self.group(point.labels, point.at);
        // What belongs to one point has one time.
        if group.at != point.at {
            return false;
        }
        let is_told = match (role, point.value) {
            (Role::Native, Value::Native(native)) => {
                group.native = Some(native);
                true
            }
            (_, Value::Native(_)) => false,
            (role, Value::Number(value)) => group.take(role, value),
        };
        if let (true, Some(start)) = (is_told, point.start) {
            group.start = Some(start as f64 / 1000.0);
        }
        if is_told {
            group.exemplars.extend(point.exemplars);
        }
        is_told
    }

    /// What a series is for its point.
    fn role(&self, labels: &Labels) -> Role {
        let series = labels.name();
        let is_created = series.strip_suffix(CREATED) == Some(&self.said_of);
        match self.kind {
            Some(ForeignKind::Exponential) if is_created => Role::Created,
            Some(ForeignKind::Exponential) => Role::Native,
            Some(ForeignKind::Sum { .. }) if is_created => Role::Created,
            Some(ForeignKind::Histogram | ForeignKind::Summary) => {
                if series.ends_with(SUM) {
                    return Role::Sum;
                }
                if series.ends_with(COUNT) {
                    return Role::Count;
                }
                if is_created {
                    return Role::Created;
                }
                let bound = match self.kind {
                    Some(ForeignKind::Histogram) => labels.get(BUCKET),
                    _ => labels.get(QUANTILE),
                };
                number::parse(bound).map_or(Role::Unusable, Role::Part)
            }
            _ => Role::Value,
        }
    }

    fn group(&mut self, labels: &Arc<Labels>, at: i64) -> &mut Group {
        let key = self.key(labels);
        let place = match self.by_labels.get(&key) {
            Some(place) => *place,
            None => {
                self.by_labels.insert(key, self.groups.len());
                self.groups.push(Group::new(Arc::clone(labels), at));
                self.groups.len() - 1
            }
        };
        &mut self.groups[place]
    }

    /// The labels that the series of one point have in common.
    fn key(&self, labels: &Labels) -> Vec<u8> {
        let own = match self.kind {
            Some(ForeignKind::Histogram) => BUCKET,
            Some(ForeignKind::Summary) => QUANTILE,
            _ => NAME,
        };
        let mut key = Vec::new();
        for (name, value) in labels.iter() {
            if name != own && !is_beside(name) {
                key.extend_from_slice(name.as_bytes());
                key.push(0xff);
                key.extend_from_slice(value.as_bytes());
                key.push(0xff);
            }
        }
        key
    }

    /// The labels of a point that are its attributes.
    pub(super) fn attributes<'l>(
        &self,
        labels: &'l Labels,
    ) -> impl Iterator<Item = (&'l str, &'l str)> + use<'l> {
        let own = match self.kind {
            Some(ForeignKind::Histogram | ForeignKind::Exponential) => BUCKET,
            Some(ForeignKind::Summary) => QUANTILE,
            _ => NAME,
        };
        let labels = labels.iter();
        labels.filter(move |(name, _)| *name != own && !is_beside(name))
    }
}

/// Whether a label is said elsewhere: by the metric, the resource or the scope.
fn is_beside(name: &str) -> bool {
    matches!(
        name,
        NAME | INSTANCE | JOB | "__scheme__" | "__metrics_path__"
    ) || name.starts_with(PREFIX)
}
