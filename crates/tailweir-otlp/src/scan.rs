//! One validated walk over a request.

use crate::assemble::Part;
use crate::head::{HeadError, SpanHead};
use crate::schema;
use crate::view::{ResourceFields, ScopeFields, SpanView};
use crate::wire::{Reader, WireError};
use std::ops::Range;

const NESTED: u32 = 2;

/// What a scan accepts at most.
#[derive(Debug, Clone, Copy)]
pub struct ScanLimits {
    /// Spans in one request. Bounds the memory of a scan, about 100 bytes a span. Default 262,144.
    pub spans_max: usize,
    /// How far down spans are checked. Default [`ScanDepth::Whole`].
    pub depth: ScanDepth,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self {
            spans_max: 1 << 18,
            depth: ScanDepth::Whole,
        }
    }
}

/// How far down spans are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanDepth {
    /// Attributes, events and links too: for what clients send. A span that a decoder would refuse is
    /// refused here, where only its sender suffers: later it would take the spans of others with it.
    Whole,
    /// Only the span's own fields, at about half the cost: for what a peer has checked already.
    Heads,
}

/// Why a request is refused. Sending it again cannot help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The bytes are not the message they should be.
    #[error("malformed {message}: {source}")]
    Malformed {
        /// Which message.
        message: &'static str,
        /// What is wrong with it.
        source: WireError,
    },
    /// An id has a length that ids do not have.
    #[error("{name} of {length} bytes: trace ids have 16, span ids 8")]
    IdLength {
        /// Which id.
        name: &'static str,
        /// How long it is.
        length: usize,
    },
    /// There are more items than the limit.
    #[error("more than {limit} spans in one request: send smaller requests")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The request exceeds what offsets of 32 bits reach.
    #[error("request of {length} bytes: the limit is 4 GiB")]
    TooLong {
        /// Its length.
        length: usize,
    },
}

/// A span of a scanned request.
#[derive(Debug, Clone)]
pub struct SpanEntry {
    /// What was read of it.
    pub head: SpanHead,
    /// Number of its context: resource and scope. See [`Scan::resource`] and [`Scan::scope`].
    pub context: u32,
    /// Where the content of its message is in the request.
    pub body: Range<u32>,
}

impl SpanEntry {
    /// The span itself. `request` is the request that was scanned.
    #[must_use]
    pub fn span<'a>(&self, request: &'a [u8]) -> SpanView<'a> {
        SpanView(slice(request, &self.body))
    }

    /// Length of the content of its message, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.body.len()
    }
}

/// Bytes of the request, or gathered ones where they do not lie together.
#[derive(Debug, Clone, Default)]
struct Piece {
    range: Range<u32>,
    gathered: bool,
}

impl Piece {
    fn of<'a>(&self, request: &'a [u8], gathered: &'a [u8]) -> &'a [u8] {
        slice(if self.gathered { gathered } else { request }, &self.range)
    }
}

#[derive(Debug, Clone)]
struct Context {
    resource: u32,
    scope: Piece,
}

/// The spans of a request and their contexts. Keep it and scan again: nothing is allocated once its
/// vectors have grown to the usual request.
///
/// What is checked is structure, as a protobuf decoder does it: lengths and wire types at every level,
/// lengths of ids, nesting. With [`ScanDepth::Heads`] the insides of attributes, events and links are
/// not looked into. Views are total on any bytes, so malformed insides cannot harm this process, but
/// they would be passed on. Not checked is whether text is UTF-8: the Collector takes and passes on what
/// is not, and so does Tailweir.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every span, in the order of the request.
    pub spans: Vec<SpanEntry>,
    contexts: Vec<Context>,
    resources: Vec<Piece>,
    gathered_resources: Vec<u8>,
    gathered_scopes: Vec<u8>,
}

impl Scan {
    /// An empty scan, to be reused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Scans an `ExportTraceServiceRequest` into `scan`, forgetting what was there.
    ///
    /// # Errors
    /// When the request is malformed or exceeds a limit. What `scan` holds then is of no use.
    pub fn traces(request: &[u8], limits: &ScanLimits, scan: &mut Self) -> Result<(), ScanError> {
        scan.clear();
        if u32::try_from(request.len()).is_err() {
            return Err(ScanError::TooLong {
                length: request.len(),
            });
        }
        let malformed = |source| ScanError::Malformed {
            message: "request",
            source,
        };
        let mut reader = Reader::new(request);
        while let Some(tag) = reader.tag().map_err(malformed)? {
            if tag == (1, 2) {
                let content = reader.delimited().map_err(malformed)?;
                let start = request.len() - reader.rest().len() - content.len();
                scan.resource_spans(request, start..start + content.len(), limits)?;
            } else {
                let message = &schema::TRACES_REQUEST;
                message
                    .check_payload(&mut reader, tag, 0)
                    .map_err(malformed)?;
            }
        }
        Ok(())
    }

    /// Number of contexts. Contexts are numbered from 0, in the order of the request.
    #[must_use]
    pub fn context_count(&self) -> usize {
        self.contexts.len()
    }

    /// Number of the `ResourceSpans` that this context lies in: spans of one trace in one
    /// `ResourceSpans` are a fragment.
    #[must_use]
    pub fn resource_index(&self, context: u32) -> u32 {
        self.contexts
            .get(context as usize)
            .map_or(0, |context| context.resource)
    }

    /// The resource's side of a context. `request` is the request that was scanned.
    #[must_use]
    pub fn resource<'a>(&'a self, request: &'a [u8], context: u32) -> ResourceFields<'a> {
        let piece = self
            .contexts
            .get(context as usize)
            .and_then(|context| self.resources.get(context.resource as usize));
        ResourceFields(piece.map_or(&[], |piece| piece.of(request, &self.gathered_resources)))
    }

