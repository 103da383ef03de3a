//! The task that does the leader's duties, on every controller, while it leads.

use crate::change::Change;
use crate::controller::{Shared, joining};
use crate::running::Running;
use crate::state::State;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::{Command, Duties, Epoch, Incarnation, MemberName, Presence, Report, Wish};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(50);
/// What cannot be written is tried again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// What the service asks the leader's task. What is asked while another leads is not answered.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A sampler lives.
    Renew {
        member: Incarnation,
        /// Of the table that it knows, if it says so.
        epoch: Option<Epoch>,
        reply: oneshot::Sender<Presence>,
    },
    /// A sampler reports.
    Report {
        reports: Vec<Report>,
        reply: oneshot::Sender<()>,
    },
    /// A sampler is to leave.
    Drain {
        name: MemberName,
        /// The life that is meant, if not whichever there is.
        life: Option<Incarnation>,
        reply: oneshot::Sender<Wish>,
    },
}

/// Does the duties whenever this controller leads.
pub(crate) async fn attend(shared: &Shared, running: &Running, mut asks: mpsc::Receiver<Ask>) {
    let mut metrics = running.raft.metrics();
    loop {
        tokio::select! {
            biased;
            changed = metrics.changed() => if changed.is_err() {
                return;
            },
            // Dropping it tells the asker that this is not the leader.
            asked = asks.recv() => drop(asked),
        }
        if let Some(term) = running.term_led() {
            tracing::info!(term, "this controller leads");
            let office = Office::new(running.state.clone(), shared.settings.lease, &mut asks);
            tokio::select! {
                biased;
                () = lead(shared, running, term, office) => {}
                () = joining::finish_what_broke_off(shared, running) => {}
            }
            tracing::info!(term, "this controller no longer leads");
        }
    }
}

/// The time since this controller began to lead.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Moment {
        Moment::ZERO + self.0.elapsed()
    }
}

/// What a leader has as long as it leads: its duties, what is agreed on, and who asks.
struct Office<'a> {
    duties: Duties,
    clock: Clock,
    state: watch::Receiver<State>,
    asks: &'a mut mpsc::Receiver<Ask>,
}

impl<'a> Office<'a> {
    fn new(
        mut state: watch::Receiver<State>,
        lease: Duration,
        asks: &'a mut mpsc::Receiver<Ask>,
    ) -> Self {
        let clock = Clock(Instant::now());
        let table = Arc::clone(&state.borrow_and_update().table);
        Self {
            duties: Duties::new(table, lease, clock.now()),
            clock,
            state,
            asks,
        }
    }

    /// Takes notice of what is agreed on.
    fn see(&mut self) {
        let table = Arc::clone(&self.state.borrow_and_update().table);
        self.duties.see(table, self.clock.now());
    }

    /// Answers, by the newest table: a sampler that has just registered is no stranger. Whoever no longer waits for it asks
    /// again.
    fn answer(&mut self, asked: Ask) {
        if self.state.has_changed().unwrap_or(false) {
            self.see();
        }
        let now = self.clock.now();
        match asked {
            Ask::Renew {
                member,
                epoch,
                reply,
            } => {
                let _ = reply.send(self.duties.renew(member, epoch, now));
            }
            Ask::Report { reports, reply } => {
                reports
                    .into_iter()
                    .for_each(|report| self.duties.report(report));
                let _ = reply.send(());
            }
            Ask::Drain { name, life, reply } => {
                let _ = reply.send(self.duties.drain(&name, life, now));
            }
        }
    }

    /// Answers, and takes notice of what others changed, while something is done; and says what that comes to.
    async fn serve_while<T>(&mut self, doing: impl Future<Output = T>) -> T {
        tokio::pin!(doing);
        loop {
            tokio::select! {
                biased;
                done = &mut doing => return done,
                Ok(()) = self.state.changed() => self.see(),
                Some(asked) = self.asks.recv() => self.answer(asked),
            }
        }
    }
}

/// Does the duties until another leads, or this controller again in a later term: then others have what it knew.
async fn lead(shared: &Shared, running: &Running, term: u64, mut office: Office<'_>) {
    let copies = shared.settings.copies;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut not_before = office.clock.now();
    while running.term_led() == Some(term) {
        tokio::select! {
            biased;
            _ = tick.tick() => {}
            Ok(()) = office.state.changed() => office.see(),
            Some(asked) = office.asks.recv() => {
                office.answer(asked);
                continue;
            }
        }
        let now = office.clock.now();
        if now < not_before {
            continue;
        }
        let formed = office.state.borrow().formed;
        let due = match formed {
            true => office.duties.due(now).as_ref().map(Change::from),
            false => Some(Change::Form { copies }),
        };
        let Some(change) = due else { continue };
        let text = summary(&change);
        match office.serve_while(running.write(change)).await {
            Ok(answer) => tracing::info!(change = text, ?answer, "changed"),
            Err(error) => {
                tracing::warn!(%error, "a change was not agreed on");
                not_before = office.clock.now() + AGAIN;
            }
        }
        office.see();
    }
}

/// A change for the log of the process: how many tenures, not which.
fn summary(change: &Change) -> String {
    match change.command() {
        Ok(Some(Command::InSync(all))) => format!("{} tenures are in step", all.len()),
        Ok(Some(Command::Exchange(all))) => format!("{} candidates are exchanged", all.len()),
        Ok(Some(Command::Clear(all))) => format!("{} tenures are cleared", all.len()),
        Ok(Some(Command::Forget(all))) => format!("{} tenures are forgotten", all.len()),
        _ => change.to_string(),
    }
}

#[cfg(test)]
mod tests;
