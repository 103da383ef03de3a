//! Which samplers live.

use super::hearing::Hearing;
use super::{Duties, Presence};
use crate::{Command, Epoch, Incarnation, Phase, RoutingTable};
use std::collections::HashMap;
use std::time::Duration;
use tailweir_core::Moment;

/// Clocks may run apart by this share.
const CLOCK_ERROR: f64 = 1.01;
/// A renewal may be on its way for so long.
const TRANSIT: Duration = Duration::from_secs(1);

/// A sampler may live without hearing of newer tables for so long: until then it looks for a controller that tells it, and one
/// without a leader sends it away after 5 s. Beyond, it is as good as lost: whatever is to move to it, or away, waits for it.
const DEAF_MAX: Duration = Duration::from_secs(15);

/// What was last heard of each sampler, by the clock of [`Hearing`].
#[derive(Debug)]
pub(super) struct Leases {
    patience: Duration,
    hearing: Hearing,
    heard: HashMap<Incarnation, Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    /// When its lease was last renewed.
    at: Moment,
    /// The table that it knew when there was a newer one already, and when it first said so.
    behind: Option<(Epoch, Moment)>,
}

impl Heard {
    /// A whole lease from now on.
    fn new(time: Moment) -> Self {
        Self {
            at: time,
            behind: None,
        }
    }

    /// It lives, and knows the table of one epoch while there is that of another.
    fn hear(&mut self, known: Epoch, newest: Epoch, time: Moment) {
        let before = self.behind.filter(|(epoch, _)| *epoch == known);
        self.behind = (known < newest).then(|| before.unwrap_or((known, time)));
        if !self.is_deaf(time) {
            self.at = time;
        }
    }

    /// Whether it hears nothing of newer tables. Who gets on does, however far behind.
    fn is_deaf(&self, time: Moment) -> bool {
        let behind = self.behind;
        behind.is_some_and(|(_, since)| time.since(since) > DEAF_MAX)
    }
}

impl Leases {
    /// Renewals are a third of a lease apart, so one healthy member is enough to keep the clock going; half a transit is for
    /// what delays them. When none can be heard, the one that was heard first is silent for a third before, and the clock goes
    /// on for another one and half a transit: that is less than its patience by another third and more than half a transit, in
    /// which it renews once they are heard again.
    pub(super) fn new(lease: Duration, now: Moment) -> Self {
        let reach = lease / Duties::RENEWALS + TRANSIT / 2;
        Self {
            patience: lease.mul_f64(CLOCK_ERROR) + TRANSIT,
            hearing: Hearing::new(reach, now),
            heard: HashMap::new(),
        }
    }

    /// Members that are new, or new to this leader, have a whole lease.
    pub(super) fn see(&mut self, table: &RoutingTable, now: Moment) {
        let time = self.hearing.time(now);
        let heard = std::mem::take(&mut self.heard);
        let new = Heard::new(time);
        let known = |incarnation| *heard.get(&incarnation).unwrap_or(&new);
        self.heard = table
            .members()
            .map(|(_, member)| (member.incarnation, known(member.incarnation)))
            .collect();
    }

    pub(super) fn renew(
        &mut self,
        table: &RoutingTable,
        member: Incarnation,
        epoch: Option<Epoch>,
        now: Moment,
    ) -> Presence {
        let phase = table.member(member).map(|(_, member)| member.phase);
        let presence = match phase {
            None | Some(Phase::Removed) => return Presence::Unknown,
            Some(Phase::Down) => Presence::Down,
            Some(_) => Presence::Known,
        };
        let time = self.hearing.hear(now);
        let heard = self.heard.entry(member).or_insert_with(|| Heard::new(time));
        heard.hear(epoch.unwrap_or(table.epoch()), table.epoch(), time);
        match presence {
            // It would be lost again at once.
            Presence::Down if heard.is_deaf(time) => Presence::Known,
            presence => presence,
        }
    }

    /// Those of whom nothing was heard for too long while others were. When that is everybody it is none: nobody is left to
    /// take over.
    pub(super) fn due(&mut self, table: &RoutingTable, now: Moment) -> Option<Command> {
        let time = self.hearing.time(now);
        let is_late = |incarnation: &Incarnation| {
            let heard = self.heard.get(incarnation);
            heard.is_some_and(|heard| time.since(heard.at) > self.patience)
        };
        let alive: Vec<Incarnation> = table
            .members()
            .filter(|(_, member)| !matches!(member.phase, Phase::Down | Phase::Removed))
            .map(|(_, member)| member.incarnation)
            .collect();
        let late: Vec<Incarnation> = alive.iter().copied().filter(is_late).collect();
        let is_news = !late.is_empty() && late.len() < alive.len();
        is_news.then_some(Command::Expire(late))
    }
}
