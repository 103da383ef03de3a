//! Cuts a request into several, none above a number of items.

use super::Load;
use bytes::Bytes;
use tailweir_core::Signal;
use tailweir_otlp::{Assembler, MetricView, Part, RequestView, ResourceFields, ScopeFields};

/// The load in parts of at most `max` items, in order; whole when it is not above, or `max` is 0.
///
/// A metric stays whole, so a part can be larger than `max` by the points of one metric.
pub(super) fn portions(load: Load, max: u64) -> Vec<Load> {
    if max == 0 || load.charge.amount().items <= max {
        return vec![load];
    }
    let Load {
        signal,
        body,
        mut charge,
        client,
        ..
    } = load;
    let mut cut = cut(signal, &body, max).into_iter().peekable();
    let mut parts = Vec::new();
    while let Some((body, items)) = cut.next() {
        let part = if cut.peek().is_some() {
            charge.split_off(items)
        } else {
            let all = charge.amount().items;
            charge.split_off(all)
        };
        let mut part = Load::held(signal, body, part);
        part.client = client.clone();
        parts.push(part);
    }
    // Nothing is left but the bytes that did not divide evenly.
    if let Some(last) = parts.last_mut() {
        last.charge.merge(charge);
    }
    parts
}

/// The fields of a resource or scope, its nested items taken out.
struct Outer {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

fn cut(signal: Signal, body: &[u8], max: u64) -> Vec<(Bytes, u64)> {
    let outers = outers(body);
    let mut assembler = Assembler::new();
    let mut cut = Vec::new();
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut items = 0;
    let mut close = |parts: &mut Vec<Part<'_>>, items: &mut u64| {
        if !parts.is_empty() {
            let mut out = Vec::new();
            assembler.assemble(parts.drain(..).as_slice().iter().copied(), &mut out);
            cut.push((Bytes::from(out), std::mem::take(items)));
        }
    };
    for (outer, scope) in outers.iter().zip(scopes(body)) {
        for item in scope.items() {
            let weight = weight(signal, item);
            if items > 0 && items + weight > max {
                close(&mut parts, &mut items);
            }
            items += weight;
            parts.push(Part {
                resource: ResourceFields(&outer.resource),
                scope: ScopeFields(&outer.scope),
                item,
            });
        }
    }
    close(&mut parts, &mut items);
    cut
}

fn scopes(body: &[u8]) -> impl Iterator<Item = ScopeFields<'_>> {
    RequestView(body)
        .resources()
        .flat_map(ResourceFields::scopes)
}

fn outers(body: &[u8]) -> Vec<Outer> {
    let mut outers = Vec::new();
    for resource in RequestView(body).resources() {
        for scope in resource.scopes() {
            outers.push(Outer {
                resource: resource.without_scopes(),
                scope: scope.without_items(),
            });
        }
    }
    outers
}

/// Data points of a metric; anything else is one item.
fn weight(signal: Signal, item: &[u8]) -> u64 {
    match signal {
        Signal::Metrics => MetricView(item).data().points().count() as u64,
        Signal::Traces | Signal::Logs => 1,
    }
}
