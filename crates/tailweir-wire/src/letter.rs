//! Letters: messages of one sampler to another, in their order.

use crate::delivered::{read_delivered, write_delivered};
use crate::no_room::{read_no_room, write_no_room};
use crate::{WireError, read_message, write_message};
use tailweir_proto::peer::{self, message::Kind};
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::Message;

/// Most messages of one letter.
pub const MESSAGES_MAX: usize = 65_536;

/// What a message takes beside its spans and lists, in bytes, at most.
const MESSAGE_BYTES: usize = 96;
/// The same of a verdict, and of a pin.
const ENTRY_BYTES: usize = 80;
/// The same of the name of a fragment.
const NUMBER_BYTES: usize = 10;

/// Messages about one `tail_sampling`.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Which: `pipeline/processor`.
    pub sampler: String,
    /// In the order in which they were written.
    pub messages: Vec<Message<Piece, Ruled>>,
}

/// Writes messages into as many letters as it takes for none to be larger than `size` bytes, unless a single message is;
/// their order is kept, but that what was delivered, and what there was no room for, is read first. With each comes its size in bytes, a little more than
/// what it takes on the wire.
pub fn write_letters(
    sampler: &str,
    messages: Vec<Message<Piece, Ruled>>,
    size: usize,
) -> Vec<(peer::Letter, usize)> {
    let mut letters: Vec<(peer::Letter, usize)> = Vec::new();
    for entry in messages.into_iter().filter_map(write_entry) {
        let more = entry.size();
        let fits = letters
            .last()
            .is_some_and(|(letter, filled)| filled + more <= size && length(letter) < MESSAGES_MAX);
        if !fits {
            let letter = peer::Letter {
                sampler: sampler.to_owned(),
                ..peer::Letter::default()
            };
            letters.push((letter, sampler.len() + MESSAGE_BYTES));
        }
        if let Some((letter, filled)) = letters.last_mut() {
            match entry {
                Entry::Message(message) => letter.messages.push(message),
                Entry::Delivered(delivered) => letter.delivered.push(delivered),
                Entry::NoRoom(no_room) => letter.no_room.push(no_room),
            }
            *filled += more;
        }
    }
    letters
}

/// One entry of a letter.
enum Entry {
    Message(peer::Message),
    Delivered(peer::Delivered),
    NoRoom(peer::NoRoom),
}

impl Entry {
    fn size(&self) -> usize {
        match self {
            Self::Message(message) => size_of(message),
            Self::Delivered(delivered) => {
                MESSAGE_BYTES + delivered.spans.len() * std::mem::size_of::<u64>()
            }
            Self::NoRoom(no_room) => {
                let numbers = no_room.numbers.as_ref();
                MESSAGE_BYTES + numbers.map_or(0, |it| it.numbers.len() * NUMBER_BYTES)
            }
        }
    }
}

fn write_entry(message: Message<Piece, Ruled>) -> Option<Entry> {
    match message {
        Message::Delivered {
            tenure,
            trace,
            spans,
        } => Some(Entry::Delivered(write_delivered(tenure, trace, spans))),
        Message::NoRoom { tenure, numbers } => Some(Entry::NoRoom(write_no_room(tenure, &numbers))),
        message => write_message(message).map(Entry::Message),
    }
}

fn length(letter: &peer::Letter) -> usize {
    letter.messages.len() + letter.delivered.len() + letter.no_room.len()
}

fn size_of(message: &peer::Message) -> usize {
    let entries = |verdicts: usize, pins: usize| (verdicts + pins) * ENTRY_BYTES;
    let more = match &message.kind {
        Some(Kind::Append(fragment) | Kind::Copy(fragment)) => fragment.spans.len(),
        Some(Kind::Open(open)) => entries(open.verdicts.len(), open.pins.len()),
        Some(Kind::Absorb(absorb)) => entries(absorb.verdicts.len(), 0),
        Some(Kind::Attach(index)) => {
            let sealed = index.sealed.as_ref().map_or(0, bytes::Bytes::len);
            entries(index.verdicts.len(), index.pins.len()) + sealed + index.traces.len()
        }
        Some(Kind::Manifest(manifest)) => entries(manifest.verdicts.len(), 0) + manifest.open.len(),
        Some(Kind::Remainder(remainder)) => entries(remainder.verdicts.len(), 0),
        Some(Kind::Sealed(seal)) => seal.traces.len(),
        Some(Kind::Free(numbers) | Kind::Freed(numbers)) => numbers.numbers.len() * NUMBER_BYTES,
        _ => 0,
    };
    MESSAGE_BYTES + ENTRY_BYTES + more
}

/// A letter as it came.
///
/// # Errors
///
/// The first thing in it that cannot be.
pub fn read_letter(letter: peer::Letter) -> Result<Letter, WireError> {
    let length = length(&letter);
    if length > MESSAGES_MAX {
        return Err(WireError::TooMany {
            field: "letter.messages",
            length,
            limit: MESSAGES_MAX,
        });
    }
    let mut messages = Vec::with_capacity(length);
    for delivered in letter.delivered {
        messages.push(read_delivered(delivered)?);
    }
    for no_room in letter.no_room {
        messages.push(read_no_room(no_room)?);
    }
    for message in letter.messages {
        messages.push(read_message(message)?);
    }
    Ok(Letter {
        sampler: letter.sampler,
        messages,
    })
}
