//! What the leader of the controllers decides by itself, as a function of what it saw and of the time.
//!
//! Leases, reports and wishes to leave are kept in the memory of the leader alone; a new leader starts with full leases,
//! and whoever wants something asks again. Only what follows from them is written to the log.

mod drains;
mod hearing;
mod leases;
mod repairs;
mod reports;
mod settling;

pub use drains::Wish;

use crate::{Command, Epoch, Incarnation, MemberName, Report, RoutingTable};
use drains::Drains;
use leases::Leases;
use repairs::Repairs;
use reports::Reports;
use settling::Settling;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Moment;

/// The duties of a leader. Each leader has its own, and begins with new ones.
#[derive(Debug)]
pub struct Duties {
    table: Arc<RoutingTable>,
    leases: Leases,
    settling: Settling,
    repairs: Repairs,
    reports: Reports,
    drains: Drains,
}

impl Duties {
    /// A member renews its lease so often while it lasts.
    pub const RENEWALS: u32 = 3;

    /// Those of a leader that begins now: every member has a whole lease. Members renew it [`Self::RENEWALS`] times in
    /// each `lease`.
    #[must_use]
    pub fn new(table: Arc<RoutingTable>, lease: Duration, now: Moment) -> Self {
        let mut duties = Self {
            table: Arc::new(RoutingTable::new(1)),
            leases: Leases::new(lease, now),
            settling: Settling::new(now),
            repairs: Repairs::default(),
            reports: Reports::default(),
            drains: Drains::default(),
        };
        duties.see(table, now);
        duties
    }

    /// There is another table.
    pub fn see(&mut self, table: Arc<RoutingTable>, now: Moment) {
        self.leases.see(&table, now);
        self.settling.see(&self.table, &table, now);
        self.repairs.see(&table, now);
        self.table = table;
        self.reports.see(&self.table);
    }

    /// A sampler lives, and knows the table of this epoch, if it says which. Says whether it is known, and whether it has to be
    /// taken back first.
    pub fn renew(&mut self, member: Incarnation, epoch: Option<Epoch>, now: Moment) -> Presence {
        self.leases.renew(&self.table, member, epoch, now)
    }

    /// Samplers report.
    pub fn report(&mut self, report: Report) {
        self.reports.add(&self.table, report);
    }

    /// A sampler wants to leave, or an operator wants it to.
    pub fn drain(&mut self, name: &MemberName, life: Option<Incarnation>, now: Moment) -> Wish {
        self.drains.wish(&self.table, name, life, now)
    }

    /// The next command that is due, if one is.
    pub fn due(&mut self, now: Moment) -> Option<Command> {
        self.leases
            .due(&self.table, now)
            .or_else(|| self.settling.due(now))
            .or_else(|| self.repairs.due(now))
            .or_else(|| self.reports.due(now))
            .or_else(|| self.drains.due(&self.table, self.repairs.waiting(), now))
    }
}

/// What is known of a sampler that renews its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Its lease is renewed.
    Known,
    /// It was taken for lost; the table has to take it back.
    Down,
    /// It is no member.
    Unknown,
}

#[cfg(test)]
mod tests;
