//! Edits of attributes, anywhere in a request of any signal.

use crate::attribute_list::AttributeList;
use crate::patch::Patches;
use crate::view::{
    DataPoint, LogRecordView, Messages, MetricData, MetricView, ResourceFields, ScopeFields,
    SpanView, span,
};
use crate::wire::{Fields, put_bytes};
use std::ops::Range;
use tailweir_core::Signal;

const REQUEST_GROUPS: u32 = 1;
const RESOURCE: u32 = 1;
const RESOURCE_ATTRIBUTES: u32 = 1;
const NESTED: u32 = 2;
const LOG_ATTRIBUTES: u32 = 6;
const POINTS: u32 = 1;
/// Fields of a `Metric` that hold data points.
const METRIC_DATA: [u32; 5] = [5, 7, 9, 10, 11];

/// An item whose attributes are edited, and what it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct ItemPlace<'a> {
    /// What produced it, as it was before any edit.
    pub resource: ResourceFields<'a>,
    /// The library that made it.
    pub scope: ScopeFields<'a>,
    /// The item.
    pub item: Item<'a>,
}

/// What carries attributes in each signal.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A span.
    Span(SpanView<'a>),
    /// A log record.
    Log(LogRecordView<'a>),
    /// A data point and its metric.
    Point(MetricView<'a>, DataPoint<'a>),
}

/// Lets `edit` change the attributes of each resource of a request of any signal. Bytes that are not
/// part of a changed list, unknown fields included, stay as they are; the lengths around them follow.
/// The answer is the new request, or nothing when nothing changed.
pub fn rewrite_resources(
    request: &[u8],
    mut edit: impl FnMut(&mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let mut patches = Patches::new(request);
    patches.nested(0..request.len(), REQUEST_GROUPS, |patches, group| {
        let mut resources = Messages::new(&request[group.clone()], RESOURCE);
        if resources.next().is_some() && resources.next().is_none() {
            return patches.nested(group, RESOURCE, |patches, resource| {
                rewrite_list(patches, resource, RESOURCE_ATTRIBUTES, &mut edit)
            });
        }
        rewrite_odd_resource(patches, group, &mut edit)
    });
    patches.apply()
}

/// A resource that is absent, or one that is spread over several messages, gets a message of its own.
fn rewrite_odd_resource(
    patches: &mut Patches<'_>,
    group: Range<usize>,
    edit: impl FnOnce(&mut AttributeList<'_>),
) -> isize {
    let messages = Messages::new(&patches.request()[group.clone()], RESOURCE);
    let whole = messages.collect::<Vec<_>>().concat();
    let mut changed = Patches::new(&whole);
    rewrite_list(&mut changed, 0..whole.len(), RESOURCE_ATTRIBUTES, edit);
    match changed.apply() {
        Some(changed) => patches.replace(group, RESOURCE, |out| put_bytes(out, RESOURCE, &changed)),
        None => 0,
    }
}

/// Lets `edit` change the attributes of each span, log record or data point of a request. What is said
/// of [`rewrite_resources`] holds here too.
pub fn rewrite_items(
    signal: Signal,
    request: &[u8],
    mut edit: impl FnMut(&ItemPlace<'_>, &mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let mut patches = Patches::new(request);
    patches.nested(0..request.len(), REQUEST_GROUPS, |patches, group| {
        let resource = ResourceFields(&request[group.clone()]);
        patches.nested(group, NESTED, |patches, scope_range| {
            let scope = ScopeFields(&request[scope_range.clone()]);
            patches.nested(scope_range, NESTED, |patches, item| {
                let mut edit = |item: Item<'_>, list: &mut AttributeList<'_>| {
                    edit(
                        &ItemPlace {
                            resource,
                            scope,
                            item,
                        },
                        list,
                    );
                };
                let bytes = &request[item.clone()];
                match signal {
                    Signal::Traces => rewrite_list(patches, item, span::ATTRIBUTES, |list| {
                        edit(Item::Span(SpanView(bytes)), list);
                    }),
                    Signal::Logs => rewrite_list(patches, item, LOG_ATTRIBUTES, |list| {
                        edit(Item::Log(LogRecordView(bytes)), list);
                    }),
                    Signal::Metrics => rewrite_points(patches, item, edit),
                }
            })
        })
    });
    patches.apply()
}

/// The points of a metric. Of several kinds of data only the last counts, and only it is looked at.
fn rewrite_points(
    patches: &mut Patches<'_>,
    metric: Range<usize>,
    mut edit: impl FnMut(Item<'_>, &mut AttributeList<'_>),
) -> isize {
    let request = patches.request();
    let view = MetricView(&request[metric.clone()]);
    let numbers = Fields::new(view.0).map(|field| field.number);
    let Some(number) = numbers.filter(|number| METRIC_DATA.contains(number)).last() else {
        return 0;
    };
    patches.nested(metric, number, |patches, data| {
        let Some(kind) = MetricData::new(number, &request[data.clone()]) else {
            return 0;
        };
        patches.nested(data, POINTS, |patches, range| {
            let point = kind.point(&request[range.clone()]);
            rewrite_list(patches, range, attributes_of(point), |list| {
                edit(Item::Point(view, point), list);
            })
        })
    })
}

fn attributes_of(point: DataPoint<'_>) -> u32 {
    match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => 7,
        DataPoint::Histogram(_) => 9,
        DataPoint::ExponentialHistogram(_) => 1,
    }
}

/// Edits the attributes in field `number` of a message. Answers by how many bytes it grows.
fn rewrite_list(
    patches: &mut Patches<'_>,
    message: Range<usize>,
    number: u32,
    edit: impl FnOnce(&mut AttributeList<'_>),
) -> isize {
    let content = &patches.request()[message.clone()];
    let mut list = AttributeList::new(Messages::new(content, number));
    edit(&mut list);
    if !list.is_changed() {
        return 0;
    }
    patches.replace(message, number, |out| list.write(number, out))
}
