//! Changes to a request, gathered in the order of its bytes and made in one copy.

use crate::splice::Positions;
use crate::wire::{put_varint, varint_size};
use std::ops::Range;

/// What replaces which bytes of a request. Lengths of the messages around a change follow it; every other
/// byte is copied as it is.
pub(crate) struct Patches<'r> {
    request: &'r [u8],
    /// In the order of the request, not overlapping.
    patches: Vec<Patch>,
    /// The new bytes of all patches.
    added: Vec<u8>,
}

struct Patch {
    /// Of the request.
    old: Range<usize>,
    /// Of `added`.
    new: Range<usize>,
}

impl<'r> Patches<'r> {
    pub(crate) fn new(request: &'r [u8]) -> Self {
        Self {
            request,
            patches: Vec::new(),
            added: Vec::new(),
        }
    }

    /// The request that is being changed.
    pub(crate) fn request(&self) -> &'r [u8] {
        self.request
    }

    /// Lets `visit` change the content of each length-delimited field `number` of a message. `visit`
    /// answers by how many bytes that content has grown, and so does this.
    pub(crate) fn nested(
        &mut self,
        message: Range<usize>,
        number: u32,
        mut visit: impl FnMut(&mut Self, Range<usize>) -> isize,
    ) -> isize {
        let mut total = 0;
        for (field, end) in Positions::new(&self.request[message.clone()]) {
            let Some(content) = field.content.filter(|_| field.number == number) else {
                continue;
            };
            let content = message.start + end - content.len()..message.start + end;
            let first = self.patches.len();
            let grown = visit(self, content.clone());
            if grown != 0 {
                total += grown + self.lengthen(first, message.start + field.start, content, grown);
            }
        }
        total
    }

    /// Writes the new length of a message in front of the changes within it, which are those from
    /// `first` on. Answers by how many bytes the length itself has grown.
    fn lengthen(
        &mut self,
        first: usize,
        field: usize,
        content: Range<usize>,
        grown: isize,
    ) -> isize {
        // The tag is kept as it is: one byte, as all of these fields have numbers below 16, or more.
        let tag = self.request[field..content.start]
            .iter()
            .position(|byte| byte & 0x80 == 0);
        let old = field + tag.map_or(0, |at| at + 1)..content.start;
        let length = content.len().saturating_add_signed(grown);
        let start = self.added.len();
        put_varint(&mut self.added, length as u64);
        let growth = varint_size(length as u64) as isize - old.len() as isize;
        self.patches.insert(
            first,
            Patch {
                old,
                new: start..self.added.len(),
            },
        );
        growth
    }

    /// Writes the fields `number` of a message anew: in the place of the first of them, or where a field
    /// of this number belongs, stands what `write` writes. Answers by how many bytes the message grows.
    pub(crate) fn replace(
        &mut self,
        message: Range<usize>,
        number: u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> isize {
        let first = self.patches.len();
        let mut place = message.end;
        for (field, end) in Positions::new(&self.request[message.clone()]) {
            let old = message.start + field.start..message.start + end;
            if field.number == number {
                self.remove(first, old);
            } else if field.number > number && place == message.end {
                place = old.start;
            }
        }
        let start = self.added.len();
        write(&mut self.added);
        let new = start..self.added.len();
        match self.patches.get_mut(first) {
            Some(patch) => patch.new = new,
            None => self.patches.push(Patch {
                old: place..place,
                new,
            }),
        }
        let changed = &self.patches[first..];
        changed
            .iter()
            .map(|patch| patch.new.len() as isize - patch.old.len() as isize)
            .sum()
    }

    /// Takes out a field; neighbours are taken out together. Patches from `first` on may be joined.
    fn remove(&mut self, first: usize, old: Range<usize>) {
        match self.patches[first..].last_mut() {
            Some(before) if before.old.end == old.start => before.old.end = old.end,
            _ => self.patches.push(Patch { old, new: 0..0 }),
        }
    }

    /// The changed request, or nothing when nothing was changed.
    pub(crate) fn apply(self) -> Option<Vec<u8>> {
        if self.patches.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(self.request.len() + self.added.len());
        let mut copied = 0;
        for patch in &self.patches {
            out.extend_from_slice(&self.request[copied..patch.old.start]);
            out.extend_from_slice(&self.added[patch.new.clone()]);
            copied = patch.old.end;
        }
        out.extend_from_slice(&self.request[copied..]);
        Some(out)
    }
}
