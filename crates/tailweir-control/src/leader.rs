//! The task that does the leader's duties, on every controller, while it leads.

use crate::change::Change;
use crate::controller::Shared;
use crate::running::Running;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Moment;
use tailweir_placement::{Command, Duties, Incarnation, MemberName, Presence, Report, Wish};
use tokio::sync::{mpsc, oneshot};
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
            changed = metrics.changed() => if changed.is_err() {
                return;
            },
            // Dropping it tells the asker that this is not the leader.
            asked = asks.recv() => drop(asked),
        }
        if running.leads() {
            tracing::info!("this controller leads");
            lead(shared, running, &mut asks).await;
            tracing::info!("this controller no longer leads");
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

/// Does the duties until another leads.
async fn lead(shared: &Shared, running: &Running, asks: &mut mpsc::Receiver<Ask>) {
    let copies = shared.settings.copies;
    let mut state = running.state.clone();
    let table = Arc::clone(&state.borrow_and_update().table);
    let clock = Clock(Instant::now());
    let mut duties = Duties::new(table, shared.settings.lease, clock.now());
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut not_before = clock.now();
    while running.leads() {
        tokio::select! {
            _ = tick.tick() => {}
            _ = state.changed() => {
                let table = Arc::clone(&state.borrow_and_update().table);
                duties.see(table, clock.now());
            }
            Some(asked) = asks.recv() => {
                answer(&mut duties, asked, clock.now());
                continue;
            }
        }
        let now = clock.now();
        if now < not_before {
            continue;
        }
        let formed = state.borrow().formed;
        let due = match formed {
            true => duties.due(now).as_ref().map(Change::from),
            false => Some(Change::Form { copies }),
        };
        let Some(change) = due else { continue };
        if let Err(error) = write(running, change, (&mut duties, clock), asks).await {
            tracing::warn!(%error, "a change was not agreed on");
            not_before = clock.now() + AGAIN;
        }
        let table = Arc::clone(&state.borrow_and_update().table);
        duties.see(table, clock.now());
    }
}

/// Writes a change, and answers meanwhile.
async fn write(
    running: &Running,
    change: Change,
    (duties, clock): (&mut Duties, Clock),
    asks: &mut mpsc::Receiver<Ask>,
) -> Result<(), tonic::Status> {
    let text = summary(&change);
    let writing = running.write(change);
    tokio::pin!(writing);
    loop {
        tokio::select! {
            written = &mut writing => {
                let answer = written?;
                tracing::info!(change = text, ?answer, "changed");
                return Ok(());
            }
            Some(asked) = asks.recv() => answer(duties, asked, clock.now()),
        }
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

/// Answers. Whoever no longer waits for it asks again.
fn answer(duties: &mut Duties, asked: Ask, now: Moment) {
    match asked {
        Ask::Renew { member, reply } => {
            let _ = reply.send(duties.renew(member, now));
        }
        Ask::Report { reports, reply } => {
            reports.into_iter().for_each(|report| duties.report(report));
            let _ = reply.send(());
        }
        Ask::Drain { name, life, reply } => {
            let _ = reply.send(duties.drain(&name, life, now));
        }
    }
}
