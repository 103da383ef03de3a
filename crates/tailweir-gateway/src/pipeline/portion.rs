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

#[cfg(test)]
mod tests {
    use super::{Load, portions};
    use crate::ledger::{Charge, Ledger};
    use std::sync::Arc;
    use tailweir_core::Signal;
    use tailweir_export::Amount;
    use tailweir_otlp::count_items;
    use tailweir_testkit::{request, span, trace_id};

    /// Scenario: seven spans of two services are cut into parts of at most three, four and nine.
    /// Guarantees: no part is larger, no span is lost, and the charges add up to the byte.
    #[test]
    fn parts_add_up_to_the_whole() {
        let spans = |trace, count| (0..count).map(move |n| span(trace_id(trace), n));
        let whole = request().service("one").spans(spans(1, 2));
        let whole = whole.service("two").spans(spans(2, 5)).bytes();
        for (max, sizes) in [(3, vec![3, 3, 1]), (4, vec![4, 3]), (9, vec![7])] {
            let ledger = Arc::new(Ledger::default());
            let amount = Amount {
                items: 7,
                bytes: 1003,
            };
            let charge = Charge::take(&ledger, Signal::Traces, amount);
            let load = Load::held(Signal::Traces, whole.clone().into(), charge);
            let mut found = Vec::new();
            for part in portions(load, max) {
                let items = count_items(Signal::Traces, &part.body).unwrap();
                assert_eq!(items, part.charge.amount().items);
                found.push(items);
                part.charge.into_receipt().0.delivered();
            }
            assert_eq!(found, sizes);
            let books = ledger.snapshot();
            let delivered = books.signals["traces"].delivered;
            assert_eq!((books.imbalance(), delivered.bytes), (0, 1003));
        }
    }
}
