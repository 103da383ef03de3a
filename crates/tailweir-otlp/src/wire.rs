//! The protobuf wire format: varints, tags, fields. Total on any bytes.
//!
//! [`Reader`] tells malformed from absent and is what the scan stands on. [`Fields`] is for views of
//! what a scan has accepted: it ends where the bytes stop making sense.

mod write;

pub(crate) use write::{
    length_delimited_size, put_bytes, put_key, put_varint, unzigzag32, varint_size, zigzag32,
};

/// Nesting of messages and groups that is followed: six messages down to an attribute's value, two for
/// each of 64 levels of lists and maps, and some to spare. A bound, so that walks may recurse.
pub(crate) const DEPTH_MAX: u32 = 140;

/// Why bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("the bytes end inside a field")]
    Truncated,
    /// A varint is longer than ten bytes or exceeds 64 bits.
    #[error("a varint exceeds 64 bits")]
    VarintOverflow,
    /// A tag has field number zero, exceeds 32 bits, or names a wire type that does not exist.
    #[error("a tag is invalid")]
    Tag,
    /// A known field has another wire type than its definition.
    #[error("field {field} has the wrong wire type")]
    WireType {
        /// Number of the field.
        field: u32,
    },
    /// An id has a length that ids do not have: trace ids have 16 bytes, span ids 8.
    #[error("the id in field {field} has a wrong length")]
    IdLength {
        /// Number of the field.
        field: u32,
    },
    /// A group ends that was not opened, or another one is open.
    #[error("a group is not closed where it should be")]
    Group,
    /// Messages or groups are nested deeper than 140 levels.
    #[error("messages are nested too deeply (limit {DEPTH_MAX})")]
    Depth,
}

/// The payload of one field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    /// Deprecated groups are stepped over, never looked into.
    Group,
    Fixed32(u32),
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) payload: Payload<'a>,
}

impl<'a> Field<'a> {
    /// What it holds, when it is length-delimited.
    #[inline]
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self.payload {
            Payload::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What it holds, when it is a varint.
    #[inline]
    pub(crate) fn varint(self) -> Option<u64> {
        match self.payload {
            Payload::Varint(value) => Some(value),
            _ => None,
        }
    }
}

/// A map entry in whose message a key and a value follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlainEntry<'a> {
    /// The whole message.
    pub(crate) content: &'a [u8],
    pub(crate) key: &'a [u8],
    /// The message of the value.
    pub(crate) value: &'a [u8],
}