    /// A span with what it belongs to, on its way into another request. `request` is the request that was scanned.
    #[must_use]
    pub fn part<'a>(&'a self, request: &'a [u8], entry: &SpanEntry) -> Part<'a> {
        Part {
            resource: self.resource(request, entry.context),
            scope: self.scope(request, entry.context),
            item: entry.span(request).0,
        }
    }

    /// The scope's side of a context. `request` is the request that was scanned.
    #[must_use]
    pub fn scope<'a>(&'a self, request: &'a [u8], context: u32) -> ScopeFields<'a> {
        let context = self.contexts.get(context as usize);
        ScopeFields(context.map_or(&[], |context| {
            context.scope.of(request, &self.gathered_scopes)
        }))
    }

    fn clear(&mut self) {
        self.spans.clear();
        self.contexts.clear();
        self.resources.clear();
        self.gathered_resources.clear();
        self.gathered_scopes.clear();
    }

    fn resource_spans(
        &mut self,
        request: &[u8],
        content: Range<usize>,
        limits: &ScanLimits,
    ) -> Result<(), ScanError> {
        let malformed = |source| ScanError::Malformed {
            message: "resource spans",
            source,
        };
        let index = self.resources.len() as u32;
        let first = self.contexts.len();
        let mut kept = Kept::default();
        let mut reader = Reader::new(&request[content.clone()]);
        let mut position = content.start;
        while let Some(tag) = reader.tag().map_err(malformed)? {
            if tag == (NESTED, 2) {
                let nested = reader.delimited().map_err(malformed)?;
                let end = content.end - reader.rest().len();
                self.scope_spans(request, end - nested.len()..end, index, limits)?;
            } else {
                let message = &schema::RESOURCE_SPANS;
                message
                    .check_payload(&mut reader, tag, 1)
                    .map_err(malformed)?;
                let end = content.end - reader.rest().len();
                kept.add(&mut self.gathered_resources, request, position..end);
            }
            position = content.end - reader.rest().len();
        }
        if self.contexts.len() > first {
            self.resources.push(kept.piece());
        }
        Ok(())
    }

    fn scope_spans(
        &mut self,
        request: &[u8],
        content: Range<usize>,
        resource: u32,
        limits: &ScanLimits,
    ) -> Result<(), ScanError> {
        let malformed = |source| ScanError::Malformed {
            message: "scope spans",
            source,
        };
        let context = self.contexts.len() as u32;
        let first = self.spans.len();
        let mut kept = Kept::default();
        let mut reader = Reader::new(&request[content.clone()]);
        let mut position = content.start;
        while let Some(tag) = reader.tag().map_err(malformed)? {
            if tag == (NESTED, 2) {
                let span = reader.delimited().map_err(malformed)?;
                let end = content.end - reader.rest().len();
                self.span(span, end, context, limits)?;
            } else {
                let message = &schema::SCOPE_SPANS;
                message
                    .check_payload(&mut reader, tag, 2)
                    .map_err(malformed)?;
                let end = content.end - reader.rest().len();
                kept.add(&mut self.gathered_scopes, request, position..end);
            }
            position = content.end - reader.rest().len();
        }
        // A scope without spans is nobody's context, and would be memory that no limit counts.
        if self.spans.len() > first {
            let scope = kept.piece();
            self.contexts.push(Context { resource, scope });
        }
        Ok(())
    }

    #[inline]
    fn span(
        &mut self,
        span: &[u8],
        end: usize,
        context: u32,
        limits: &ScanLimits,
    ) -> Result<(), ScanError> {
        if self.spans.len() >= limits.spans_max {
            return Err(ScanError::TooMany {
                limit: limits.spans_max,
            });
        }
        let head = match limits.depth {
            ScanDepth::Whole => SpanHead::read::<true>(span, 3)?,
            ScanDepth::Heads => SpanHead::read::<false>(span, 3)?,
        };
        let body = (end - span.len()) as u32..end as u32;
        self.spans.push(SpanEntry {
            head,
            context,
            body,
        });
        Ok(())
    }
}

impl From<HeadError> for ScanError {
    #[cold]
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Wire(source) => Self::Malformed {
                message: "span",
                source,
            },
            HeadError::Id { name, length } => Self::IdLength { name, length },
        }
    }
}

/// The fields that are kept of a message whose nested items are taken out. Where they lie together,
/// as they do in requests without schema URLs, they stay in the request; else they are gathered.
#[derive(Default)]
struct Kept {
    piece: Piece,
}

impl Kept {
    fn add(&mut self, gathered: &mut Vec<u8>, request: &[u8], field: Range<usize>) {
        let range = field.start as u32..field.end as u32;
        if self.piece.gathered {
            gathered.extend_from_slice(&request[field]);
            self.piece.range.end = gathered.len() as u32;
        } else if self.piece.range.is_empty() {
            self.piece.range = range;
        } else if self.piece.range.end == range.start {
            self.piece.range.end = range.end;
        } else {
            let start = gathered.len() as u32;
            gathered.extend_from_slice(slice(request, &self.piece.range));
            gathered.extend_from_slice(&request[field]);
            self.piece = Piece {
                range: start..gathered.len() as u32,
                gathered: true,
            };
        }
    }

    fn piece(self) -> Piece {
        self.piece
    }
}

/// The bytes of a range that was found in them, or none when they are not the ones scanned.
#[inline]
fn slice<'a>(bytes: &'a [u8], range: &Range<u32>) -> &'a [u8] {
    bytes
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
}
