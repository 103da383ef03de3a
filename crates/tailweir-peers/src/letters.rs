//! Letters that wait for one member.

use crate::PeersSettings;
use crate::counts::Counts;
use crate::line::MESSAGE_MAX;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tailweir_proto::peer;
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::Message;
use tailweir_wire::{MESSAGES_MAX, write_letters};
use tokio::sync::mpsc;

/// Letters that wait at most; their bytes are the bound that matters.
const COUNT_MAX: usize = 65_536;

/// A letter as it is sent. It is charged to those that wait until it is opened, or dropped.
pub(crate) struct Sealed {
    letter: peer::Letter,
    bytes: usize,
    counts: Arc<Counts>,
}

impl Sealed {
    /// How many messages it has.
    pub(crate) fn messages(&self) -> usize {
        self.letter.messages.len()
    }

    /// Makes one letter of the two, if they are about the same sampler and not larger than `size` together.
    fn join(&mut self, mut later: Self, size: usize) -> Result<(), Self> {
        let (letter, more) = (&mut self.letter, &mut later.letter);
        let length = entries(letter) + entries(more);
        let fits = self.bytes + later.bytes <= size && length <= MESSAGES_MAX;
        if letter.sampler != more.sampler || !fits {
            return Err(later);
        }
        letter.messages.append(&mut more.messages);
        letter.delivered.append(&mut more.delivered);
        letter.no_room.append(&mut more.no_room);
        self.bytes += std::mem::take(&mut later.bytes);
        Ok(())
    }

    /// What goes into the stream, and is counted as sent.
    pub(crate) fn open(mut self) -> peer::Letter {
        self.counts.letter_sent(self.messages(), self.bytes);
        std::mem::take(&mut self.letter)
    }
}

fn entries(letter: &peer::Letter) -> usize {
    letter.messages.len() + letter.delivered.len() + letter.no_room.len()
}

impl Drop for Sealed {
    fn drop(&mut self) {
        self.counts.unqueue(self.bytes);
    }
}

/// Where shards put letters, without waiting and without a lock.
pub(crate) struct Letterbox {
    sender: mpsc::Sender<Sealed>,
    counts: Arc<Counts>,
    /// Something was dropped, and the shards are still to be told.
    lost: Arc<AtomicBool>,
    letters_max: usize,
    letter_size: usize,
}

/// The other end.
pub(crate) struct Waiting {
    receiver: mpsc::Receiver<Sealed>,
    /// The next one, where it was taken out already: it did not go into the letter before it, or that may not leave yet.
    ahead: Option<Sealed>,
    counts: Arc<Counts>,
    lost: Arc<AtomicBool>,
    letters_max: u64,
    letter_size: usize,
}

pub(crate) fn letters(settings: &PeersSettings, counts: &Arc<Counts>) -> (Letterbox, Waiting) {
    let (sender, receiver) = mpsc::channel(COUNT_MAX);
    let lost = Arc::new(AtomicBool::new(false));
    let letterbox = Letterbox {
        sender,
        counts: Arc::clone(counts),
        lost: Arc::clone(&lost),
        letters_max: settings.letters_max,
        letter_size: settings.letter_size,
    };
    let waiting = Waiting {
        receiver,
        ahead: None,
        counts: Arc::clone(counts),
        lost,
        letters_max: settings.letters_max as u64,
        letter_size: settings.letter_size,
    };
    (letterbox, waiting)
}

impl Letterbox {
    /// Puts messages behind those that wait, or drops them.
    pub(crate) fn put(&self, sampler: &str, messages: Vec<Message<Piece, Ruled>>) {
        for (letter, bytes) in write_letters(sampler, messages, self.letter_size) {
            let messages = letter.messages.len();
            // Sent, a letter that is too large would break the stream for all others.
            let fits = bytes <= MESSAGE_MAX && self.counts.queue(bytes, self.letters_max);
            let sealed = fits.then(|| Sealed {
                letter,
                bytes,
                counts: Arc::clone(&self.counts),
            });
            let is_put = sealed.is_some_and(|sealed| self.sender.try_send(sealed).is_ok());
            if !is_put {
                self.counts.letters_dropped(messages);
                self.lost.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Waiting {
    /// Waits until there is a letter, or there will be none.
    pub(crate) async fn come(&mut self) {
        if self.ahead.is_none() {
            self.ahead = self.receiver.recv().await;
        }
    }

    /// The next letter, with those behind it that make one letter together; nothing when there will be none. Nothing is
    /// lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Sealed> {
        self.come().await;
        let mut sealed = self.ahead.take()?;
        while let Ok(later) = self.receiver.try_recv() {
            if let Err(later) = sealed.join(later, self.letter_size) {
                self.ahead = Some(later);
                break;
            }
        }
        Some(sealed)
    }

    /// Whether what waits is more than one letter takes.
    pub(crate) fn is_full(&self) -> bool {
        self.counts.queued() > self.letter_size as u64
    }

    /// Letters are lost: those under way when a stream broke.
    pub(crate) fn lose(&self, messages: usize) {
        self.counts.letters_dropped(messages);
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Whether the shards are to be told now that letters were lost: they write again, so there has to be room.
    pub(crate) fn takes_note(&self) -> bool {
        self.counts.queued() <= self.letters_max / 2 && self.lost.swap(false, Ordering::Relaxed)
    }
}
