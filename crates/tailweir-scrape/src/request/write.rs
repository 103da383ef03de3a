//! The request as bytes.

use super::family::Family;
use super::group::{Group, nanoseconds};
use super::kind::{trimmed, ucum};
use super::scope::Scope;
use super::{Request, Resource, Subject, is_stale};
use crate::Manner;
use crate::page::Exemplar;
use tailweir_core::{SpanId, TraceId};
use tailweir_otlp::{
    AttributeMap, AttributeSet, EncodedValue, ForeignExponential, ForeignKind, ForeignValue,
    MetricHead, MetricsWriter, NewExemplar, NewForeignExemplar, NewForeignPoint, NewScope,
    PointsWriter, ScopeMetricsWriter,
};

/// The scope of metrics that do not say theirs: the name that the Collector's receiver has.
const SCOPE: &str =
    "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver";
/// What metrics say about their type on their page.
const TYPE_KEY: &[u8] = b"prometheus.type";

impl Request {
    /// Appends it to `out`. Resources, scopes and metrics without points are left out.
    pub(crate) fn write(self, manner: &Manner, out: &mut Vec<u8>) {
        let mut request = MetricsWriter::new(out);
        for resource in self.resources {
            write_resource(resource, &self.subject, manner, &mut request);
        }
    }
}

fn write_resource(
    mut resource: Resource,
    subject: &Subject,
    manner: &Manner,
    request: &mut MetricsWriter<'_>,
) {
    for scoped in &mut resource.scopes {
        scoped.families.retain_mut(has_points);
    }
    resource.scopes.retain(|scoped| !scoped.families.is_empty());
    if resource.scopes.is_empty() {
        return;
    }
    let (attributes, scope_name) = match subject {
        Subject::Target(_) => (resource.attributes.finish(), SCOPE),
        Subject::Own { resource, scope } => (resource.clone(), *scope),
    };
    request.resource(&attributes, |mut writer| {
        for scoped in &mut resource.scopes {
            let attributes = scope_attributes(&scoped.scope);
            let (name, version) = match scoped.scope.is_empty() {
                true => (scope_name, manner.version.as_str()),
                false => (scoped.scope.name.as_str(), scoped.scope.version.as_str()),
            };
            let scope = NewScope {
                name: name.as_bytes(),
                version: version.as_bytes(),
                schema_url: scoped.scope.schema_url.as_bytes(),
                attributes: &attributes,
            };
            writer.scope_of(&scope, |mut writer| {
                for family in &mut scoped.families {
                    write_family(family, manner, &mut writer);
                }
            });
        }
    });
}

fn scope_attributes(scope: &Scope) -> AttributeSet {
    let pairs = scope.attributes.iter();
    attributes(pairs.map(|(name, value)| (name.as_str(), value.as_str())))
}

fn attributes<'l>(pairs: impl Iterator<Item = (&'l str, &'l str)>) -> AttributeSet {
    let mut attributes = AttributeMap::default();
    for (name, value) in pairs {
        attributes.put(name.as_bytes(), EncodedValue::string(value.as_bytes()));
    }
    attributes.finish()
}

/// Drops groups that are no points; whether others are left.
fn has_points(family: &mut Family) -> bool {
    let kind = family.kind;
    family.groups.retain(|group| match kind {
        Some(ForeignKind::Histogram | ForeignKind::Summary) => group.count.is_some(),
        Some(ForeignKind::Exponential) => group.native.is_some() || group.native_ended,
        _ => group.value.is_some(),
    });
    !family.groups.is_empty()
}

fn write_family(family: &mut Family, manner: &Manner, scope: &mut ScopeMetricsWriter<'_>) {
    let mut groups = std::mem::take(&mut family.groups);
    let name = match manner.trim_metric_suffixes {
        true => trimmed(&family.name, family.kind, &family.unit),
        false => &family.name,
    };
    let unit = ucum(&family.unit);
    let head = MetricHead {
        name: name.as_bytes(),
        description: family.help.as_bytes(),
        unit: unit.as_bytes(),
    };
    let mut metadata = AttributeSet::default();
    let word = family.kind_said.word();
    metadata.put(TYPE_KEY, &EncodedValue::string(word.as_bytes()));
    let kind = family.kind.unwrap_or(ForeignKind::Gauge);
    scope.foreign(head, kind, &metadata, |mut points| {
        for group in &mut groups {
            write_point(family, kind, group, &mut points);
        }
    });
}

