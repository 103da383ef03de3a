//! Cuts a request into several, none above a number of items.

use super::Load;
use bytes::Bytes;
use std::borrow::Cow;
use tailweir_core::Signal;
use tailweir_otlp::{Assembler, DataPoint, MetricView, Outer, Repeats, field};

/// The load in parts of at most `max` items, in order; whole when it is not above, or `max` is 0. A metric is
/// divided between its data points. Parts are larger where a resource or a metric would be repeated without end.
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

/// A part to which pieces are added.
#[derive(Default)]
struct Open<'a> {
    pieces: Vec<Piece<'a>>,
    items: u64,
    bytes: usize,
}

fn cut(signal: Signal, body: &[u8], max: u64) -> Vec<(Bytes, u64)> {
    let outers = Outer::all(body);
    let mut repeats = Repeats::of(body.len());
    let mut assembler = Assembler::new();
    let mut cut = Vec::new();
    let mut close = |open: &mut Open<'_>| {
        let Open { pieces, items, .. } = std::mem::take(open);
        if !pieces.is_empty() {
            let parts = pieces
                .iter()
                .map(|piece| outers[piece.outer].0.part(&piece.item));
            let mut out = Vec::new();
            assembler.assemble(parts, &mut out);
            cut.push((Bytes::from(out), items));
        }
    };
    let mut open = Open::default();
    for (place, (outer, scope)) in outers.iter().enumerate() {
        for item in scope.items() {
            for piece in divided(signal, place, item, max, open.items, &mut repeats) {
                let is_full = open.items > 0 && open.items + piece.weight > max;
                if is_full && repeats.allow(outer.length(), open.bytes) {
                    close(&mut open);
                }
                open.items += piece.weight;
                open.bytes += piece.item.len();
                open.pieces.push(piece);
            }
        }
    }
    close(&mut open);
    cut
}

/// An item in pieces: a metric whose points do not all find room beside `taken` others is divided.
fn divided<'a>(
    signal: Signal,
    outer: usize,
    item: &'a [u8],
    max: u64,
    taken: u64,
    repeats: &mut Repeats,
) -> Vec<Piece<'a>> {
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
        let (mut some, mut others) = rest.split_at(room.min(rest.len()));
        let length: usize = some.iter().map(|point| point.len()).sum();
        if !others.is_empty() && !repeats.allow(metric_alone.len() + data_alone.len(), length) {
            some = rest;
            others = &[];
        }
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
    use tailweir_otlp::{count_items, field};
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

    /// The parts of a request of so many items, in bytes, whose items add up.
    fn sizes(signal: Signal, body: Vec<u8>, items: u64, max: u64) -> Vec<usize> {
        let ledger = Arc::new(Ledger::default());
        let bytes = body.len() as u64;
        let charge = Charge::take(&ledger, signal, Amount { items, bytes });
        let parts = portions(Load::held(signal, body.into(), charge), max);
        let mut found = 0;
        let mut sizes = Vec::new();
        for part in parts {
            found += count_items(signal, &part.body).unwrap();
            sizes.push(part.body.len());
            part.charge.into_receipt().0.delivered();
        }
        assert_eq!((found, ledger.snapshot().imbalance()), (items, 0));
        sizes
    }

    /// Scenario: a resource of 1 MiB has two hundred spans, and a metric with a description of 1 MiB as many points; each is to
    /// leave alone.
    /// Guarantees: what belongs to all of them is repeated as far as that is bounded; no item is lost.
    #[test]
    fn nothing_is_repeated_without_end() {
        let long = "x".repeat(1 << 20);
        let spans = (0..200).map(|n| span(trace_id(1), n));
        let spans = request().service(&long).spans(spans).bytes();
        let points = field::DATA_POINTS.with_messages(b"", std::iter::repeat_n(&b""[..], 200));
        let metric = field::METRIC_GAUGE.with_bytes(b"", &points);
        let metric = field::METRIC_DESCRIPTION.with_bytes(&metric, long.as_bytes());
        let scope = field::ITEMS.with_messages(b"", [&metric[..]]);
        let resource = field::SCOPES.with_messages(b"", [&scope[..]]);
        let metrics = field::REQUEST_RESOURCES.with_messages(b"", [&resource[..]]);
        for (signal, body) in [(Signal::Traces, spans), (Signal::Metrics, metrics)] {
            let most = 6 * body.len() + (32 << 20);
            let sizes = sizes(signal, body, 200, 1);
            assert!((2..50).contains(&sizes.len()), "{signal}: {}", sizes.len());
            assert!(sizes.iter().sum::<usize>() <= most, "{signal}");
        }
    }
}
