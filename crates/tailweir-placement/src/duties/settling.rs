//! When slots move to members that came: soon, and once for all that come together.

use crate::{Command, Incarnation, Phase, RoutingTable, Tenures};
use std::collections::BTreeSet;
use std::time::Duration;
use tailweir_core::Moment;

/// Nobody came for so long.
const QUIET: Duration = Duration::from_millis(500);
/// The same, before there is any slot.
const FIRST_QUIET: Duration = Duration::from_secs(1);
/// It is not put off for longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Slots that had too many tenures to move are tried again after this, or when there are none such any more.
const AGAIN: Duration = Duration::from_secs(5);

/// What is to be given slots.
#[derive(Debug, Default)]
pub(super) struct Settling {
    joining: BTreeSet<Incarnation>,
    /// When the first and the last of what is to be taken in came.
    pending: Option<(Moment, Moment)>,
    quiet: Duration,
    /// Whether a slot has as many tenures as it may have, so that a rebalance passes it over.
    is_full: bool,
    /// When what was passed over is to be tried again.
    again: Option<Moment>,
}

impl Settling {
    /// Of a leader that begins now. It does not know what the one before was about to do.
    pub(super) fn new(now: Moment) -> Self {
        Self {
            pending: Some((now, now)),
            ..Self::default()
        }
    }

    pub(super) fn see(&mut self, before: &RoutingTable, table: &RoutingTable, now: Moment) {
        let joining: BTreeSet<Incarnation> = table
            .members()
            .filter(|(_, member)| member.phase == Phase::Joining)
            .map(|(_, member)| member.incarnation)
            .collect();
        let came = joining.difference(&self.joining).next().is_some() || returned(before, table);
        if came {
            let first = self.pending.map_or(now, |(first, _)| first);
            self.pending = Some((first, now));
        }
        let is_first = table.rows().runs().is_empty();
        self.quiet = if is_first { FIRST_QUIET } else { QUIET };
        self.joining = joining;
        let mut tenures = table.rows().runs().iter().map(|run| run.tenures.all());
        self.is_full = tenures.any(|tenures| tenures.len() >= Tenures::COUNT_MAX);
        if self.is_full {
            self.again.get_or_insert(now + AGAIN);
        } else if self.again.is_some() {
            self.again = Some(now);
        }
    }

    pub(super) fn due(&mut self, now: Moment) -> Option<Command> {
        let is_settled = self
            .pending
            .is_some_and(|(first, last)| now >= last + self.quiet || now >= first + PATIENCE);
        let is_again = self.again.is_some_and(|again| now >= again);
        if !is_settled && !is_again {
            return None;
        }
        self.pending = self.pending.filter(|_| !is_settled);
        self.again = self.is_full.then(|| now + AGAIN);
        Some(Command::Rebalance)
    }
}

/// Whether a member is back that was taken for lost: its slots have gone to others meanwhile.
fn returned(before: &RoutingTable, table: &RoutingTable) -> bool {
    table.members().any(|(_, member)| {
        let former = before.member(member.incarnation);
        member.phase == Phase::Active
            && former.is_some_and(|(_, former)| former.phase == Phase::Down)
    })
}
