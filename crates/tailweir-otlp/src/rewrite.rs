//! Edits of attributes, anywhere in a request of any signal.

use crate::attribute_list::AttributeList;
use crate::changed_copy::ChangedCopy;
use crate::splice::Positions;
use crate::view::{
    DataPoint, KeyLengths, LogRecordView, Messages, MetricData, MetricView, ResourceFields,
    ScopeFields, SpanView, span,
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
///
/// Only attributes whose keys have one of the lengths in `keys` are sure to be in a list: those of all keys
/// that `edit` asks for or puts.
pub fn rewrite_resources(
    request: &[u8],
    keys: KeyLengths,
    mut edit: impl FnMut(&mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let mut copy = ChangedCopy::new(request);
    let mut list = AttributeList::empty();
    copy.nested(0..request.len(), REQUEST_GROUPS, |copy, group| {
        let mut resources = Messages::new(&request[group.clone()], RESOURCE);
        if resources.next().is_some() && resources.next().is_none() {
            return copy.nested(group, RESOURCE, |copy, resource| {
                list.fill(&request[resource.clone()], RESOURCE_ATTRIBUTES, keys);
                edit(&mut list);
                list.change(RESOURCE_ATTRIBUTES, resource.start, copy);
            });
        }
        rewrite_odd_resource(copy, group, keys, &mut edit);
    });
    copy.finish()
}

/// A resource that is absent, or one that is spread over several messages, gets a message of its own: in
/// the place of the first, or before all other fields.
fn rewrite_odd_resource(
    copy: &mut ChangedCopy<'_>,
    group: Range<usize>,
    keys: KeyLengths,
    edit: impl FnOnce(&mut AttributeList<'_>),
) {
    let content = &copy.request()[group.clone()];
    let whole = Messages::new(content, RESOURCE)
        .collect::<Vec<_>>()
        .concat();
    let (mut list, mut changed) = (AttributeList::empty(), ChangedCopy::new(&whole));
    list.fill(&whole, RESOURCE_ATTRIBUTES, keys);
    edit(&mut list);
    list.change(RESOURCE_ATTRIBUTES, 0, &mut changed);
    let Some(changed) = changed.finish() else {
        return;
    };
    let fields = Positions::new(content).filter(|(field, _)| field.number == RESOURCE);
    let mut places = fields.map(|(field, end)| group.start + field.start..group.start + end);
    let first = places.next().unwrap_or(group.start..group.start);
    copy.put(first, |out| put_bytes(out, RESOURCE, &changed));
    places.for_each(|place| copy.cut(place));
}

/// Lets `edit` change the attributes of each span, log record or data point of a request. What is said
/// of [`rewrite_resources`] holds here too.
pub fn rewrite_items(
    signal: Signal,
    request: &[u8],
    keys: KeyLengths,
    mut edit: impl FnMut(&ItemPlace<'_>, &mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let mut copy = ChangedCopy::new(request);
    let mut list = AttributeList::empty();
    copy.nested(0..request.len(), REQUEST_GROUPS, |copy, group| {
        let resource = ResourceFields(&request[group.clone()]);
        copy.nested(group, NESTED, |copy, scope_range| {
            let scope = ScopeFields(&request[scope_range.clone()]);
            copy.nested(scope_range, NESTED, |copy, item| {
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
                let (field, item_view) = match signal {
                    Signal::Traces => (span::ATTRIBUTES, Item::Span(SpanView(bytes))),
                    Signal::Logs => (LOG_ATTRIBUTES, Item::Log(LogRecordView(bytes))),
                    Signal::Metrics => return rewrite_points(copy, item, keys, &mut list, edit),
                };
                list.fill(bytes, field, keys);
                edit(item_view, &mut list);
                list.change(field, item.start, copy);
            });
        });
    });
    copy.finish()
}

/// The points of a metric. Of several kinds of data only the last counts, and only it is looked at.
fn rewrite_points<'r>(
    copy: &mut ChangedCopy<'r>,
    metric: Range<usize>,
    keys: KeyLengths,
    list: &mut AttributeList<'r>,
    mut edit: impl FnMut(Item<'_>, &mut AttributeList<'_>),
) {
    let request = copy.request();
    let view = MetricView(&request[metric.clone()]);
    let numbers = Fields::new(view.0).map(|field| field.number);
    let Some(number) = numbers.filter(|number| METRIC_DATA.contains(number)).last() else {
        return;
    };
    copy.nested(metric, number, |copy, data| {
        let Some(kind) = MetricData::new(number, &request[data.clone()]) else {
            return;
        };
        copy.nested(data, POINTS, |copy, range| {
            let (start, message) = (range.start, &request[range]);
            let point = kind.point(message);
            let field = attributes_of(point);
            list.fill(message, field, keys);
            edit(Item::Point(view, point), list);
            list.change(field, start, copy);
        });
    });
}

fn attributes_of(point: DataPoint<'_>) -> u32 {
    match point {
        DataPoint::Number(_) | DataPoint::Summary(_) => 7,
        DataPoint::Histogram(_) => 9,
        DataPoint::ExponentialHistogram(_) => 1,
    }
}
