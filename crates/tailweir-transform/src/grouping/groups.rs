//! Resources, scopes and metrics by what they are, each once.

use super::Item;
use std::collections::HashMap;
use tailweir_otlp::field;
use tailweir_otlp::{
    AnyValue, Assembler, AttributeList, Attributes, MetricView, Part, ResourceFields, ScopeFields,
};

/// The groups of a request, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    /// By their attributes, whatever the order.
    by_attributes: HashMap<Vec<u8>, usize>,
    /// By group, name and version.
    by_scope: HashMap<(usize, &'a [u8], &'a [u8]), usize>,
    /// By scope, name and kind.
    by_metric: HashMap<(usize, &'a [u8], &'static str), usize>,
    groups: Vec<Group>,
    scopes: Vec<Scope<'a>>,
    metrics: Vec<Metric<'a>>,
    length: usize,
}

#[derive(Debug)]
struct Group {
    /// The fields of its resource.
    resource: Vec<u8>,
    scopes: Vec<usize>,
}

#[derive(Debug)]
struct Scope<'a> {
    /// Its fields.
    scope: Vec<u8>,
    items: Vec<Item<'a>>,
    metrics: Vec<usize>,
}

#[derive(Debug)]
struct Metric<'a> {
    /// The first of its name and kind: what it says beside its points holds for all.
    metric: MetricView<'a>,
    points: Vec<Item<'a>>,
}

impl<'a> Groups<'a> {
    /// The group of a resource with these attributes: `content` is that of its message.
    pub(super) fn group(
        &mut self,
        resource: ResourceFields<'_>,
        content: &[u8],
        attributes: &AttributeList<'_>,
    ) -> usize {
        let key = identity(attributes);
        if let Some(group) = self.by_attributes.get(&key) {
            return *group;
        }
        let content = field::RESOURCE_ATTRIBUTES.with_attributes(content, attributes);
        let content = field::RESOURCE_DROPPED_ATTRIBUTES.without(&content);
        let mut own = Vec::new();
        resource.put_own_fields(&mut own);
        let own = field::SCHEMA_URL.without(&own);
        let resource = field::RESOURCE.with_bytes(&own, &content);
        self.length += resource.len();
        let group = self.groups.len();
        self.by_attributes.insert(key, group);
        self.groups.push(Group {
            resource,
            scopes: Vec::new(),
        });
        group
    }

    /// The scope of a group with the name and the version of this one.
    pub(super) fn scope(&mut self, group: usize, scope: ScopeFields<'a>) -> usize {
        let key = (group, scope.scope().name(), scope.scope().version());
        if let Some(scope) = self.by_scope.get(&key) {
            return *scope;
        }
        let mut own = Vec::new();
        scope.put_own_fields(&mut own);
        let own = field::SCHEMA_URL.without(&own);
        self.length += own.len();
        let scope = self.scopes.len();
        self.by_scope.insert(key, scope);
        self.groups[group].scopes.push(scope);
        self.scopes.push(Scope {
            scope: own,
            items: Vec::new(),
            metrics: Vec::new(),
        });
        scope
    }

    /// One more span or log record.
    pub(super) fn add_item(&mut self, scope: usize, item: Item<'a>) {
        self.length += item.bytes().len();
        self.scopes[scope].items.push(item);
    }

    /// One more point of a metric.
    pub(super) fn add_point(&mut self, scope: usize, metric: MetricView<'a>, point: Item<'a>) {
        self.length += point.bytes().len();
        let key = (scope, metric.name(), metric.data().name());
        let next = self.metrics.len();
        let metric = *self.by_metric.entry(key).or_insert_with(|| {
            self.metrics.push(Metric {
                metric,
                points: Vec::new(),
            });
            self.scopes[scope].metrics.push(next);
            next
        });
        self.metrics[metric].points.push(point);
    }

    /// About how many bytes they are.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// A request of all of them.
    pub(super) fn assemble(mut self) -> Vec<u8> {
        for scope in &mut self.scopes {
            let metrics = scope.metrics.iter().map(|metric| &self.metrics[*metric]);
            let whole: Vec<_> = metrics.map(|metric| Item::New(metric.whole())).collect();
            scope.items.extend(whole);
        }
        let scopes = &self.scopes;
        let parts = self.groups.iter().flat_map(|group| {
            let resource = ResourceFields(&group.resource);
            let scopes = group.scopes.iter().map(|scope| &scopes[*scope]);
            scopes.flat_map(move |scope| {
                scope.items.iter().map(move |item| Part {
                    resource,
                    scope: ScopeFields(&scope.scope),
                    item: item.bytes(),
                })
            })
        });
        let mut out = Vec::new();
        Assembler::new().assemble(parts, &mut out);
        out
    }
}

impl Metric<'_> {
    /// The metric with its points.
    fn whole(&self) -> Vec<u8> {
        let data = self.metric.data();
        let points = self.points.iter().map(Item::bytes);
        match data.field() {
            Some(field) => {
                let content = field::DATA_POINTS.with_messages(data.message(), points);
                field.with_bytes(self.metric.0, &content)
            }
            None => self.metric.0.to_vec(),
        }
    }
}

/// Bytes that are equal for equal attributes, whatever their order.
fn identity(attributes: &AttributeList<'_>) -> Vec<u8> {
    let mut entries: Vec<_> = attributes.iter().map(|it| (it.key, it.value)).collect();
    let mut out = Vec::new();
    put_map(&mut entries, &mut out);
    out
}

fn put_map(entries: &mut [(&[u8], AnyValue<'_>)], out: &mut Vec<u8>) {
    entries.sort_by_key(|entry| entry.0);
    put_length(entries.len(), out);
    for (key, value) in entries {
        put_bytes(key, out);
        put_value(*value, out);
    }
}

fn put_value(value: AnyValue<'_>, out: &mut Vec<u8>) {
    match value {
        AnyValue::Empty => out.push(0),
        AnyValue::String(text) => {
            out.push(1);
            put_bytes(text, out);
        }
        AnyValue::Bool(flag) => out.extend([2, u8::from(flag)]),
        AnyValue::Int(number) => {
            out.push(3);
            out.extend(number.to_le_bytes());
        }
        AnyValue::Double(number) => {
            out.push(4);
            out.extend(number.to_bits().to_le_bytes());
        }
        AnyValue::Bytes(bytes) => {
            out.push(5);
            put_bytes(bytes, out);
        }
        AnyValue::Array(list) => {
            out.push(6);
            put_length(list.count(), out);
            list.iter().for_each(|value| put_value(value, out));
        }
        AnyValue::Map(map) => {
            out.push(7);
            put_map(&mut entries_of(map), out);
        }
    }
}

fn entries_of(map: Attributes<'_>) -> Vec<(&[u8], AnyValue<'_>)> {
    map.iter().map(|entry| (entry.key, entry.value)).collect()
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    out.extend((length as u64).to_le_bytes());
}
