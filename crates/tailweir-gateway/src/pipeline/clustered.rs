//! A sampler in a cluster: spans go to the members that own their slots, this one among them.
//!
//! A request is cut by owner. Each owner answers for its part when it is held twice, or says of some traces where else
//! they belong; those go on within the same request. It is taken when all of it is, and refused as a whole otherwise: what
//! was taken stays, and is recognised when the client sends it again.

mod voyage;

pub(super) use voyage::{Cargo, Voyage};

use super::{Sampler, Scanned};
use crate::admission::{Permit, Permits};
use crate::ledger::Ledger;
use crate::membership::{Membership, OutgoingPart};
use crate::refusal::{Bound, Refusal};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tailweir_core::{Signal, TraceId};
use tailweir_export::Amount;
use tailweir_otlp::Assembler;
use tailweir_placement::{Epoch, Incarnation};
use tailweir_shard::{Answer, Piece, Report, Ruled, Spans};
use tailweir_tenure::Message;
use tokio::time::Instant;

/// How long a request may look for those who take it. OTLP exporters give up after 10 s.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(8);
/// Longest wait of a part, at the member that has it, for a tenure to open, a table or a second member.
pub(crate) const PART_TIME: Duration = Duration::from_secs(2);
/// When a client may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The place of a sampler in a cluster.
pub(crate) struct Seat {
    pub(crate) membership: Arc<Membership>,
    /// `pipeline/processor`: the same at all members.
    pub(crate) name: Arc<str>,
    pub(crate) ledger: Arc<Ledger>,
    /// Whether another has its name, or may have it next: it says nothing any more.
    is_mute: AtomicBool,
}

impl Seat {
    /// The place of what members call so.
    pub(crate) fn new(membership: Arc<Membership>, name: Arc<str>, ledger: Arc<Ledger>) -> Self {
        Self {
            membership,
            name,
            ledger,
            is_mute: AtomicBool::new(false),
        }
    }

    /// Says nothing from here on.
    pub(crate) fn mute(&self) {
        self.is_mute.store(true, Relaxed);
    }

    /// Tells the membership what this member's part of the sampler has to report.
    pub(crate) fn report(&self, report: Report) {
        if !self.is_mute.load(Relaxed) {
            self.membership.report(&self.name, report);
        }
    }

    /// Posts letters of this member's part of the sampler: those to one member together, in their order.
    pub(crate) fn post(
        &self,
        letters: impl IntoIterator<Item = (Incarnation, Message<Piece, Ruled>)>,
    ) {
        if self.is_mute.load(Relaxed) {
            return;
        }
        let mut all = BTreeMap::<Incarnation, Vec<_>>::new();
        for (to, message) in letters {
            all.entry(to).or_default().push(message);
        }
        for (to, messages) in all {
            self.membership.post.tell(to, &self.name, messages);
        }
    }
}

/// A request that several shards have a part of.
pub(crate) struct Shared {
    body: Bytes,
    scanned: Scanned,
    _permits: Permits,
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

/// The spans of a request, for the members of the cluster.
struct SpanCargo<'a> {
    sampler: &'a Sampler,
    request: Arc<Shared>,
}

impl Cargo for SpanCargo<'_> {
    fn len(&self) -> usize {
        self.request.scanned.scan.spans.len()
    }

    fn trace(&self, span: u32) -> TraceId {
        self.request.scanned.scan.spans[span as usize].head.trace_id
    }

    fn amount(&self, span: u32) -> Amount {
        let entry = &self.request.scanned.scan.spans[span as usize];
        Amount {
            items: 1,
            bytes: entry.length() as u64,
        }
    }

    fn pack(&self, spans: &[u32]) -> Bytes {
        let (body, scan) = (&self.request.body, &self.request.scanned.scan);
        if spans.len() == scan.spans.len() {
            return body.clone();
        }
        let parts = spans
            .iter()
            .map(|&number| scan.part(body, &scan.spans[number as usize]));
        let mut bytes = Vec::new();
        Assembler::new().assemble(parts, &mut bytes);
        bytes.into()
    }

    async fn bring_own(
        &self,
        spans: &[u32],
        epoch: Epoch,
        tenure: Option<Epoch>,
        patience: Instant,
    ) -> Answer {
        self.sampler
            .bring_own(&self.request, spans.to_vec(), epoch, tenure, patience)
            .await
    }
}

impl Sampler {
    /// Brings a request to the owners of its slots.
    pub(super) async fn append_in_cluster(
        &self,
        seat: &Seat,
        body: Bytes,
        scanned: Scanned,
        permits: Permits,
    ) -> Result<(), Refusal> {
        let request = Arc::new(Shared {
            body,
            scanned,
            _permits: permits,
        });
        let cargo = SpanCargo {
            sampler: self,
            request,
        };
        let mut voyage = Voyage::new(&cargo, seat);
        let outcome = voyage.sail().await;
        let elsewhere = voyage.elsewhere();
        seat.ledger.taken(Signal::Traces, elsewhere);
        seat.ledger.handed_over(Signal::Traces, elsewhere);
        outcome
    }

    /// Takes a part that another member brought, with what its own shards own.
    pub(crate) async fn take_part(
        &self,
        part: &OutgoingPart,
        scanned: Scanned,
        permit: Permit,
    ) -> Answer {
        let all = (0..scanned.scan.spans.len() as u32).collect();
        let request = Arc::new(Shared {
            body: part.spans.clone(),
            scanned,
            _permits: Permits::new(Some(permit), None),
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

fn not_taken(detail: &str) -> Refusal {
    Refusal::HandOver {
        detail: detail.to_owned(),
        retry_after: RETRY_AFTER,
    }
}

/// What a client is told of a shard's refusal.
fn refusal_of(refusal: tailweir_shard::Refusal) -> Refusal {
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
        Shard::NoRoom => Refusal::Full {
            bound: Bound::Member,
            retry_after: RETRY_AFTER,
        },
        other => not_taken(&other.to_string()),
    }
}
