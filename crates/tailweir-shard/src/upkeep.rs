//! What a tenancy needs beside rows and messages: records that wait for a table, questions that are put again, and
//! verdicts whose life is over.

use crate::{Piece, Ruled, ShardSettings};
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_core::{Moment, Slot};
use tailweir_placement::Incarnation;
use tailweir_tenure::{Effect, Message, Received, Tenancy};

/// Messages, or traces, whose memory is fetched together before they are dealt with.
pub(crate) const FETCHED: usize = 32;
/// Records that wait for a table which is on its way. Beyond it they are dropped, and said again.
const BEHIND_MAX: usize = 16_384;
/// Verdicts are looked through for old ones in this many steps, one at a time.
const SWEEP_STEPS: usize = 64;
/// Pause between two steps.
const SWEEP_PAUSE: Duration = Duration::from_millis(150);

type Effects = Vec<Effect<Piece, Ruled>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Upkeep {
    behind: Vec<(Incarnation, Message<Piece, Ruled>)>,
    behind_dropped: u64,
    asking: BTreeSet<Slot>,
    ask: Moment,
    sweep: Moment,
    swept: usize,
    /// Verdicts that were left by each of the last steps.
    verdicts: [usize; SWEEP_STEPS],
    remind: Moment,
}

impl Upkeep {
    pub(crate) fn new() -> Self {
        let start = Moment::ZERO;
        Self {
            behind: Vec::new(),
            behind_dropped: 0,
            asking: BTreeSet::new(),
            ask: start,
            sweep: start,
            swept: 0,
            verdicts: [0; SWEEP_STEPS],
            remind: start + ShardSettings::REMIND,
        }
    }

    /// When something is due, for a member that knows a table.
    pub(crate) fn next_deadline(&self) -> Moment {
        if self.asking.is_empty() {
            self.sweep
        } else {
            self.sweep.min(self.ask)
        }
    }

    /// Records that wait for a table.
    pub(crate) fn behind(&self) -> usize {
        self.behind.len()
    }

    /// Records that were dropped because too many waited for a table.
    pub(crate) fn behind_dropped(&self) -> u64 {
        self.behind_dropped
    }

    /// Verdicts that are remembered, as they were counted last.
    pub(crate) fn verdicts(&self) -> usize {
        self.verdicts.iter().sum()
    }

    /// Receives a letter. What its messages will look at is read ahead, for some of them at a time.
    pub(crate) fn receive_all(
        &mut self,
        now: Moment,
        from: Incarnation,
        letter: Vec<Message<Piece, Ruled>>,
        tenancy: &mut Tenancy<Piece, Ruled>,
        out: &mut Effects,
    ) {
        let mut letter = letter.into_iter();
        while !letter.as_slice().is_empty() {
            let soon = letter.as_slice().len().min(FETCHED);
            tenancy.fetch_for(&letter.as_slice()[..soon]);
            for message in letter.by_ref().take(soon) {
                self.receive(now, from, message, tenancy, out);
            }
        }
    }

    pub(crate) fn receive(
        &mut self,
        now: Moment,
        from: Incarnation,
        message: Message<Piece, Ruled>,
        tenancy: &mut Tenancy<Piece, Ruled>,
        out: &mut Effects,
    ) {
        if let Message::NotYet { tenure } = &message {
            if self.asking.is_empty() {
                self.ask = now + ShardSettings::ASK_AGAIN;
            }
            self.asking.insert(tenure.slot);
        }
        if let Received::Behind(message) = tenancy.receive(now, from, message, out) {
            if self.behind.len() < BEHIND_MAX {
                self.behind.push((from, message));
            } else {
                self.behind_dropped += 1;
            }
        }
    }

    /// There is a newer table: what waited for one is brought again.
    pub(crate) fn catch_up(
        &mut self,
        now: Moment,
        tenancy: &mut Tenancy<Piece, Ruled>,
        out: &mut Effects,
    ) {
        for (from, message) in std::mem::take(&mut self.behind) {
            self.receive(now, from, message, tenancy, out);
        }
    }

    pub(crate) fn ask_again(
        &mut self,
        now: Moment,
        tenancy: &mut Tenancy<Piece, Ruled>,
        out: &mut Effects,
    ) {
        if now < self.ask {
            return;
        }
        self.ask = now + ShardSettings::ASK_AGAIN;
        for slot in std::mem::take(&mut self.asking) {
            tenancy.ask_again(now, slot, out);
        }
    }

    /// Forgets old verdicts of some of these slots: those whose `life` is over, and half over where there are more
    /// than `max`.
    pub(crate) fn sweep(
        &mut self,
        now: Moment,
        slots: impl Iterator<Item = Slot>,
        life: Duration,
        max: usize,
        tenancy: &mut Tenancy<Piece, Ruled>,
    ) {
        if now < self.sweep {
            return;
        }
        self.sweep = now + SWEEP_PAUSE;
        let step = (self.swept + 1) % SWEEP_STEPS;
        let mut until = now;
        if self.verdicts() > max {
            until = now + life / 2;
        }
        let slots = slots.skip(step).step_by(SWEEP_STEPS);
        let left = slots.map(|slot| tenancy.expire_slot(until, slot));
        self.verdicts[step] = left.sum();
        self.swept = step;
    }

    /// Puts everything without an answer again, now and then.
    pub(crate) fn remind(
        &mut self,
        now: Moment,
        tenancy: &mut Tenancy<Piece, Ruled>,
        out: &mut Effects,
    ) {
        if now >= self.remind {
            self.remind = now + ShardSettings::REMIND;
            tenancy.remind(now, out);
        }
    }
}