fn write_point(
    family: &Family,
    kind: ForeignKind,
    group: &mut Group,
    points: &mut PointsWriter<'_>,
) {
    let attributes = attributes(family.attributes(&group.labels));
    let exemplars = exemplars(group);
    let mut point = NewForeignPoint {
        attributes: &attributes,
        start: if kind == ForeignKind::Gauge {
            0
        } else {
            group.start()
        },
        time: group.time(),
        has_ended: group.has_ended(),
        value: ForeignValue::Number(0.0),
        exemplars: &exemplars,
    };
    let whole = |count: Option<f64>, has_ended| match has_ended {
        true => 0,
        false => count.unwrap_or(0.0) as u64,
    };
    let has_ended = point.has_ended;
    let sum = group.sum.filter(|_| !has_ended);
    match kind {
        ForeignKind::Gauge | ForeignKind::Sum { .. } => {
            let value = group.value.unwrap_or(0.0);
            point.has_ended = is_stale(value);
            point.value = ForeignValue::Number(value);
            points.foreign(&point);
        }
        ForeignKind::Histogram => {
            let (bounds, buckets) = group.buckets();
            point.value = ForeignValue::Histogram {
                count: whole(group.count, has_ended),
                sum,
                bounds: &bounds,
                buckets: &buckets,
            };
            points.foreign(&point);
        }
        ForeignKind::Summary => {
            let quantiles = group.quantiles();
            point.exemplars = &[];
            point.value = ForeignValue::Summary {
                count: whole(group.count, has_ended),
                sum: sum.unwrap_or(0.0),
                quantiles: &quantiles,
            };
            points.foreign(&point);
        }
        ForeignKind::Exponential => {
            point.has_ended = group.native.is_none();
            let native = group.native.take().unwrap_or_default();
            point.value = ForeignValue::Exponential(ForeignExponential {
                count: native.count,
                sum: native.sum,
                scale: native.schema,
                zero_count: native.zero_count,
                zero_threshold: native.zero_threshold,
                positive: (native.positive.offset, &native.positive.counts),
                negative: (native.negative.offset, &native.negative.counts),
            });
            points.foreign(&point);
        }
    }
}

/// The exemplars of a point, those of before first.
fn exemplars(group: &mut Group) -> Vec<NewForeignExemplar> {
    let at = group.at;
    let exemplars = std::mem::take(&mut group.exemplars);
    exemplars.into_iter().map(|it| exemplar(it, at)).collect()
}

fn exemplar(exemplar: Exemplar, at: i64) -> NewForeignExemplar {
    let mut measured = NewExemplar {
        trace_id: TraceId::default(),
        span_id: SpanId::default(),
        time: nanoseconds(exemplar.time.unwrap_or(at)),
        value: exemplar.value,
    };
    let mut attributes = AttributeSet::default();
    let mut labels = exemplar.labels;
    labels.sort();
    for (name, value) in labels {
        let is = |key: &str| name.eq_ignore_ascii_case(key);
        // Ids of another length or of zeros are attributes like others.
        let lower = value.to_ascii_lowercase();
        if is("trace_id") {
            match lower.parse::<TraceId>() {
                Ok(id) if !id.is_zero() => {
                    measured.trace_id = id;
                    continue;
                }
                _ if value.is_empty() => continue,
                _ => {}
            }
        } else if is("span_id") {
            match lower.parse::<SpanId>() {
                Ok(id) if !id.is_zero() => {
                    measured.span_id = id;
                    continue;
                }
                _ if value.is_empty() => continue,
                _ => {}
            }
        }
        let value = EncodedValue::string(value.as_bytes());
        attributes.put(name.as_bytes(), &value);
    }
    NewForeignExemplar {
        measured,
        attributes,
    }
}