/// Reads fields one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The content of the next field that is length-delimited and has this number, below 16. Ends where
    /// the bytes stop making sense.
    #[inline]
    pub(crate) fn next_delimited(&mut self, number: u32) -> Option<&'a [u8]> {
        let wanted = (number << 3 | 2) as u8;
        let mut rest = self.rest;
        loop {
            let (found, content) = match rest {
                [tag @ 8..0x80, length @ 0..0x80, tail @ ..] if tag & 7 == 2 => {
                    let (content, tail) = tail.split_at_checked(usize::from(*length))?;
                    rest = tail;
                    (*tag == wanted, content)
                }
                [8..0x80, ..] if rest[0] & 7 == 1 => {
                    rest = rest.get(9..)?;
                    continue;
                }
                [8..0x80, 0..0x80, tail @ ..] if rest[0] & 7 == 0 => {
                    rest = tail;
                    continue;
                }
                _ => {
                    let mut reader = Self::new(rest);
                    let (key, content) = reader.delimited_or_skipped()?;
                    rest = reader.rest;
                    (key == u32::from(wanted), content)
                }
            };
            if found {
                self.rest = rest;
                return Some(content);
            }
        }
    }

    /// Steps over map entries in field `number`, below 16, as long as they are plain and `is_other` says so of
    /// the length of the key. Written for few instructions: a walk over attributes spends its time here.
    #[inline(always)]
    pub(crate) fn pass_over_entries(&mut self, number: u32, is_other: impl Fn(usize) -> bool) {
        let tag = (number << 3 | 2) as u8;
        loop {
            let mut next = *self;
            if !matches!(next.rest, [_, _, _, key, ..] if is_other(usize::from(*key)))
                || next.take_plain_entry(tag).is_none()
            {
                return;
            }
            *self = next;
        }
    }

    /// The next field, when it has this tag of one byte and is a map entry encoded as nearly all are: a key,
    /// then a value, all lengths of one byte.
    #[inline(always)]
    pub(crate) fn take_plain_entry(&mut self, tag: u8) -> Option<PlainEntry<'a>> {
        // Tag, length below 128, tag of the key; then the length of the key.
        const MASK: u32 = 0x00ff_80ff;
        let head = u32::from(tag) | 0x0a << 16;
        let &first = self.rest.first_chunk::<4>()?;
        if u32::from_le_bytes(first) & MASK != head {
            return None;
        }
        let [_, length, _, key] = first.map(usize::from);
        let (content, rest) = self.rest[2..].split_at_checked(length)?;
        let (key, [0x12, length, value @ ..]) = content.get(2..)?.split_at_checked(key)? else {
            return None;
        };
        if usize::from(*length) != value.len() {
            return None;
        }
        self.rest = rest;
        Some(PlainEntry {
            content,
            key,
            value,
        })
    }

    /// Key and content of the next field; no content unless it is length-delimited.
    #[inline(never)]
    fn delimited_or_skipped(&mut self) -> Option<(u32, &'a [u8])> {
        let key = self.key().ok()??;
        if key & 7 == 2 {
            return Some((key, self.delimited().ok()?));
        }
        self.skip(key >> 3, (key & 7) as u8, 0).ok()?;
        Some((key, &[]))
    }

    /// The content of the next field, when it has this tag of one byte and is shorter than 128 bytes.
    #[inline(always)]
    pub(crate) fn take_short(&mut self, tag: u8) -> Option<&'a [u8]> {
        match self.rest {
            [found, length @ 0..0x80, tail @ ..] if *found == tag => {
                let (content, rest) = tail.split_at_checked(usize::from(*length))?;
                self.rest = rest;
                Some(content)
            }
            _ => None,
        }
    }

    /// The next field, or nothing at the end.
    #[inline]
    pub(crate) fn field(&mut self, depth: u32) -> Result<Option<Field<'a>>, WireError> {
        let Some((number, wire_type)) = self.tag()? else {
            return Ok(None);
        };
        let payload = match wire_type {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(self.fixed64()?),
            2 => Payload::Bytes(self.delimited()?),
            5 => Payload::Fixed32(self.fixed32()?),
            _ => {
                self.skip_group(number, wire_type, depth)?;
                Payload::Group
            }
        };
        Ok(Some(Field { number, payload }))
    }

    /// Number and content of the next field when it is encoded as nearly all are: a tag of one byte, and a
    /// length of one or two, eight bytes, or a varint of one. No content unless it is length-delimited.
    #[inline(always)]
    pub(crate) fn take_plain(&mut self) -> Option<(u32, Option<&'a [u8]>)> {
        let [tag @ 8..0x80, after @ ..] = self.rest else {
            return None;
        };
        let (content, rest) = match (tag & 7, after) {
            (2, [length @ 0..0x80, tail @ ..]) => {
                let (content, rest) = tail.split_at_checked(usize::from(*length))?;
                (Some(content), rest)
            }
            (2, [low, high @ 0..0x80, tail @ ..]) => {
                let length = usize::from(low & 0x7f) | usize::from(*high) << 7;
                let (content, rest) = tail.split_at_checked(length)?;
                (Some(content), rest)
            }
            (0, [0..0x80, rest @ ..]) => (None, rest),
            (1, _) => (None, after.get(8..)?),
            _ => return None,
        };
        self.rest = rest;
        Some((u32::from(tag >> 3), content))
    }

    /// Number and wire type of the next field, or nothing at the end.
    #[inline(always)]
    pub(crate) fn tag(&mut self) -> Result<Option<(u32, u8)>, WireError> {
        let key = self.key()?;
        Ok(key.map(|key| (key >> 3, (key & 7) as u8)))
    }

    /// The next key, number and wire type in one, or nothing at the end.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Option<u32>, WireError> {
        match self.rest {
            [] => Ok(None),
            [first @ 8..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(Some(u32::from(*first)))
            }
            // Field numbers from 16 to 31, such as the flags of a span.
            [low @ 0x80..=0xff, 1, rest @ ..] => {
                self.rest = rest;
                Ok(Some(u32::from(*low)))
            }
            _ => self.long_key().map(Some),
        }
    }

    /// A key that takes more than a byte, or is wrong.
    #[inline(never)]
    fn long_key(&mut self) -> Result<u32, WireError> {
        let key = u32::try_from(self.varint()?).map_err(|_| WireError::Tag)?;
        if key >> 3 == 0 {
            Err(WireError::Tag)
        } else {
            Ok(key)
        }
    }

    /// Consumes the payload of a field whose tag was read.
    #[inline(always)]
    pub(crate) fn skip(&mut self, number: u32, wire_type: u8, depth: u32) -> Result<(), WireError> {
        match wire_type {
            0 => self.varint().map(drop),
            1 => self.fixed64().map(drop),
            2 => self.delimited().map(drop),
            5 => self.fixed32().map(drop),
            _ => self.skip_group(number, wire_type, depth),
        }
    }

    /// Goes to the payload of the next field of this number and wire type. Answers no at the end, and where
    /// the bytes stop making sense.
    #[inline]
    pub(crate) fn find(&mut self, number: u32, wire_type: u8) -> bool {
        while let Ok(Some(tag)) = self.tag() {
            if tag == (number, wire_type) {
                return true;
            }
            if self.skip(tag.0, tag.1, 0).is_err() {
                return false;
            }
        }
        false
    }

    /// A varint. Nearly all are lengths and counts of one or two bytes.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest {
            [only, rest @ ..] if *only < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*only))
            }
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                // The tenth byte holds the 64th bit and nothing else.
                if index == 9 && byte > 1 {
                    return Err(WireError::VarintOverflow);
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < 10 {
            return Err(WireError::Truncated);
        }
        Err(WireError::VarintOverflow)
    }

    /// Length and content of a length-delimited field, without its tag.
    #[inline(always)]
    pub(crate) fn delimited(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Eight bytes, without a tag.
    #[inline(always)]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        self.fixed().map(u64::from_le_bytes)
    }

    /// Four bytes, without a tag.
    #[inline(always)]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireError> {
        self.fixed().map(u32::from_le_bytes)
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Steps over a group to the end tag of the same number, groups inside it included. Refuses other
    /// wire types.
    #[cold]
    #[inline(never)]
    fn skip_group(&mut self, number: u32, wire_type: u8, depth: u32) -> Result<(), WireError> {
        match wire_type {
            3 => {}
            4 => return Err(WireError::Group),
            _ => return Err(WireError::Tag),
        }
        let allowed = DEPTH_MAX.saturating_sub(depth) as usize;
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            if open.len() > allowed {
                return Err(WireError::Depth);
            }
            let (number, wire_type) = self.tag()?.ok_or(WireError::Truncated)?;
            match wire_type {
                3 => open.push(number),
                4 if number != innermost => return Err(WireError::Group),
                4 => drop(open.pop()),
                _ => self.skip(number, wire_type, depth)?,
            }
        }
        Ok(())
    }
}

