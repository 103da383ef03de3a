//! Edits of attributes, anywhere in a request of any signal.

use crate::attribute_list::AttributeList;
use crate::splice::{replace, splice};
use crate::view::{
    DataPoint, LogRecordView, Messages, MetricData, MetricView, ResourceFields, ScopeFields,
    SpanView, span,
};
use crate::wire::{Fields, put_bytes};
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
    splice(request, REQUEST_GROUPS, |group| {
        // Most groups have one resource. None and several, which are one, need their own place.
        let resources: Vec<_> = Messages::new(group, RESOURCE).collect();
        if let [resource] = resources.as_slice() {
            let changed = rewrite_list(resource, RESOURCE_ATTRIBUTES, &mut edit)?;
            return splice(group, RESOURCE, |_| Some(changed.clone()));
        }
        let changed = rewrite_list(&resources.concat(), RESOURCE_ATTRIBUTES, &mut edit)?;
        let mut out = Vec::with_capacity(group.len() + changed.len());
        replace(group, RESOURCE, &mut out, |out| {
            put_bytes(out, RESOURCE, &changed);
        });
        Some(out)
    })
}

/// Lets `edit` change the attributes of each span, log record or data point of a request. What is said
/// of [`rewrite_resources`] holds here too.
pub fn rewrite_items(
    signal: Signal,
    request: &[u8],
    mut edit: impl FnMut(&ItemPlace<'_>, &mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    splice(request, REQUEST_GROUPS, |group| {
        splice(group, NESTED, |scope| {
            splice(scope, NESTED, |item| {
                let (resource, scope) = (ResourceFields(group), ScopeFields(scope));
                match signal {
                    Signal::Traces => rewrite_list(item, span::ATTRIBUTES, |list| {
                        let item = Item::Span(SpanView(item));
                        edit(
                            &ItemPlace {
                                resource,
                                scope,
                                item,
                            },
                            list,
                        );
                    }),
                    Signal::Logs => rewrite_list(item, LOG_ATTRIBUTES, |list| {
                        let item = Item::Log(LogRecordView(item));
                        edit(
                            &ItemPlace {
                                resource,
                                scope,
                                item,
                            },
                            list,
                        );
                    }),
                    Signal::Metrics => rewrite_points(MetricView(item), |item, list| {
                        edit(
                            &ItemPlace {
                                resource,
                                scope,
                                item,
                            },
                            list,
                        );
                    }),
                }
            })
        })
    })
}

/// The points of a metric. Of several kinds of data only the last counts, and only it is looked at.
fn rewrite_points(
    metric: MetricView<'_>,
    mut edit: impl FnMut(Item<'_>, &mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let numbers = Fields::new(metric.0).map(|field| field.number);
    let number = numbers
        .filter(|number| METRIC_DATA.contains(number))
        .last()?;
    splice(metric.0, number, |data| {
        let kind = MetricData::new(number, data)?;
        splice(data, POINTS, |point| {
            let point = kind.point(point);
            rewrite_list(point.message(), attributes_of(point), |list| {
                edit(Item::Point(metric, point), list);
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

/// Edits the attributes in field `number` of a message.
fn rewrite_list(
    message: &[u8],
    number: u32,
    edit: impl FnOnce(&mut AttributeList<'_>),
) -> Option<Vec<u8>> {
    let mut list = AttributeList::new(Messages::new(message, number));
    edit(&mut list);
    if !list.is_changed() {
        return None;
    }
    let mut out = Vec::with_capacity(message.len() + 64);
    replace(message, number, &mut out, |out| list.write(number, out));
    Some(out)
}
