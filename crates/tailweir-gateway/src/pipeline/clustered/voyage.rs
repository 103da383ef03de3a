//! The way of one request through the cluster.

use super::{REQUEST_TIME, Seat, not_taken, refusal_of};
use crate::membership::{Brought, OutgoingPart};
use crate::pipeline::sampling::SLOT_SEED;
use crate::refusal::Refusal;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Slot, TraceId};
use tailweir_export::Amount;
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_shard::{Answer, Redirect};
use tailweir_tenure::{Hop, Journey};
use tokio::time::Instant;

/// Pause before spans set out again that were sent around in a circle.
const REST: Duration = Duration::from_millis(100);

/// What a request has for the members of the cluster: items of traces, each of which goes to the owner of its trace's slot.
pub(in crate::pipeline) trait Cargo: Sync {
    /// How many items: spans, or the records of a trace.
    fn len(&self) -> usize;

    /// Whose it is.
    fn trace(&self, item: u32) -> TraceId;

    /// What it is in the books.
    fn amount(&self, item: u32) -> Amount;

    /// These items as a request of their own.
    fn pack(&self, items: &[u32]) -> Bytes;

    /// The tenure in which they waited at this member, if they did.
    fn handed_on(&self) -> Option<Epoch> {
        None
    }

    /// Brings these items to this process's own part of the sampler.
    fn bring_own(
        &self,
        items: &[u32],
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Instant,
    ) -> impl Future<Output = Answer> + Send;
}

/// Where items go next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    member: Incarnation,
    tenure: Option<Epoch>,
}

/// A request on its way through the cluster.
pub(in crate::pipeline) struct Voyage<'a, C> {
    cargo: &'a C,
    seat: &'a Seat,
    deadline: Instant,
    journeys: HashMap<TraceId, Journey>,
    /// What other members hold of it now.
    elsewhere: Amount,
}

/// What became of the parts of one round.
#[derive(Default)]
struct Landed {
    /// Traces that belong elsewhere.
    redirects: Vec<(Redirect, Vec<u32>)>,
    /// Spans that nobody took for a reason that passes, and the last such reason.
    again: Vec<u32>,
    refusal: Option<Refusal>,
}

impl Landed {
    /// What passes within a request is tried again; what is a matter of room or of the request itself is the client's
    /// to hear.
    fn retry(&mut self, spans: Vec<u32>, refusal: Refusal) -> Result<(), Refusal> {
        if !matches!(refusal, Refusal::HandOver { .. } | Refusal::Stopping) {
            return Err(refusal);
        }
        self.again.extend(spans);
        self.refusal = Some(refusal);
        Ok(())
    }
}

impl<'a, C: Cargo> Voyage<'a, C> {
    /// A request that may look for its members for as long as its client waits.
    pub(in crate::pipeline) fn new(cargo: &'a C, seat: &'a Seat) -> Self {
        Self {
            cargo,
            seat,
            deadline: Instant::now() + REQUEST_TIME,
            journeys: HashMap::new(),
            elsewhere: Amount::default(),
        }
    }

    /// What other members hold of it now.
    pub(in crate::pipeline) fn elsewhere(&self) -> Amount {
        self.elsewhere
    }

    /// Goes on until all of it is taken, or the time is up.
    pub(in crate::pipeline) async fn sail(&mut self) -> Result<(), Refusal> {
        let mut table = self.seat.membership.table();
        let all = (0..self.cargo.len() as u32).collect();
        let mut open = self.route(&table, all)?;
        loop {
            let landed = self.bring(table.epoch(), open).await?;
            if landed.redirects.is_empty() && landed.again.is_empty() {
                return Ok(());
            }
            (table, open) = self.turn(landed.redirects).await?;
            if let Some(refusal) = landed.refusal {
                table = self.pause(refusal).await?;
                self.merge(&table, landed.again, &mut open)?;
            }
        }
    }

