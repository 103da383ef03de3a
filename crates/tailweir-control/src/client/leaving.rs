//! How a sampler leaves: it drains, and is evacuated when that takes too long.

use super::Client;
use crate::operator::{ControlError, Drain, Operator};
use std::sync::Arc;
use std::time::Duration;
use tailweir_placement::{Incarnation, MemberName, Phase, RoutingTable};

/// What is not granted yet is asked for again after this.
const AGAIN: Duration = Duration::from_millis(500);
/// What is granted is asked for again after this: a sampler that was taken for lost since, and is back, is like any other.
const REMINDER: Duration = Duration::from_secs(2);
/// How long an evacuation may take.
const EVACUATION: Duration = Duration::from_secs(15);
/// How long a sampler that was dismissed waits for the table without it.
const NEWS: Duration = Duration::from_secs(2);

/// How a sampler came out of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It owned nothing, or nobody is there to own it instead: it finishes by itself.
    Alone,
    /// All that it held is decided, or was copied away. No row names it.
    Done,
    /// The controllers do not know it any more, so that nobody will take anything from it.
    Dismissed,
    /// Rows still name it: what it holds counts as lost unless others hold it.
    OutOfTime,
}

impl Client {
    /// Leaves the table, as a sampler that stops: waits at most `patience` until no row names it, and then a while for
    /// what it holds to be copied away. The sampler has to go on working meanwhile.
    pub async fn depart(&self, patience: Duration) -> Departure {
        tokio::select! {
            biased;
            () = self.dismissed() => {
                self.hear_who_follows().await;
                Departure::Dismissed
            }
            departure = self.leave_table(patience) => departure,
        }
    }

    /// Who took its place may have its slots by now, and the table that says so is on its way: by the one before, a sampler that
    /// stops would decide early what is somebody else's to decide. From controllers that begin anew none comes.
    async fn hear_who_follows(&self) {
        let member = *self.shared.incarnation.borrow();
        if let Some(member) = member {
            let _ = tokio::time::timeout(NEWS, self.unnamed(member)).await;
        }
    }

    async fn leave_table(&self, patience: Duration) -> Departure {
        let Some(sampler) = &self.shared.settings.sampler else {
            return Departure::Alone;
        };
        let Some(member) = *self.shared.incarnation.borrow() else {
            return Departure::Alone;
        };
        if is_alone(&self.shared.table.borrow(), member) {
            return Departure::Alone;
        }
        let mut operator = self.operator();
        let drained = async {
            tokio::select! {
                biased;
                () = self.unnamed(member) => {}
                () = drain(&mut operator, &sampler.name, member) => {}
            }
        };
        if tokio::time::timeout(patience, drained).await.is_ok() {
            return Departure::Done;
        }
        tracing::warn!("not drained in time; what is held is copied away");
        let evacuated = async {
            tokio::select! {
                biased;
                () = self.unnamed(member) => {}
                () = evacuate(&mut operator, &sampler.name, member) => {}
            }
        };
        match tokio::time::timeout(EVACUATION, evacuated).await {
            Ok(()) => Departure::Done,
            Err(_) => Departure::OutOfTime,
        }
    }

    /// Tells the controllers that this sampler is gone, so that nobody waits for its lease.
    ///
    /// # Errors
    /// When no controller answers; its lease runs out then.
    pub async fn leave(&self) -> Result<(), ControlError> {
        let member = *self.shared.incarnation.borrow();
        match member {
            Some(member) => self.operator().leave(member).await,
            None => Ok(()),
        }
    }

    fn operator(&self) -> Operator {
        let controllers = self.shared.settings.controllers.clone();
        Operator::new(self.shared.link.clone(), controllers)
    }

    /// Waits until no row names this member.
    async fn unnamed(&self, member: Incarnation) {
        let mut table = self.shared.table.subscribe();
        // The sender lives as long as `self`.
        let _ = table
            .wait_for(|table: &Arc<RoutingTable>| !table.names(member))
            .await;
    }
}

/// Whether nobody else could take anything over, or there is nothing to take.
fn is_alone(table: &RoutingTable, member: Incarnation) -> bool {
    let mut others = table.members().filter(|(_, other)| {
        other.incarnation != member && matches!(other.phase, Phase::Joining | Phase::Active)
    });
    others.next().is_none() || !table.names(member)
}

/// Asks to drain, for ever.
async fn drain(operator: &mut Operator, name: &MemberName, life: Incarnation) {
    loop {
        let pause = match operator.drain(name, Some(life)).await {
            Ok(Drain::Granted) => REMINDER,
            Ok(Drain::Waits(reason)) => {
                tracing::info!(reason, "waits to drain");
                AGAIN
            }
            Err(error) => {
                tracing::warn!(%error, "cannot drain yet");
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Asks to be evacuated, for ever; and to drain before, where that is why it is refused.
async fn evacuate(operator: &mut Operator, name: &MemberName, life: Incarnation) {
    loop {
        let pause = match operator.evacuate(life).await {
            Ok(_) => REMINDER,
            Err(error) => {
                tracing::warn!(%error, "cannot be evacuated yet");
                if let ControlError::Refused(_) = error
                    && let Err(error) = operator.drain(name, Some(life)).await
                {
                    tracing::warn!(%error, "cannot drain yet");
                }
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}
