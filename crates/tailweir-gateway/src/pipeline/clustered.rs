//! A sampler in a cluster: spans go to the members that own their slots, this one among them.
//!
//! A request is cut by owner. Each owner answers for its part when it is held twice, or says of some traces where else
//! they belong; those go on within the same request. It is taken when all of it is, and refused as a whole otherwise: what
//! was taken stays, and is recognised when the client sends it again.

use super::{Sampler, Scanned};
use crate::admission::Permit;
use crate::ledger::Ledger;
use crate::membership::{Brought, Membership, OutgoingPart};
use crate::refusal::{Bound, Refusal};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::{Signal, Slot, TraceId};
use tailweir_export::Amount;
use tailweir_otlp::{Assembler, Part};
use tailweir_placement::{Epoch, Incarnation, RoutingTable, TenureId};
use tailweir_shard::{Answer, Redirect, Spans};
use tailweir_tenure::{Hop, Journey, Reply};
use tokio::time::Instant;

/// How long a request may look for those who take it. OTLP exporters give up after 10 s.
const REQUEST_TIME: Duration = Duration::from_secs(8);
/// Pause before spans set out again that were sent around in a circle.
const REST: Duration = Duration::from_millis(100);
/// When a client may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The place of a sampler in a cluster.
pub(crate) struct Seat {
    pub(crate) membership: Arc<Membership>,
    /// `pipeline/processor`: the same at all members.
    pub(crate) name: Arc<str>,
    pub(crate) ledger: Arc<Ledger>,
}

/// A request that several shards have a part of.
pub(crate) struct Shared {
    body: Bytes,
    scanned: Scanned,
    _permit: Option<Permit>,
}

/// Spans of a request that are for one shard.
pub(crate) struct Portion {
    request: Arc<Shared>,
    selected: Vec<u32>,
}

impl Spans for Portion {
    fn body(&self) -> &[u8] {
        &self.request.body
    }

    fn scan(&self) -> &tailweir_otlp::Scan {
        &self.request.scanned.scan
    }

    fn selected(&self) -> &[u32] {
        &self.selected
    }
}

impl fmt::Debug for Portion {
    /// Prints counts, never the payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portion({} spans)", self.selected.len())
    }
}

/// Where spans go next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    member: Incarnation,
    tenure: Option<Epoch>,
}

/// A request on its way through the cluster.
struct Voyage<'a> {
    sampler: &'a Sampler,
    seat: &'a Seat,
    request: Arc<Shared>,
    deadline: Instant,
    journeys: HashMap<TraceId, Journey>,
    /// What other members hold of it now.
    elsewhere: Amount,
}

impl Sampler {
    /// Brings a request to the owners of its slots.
    pub(super) async fn append_in_cluster(
        &self,
        seat: &Seat,
        body: Bytes,
        scanned: Scanned,
        permit: Option<Permit>,
    ) -> Result<(), Refusal> {
        let request = Arc::new(Shared {
            body,
            scanned,
            _permit: permit,
        });
        let mut voyage = Voyage {
            sampler: self,
            seat,
            request,
            deadline: Instant::now() + REQUEST_TIME,
            journeys: HashMap::new(),
            elsewhere: Amount::default(),
        };
        let outcome = voyage.sail().await;
        seat.ledger.taken(Signal::Traces, voyage.elsewhere);
        seat.ledger.handed_over(Signal::Traces, voyage.elsewhere);
        outcome
    }

    /// Takes a part that another member brought, with what its own shards own.
    pub(crate) async fn take_part(
        &self,
        part: &OutgoingPart,
        scanned: Scanned,
        permit: Option<Permit>,
    ) -> Answer {
        let all = (0..scanned.scan.spans.len() as u32).collect();
        let request = Arc::new(Shared {
            body: part.spans.clone(),
            scanned,
            _permit: permit,
        });
        let patience = Instant::now() + part.patience;
        self.bring_own(&request, all, part.epoch, part.tenure, patience)
            .await
    }

    /// Divides spans among the shards of this process and waits for all of them.
    async fn bring_own(
        &self,
        request: &Arc<Shared>,
        selected: Vec<u32>,
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Instant,
    ) -> Answer {
        let shards = self.shards();
        let mut by_shard = vec![Vec::new(); shards.len()];
        for number in selected {
            let trace = request.scanned.scan.spans[number as usize].head.trace_id;
            by_shard[super::sampling::shard_of(trace, shards.len())].push(number);
        }
        let mut answers = Vec::with_capacity(shards.len());
        for (shard, selected) in shards.iter().zip(by_shard) {
            if !selected.is_empty() {
                let request = Arc::clone(request);
                let portion = Portion { request, selected };
                answers.push(shard.bring(portion, epoch, tenure, patience));
            }
        }
        let mut redirects = Vec::new();
        let mut refused = None;
        for answer in answers {
            match answer.await {
                Answer::Taken(more) => redirects.extend(more),
                Answer::Refused(refusal) => refused = Some(refusal),
            }
        }
        refused.map_or(Answer::Taken(redirects), Answer::Refused)
    }
}

