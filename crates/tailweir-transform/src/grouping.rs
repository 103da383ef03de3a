//! The `groupbyattrs` processor.

mod groups;

use crate::error::TransformError;
use crate::growth::GROWTH_MAX;
use crate::transform::{Count, Outcome, Request, Transform};
use groups::Groups;
use std::borrow::Cow;
use std::collections::HashMap;
use tailweir_config::GroupByAttrs;
use tailweir_core::Signal;
use tailweir_otlp::field::{self, WritableField};
use tailweir_otlp::{AttributeList, EncodedValue, MetricView, RequestView, ResourceFields};

/// The compiled settings of a `groupbyattrs` processor.
#[derive(Debug)]
pub(crate) struct Grouping {
    keys: Vec<Vec<u8>>,
}

/// Attributes that an item gives to its resource.
type Given = Vec<(usize, EncodedValue)>;

impl Grouping {
    /// Compiles a `groupbyattrs` processor.
    pub(crate) fn new(settings: &GroupByAttrs) -> Self {
        let keys = settings.keys.iter();
        Self {
            keys: keys.map(|key| key.clone().into_bytes()).collect(),
        }
    }

    /// Takes the attributes out of an item, or nothing when it has none of them.
    fn take(&self, list: &mut AttributeList<'_>) -> Given {
        let keys = self.keys.iter().enumerate();
        keys.filter_map(|(index, key)| {
            let value = list.get_encoded(key)?;
            list.remove(key);
            Some((index, value))
        })
        .collect()
    }

    /// The content of an item without the attributes that it gives, which stand in this field.
    fn split<'a>(&self, item: &'a [u8], attributes: WritableField) -> (Given, Item<'a>) {
        let mut list = attributes.attributes(item);
        let given = self.take(&mut list);
        if given.is_empty() {
            return (given, Item::Same(item));
        }
        let content = attributes.with_attributes(item, &list);
        (given, Item::New(content))
    }

    /// Gathers the items of a request in groups.
    fn gather<'a>(
        &self,
        signal: Signal,
        request: &'a [u8],
        grouped: &mut [u64; 2],
    ) -> Result<Groups<'a>, TransformError> {
        let limit = request.len() + GROWTH_MAX;
        let mut groups = Groups::default();
        for resource in RequestView(request).resources() {
            let mut home = Home::new(resource, &self.keys);
            for scope in resource.scopes() {
                for item in scope.items() {
                    match signal {
                        Signal::Traces | Signal::Logs => {
                            let attributes = match signal {
                                Signal::Traces => field::SPAN_ATTRIBUTES,
                                _ => field::LOG_ATTRIBUTES,
                            };
                            let (given, item) = self.split(item, attributes);
                            grouped[usize::from(given.is_empty())] += 1;
                            let group = home.group(&mut groups, given);
                            let scope = groups.scope(group, scope);
                            groups.add_item(scope, item);
                        }
                        Signal::Metrics => {
                            let metric = MetricView(item);
                            for point in metric.data().points() {
                                let (given, point) =
                                    self.split(point.message(), point.attributes_field());
                                grouped[usize::from(given.is_empty())] += 1;
                                let group = home.group(&mut groups, given);
                                let scope = groups.scope(group, scope);
                                groups.add_point(scope, metric, point);
                            }
                        }
                    }
                    if groups.length() > limit {
                        return Err(TransformError::Growth {
                            length: request.len(),
                            limit: GROWTH_MAX,
                        });
                    }
                }
            }
        }
        Ok(groups)
    }
}

/// A resource of the request, and the groups that its items went to.
struct Home<'a> {
    resource: ResourceFields<'a>,
    keys: &'a [Vec<u8>],
    content: Cow<'a, [u8]>,
    groups: HashMap<Given, usize>,
}

impl<'a> Home<'a> {
    fn new(resource: ResourceFields<'a>, keys: &'a [Vec<u8>]) -> Self {
        Self {
            resource,
            keys,
            content: field::RESOURCE.nested(resource.0),
            groups: HashMap::new(),
        }
    }

    /// The group of the resource with what an item gives it. The resource is looked at once for each
    /// combination.
    fn group(&mut self, groups: &mut Groups<'_>, given: Given) -> usize {
        if let Some(group) = self.groups.get(&given) {
            return *group;
        }
        let mut list = field::RESOURCE_ATTRIBUTES.attributes(&self.content);
        for (index, value) in &given {
            list.put(&self.keys[*index], value);
        }
        let group = groups.group(self.resource, &self.content, &list);
        self.groups.insert(given, group);
        group
    }
}

/// An item of a group.
#[derive(Debug)]
enum Item<'a> {
    /// As it was.
    Same(&'a [u8]),
    /// Without some attributes.
    New(Vec<u8>),
}

impl Item<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Same(bytes) => bytes,
            Self::New(bytes) => bytes,
        }
    }
}

impl Transform for Grouping {
    /// What has no items is left out, and so are schema URLs, which groups may not agree on: both as in
    /// the Collector.
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let body = request.body;
        // Items that gave something, and others.
        let mut grouped = [0, 0];
        let groups = self.gather(request.signal, &body, &mut grouped)?;
        let assembled = groups.assemble();
        let is_same = assembled == body;
        let counts = [Count::Grouped, Count::NotGrouped].into_iter().zip(grouped);
        Ok(Outcome {
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            ..Outcome::of(if is_same { body } else { assembled.into() })
        })
    }
}
