//! A receiver that shares its targets with those of other members.

use super::roll::{Call, Roll, Share};
use super::rolls::Rolls;
use crate::clock::Clock;
use crate::gateway::random_number;
use crate::membership::{Brought, Membership, OutgoingPart};
use crate::pipeline::PART_TIME;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

/// How often the roll is called.
const CALL_EVERY: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Sharing {
    membership: Arc<Membership>,
    /// Of the roll.
    name: Arc<str>,
    clock: Clock,
    share: Mutex<Share>,
    /// Whether the last call had no answer.
    is_unheard: AtomicBool,
    unanswered: AtomicU64,
    /// Its targets are others from here on.
    pub(super) changed: Notify,
}

impl Sharing {
    /// Of a receiver in a cluster, which owns nothing yet.
    pub(super) fn new(membership: Arc<Membership>, receiver: &str) -> Self {
        Self {
            membership,
            name: Rolls::name(receiver),
            clock: Clock::start(),
            share: Mutex::new(Share::new(random_number())),
            is_unheard: AtomicBool::new(false),
            unanswered: AtomicU64::new(0),
            changed: Notify::new(),
        }
    }

    /// Calls the roll, once a second.
    pub(super) async fn run(&self) {
        let mut rounds = tokio::time::interval(CALL_EVERY);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let called = self.clock.now();
            let call = self.share.lock().call();
            let answer = self.call(&call).await;
            self.note(answer.is_none());
            if let Some(answer) = answer
                && self.share.lock().hear(called, answer)
            {
                self.changed.notify_one();
            }
        }
    }

    /// Leaves its targets to the others.
    pub(super) async fn leave(&self) {
        let farewell = self.share.lock().farewell();
        // Who does not hear it finds out by its silence.
        let _ = self.call(&farewell).await;
    }

    /// Whether the target of this key is its own.
    pub(super) fn owns(&self, target: u64) -> bool {
        self.share.lock().owns(target)
    }

    /// How many share, by the newest roll.
    pub(super) fn sharers(&self) -> u64 {
        self.share.lock().sharers() as u64
    }

    /// Calls that had no answer.
    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.load(Relaxed)
    }

    /// The answer of the member that calls the roll, if one came.
    async fn call(&self, call: &Call) -> Option<Option<Roll>> {
        let membership = &self.membership;
        let table = membership.table();
        let owner = table.tenures(Rolls::slot(&self.name))?.current().owner;
        if membership.incarnation == Some(owner) {
            let answer = membership.rolls.call(&self.name, Some(owner), &table, call);
            return answer.ok();
        }
        let part = OutgoingPart {
            sampler: Arc::clone(&self.name),
            epoch: table.epoch(),
            tenure: None,
            spans: Rolls::write(call),
            patience: PART_TIME,
            handed_on: None,
            sequence: None,
        };
        let answer = membership.post.bring(owner, part);
        match tokio::time::timeout(PART_TIME, answer).await {
            Ok(Some(Brought::Roll(roll))) => Some(roll),
            _ => None,
        }
    }

    fn note(&self, is_unheard: bool) {
        self.unanswered.fetch_add(u64::from(is_unheard), Relaxed);
        if self.is_unheard.swap(is_unheard, Relaxed) != is_unheard {
            match is_unheard {
                true => {
                    tracing::warn!(name = %self.name, "nobody says who shares the targets, this member keeps its own");
                }
                false => {
                    tracing::info!(name = %self.name, "it is known again who shares the targets");
                }
            }
        }
    }
}