impl Voyage<'_> {
    async fn sail(&mut self) -> Result<(), Refusal> {
        let mut table = self.seat.membership.table();
        let all = (0..self.request.scanned.scan.spans.len() as u32).collect();
        let mut open = self.route(&table, all)?;
        loop {
            let redirects = self.bring(table.epoch(), open).await?;
            if redirects.is_empty() {
                return Ok(());
            }
            (table, open) = self.turn(redirects).await?;
        }
    }

    /// Two members send a trace to each other while its tenure is closed at one and not yet absorbed at the other. That
    /// passes; its spans set out anew then.
    async fn rest(&mut self, redirects: &[(Redirect, Vec<u32>)]) {
        let weary = |(redirect, _): &&(Redirect, Vec<u32>)| {
            let mut journey = self.journeys.get(&redirect.trace).cloned();
            journey
                .as_mut()
                .is_some_and(|journey| journey.next(reply_of(redirect)) == Hop::Refuse)
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
        let slot = Slot::of(trace, super::sampling::SLOT_SEED);
        let tenures = table.tenures(slot).ok_or_else(|| {
            not_taken("no sampler has joined the cluster yet, or the controllers are out of reach")
        })?;
        Ok(Address {
            member: tenures.current().owner,
            tenure: None,
        })
    }

    fn trace(&self, span: u32) -> TraceId {
        self.request.scanned.scan.spans[span as usize].head.trace_id
    }

    /// Brings each member its part. Returns what belongs elsewhere, and where.
    async fn bring(
        &mut self,
        epoch: Epoch,
        ways: BTreeMap<Address, Vec<u32>>,
    ) -> Result<Vec<(Redirect, Vec<u32>)>, Refusal> {
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
                    spans: self.assemble(&spans),
                    patience,
                };
                let answer = self.seat.membership.post.bring(address.member, part);
                remote.push((spans, answer));
            }
        }
        let mut outcome = Ok(Vec::new());
        for (address, spans) in own {
            let answer = self
                .sampler
                .bring_own(
                    &self.request,
                    spans.clone(),
                    epoch,
                    address.tenure,
                    self.deadline,
                )
                .await;
            self.note(spans, Brought::Answered(answer), false, &mut outcome);
        }
        for (spans, answer) in remote {
            let lost = || Brought::Refused(not_taken("a member did not answer"));
            let brought = answer.await.unwrap_or_else(lost);
            self.note(spans, brought, true, &mut outcome);
        }
        outcome
    }

    fn note(
        &mut self,
        spans: Vec<u32>,
        brought: Brought,
        is_remote: bool,
        outcome: &mut Result<Vec<(Redirect, Vec<u32>)>, Refusal>,
    ) {
        let redirects = match brought {
            Brought::Answered(Answer::Taken(redirects)) => redirects,
            Brought::Answered(Answer::Refused(refusal)) => {
                *outcome = Err(refusal_of(refusal));
                return;
            }
            Brought::Refused(refusal) => {
                *outcome = Err(refusal);
                return;
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
                self.elsewhere.items += 1;
                let entry = &self.request.scanned.scan.spans[span as usize];
                self.elsewhere.bytes += entry.length() as u64;
            }
        }
        if let Ok(open) = outcome {
            open.extend(by_trace.into_values());
        }
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
        match journey.next(reply_of(redirect)) {
            Hop::Route { .. } => self.owner(table, redirect.trace),
            Hop::Send { to, tenure } => Ok(pinned(table, to, tenure)),
            Hop::Done | Hop::Refuse => Err(not_taken("its slots changed hands too often")),
        }
    }

    /// These spans as a request of their own.
    fn assemble(&self, spans: &[u32]) -> Bytes {
        let (body, scan) = (&self.request.body, &self.request.scanned.scan);
        if spans.len() == scan.spans.len() {
            return body.clone();
        }
        let parts = spans.iter().map(|&number| {
            let entry = &scan.spans[number as usize];
            Part {
                resource: scan.resource(body, entry.context),
                scope: scan.scope(body, entry.context),
                item: entry.span(body).0,
            }
        });
        let mut bytes = Vec::new();
        Assembler::new().assemble(parts, &mut bytes);
        bytes.into()
    }
}

fn reply_of(redirect: &Redirect) -> Reply {
    let epoch = redirect.epoch;
    match redirect.pinned {
        Some((tenure, owner)) => Reply::Pinned {
            tenure,
            owner,
            epoch,
        },
        None => Reply::Moved { epoch },
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

fn not_taken(detail: &str) -> Refusal {
    Refusal::HandOver {
        detail: detail.to_owned(),
        retry_after: RETRY_AFTER,
    }
}

/// What a client is told of a shard's refusal.
pub(crate) fn refusal_of(refusal: tailweir_shard::Refusal) -> Refusal {
    use tailweir_shard::Refusal as Shard;
    match refusal {
        Shard::Full(tailweir_sampler::Refusal::TooLarge { budget, .. }) => Refusal::TooLarge {
            limit: budget,
            option: "memory_budget",
        },
        Shard::Full(_) => Refusal::Full {
            bound: Bound::Traces,
            retry_after: RETRY_AFTER,
        },
        other => not_taken(&other.to_string()),
    }
}