    /// Before spans are brought again that nobody took: their owner may be gone, and the table about to say so.
    async fn pause(&self, refusal: Refusal) -> Result<Arc<RoutingTable>, Refusal> {
        if Instant::now() + REST >= self.deadline {
            return Err(refusal);
        }
        tokio::time::sleep(REST).await;
        Ok(self.seat.membership.table())
    }

    fn merge(
        &mut self,
        table: &RoutingTable,
        again: Vec<u32>,
        open: &mut BTreeMap<Address, Vec<u32>>,
    ) -> Result<(), Refusal> {
        for &span in &again {
            self.journeys.remove(&self.trace(span));
        }
        for (address, spans) in self.route(table, again)? {
            let spans_there = open.entry(address).or_default();
            spans_there.extend(spans);
            spans_there.sort_unstable();
        }
        Ok(())
    }

    /// Two members send a trace to each other while its tenure is closed at one and not yet absorbed at the other. That
    /// passes; its spans set out anew then.
    async fn rest(&mut self, redirects: &[(Redirect, Vec<u32>)]) {
        let weary = |(redirect, _): &&(Redirect, Vec<u32>)| {
            let mut journey = self.journeys.get(&redirect.trace).cloned();
            journey
                .as_mut()
                .is_some_and(|journey| journey.next(redirect.reply()) == Hop::Refuse)
        };
        let weary: Vec<TraceId> = redirects
            .iter()
            .filter(weary)
            .map(|(redirect, _)| redirect.trace)
            .collect();
        if weary.is_empty() {
            return;
        }
        tokio::time::sleep_until(self.deadline.min(Instant::now() + REST)).await;
        for trace in weary {
            self.journeys.remove(&trace);
        }
    }

    /// The owners of these spans, by this table.
    fn route(
        &self,
        table: &RoutingTable,
        spans: Vec<u32>,
    ) -> Result<BTreeMap<Address, Vec<u32>>, Refusal> {
        let mut ways = BTreeMap::<Address, Vec<u32>>::new();
        let mut last = None;
        for number in spans {
            let trace = self.trace(number);
            let address = match last {
                Some((of, address)) if of == trace => address,
                _ => self.owner(table, trace)?,
            };
            last = Some((trace, address));
            ways.entry(address).or_default().push(number);
        }
        Ok(ways)
    }

    fn owner(&self, table: &RoutingTable, trace: TraceId) -> Result<Address, Refusal> {
        let slot = Slot::of(trace, SLOT_SEED);
        let tenures = table.tenures(slot).ok_or_else(|| {
            not_taken("no sampler has joined the cluster yet, or the controllers are out of reach")
        })?;
        Ok(Address {
            member: tenures.current().owner,
            tenure: None,
        })
    }

    fn trace(&self, item: u32) -> TraceId {
        self.cargo.trace(item)
    }

