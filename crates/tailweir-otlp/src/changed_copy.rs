//! A request that is copied with changes, made in the order of its bytes.

use crate::splice::Positions;
use crate::wire::{put_varint, varint_size};
use std::ops::Range;

/// The copy. Lengths of the messages around a change follow it; every other byte is copied as it is.
/// Nothing is copied before the first change.
pub(crate) struct ChangedCopy<'r> {
    request: &'r [u8],
    out: Vec<u8>,
    /// How much of the request is in the copy, or was left out of it.
    copied: usize,
    /// By how many bytes the copy is longer than that.
    grown: isize,
    is_changed: bool,
}

impl<'r> ChangedCopy<'r> {
    pub(crate) fn new(request: &'r [u8]) -> Self {
        Self {
            request,
            out: Vec::new(),
            copied: 0,
            grown: 0,
            is_changed: false,
        }
    }

    /// The request that is copied.
    pub(crate) fn request(&self) -> &'r [u8] {
        self.request
    }

    /// Lets `visit` change the content of each length-delimited field `number` of a message.
    #[inline]
    pub(crate) fn nested(
        &mut self,
        message: Range<usize>,
        number: u32,
        mut visit: impl FnMut(&mut Self, Range<usize>),
    ) {
        for (field, end) in Positions::new(&self.request[message.clone()]) {
            let Some(content) = field.content.filter(|_| field.number == number) else {
                continue;
            };
            let content = message.start + end - content.len()..message.start + end;
            let before = self.grown;
            visit(self, content.clone());
            if self.grown != before {
                self.lengthen(message.start + field.start, content, before);
            }
        }
    }

    /// Corrects the length of a message that stands at `field` of the request, in whose content something
    /// was changed after the copy had grown by `before`.
    fn lengthen(&mut self, field: usize, content: Range<usize>, before: isize) {
        // The tag is kept as it is: one byte, as all of these fields have numbers below 16, or more.
        let tag = self.request[field..content.start]
            .iter()
            .position(|byte| byte & 0x80 == 0);
        let old = field + tag.map_or(0, |at| at + 1)..content.start;
        let length = content.len().saturating_add_signed(self.grown - before) as u64;
        let at = old.start.saturating_add_signed(before);
        if varint_size(length) == old.len() {
            put_varint_into(&mut self.out[at..at + old.len()], length);
            return;
        }
        let mut new = Vec::with_capacity(varint_size(length));
        put_varint(&mut new, length);
        self.grown += new.len() as isize - old.len() as isize;
        self.out.splice(at..at + old.len(), new);
    }

    /// Writes something new in the place of some bytes. Calls come in the order of the request.
    #[inline]
    pub(crate) fn put(&mut self, old: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) {
        self.copy_to(old.start);
        let start = self.out.len();
        write(&mut self.out);
        self.grown += (self.out.len() - start) as isize - old.len() as isize;
        self.copied = old.end;
        self.is_changed = true;
    }

    /// Leaves some bytes out.
    pub(crate) fn cut(&mut self, old: Range<usize>) {
        self.put(old, |_| {});
    }

    fn copy_to(&mut self, end: usize) {
        if self.out.capacity() == 0 {
            self.out
                .reserve(self.request.len() + self.request.len() / 4);
        }
        self.out.extend_from_slice(&self.request[self.copied..end]);
    }

    /// The copy, or nothing when nothing was changed.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        if !self.is_changed {
            return None;
        }
        self.copy_to(self.request.len());
        Some(self.out)
    }
}

/// A varint in exactly the bytes that it takes.
fn put_varint_into(out: &mut [u8], mut value: u64) {
    let last = out.len() - 1;
    for (index, byte) in out.iter_mut().enumerate() {
        let more = if index < last { 0x80 } else { 0 };
        *byte = value as u8 & 0x7f | more;
        value >>= 7;
    }
}

#[cfg(test)]
mod tests {
    use super::ChangedCopy;

    fn changed(request: &[u8], new: &[u8]) -> Option<Vec<u8>> {
        let mut copy = ChangedCopy::new(request);
        copy.nested(0..request.len(), 1, |copy, outer| {
            copy.nested(outer, 2, |copy, inner| {
                copy.put(inner, |out| out.extend_from_slice(new));
            });
        });
        copy.finish()
    }

    /// Scenario: the content of a message within a message is replaced by one whose length takes as many
    /// bytes, one that takes more, and none.
    /// Guarantees: both lengths follow, and what stands around stays.
    #[test]
    fn lengths_follow_a_change() {
        let request = b"\x18\x07\x0a\x06\x12\x02ab\x18\x01\x22\x00";
        assert_eq!(
            changed(request, b"abc").unwrap(),
            b"\x18\x07\x0a\x07\x12\x03abc\x18\x01\x22\x00"
        );
        let long = [b'x'; 130];
        let expected = [
            &b"\x18\x07\x0a\x87\x01\x12\x82\x01"[..],
            &long,
            b"\x18\x01\x22\x00",
        ];
        assert_eq!(changed(request, &long).unwrap(), expected.concat());
        assert_eq!(
            changed(request, b"").unwrap(),
            b"\x18\x07\x0a\x04\x12\x00\x18\x01\x22\x00"
        );
    }

    /// Scenario: lengths are written in more bytes than they need, and a message gets a byte more.
    /// Guarantees: its length is as short as it can be; that around it, which still holds, stays.
    #[test]
    fn a_long_length_becomes_short() {
        let request = b"\x0a\x85\x00\x12\x82\x00ab";
        let expected = b"\x0a\x85\x00\x12\x03abc";
        assert_eq!(changed(request, b"abc").unwrap(), expected);
    }

    /// Scenario: nothing is changed.
    /// Guarantees: there is no copy.
    #[test]
    fn without_a_change_there_is_no_copy() {
        let mut copy = ChangedCopy::new(b"\x0a\x00");
        copy.nested(0..2, 1, |_, _| {});
        assert_eq!(copy.finish(), None);
    }
}
