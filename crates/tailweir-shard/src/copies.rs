//! Memory of what other members own.

use crate::{Piece, Ruled};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tailweir_placement::TenureId;
use tailweir_tenure::{Message, Number, Record};

/// Counts the bytes of copies for as long as any share of them lives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copies(Arc<AtomicUsize>);

impl Copies {
    /// These bytes, counted. They should be in memory of their own: what a letter brought is a share of a larger
    /// buffer of the connection, which it would keep alive.
    pub(crate) fn keep(&self, bytes: Vec<u8>) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        self.0.fetch_add(bytes.len(), Relaxed);
        Bytes::from_owner(Counted {
            bytes,
            copies: self.clone(),
        })
    }

    /// Puts the bytes of a letter's fragments into memory of its own. Without room for them within `budget`, the records
    /// that have fragments are taken out: to the protocol they are lost messages. Says which.
    pub(crate) fn take_in(
        &self,
        budget: usize,
        messages: &mut Vec<Message<Piece, Ruled>>,
    ) -> Vec<(TenureId, Number)> {
        let fragments = messages.iter().filter_map(fragment_of);
        let brought: usize = fragments.map(|(_, bytes)| bytes.len()).sum();
        if brought == 0 {
            return Vec::new();
        }
        if self.bytes() + brought > budget {
            let fragments = messages.iter().filter_map(fragment_of);
            let refused = fragments.map(|(name, _)| name).collect();
            messages.retain(|message| fragment_of(message).is_none());
            return refused;
        }
        let mut all = Vec::with_capacity(brought);
        messages
            .iter()
            .filter_map(fragment_of)
            .for_each(|(_, bytes)| all.extend_from_slice(bytes));
        let all = self.keep(all);
        let mut start = 0;
        for message in messages {
            if let Some(bytes) = bytes_of(message) {
                let end = start + bytes.len();
                *bytes = all.slice(start..end);
                start = end;
            }
        }
        Vec::new()
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

struct Counted {
    bytes: Vec<u8>,
    copies: Copies,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.copies.0.fetch_sub(self.bytes.len(), Relaxed);
    }
}

/// The fragment that a message brings: its name and its bytes.
fn fragment_of(message: &Message<Piece, Ruled>) -> Option<((TenureId, Number), &[u8])> {
    let Message::Record { tenure, record, .. } = message else {
        return None;
    };
    match record {
        Record::Append { number, fragment } | Record::Copy { number, fragment } => {
            match &fragment.value.data {
                Piece::Raw(bytes) | Piece::Marked { bytes, .. } => {
                    Some(((*tenure, *number), bytes))
                }
                Piece::Held => None,
            }
        }
        _ => None,
    }
}

fn bytes_of(message: &mut Message<Piece, Ruled>) -> Option<&mut Bytes> {
    let Message::Record { record, .. } = message else {
        return None;
    };
    match record {
        Record::Append { fragment, .. } | Record::Copy { fragment, .. } => {
            match &mut fragment.value.data {
                Piece::Raw(bytes) | Piece::Marked { bytes, .. } => Some(bytes),
                Piece::Held => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Copies;

    /// Scenario: two copies; a share of one outlives it.
    /// Guarantees: a copy counts until its last share is gone.
    #[test]
    fn a_copy_counts_as_long_as_a_share_of_it_lives() {
        let copies = Copies::default();
        let (first, second) = (
            copies.keep(b"four".to_vec()),
            copies.keep(b"seventh".to_vec()),
        );
        let share = second.slice(1..2);
        drop((first, second));
        assert_eq!(copies.bytes(), 7);
        drop(share);
        assert_eq!(copies.bytes(), 0);
    }
}
