//! Changes to a message that leave every other byte of it where it was.

use crate::view::SpanView;
use crate::view::span::TRACE_STATE;
use crate::wire::{PlainEntry, Reader, put_bytes};
use std::ops::Range;

/// Writes `message` without the fields `number`, and in the place of the first of them, or where a field
/// of this number belongs, what `write` writes.
pub(crate) fn replace(
    message: &[u8],
    number: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    replace_one_of(message, number, &[], out, write);
}

/// The same, with other fields taken out too: the rivals of an alternative.
pub(crate) fn replace_one_of(
    message: &[u8],
    number: u32,
    rivals: &[u32],
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    let mut write = Some(write);
    let (mut copied, mut vacant) = (0, None);
    for (field, end) in Positions::new(message) {
        if field.number == number || rivals.contains(&field.number) {
            out.extend_from_slice(&message[copied..field.start]);
            copied = end;
            if let Some(write) = write.take() {
                write(out);
            }
        } else if field.number > number {
            vacant = vacant.or(Some(field.start));
        }
    }
    // There was none, and nothing has been copied.
    if let Some(write) = write {
        copied = vacant.unwrap_or(message.len());
        out.extend_from_slice(&message[..copied]);
        write(out);
    }
    out.extend_from_slice(&message[copied..]);
}

/// Appends to `out` the content of a span with another tracestate; every other field stays as it is.
pub fn write_span_with_trace_state(span: SpanView<'_>, trace_state: &[u8], out: &mut Vec<u8>) {
    replace(span.0, TRACE_STATE, out, |out| {
        if !trace_state.is_empty() {
            put_bytes(out, TRACE_STATE, trace_state);
        }
    });
}

/// A field and where it begins in its message.
pub(crate) struct Position<'a> {
    pub(crate) number: u32,
    pub(crate) start: usize,
    /// What it holds, when it is length-delimited.
    pub(crate) content: Option<&'a [u8]>,
}

/// The fields of a message and where each ends. Ends where the bytes stop making sense.
pub(crate) struct Positions<'a> {
    reader: Reader<'a>,
    length: usize,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(message),
            length: message.len(),
        }
    }
}

impl<'a> Iterator for Positions<'a> {
    type Item = (Position<'a>, usize);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.length - self.reader.rest().len();
        if let Some((number, content)) = self.reader.take_plain() {
            let end = self.length - self.reader.rest().len();
            let field = Position {
                number,
                start,
                content,
            };
            return Some((field, end));
        }
        self.next_slowly(start)
    }
}

impl<'a> Positions<'a> {
    /// The next field and its place, when it is a plain entry in field `number`, below 16.
    #[inline(always)]
    pub(crate) fn take_plain_entry(
        &mut self,
        number: u32,
    ) -> Option<(PlainEntry<'a>, Range<usize>)> {
        let start = self.length - self.reader.rest().len();
        let entry = self.reader.take_plain_entry((number << 3 | 2) as u8)?;
        Some((entry, start..start + 2 + entry.content.len()))
    }

    /// The next field, however it is encoded.
    #[inline(never)]
    fn next_slowly(&mut self, start: usize) -> Option<(Position<'a>, usize)> {
        let (number, wire_type) = self.reader.tag().ok()??;
        let content = if wire_type == 2 {
            Some(self.reader.delimited().ok()?)
        } else {
            self.reader.skip(number, wire_type, 0).ok()?;
            None
        };
        let end = self.length - self.reader.rest().len();
        Some((
            Position {
                number,
                start,
                content,
            },
            end,
        ))
    }
}