    /// Brings each member its part.
    async fn bring(
        &mut self,
        epoch: Epoch,
        ways: BTreeMap<Address, Vec<u32>>,
    ) -> Result<Landed, Refusal> {
        let patience = self.deadline.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return Err(not_taken("its slots are still being handed over"));
        }
        let mut remote = Vec::new();
        let mut own = Vec::new();
        for (address, spans) in ways {
            if Some(address.member) == self.seat.membership.incarnation {
                own.push((address, spans));
            } else {
                let part = OutgoingPart {
                    sampler: Arc::clone(&self.seat.name),
                    epoch,
                    tenure: address.tenure,
                    spans: self.cargo.pack(&spans),
                    patience,
                    handed_on: self.cargo.handed_on(),
                    sequence: None,
                };
                let answer = self.seat.membership.post.bring(address.member, part);
                remote.push((spans, address.member, answer));
            }
        }
        let mut landed = Landed::default();
        for (address, spans) in own {
            let answer = self
                .cargo
                .bring_own(&spans, epoch, address.tenure, self.deadline)
                .await;
            self.note(spans, Brought::Answered(answer), false, &mut landed)?;
        }
        for (spans, member, answer) in remote {
            let brought = self.answer_of(member, answer).await;
            self.note(spans, brought, true, &mut landed)?;
        }
        Ok(landed)
    }

    /// What a member answers. One that is paused or cut off does not, and its connection may stay: a table that says so
    /// ends the wait, so that its spans can go to whom it names instead. If they were held after all, they are known there.
    async fn answer_of(
        &self,
        member: Incarnation,
        answer: impl Future<Output = Option<Brought>>,
    ) -> Brought {
        let refused = |why| Brought::Refused(not_taken(why));
        tokio::select! {
            brought = answer => brought.unwrap_or_else(|| refused("a member did not answer")),
            () = self.seat.membership.gone(member) => refused("the member that was to take it is gone"),
        }
    }

    fn note(
        &mut self,
        spans: Vec<u32>,
        brought: Brought,
        is_remote: bool,
        landed: &mut Landed,
    ) -> Result<(), Refusal> {
        let redirects = match brought {
            Brought::Answered(Answer::Taken(redirects)) => redirects,
            Brought::Answered(Answer::Refused(refusal)) => {
                return landed.retry(spans, refusal_of(refusal));
            }
            Brought::Refused(refusal) => return landed.retry(spans, refusal),
            Brought::Told(_) | Brought::Roll(_) => {
                return landed.retry(spans, not_taken("a member answered what it was not asked"));
            }
        };
        let mut by_trace: HashMap<TraceId, (Redirect, Vec<u32>)> = redirects
            .into_iter()
            .map(|redirect| (redirect.trace, (redirect, Vec::new())))
            .collect();
        for span in spans {
            if let Some((_, elsewhere)) = by_trace.get_mut(&self.trace(span)) {
                elsewhere.push(span);
            } else if is_remote {
                let amount = self.cargo.amount(span);
                self.elsewhere.items += amount.items;
                self.elsewhere.bytes += amount.bytes;
            }
        }
        landed.redirects.extend(by_trace.into_values());
        Ok(())
    }

    /// Where redirected traces go next, once the table that says so is here.
    async fn turn(
        &mut self,
        redirects: Vec<(Redirect, Vec<u32>)>,
    ) -> Result<(Arc<RoutingTable>, BTreeMap<Address, Vec<u32>>), Refusal> {
        self.rest(&redirects).await;
        let newest = redirects.iter().map(|(redirect, _)| redirect.epoch).max();
        let table = self.seat.membership.table_from(newest.unwrap_or_default());
        let table = tokio::time::timeout_at(self.deadline, table).await;
        let table = table
            .ok()
            .flatten()
            .ok_or_else(|| not_taken("the newest routing table did not arrive in time"))?;
        let mut ways = BTreeMap::<Address, Vec<u32>>::new();
        for (redirect, spans) in redirects {
            let address = self.next(&table, &redirect)?;
            ways.entry(address).or_default().extend(spans);
        }
        for spans in ways.values_mut() {
            spans.sort_unstable();
        }
        Ok((table, ways))
    }

    fn next(&mut self, table: &RoutingTable, redirect: &Redirect) -> Result<Address, Refusal> {
        let journey = self.journeys.entry(redirect.trace).or_default();
        match journey.next(redirect.reply()) {
            Hop::Route { .. } => self.owner(table, redirect.trace),
            Hop::Send { to, tenure } => Ok(pinned(table, to, tenure)),
            Hop::Done | Hop::Refuse => Err(not_taken("its slots changed hands too often")),
        }
    }
}

/// The owner of a tenure by the newest table, which may know a newer one than who sent us there.
fn pinned(table: &RoutingTable, owner: Incarnation, tenure: TenureId) -> Address {
    let row = table.tenures(tenure.slot);
    let row = row.and_then(|tenures| tenures.get(tenure.created));
    Address {
        member: row.map_or(owner, |row| row.owner),
        tenure: Some(tenure.created),
    }
}
