//! A trace-aware processor in a cluster: records go to the members that own the slots of their traces.
//!
//! A request is cut by trace, and brought as spans are: each owner answers for its part when it is held twice, or says of
//! some traces where else they belong. What needs no decision goes on where it is, once all of the rest is taken.

use super::TraceAware;
use super::member::{Outbox, Shard};
use super::state::Waits;
use crate::membership::{Brought, OutgoingPart};
use crate::pipeline::clustered::{Cargo, Voyage};
use crate::pipeline::{Load, Returned, Seat};
use crate::refusal::Refusal;
use bytes::Bytes;
use std::sync::Arc;
use tailweir_core::{Moment, Signal, TraceId};
use tailweir_export::Amount;
use tailweir_placement::{Epoch, Incarnation, RoutingTable};
use tailweir_sampler::LogPart;
use tailweir_shard::{Answer, LogFragment, Logs, OnwardLogs, Part, Piece, Ruled};
use tailweir_tenure::Message;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Records that travel, one fragment of each trace.
struct LogCargo<'a> {
    stage: &'a TraceAware,
    fragments: Vec<LogFragment>,
    handed_on: Option<Epoch>,
}

impl Cargo for LogCargo<'_> {
    fn len(&self) -> usize {
        self.fragments.len()
    }

    fn trace(&self, fragment: u32) -> TraceId {
        self.fragments[fragment as usize].trace
    }

    fn amount(&self, fragment: u32) -> Amount {
        let fragment = &self.fragments[fragment as usize];
        Amount {
            items: fragment.records,
            bytes: fragment.body.len() as u64,
        }
    }

    fn pack(&self, fragments: &[u32]) -> Bytes {
        let fragments = fragments.iter();
        let fragments = fragments.map(|&fragment| &self.fragments[fragment as usize]);
        LogFragment::pack(&fragments.collect::<Vec<_>>())
    }

    fn handed_on(&self) -> Option<Epoch> {
        self.handed_on
    }

    async fn bring_own(
        &self,
        fragments: &[u32],
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Instant,
    ) -> Answer {
        let fragments = fragments.iter();
        let fragments = fragments.map(|&fragment| self.fragments[fragment as usize].clone());
        let logs = Logs {
            fragments: fragments.collect(),
            handed_on: self.handed_on,
        };
        self.stage.bring(logs, epoch, tenure, patience).await
    }
}

impl TraceAware {
    /// Brings a request to the owners of its traces' slots.
    pub(super) async fn offer_in_cluster(
        &self,
        seat: &Seat,
        mut load: Load,
    ) -> Result<(), Box<Returned>> {
        let admitted = self.admits(&self.state.lock());
        let rule = match admitted {
            Ok(rule) => rule,
            Err(refusal) => return Err(load.returned(refusal)),
        };
        let body = load.body.clone();
        let (fragments, staying) = LogFragment::divide(&rule, &body);
        // They are in flight for as long as the request, and may be larger.
        let bytes = fragments.iter().map(|fragment| fragment.body.len() as u64);
        let bytes: u64 = bytes.sum();
        let permit = load.permit.as_mut();
        if let Err(refusal) = permit.map_or(Ok(()), |permit| permit.grow_to(bytes)) {
            return Err(load.returned(refusal));
        }
        // The members take records into the books themselves; a client that goes away while we wait must not leave a second
        // entry behind.
        let ticket = load.charge.split_off(u64::MAX).give_back();
        let cargo = LogCargo {
            stage: self,
            fragments,
            handed_on: None,
        };
        let mut voyage = Voyage::new(&cargo, seat);
        let outcome = voyage.sail().await;
        let elsewhere = voyage.elsewhere();
        seat.ledger.taken(Signal::Logs, elsewhere);
        seat.ledger.handed_over(Signal::Logs, elsewhere);
        load.charge.merge(ticket.take_up());
        match outcome {
            Ok(()) => self.stay(staying, &body, load),
            Err(refusal) => return Err(load.returned(refusal)),
        }
        Ok(())
    }

