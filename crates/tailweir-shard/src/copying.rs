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

/// Bytes of copies under way from one shard to one candidate. A trace that is larger goes alone.
const WINDOW: usize = 2 << 20;

/// A fragment of a tenure.
type Name = (TenureId, Number);

/// Copies to one candidate, which waits for no other: one that is silent holds up only itself.
#[derive(Debug, Default)]
struct Line {
    /// Those that wait, with the view in which they are proposed.
    waiting: BTreeMap<Name, Epoch>,
    /// Those without an answer, with when they left and how many bytes they have.
    under_way: BTreeMap<Name, (Moment, usize)>,
    /// The same in the order in which they left; what was answered is still in it.
    order: VecDeque<(Moment, Name)>,
    /// Bytes under way.
    bytes: usize,
}

/// Copies of one shard, by candidate.
#[derive(Debug, Default)]
pub(crate) struct Copying(BTreeMap<Incarnation, Line>);

impl Copying {
    /// Puts a copy in the line of its candidate, in the place of one that was said before; hands back everything else.
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
        let line = self.0.entry(to).or_default();
        line.answered((tenure, number));
        line.waiting.insert((tenure, number), view);
        None
    }

    /// Learns from a letter which copies have arrived, found no room, or are of a view that is over.
    pub(crate) fn learn(&mut self, from: Incarnation, messages: &[Message<Piece, Ruled>]) {
        let Some(line) = self.0.get_mut(&from) else {
            return;
        };
        for message in messages {
            match message {
                Message::Answer { tenure, answer, .. } => match answer {
                    Answer::Copied(number) => line.answered((*tenure, *number)),
                    Answer::Stale(_) => line.forget(*tenure),
                    _ => {}
                },
                Message::NoRoom { tenure, numbers } => numbers
                    .iter()
                    .for_each(|&number| line.answered((*tenure, number))),
                _ => {}
            }
        }
    }

    /// The next copies: all that wait of one trace for one candidate, as records without spans. Nothing where none waits, or enough is
    /// under way.
    pub(crate) fn next(
        &mut self,
        now: Moment,
        tenancy: &Tenancy<Piece, Ruled>,
    ) -> Option<Vec<(Incarnation, Message<Piece, Ruled>)>> {
        self.0.retain(|_, line| !line.is_over());
        self.0.iter_mut().find_map(|(&to, line)| {
            let records = line.next(now, to, tenancy)?;
            Some(records.into_iter().map(|record| (to, record)).collect())
        })
    }

    /// A copy has left.
    pub(crate) fn sent(&mut self, now: Moment, to: Incarnation, message: &Message<Piece, Ruled>) {
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
        let (line, name) = (self.0.entry(to).or_default(), (*tenure, *number));
        line.under_way.insert(name, (now, bytes));
        line.order.push_back((now, name));
        line.bytes += bytes;
    }
}

impl Line {
    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.order.is_empty()
    }

    fn next(
        &mut self,
        now: Moment,
        to: Incarnation,
        tenancy: &Tenancy<Piece, Ruled>,
    ) -> Option<Vec<Message<Piece, Ruled>>> {
        self.give_up(now);
        while self.bytes < WINDOW
            && let Some((&(tenure, number), _)) = self.waiting.first_key_value()
        {
            if tenancy.second(tenure) != Some(to) {
                // Another is the candidate by now.
                self.forget(tenure);
                continue;
            }
            let Some(first) = tenancy.fragment(tenure, number) else {
                // Delivered or dropped meanwhile.
                self.waiting.remove(&(tenure, number));
                continue;
            };
            let take = |number| {
                let view = self.waiting.remove(&(tenure, number))?;
                let fragment = tenancy.remaining(now, tenure, number)?;
                Some(Message::Record {
                    tenure,
                    view,
                    asked: now,
                    record: Record::Copy { number, fragment },
                })
            };
            let records = tenancy
                .numbers(tenure, first.trace)
                .filter_map(take)
                .collect();
            // Whatever became of it, it is not looked at for ever.
            self.waiting.remove(&(tenure, number));
            return Some(records);
        }
        None
    }

    fn answered(&mut self, name: Name) {
        if let Some((_, bytes)) = self.under_way.remove(&name) {
            self.bytes -= bytes;
        }
    }

    /// The tenure has another view, or another candidate.
    fn forget(&mut self, tenure: TenureId) {
        let all = (tenure, Number(0))..=(tenure, Number(u64::MAX));
        self.waiting
            .extract_if(all.clone(), |_, _| true)
            .for_each(drop);
        let gone = self.under_way.extract_if(all, |_, _| true);
        self.bytes -= gone.map(|(_, (_, bytes))| bytes).sum::<usize>();
    }

    /// Waits no longer for answers that are overdue: the candidate is reminded of what it did not answer.
    fn give_up(&mut self, now: Moment) {
        while let Some(&(then, name)) = self.order.front() {
            let is_open = self.under_way.get(&name).is_some_and(|it| it.0 == then);
            if is_open && now < then + ShardSettings::REMIND {
                return;
            }
            self.order.pop_front();
            if is_open {
                self.answered(name);
            }
        }
    }
}
