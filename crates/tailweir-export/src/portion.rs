//! Cuts one request above the largest size into several.
//!
//! Cuts are made between items: spans, log records or metrics. A metric with its data points is never
//! cut, so a request of metrics may be larger than asked for by one metric; likewise a request of one
//! item that alone is too large, and requests whose resource is so long that it would be repeated without end.

use crate::exporter::Request;
use crate::queue::Unit;
use tailweir_core::Signal;
use tailweir_otlp::{Assembler, MetricView, Outer, Part, Repeats};

/// What wrapping a message into its parent adds, at most: a tag and a length.
const WRAPPING: u64 = 6;

/// Requests of at most `max_size`, in order; the request itself where it is not above. Together they
/// have the items of the request, and each item keeps its bytes, resource and scope.
pub(crate) fn split(signal: Signal, request: Request, unit: Unit, max_size: u64) -> Vec<Request> {
    let size = match unit {
        Unit::Requests => return vec![request],
        Unit::Items => request.items,
        Unit::Bytes => request.body.len() as u64,
    };
    if size <= max_size {
        return vec![request];
    }
    let contexts = contexts(&request.body);
    let repeats = Repeats::of(request.body.len());
    let pieces = cut(signal, &contexts, unit, max_size, repeats);
    if pieces.len() < 2 {
        return vec![request];
    }
    let mut assembler = Assembler::new();
    pieces
        .into_iter()
        .map(|piece| {
            let mut body = Vec::new();
            assembler.assemble(piece.parts.iter().copied(), &mut body);
            Request {
                body: body.into(),
                items: piece.items,
            }
        })
        .collect()
}

/// A scope with its resource, and the items in it.
pub(crate) struct Context<'a> {
    pub(crate) outer: Outer,
    pub(crate) items: Vec<&'a [u8]>,
}

/// Each scope of a request that has items.
pub(crate) fn contexts(body: &[u8]) -> Vec<Context<'_>> {
    let outers = Outer::all(body).into_iter();
    let contexts = outers.map(|(outer, scope)| Context {
        outer,
        items: scope.items().collect(),
    });
    contexts.collect()
}

#[derive(Default)]
struct Piece<'a> {
    parts: Vec<Part<'a>>,
    items: u64,
    size: u64,
    /// Of its items alone.
    bytes: usize,
}

fn cut<'a>(
    signal: Signal,
    contexts: &'a [Context<'_>],
    unit: Unit,
    max_size: u64,
    mut repeats: Repeats,
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    for Context { outer, items } in contexts {
        let frame = outer.length() as u64 + 2 * WRAPPING;
        let mut is_new = true;
        for &item in items {
            let items = items_of(signal, item);
            let own = item.len() as u64 + WRAPPING;
            let added = match unit {
                Unit::Bytes if is_new => own + frame,
                Unit::Bytes => own,
                Unit::Items | Unit::Requests => items,
            };
            let is_full = !piece.parts.is_empty() && piece.size + added > max_size;
            if is_full && repeats.allow(outer.length(), piece.bytes) {
                pieces.push(std::mem::take(&mut piece));
            }
            // The first item of a piece brings its context along.
            let first = unit == Unit::Bytes && piece.parts.is_empty();
            piece.size += if first { own + frame } else { added };
            piece.items += items;
            piece.bytes += item.len();
            piece.parts.push(outer.part(item));
            is_new = false;
        }
    }
    if !piece.parts.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn items_of(signal: Signal, item: &[u8]) -> u64 {
    match signal {
        Signal::Traces | Signal::Logs => 1,
        Signal::Metrics => MetricView(item).data().points().count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::{contexts, split};
    use crate::exporter::Request;
    use crate::queue::Unit;
    use tailweir_core::Signal;
    use tailweir_otlp::{count_items, field};

    /// Scenario: a request of a resource of 50 kB with a hundred scopes that have an item, and as many that have none.
    /// Guarantees: the resource is in memory once for all of them, and nothing is for those that have none.
    #[test]
    fn scopes_share_their_resource() {
        let schema_url = field::SCHEMA_URL.with_bytes(b"", &b"u".repeat(50_000));
        let scopes = b"\x12\x02\x12\x00\x12\x00".repeat(100);
        let resource = [schema_url.clone(), scopes].concat();
        let body = field::REQUEST_RESOURCES.with_bytes(b"", &resource);
        let contexts = contexts(&body);
        assert_eq!(contexts.len(), 100);
        let shared = contexts[0].outer.resource().0;
        assert_eq!(shared, schema_url);
        for context in &contexts {
            assert!(std::ptr::eq(context.outer.resource().0, shared));
            assert_eq!(context.items, [b""]);
        }
    }

    /// Scenario: two hundred records with a resource of 1 MiB are to be cut into requests of one record, or of 1,000 bytes.
    /// Guarantees: the resource is repeated as far as that is bounded, and no record is lost.
    #[test]
    fn a_resource_is_not_repeated_without_end() {
        let schema_url = field::SCHEMA_URL.with_bytes(b"", &b"u".repeat(1 << 20));
        let scope = field::SCOPES.with_bytes(b"", &b"\x12\x02\x10\x01".repeat(200));
        let body = field::REQUEST_RESOURCES.with_bytes(b"", &[schema_url, scope].concat());
        let length = body.len();
        for (unit, max_size) in [(Unit::Items, 1), (Unit::Bytes, 1000)] {
            let request = Request {
                body: body.clone().into(),
                items: 200,
            };
            let pieces = split(Signal::Logs, request, unit, max_size);
            assert!((2..40).contains(&pieces.len()), "{}", pieces.len());
            let bytes: usize = pieces.iter().map(|piece| piece.body.len()).sum();
            assert!(bytes <= 6 * length + (32 << 20), "{bytes}");
            let items = |piece: &Request| count_items(Signal::Logs, &piece.body).unwrap();
            assert_eq!(pieces.iter().map(items).sum::<u64>(), 200);
            assert_eq!(pieces.iter().map(|piece| piece.items).sum::<u64>(), 200);
        }
    }
}