    /// Takes what needs no decision; the rest of the charge is with those that took the rest of the request.
    fn stay(&self, staying: Vec<LogPart<'_>>, body: &Bytes, mut load: Load) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        for part in staying {
            let charge = load.charge.split_off(part.items);
            let mut records = Load::held(Signal::Logs, Bytes::new(), charge);
            records.client = Arc::clone(&load.client);
            state.take_part(now, part, body, records);
        }
        // It was taken up for those parts alone.
        load.charge.give_back();
        self.report(&mut state);
        drop(state);
        self.due.notify_one();
    }

    /// Takes a part that another member brought.
    pub(crate) async fn take_part(&self, part: &OutgoingPart) -> Brought {
        let admitted = self.admits(&self.state.lock());
        let fragments = admitted.and_then(|_| fragments(&part.spans));
        let logs = match fragments {
            Ok(fragments) => Logs {
                fragments,
                handed_on: part.handed_on,
            },
            Err(refusal) => return Brought::Refused(refusal),
        };
        let patience = Instant::now() + part.patience;
        let answer = self.bring(logs, part.epoch, part.tenure, patience);
        Brought::Answered(answer.await)
    }

    async fn bring(
        &self,
        logs: Logs,
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Instant,
    ) -> Answer {
        let (ticket, answer) = oneshot::channel();
        let part = Part {
            spans: logs,
            epoch,
            tenure,
            patience: self.clock.moment(patience),
            ticket,
        };
        self.call_member(|shard, now, out| shard.bring(now, part, out));
        // Without a shard there is no answer.
        let nobody = tailweir_shard::Refusal::Unconfirmed;
        answer.await.unwrap_or(Answer::Refused(nobody))
    }

    /// Letters of another member.
    pub(crate) fn letters(&self, from: Incarnation, messages: Vec<Message<Piece, Ruled>>) {
        self.call_member(|shard, now, out| shard.letter(now, from, messages, out));
    }

    /// There is a newer table.
    pub(crate) fn learn(&self, table: &RoutingTable) {
        self.state.lock().wait_for_decisions(self.clock.now());
        self.call_member(|shard, now, out| shard.learn(now, table, out));
    }

    /// Letters to that member were lost.
    pub(crate) fn remind(&self, member: Incarnation) {
        self.call_member(|shard, now, out| shard.remind(now, member, out));
    }

    /// Something happened to the member's own part, if it has one.
    pub(super) fn call_member(&self, call: impl FnOnce(&mut Shard, Moment, &mut Outbox)) {
        self.with_member(call);
        self.changed.notify_one();
    }

    pub(super) fn with_member(&self, call: impl FnOnce(&mut Shard, Moment, &mut Outbox)) {
        let mut state = self.state.lock();
        let Waits::AtMembers(member) = &mut state.waits else {
            return;
        };
        call(&mut member.shard, self.clock.now(), &mut member.outbox);
        state.dispatch(&self.home);
        self.report(&mut state);
        let (leaves, moves) = (!state.leaving.is_empty(), !state.onward.is_empty());
        let ends = state.is_closed && state.is_empty();
        drop(state);
        if leaves || ends {
            self.due.notify_one();
        }
        if moves {
            self.moved.notify_one();
        }
    }

    /// Sees to what is due at the member, and to what was delivered. Never ends.
    pub(super) async fn run_member(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that what happens in between is not missed.
            changed.as_mut().enable();
            let delivered = std::mem::take(&mut *self.delivered.lock());
            let let_go = self.state.lock().lets_go(self.clock.now());
            let mut deadline = None;
            self.with_member(|shard, now, out| {
                if !delivered.is_empty() {
                    shard.delivered(now, &delivered, out);
                }
                if shard.next_deadline().is_some_and(|due| due <= now) {
                    shard.tick(now, out);
                }
                if let Some((true, _)) = let_go {
                    shard.drain(now, out);
                }
                let next = let_go.map(|(_, next)| next);
                deadline = shard.next_deadline().into_iter().chain(next).min();
            });
            match deadline {
                None => changed.await,
                Some(due) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(self.clock.instant(due)) => {}
                },
            }
        }
    }

    /// Brings what waited to the new owners of its slots. Never ends.
    pub(super) async fn run_onward(&self, seat: &Seat) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let batch = OnwardLogs::take_batch(&mut self.state.lock().onward);
            let Some(first) = batch.first() else {
                moved.await;
                continue;
            };
            let cargo = LogCargo {
                stage: self,
                handed_on: Some(first.tenure.created),
                fragments: batch.iter().map(|logs| logs.fragment.clone()).collect(),
            };
            let outcome = Voyage::new(&cargo, seat).sail().await;
            if let Err(refusal) = &outcome {
                tracing::debug!(processor = %self.id, reason = %refusal, "logs are not handed on yet");
            }
            self.call_member(|shard, now, out| {
                for logs in &batch {
                    shard.handed_on(now, logs.tenure, logs.number, outcome.is_ok(), out);
                }
            });
        }
    }
}

/// The fragments of a part.
fn fragments(body: &Bytes) -> Result<Vec<LogFragment>, Refusal> {
    LogFragment::of_part(body).map_err(|malformed| Refusal::Malformed {
        signal: Signal::Logs,
        detail: malformed.to_string(),
    })
}
