//! Cuts one request above the largest size into several.
//!
//! Cuts are made between items: spans, log records or metrics. A metric with its data points is never
//! cut, so a request of metrics may be larger than asked for by one metric; likewise a request of one
//! item that alone is too large.

use crate::exporter::Request;
use crate::queue::Unit;
use tailweir_core::Signal;
use tailweir_otlp::{Assembler, MetricView, Part, RequestView, ResourceFields, ScopeFields};

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
    let pieces = cut(signal, &contexts, unit, max_size);
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
    pub(crate) resource: Vec<u8>,
    pub(crate) scope: Vec<u8>,
    pub(crate) items: Vec<&'a [u8]>,
}

/// Each scope of a request.
pub(crate) fn contexts(body: &[u8]) -> Vec<Context<'_>> {
    let mut contexts = Vec::new();
    for resource in RequestView(body).resources() {
        let mut resource_fields = Vec::new();
        resource.put_own_fields(&mut resource_fields);
        for scope in resource.scopes() {
            let mut scope_fields = Vec::new();
            scope.put_own_fields(&mut scope_fields);
            contexts.push(Context {
                resource: resource_fields.clone(),
                scope: scope_fields,
                items: scope.items().collect(),
            });
        }
    }
    contexts
}

#[derive(Default)]
struct Piece<'a> {
    parts: Vec<Part<'a>>,
    items: u64,
    size: u64,
}

fn cut<'a>(
    signal: Signal,
    contexts: &'a [Context<'_>],
    unit: Unit,
    max_size: u64,
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    for context in contexts {
        let mut is_new = true;
        for &item in &context.items {
            let items = items_of(signal, item);
            let frame = (context.resource.len() + context.scope.len()) as u64 + 2 * WRAPPING;
            let own = item.len() as u64 + WRAPPING;
            let added = match unit {
                Unit::Bytes if is_new => own + frame,
                Unit::Bytes => own,
                Unit::Items | Unit::Requests => items,
            };
            if !piece.parts.is_empty() && piece.size + added > max_size {
                pieces.push(std::mem::take(&mut piece));
            }
            // The first item of a piece brings its context along.
            let first = unit == Unit::Bytes && piece.parts.is_empty();
            piece.size += if first { own + frame } else { added };
            piece.items += items;
            piece.parts.push(Part {
                resource: ResourceFields(&context.resource),
                scope: ScopeFields(&context.scope),
                item,
            });
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
