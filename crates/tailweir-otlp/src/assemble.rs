//! Requests out of spans.

use crate::view::{ResourceFields, ScopeFields};
use crate::wire::{length_delimited_size, put_bytes, put_key, put_varint};

/// One item on its way into a request: the content of a `Span`, `LogRecord` or `Metric`, and what it
/// belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What produced it.
    pub resource: ResourceFields<'a>,
    /// The library that made it.
    pub scope: ScopeFields<'a>,
    /// The content of its message.
    pub item: &'a [u8],
}

/// Builds requests. Items keep their bytes and their order; neighbours with equal resources, and within
/// those with equal scopes, share them. Keep it: nothing is allocated once it has grown.
///
/// ```
/// use tailweir_otlp::{Assembler, Part, ResourceFields, ScopeFields};
///
/// let part = Part { resource: ResourceFields(b""), scope: ScopeFields(b""), item: b"\x2a\x01x" };
/// let mut request = Vec::new();
/// Assembler::new().assemble([part, part].into_iter(), &mut request);
/// assert_eq!(request, b"\x0a\x0c\x12\x0a\x12\x03\x2a\x01x\x12\x03\x2a\x01x");
/// ```
#[derive(Debug, Default)]
pub struct Assembler {
    sizes: Vec<Size>,
}

/// Length of the content of a nested message that is about to be written.
#[derive(Debug, Clone, Copy)]
enum Size {
    Resource(usize),
    Scope(usize),
}

impl Assembler {
    /// An assembler.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a request of these parts is.
    pub fn length<'a>(&mut self, parts: impl Iterator<Item = Part<'a>>) -> usize {
        self.measure(parts)
    }

    /// Appends a request of these parts to `out`, which grows once at most.
    pub fn assemble<'a, I>(&mut self, parts: I, out: &mut Vec<u8>)
    where
        I: Iterator<Item = Part<'a>> + Clone,
    {
        let total = self.measure(parts.clone());
        out.reserve(total);
        let expected = out.len() + total;
        self.write(parts, out);
        debug_assert_eq!(
            out.len(),
            expected,
            "a request has the size that was measured"
        );
    }

    /// First walk: lengths come before contents, so they must be known first.
    fn measure<'a>(&mut self, parts: impl Iterator<Item = Part<'a>>) -> usize {
        self.sizes.clear();
        let mut total = 0;
        let mut open = Open::default();
        let mut previous = None;
        for part in parts {
            let boundary = Boundary::between(previous.as_ref(), &part);
            if boundary != Boundary::None {
                self.close_scope(&mut open);
            }
            if boundary == Boundary::Resource {
                total += self.close_resource(&mut open);
                open.resource_at = Some(self.sizes.len());
                self.sizes.push(Size::Resource(0));
                open.resource_size = part.resource.0.len();
            }
            if boundary != Boundary::None {
                open.scope_at = Some(self.sizes.len());
                self.sizes.push(Size::Scope(0));
                open.scope_size = part.scope.0.len();
            }
            open.scope_size += length_delimited_size(part.item.len());
            previous = Some(part);
        }
        self.close_scope(&mut open);
        total + self.close_resource(&mut open)
    }

    fn close_scope(&mut self, open: &mut Open) {
        if let Some(at) = open.scope_at.take() {
            self.sizes[at] = Size::Scope(open.scope_size);
            open.resource_size += length_delimited_size(open.scope_size);
        }
    }

    fn close_resource(&mut self, open: &mut Open) -> usize {
        open.resource_at.take().map_or(0, |at| {
            self.sizes[at] = Size::Resource(open.resource_size);
            length_delimited_size(open.resource_size)
        })
    }

    fn write<'a>(&self, parts: impl Iterator<Item = Part<'a>>, out: &mut Vec<u8>) {
        let mut sizes = self.sizes.iter();
        let mut previous = None;
        for part in parts {
            let boundary = Boundary::between(previous.as_ref(), &part);
            if boundary == Boundary::Resource
                && let Some(Size::Resource(size)) = sizes.next()
            {
                put_header(out, 1, *size);
                out.extend_from_slice(part.resource.0);
            }
            if boundary != Boundary::None
                && let Some(Size::Scope(size)) = sizes.next()
            {
                put_header(out, 2, *size);
                out.extend_from_slice(part.scope.0);
            }
            put_bytes(out, 2, part.item);
            previous = Some(part);
        }
    }
}

/// The messages that are still growing while they are measured.
#[derive(Default)]
struct Open {
    resource_at: Option<usize>,
    resource_size: usize,
    scope_at: Option<usize>,
    scope_size: usize,
}

/// What starts anew between two neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Boundary {
    None,
    Scope,
    Resource,
}

impl Boundary {
    fn between(previous: Option<&Part<'_>>, part: &Part<'_>) -> Self {
        match previous {
            Some(before) if !same(before.resource.0, part.resource.0) => Self::Resource,
            Some(before) if !same(before.scope.0, part.scope.0) => Self::Scope,
            Some(_) => Self::None,
            None => Self::Resource,
        }
    }
}

/// Most neighbours share their context, which one look at the pointers tells.
#[inline]
fn same(left: &[u8], right: &[u8]) -> bool {
    std::ptr::eq(left, right) || left == right
}

fn put_header(out: &mut Vec<u8>, number: u32, length: usize) {
    put_key(out, number, 2);
    put_varint(out, length as u64);
}