/// The fields of a message that was found sound. Ends early where it is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        self.0.field(0).ok().flatten()
    }
}

/// The last occurrence of a length-delimited field, which is the one that counts.
#[inline]
pub(crate) fn last_bytes(message: &[u8], number: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(message);
    let mut last = None;
    if number < 16 {
        while let Some(content) = reader.next_delimited(number) {
            last = Some(content);
        }
        return last;
    }
    while reader.find(number, 2) {
        match reader.delimited() {
            Ok(content) => last = Some(content),
            Err(_) => break,
        }
    }
    last
}

/// The last occurrence of a varint field, or zero.
#[inline]
pub(crate) fn last_varint(message: &[u8], number: u32) -> u64 {
    let mut reader = Reader::new(message);
    let mut last = 0;
    while reader.find(number, 0) {
        match reader.varint() {
            Ok(value) => last = value,
            Err(_) => break,
        }
    }
    last
}

/// The last occurrence of a 64-bit field, if there is one.
#[inline]
pub(crate) fn last_fixed64(message: &[u8], number: u32) -> Option<u64> {
    let mut reader = Reader::new(message);
    let mut last = None;
    while reader.find(number, 1) {
        match reader.fixed64() {
            Ok(value) => last = Some(value),
            Err(_) => break,
        }
    }
    last
}

/// The last occurrence of a 32-bit field, or zero.
#[inline]
pub(crate) fn last_fixed32(message: &[u8], number: u32) -> u32 {
    let mut reader = Reader::new(message);
    let mut last = 0;
    while reader.find(number, 5) {
        match reader.fixed32() {
            Ok(value) => last = value,
            Err(_) => break,
        }
    }
    last
}
