//! Cuts a request into several, none above a number of items.

use super::Load;
use bytes::Bytes;
use std::borrow::Cow;
use tailweir_core::Signal;
use tailweir_otlp::{Assembler, DataPoint, MetricView, Outer, RequestView, field};

/// The load in parts of at most `max` items, in order; whole when it is not above, or `max` is 0. A metric is
/// divided between its data points.
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

/// A piece of a request, to be put into a part whole.
struct Piece<'a> {
    outer: usize,
    item: Cow<'a, [u8]>,
    weight: u64,
}

fn cut(signal: Signal, body: &[u8], max: u64) -> Vec<(Bytes, u64)> {
    let outers = Outer::all(body);
    let mut assembler = Assembler::new();
    let mut cut = Vec::new();
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut items = 0;
    let mut close = |pieces: &mut Vec<Piece<'_>>, items: &mut u64| {
        if !pieces.is_empty() {
            let parts = pieces
                .iter()
                .map(|piece| outers[piece.outer].part(&piece.item));
            let mut out = Vec::new();
            assembler.assemble(parts, &mut out);
            cut.push((Bytes::from(out), std::mem::take(items)));
            pieces.clear();
        }
    };
    for (outer, scope) in RequestView(body).scopes().enumerate() {
        for item in scope.items() {
            for piece in divided(signal, outer, item, max, items) {
                if items > 0 && items + piece.weight > max {
                    close(&mut pieces, &mut items);
                }
                items += piece.weight;
                pieces.push(piece);
            }
        }
    }
    close(&mut pieces, &mut items);
    cut
}

/// An item in pieces: a metric whose points do not all find room beside `taken` others is divided.
fn divided(signal: Signal, outer: usize, item: &[u8], max: u64, taken: u64) -> Vec<Piece<'_>> {
    let weight = weight(signal, item);
    let whole = Piece {
        outer,
        item: Cow::Borrowed(item),
        weight,
    };
    let metric = MetricView(item);
    let kind = match metric.data().field() {
        Some(kind) if signal == Signal::Metrics && taken + weight > max => kind,
        _ => return vec![whole],
    };
    let points: Vec<&[u8]> = metric.data().points().map(DataPoint::message).collect();
    let metric_alone = kind.without(item);
    let data_alone = field::DATA_POINTS.without(metric.data().message());
    let mut rest = points.as_slice();
    let mut pieces = Vec::new();
    // A part that is full is closed before the next piece.
    let mut room = (max - taken.min(max)) as usize;
    while !rest.is_empty() {
        if room == 0 {
            room = max as usize;
        }
        let (some, others) = rest.split_at(room.min(rest.len()));
        let data = field::DATA_POINTS.with_messages(&data_alone, some.iter().copied());
        pieces.push(Piece {
            outer,
            item: Cow::Owned(kind.with_bytes(&metric_alone, &data)),
            weight: some.len() as u64,
        });
        rest = others;
        room = 0;
    }
    pieces
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
