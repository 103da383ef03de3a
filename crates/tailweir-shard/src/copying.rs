//! Copies that bring candidates up to date: some at a time.
//!
//! When a member is lost, thousands of tenures get a candidate at once, and each owner has all that it holds in them to copy. Said
//! in one breath that would be its whole window, in memory beside the window, before a first byte has left; what did
//! not fit into the letters that may wait would be said again, all of it. So copies wait here as names, and their spans
//! are put in when it is their turn: a window's worth is under way, and an answer lets the next one go. Live spans do not
//! queue behind them.

use crate::{Piece, Ruled, ShardSettings};
use std::collections::{BTreeMap, VecDeque};
use tailweir_core::Moment;
use tailweir_placement::{Epoch, Incarnation, TenureId};
use tailweir_tenure::{Answer, Message, Number, Record, Tenancy};

/// Bytes of copies under way, of one shard. A trace that is larger goes alone.
const WINDOW: usize = 2 << 20;

/// A fragment of a tenure.
type Name = (TenureId, Number);

/// Who is to have a copy, and in which view.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    to: Incarnation,
    view: Epoch,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Copying {
    waiting: BTreeMap<Name, Wanted>,
    /// Bytes of copies without an answer.
    under_way: BTreeMap<Name, (Moment, usize)>,
    /// The same in the order in which they were sent; what was answered is still in it.
    sent: VecDeque<(Moment, Name)>,
    bytes: usize,
}

impl Copying {
    /// Puts a copy in the line, in the place of one that was said before; hands back everything else.
    pub(crate) fn put(
        &mut self,
        to: Incarnation,
        message: Message<Piece, Ruled>,
    ) -> Option<Message<Piece, Ruled>> {
        let Message::Record {
            tenure,
            view,
            record: Record::Copy { number, .. },
            ..
        } = message
        else {
            return Some(message);
        };
        let name = (tenure, number);
        self.answered(name);
        self.waiting.insert(name, Wanted { to, view });
        None
    }

    /// Learns from a letter which copies have arrived, or found no room.
    pub(crate) fn learn(&mut self, messages: &[Message<Piece, Ruled>]) {
        for message in messages {
            match message {
                Message::Answer {
                    tenure,
                    answer: Answer::Copied(number),
                    ..
                } => self.answered((*tenure, *number)),
                Message::NoRoom { tenure, numbers } => numbers
                    .iter()
                    .for_each(|&number| self.answered((*tenure, number))),
                _ => {}
            }
        }
    }

    /// The next copies: all that wait of one trace, as records without spans. Nothing where none waits, or enough is under way.
    pub(crate) fn next(
        &mut self,
        now: Moment,
        tenancy: &Tenancy<Piece, Ruled>,
    ) -> Vec<(Incarnation, Message<Piece, Ruled>)> {
        self.give_up(now);
        while self.bytes < WINDOW
            && let Some((&(tenure, number), _)) = self.waiting.first_key_value()
        {
            let Some(first) = tenancy.fragment(tenure, number) else {
                // Delivered or dropped meanwhile.
                self.waiting.remove(&(tenure, number));
                continue;
            };
            let numbers = tenancy.numbers(tenure, first.trace);
            let take = |number| {
                let wanted = self.waiting.remove(&(tenure, number))?;
                let fragment = tenancy.remaining(now, tenure, number)?;
                let message = Message::Record {
                    tenure,
                    view: wanted.view,
                    asked: now,
                    record: Record::Copy { number, fragment },
                };
                Some((wanted.to, message))
            };
            return numbers.filter_map(take).collect();
        }
        Vec::new()
    }

    /// A copy has left.
    pub(crate) fn sent(&mut self, now: Moment, message: &Message<Piece, Ruled>) {
        let Message::Record {
            tenure,
            record: Record::Copy { number, fragment },
            ..
        } = message
        else {
            return;
        };
        let bytes = match &fragment.value.data {
            Piece::Raw(bytes) | Piece::Marked { bytes, .. } => bytes.len(),
            Piece::Held => 0,
        };
        let name = (*tenure, *number);
        self.under_way.insert(name, (now, bytes));
        self.sent.push_back((now, name));
        self.bytes += bytes;
    }

    fn answered(&mut self, name: Name) {
        if let Some((_, bytes)) = self.under_way.remove(&name) {
            self.bytes -= bytes;
        }
    }

    /// Waits no longer for answers that are overdue: the candidate is another by now, or is reminded.
    fn give_up(&mut self, now: Moment) {
        while let Some(&(then, name)) = self.sent.front() {
            let is_open = self.under_way.get(&name).is_some_and(|it| it.0 == then);
            if is_open && now < then + ShardSettings::REMIND {
                return;
            }
            self.sent.pop_front();
            if is_open {
                self.answered(name);
            }
        }
    }
}
