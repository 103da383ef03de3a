//! What a reel is made of. Knows no file system.
//!
//! ```text
//! reel = "TWSPOOL1" frame*
//! frame   = label length, body length, checksum of body, checksum of head, mark; label; body
//! ```
//!
//! Numbers are 32 bits in little-endian. The checksum of the head is over the number of the reel, the place in it, the
//! three fields before, and the label: a head that was copied somewhere else is none. The mark is 0 while the entry is open,
//! and the complement of the head's checksum once it is done, so that no single damaged bit makes an entry done.

use std::io;

/// The first bytes of a reel.
pub(crate) const MAGIC: [u8; 8] = *b"TWSPOOL1";
/// Bytes of a frame before its label.
pub(crate) const HEAD: usize = 20;
/// Where in the head the mark is.
const MARK: usize = 16;
/// Most bytes of a label.
pub const LABEL_BYTES_MAX: usize = 64 << 10;
/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 1 << 30;

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the reel.
    pub reel: u64,
    /// The byte of it where the frame begins.
    pub at: u64,
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) label_length: u32,
    pub(crate) body_length: u32,
    body_checksum: u32,
    checksum: u32,
    mark: u32,
}

impl Head {
    /// The head of an open entry. Nothing when label or body is too large.
    pub(crate) fn new(place: Place, label: &[u8], body: &[u8]) -> Option<Self> {
        if label.len() > LABEL_BYTES_MAX || body.len() > BODY_BYTES_MAX {
            return None;
        }
        let mut head = Self {
            label_length: label.len() as u32,
            body_length: body.len() as u32,
            body_checksum: crc32fast::hash(body),
            checksum: 0,
            mark: 0,
        };
        head.checksum = head.checksum_over(place, label);
        Some(head)
    }

    fn checksum_over(&self, place: Place, label: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&place.reel.to_le_bytes());
        hasher.update(&place.at.to_le_bytes());
        hasher.update(&self.bytes()[..12]);
        hasher.update(label);
        hasher.finalize()
    }

    pub(crate) fn bytes(&self) -> [u8; HEAD] {
        let fields = [
            self.label_length,
            self.body_length,
            self.body_checksum,
            self.checksum,
            self.mark,
        ];
        let mut bytes = [0; HEAD];
        for (field, out) in fields.into_iter().zip(bytes.chunks_exact_mut(4)) {
            out.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// Whatever these bytes say; [`Self::is_sound`] tells whether it is a head.
    fn from_bytes(bytes: &[u8; HEAD]) -> Self {
        let field = |index: usize| {
            let mut field = [0; 4];
            field.copy_from_slice(&bytes[4 * index..4 * index + 4]);
            u32::from_le_bytes(field)
        };
        Self {
            label_length: field(0),
            body_length: field(1),
            body_checksum: field(2),
            checksum: field(3),
            mark: field(4),
        }
    }

    fn is_sound(&self, place: Place, label: &[u8]) -> bool {
        self.checksum == self.checksum_over(place, label)
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_length(&self) -> u64 {
        HEAD as u64 + u64::from(self.label_length) + u64::from(self.body_length)
    }

    /// Where the body begins, in bytes from the frame.
    pub(crate) fn body_offset(&self) -> u64 {
        HEAD as u64 + u64::from(self.label_length)
    }

    pub(crate) fn is_body(&self, body: &[u8]) -> bool {
        body.len() == self.body_length as usize && crc32fast::hash(body) == self.body_checksum
    }

    pub(crate) fn is_done(&self) -> bool {
        self.mark == !self.checksum
    }

    /// What says that the entry is done, and where in the frame it is written.
    pub(crate) fn done_mark(&self) -> (u64, [u8; 4]) {
        (MARK as u64, (!self.checksum).to_le_bytes())
    }
}

/// Reads so many bytes at a place of a reel.
pub(crate) type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<()> + 'a;

/// The head and the label at a place of a reel that is so long; nothing where there is no whole frame.
pub(crate) fn read_head(
    place: Place,
    length: u64,
    read: &mut ReadAt<'_>,
) -> io::Result<Option<(Head, Vec<u8>)>> {
    let Some(left) = length
        .checked_sub(place.at)
        .filter(|left| *left >= HEAD as u64)
    else {
        return Ok(None);
    };
    let mut bytes = [0; HEAD];
    read(place.at, &mut bytes)?;
    let head = Head::from_bytes(&bytes);
    let is_possible = head.label_length as usize <= LABEL_BYTES_MAX
        && head.body_length as usize <= BODY_BYTES_MAX
        && head.frame_length() <= left;
    if !is_possible {
        return Ok(None);
    }
    let mut label = vec![0; head.label_length as usize];
    read(place.at + HEAD as u64, &mut label)?;
    Ok(head.is_sound(place, &label).then_some((head, label)))
}

/// An entry in a reel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// Whether it is done.
    pub is_done: bool,
    /// Its label.
    pub label: Vec<u8>,
    /// Its body; nothing where that is damaged.
    pub body: Option<Vec<u8>>,
}

/// What a reel holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Its entries, in order.
    pub entries: Vec<Found>,
    /// Bytes at the end that are no whole frame: a write that did not end, or damage.
    pub ignored: u64,
}

/// Reads a reel whole. Nothing where the bytes do not begin as a reel does.
#[must_use]
pub fn recover(reel: u64, bytes: &[u8]) -> Option<Recovered> {
    let mut read = |at: u64, out: &mut [u8]| {
        let rest = bytes.get(at as usize..).unwrap_or_default();
        let part = rest.get(..out.len());
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    };
    let length = bytes.len() as u64;
    let mut entries = Vec::new();
    // Bytes in memory can always be read.
    let ignored = walk(reel, length, &mut read, |place, head, label| {
        let begin = (place.at + head.body_offset()) as usize;
        let body = &bytes[begin..begin + head.body_length as usize];
        entries.push(Found {
            place,
            is_done: head.is_done(),
            label,
            body: head.is_body(body).then(|| body.to_vec()),
        });
    });
    ignored.ok()?.map(|ignored| Recovered { entries, ignored })
}

/// Visits the entries of a reel in order, and answers how many bytes behind them are no whole frame. Nothing where the
/// reel does not begin as one. Bodies are not read.
pub(crate) fn walk(
    reel: u64,
    length: u64,
    read: &mut ReadAt<'_>,
    mut visit: impl FnMut(Place, Head, Vec<u8>),
) -> io::Result<Option<u64>> {
    let mut magic = [0; MAGIC.len()];
    let begun = (length as usize).min(MAGIC.len());
    read(0, &mut magic[..begun])?;
    if magic[..begun] != MAGIC[..begun] {
        return Ok(None);
    }
    let mut at = begun as u64;
    while at < length {
        let place = Place { reel, at };
        let Some((head, label)) = read_head(place, length, read)? else {
            break;
        };
        at += head.frame_length();
        visit(place, head, label);
    }
    Ok(Some(length - at))
}
