//! The way of a request of metrics to the writers of its streams.

use super::{Bundle, joined};
use crate::membership::{Brought, Membership, OutgoingPart};
use crate::pipeline::{REQUEST_TIME, Seat};
use crate::refusal::Refusal;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Slot;
use tailweir_export::Amount;
use tailweir_placement::{Epoch, Incarnation, RoutingTable};
use tailweir_shard::{Answer, Sequence};
use tokio::time::Instant;

/// Pause before streams are brought again that nobody took.
const REST: Duration = Duration::from_millis(100);
/// Bytes of bundles that travel in one part.
const PART_BYTES: usize = 8 << 20;
/// When a client may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Streams that are under way.
pub(super) struct Delivery<'a> {
    seat: &'a Seat,
    /// What nobody has taken yet.
    open: Vec<Bundle>,
    /// What other members have taken.
    elsewhere: Amount,
    /// Who counted it, and the number of the request among theirs.
    sequence: Option<(u64, u64)>,
    /// Who may have taken what of a slot is handed over: they were asked and did not answer.
    unanswered: BTreeSet<(Slot, Incarnation)>,
}

/// The member's own part of the writer, which a delivery brings its bundles too.
pub(super) trait Own: Sync {
    /// Takes these bundles, which are this member's by the newest table.
    fn take(&self, bundles: &[Bundle]) -> impl Future<Output = Result<(), Refusal>> + Send;
}

impl<'a> Delivery<'a> {
    pub(super) fn new(seat: &'a Seat, open: Vec<Bundle>) -> Self {
        Self {
            seat,
            open,
            elsewhere: Amount::default(),
            sequence: None,
            unanswered: BTreeSet::new(),
        }
    }

    /// The same, by whom it was counted and as which of their requests, so that what comes twice is known.
    pub(super) fn numbered(self, sequence: (u64, u64)) -> Self {
        Self {
            sequence: Some(sequence),
            ..self
        }
    }

    /// What other members have taken of it.
    pub(super) fn elsewhere(&self) -> Amount {
        self.elsewhere
    }

    /// What nobody has taken.
    pub(super) fn into_open(self) -> Vec<Bundle> {
        self.open
    }

    /// Goes on until all is taken, or the time is up. What is a matter of room or of the request is told at once.
    ///
    /// # Errors
    ///
    /// Why the rest was not taken.
    pub(super) async fn run(&mut self, own: &impl Own, until: Instant) -> Result<(), Refusal> {
        loop {
            let Err(refusal) = self.round(own, until).await else {
                return Ok(());
            };
            let passes = matches!(refusal, Refusal::HandOver { .. } | Refusal::Stopping);
            if !passes || Instant::now() + REST >= until {
                return Err(refusal);
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Goes on until all is taken, however long that takes.
    ///
    /// # Errors
    ///
    /// Why the rest can never be taken.
    pub(super) async fn run_through(&mut self, own: &impl Own) -> Result<(), Refusal> {
        while let Err(refusal) = self.run(own, Instant::now() + REQUEST_TIME).await {
            if !refusal.is_retryable() {
                return Err(refusal);
            }
            tracing::warn!(name = %self.seat.name, reason = %refusal, "streams wait for the members that write them");
            tokio::time::sleep(REST).await;
        }
        Ok(())
    }

    /// Brings each writer what is its own by the newest table.
    async fn round(&mut self, own: &impl Own, until: Instant) -> Result<(), Refusal> {
        let membership = &self.seat.membership;
        let table = membership.table();
        let mut by_owner = BTreeMap::<Incarnation, Vec<Bundle>>::new();
        for bundle in &self.open {
            let owner = owner(&table, bundle)?;
            by_owner.entry(owner).or_default().push(bundle.clone());
        }
        self.open.clear();
        let mut remote = Vec::new();
        let mut outcome = Ok(());
        let at_home = membership
            .incarnation
            .and_then(|member| Some((member, by_owner.remove(&member)?)));
        for (member, bundles) in by_owner {
            for bundles in batches(bundles) {
                let part = self.part(&self.doubted(&bundles, member), table.epoch(), until);
                let answer = membership.post.bring(member, part);
                remote.push((member, bundles, answer));
            }
        }
        if let Some((member, bundles)) = at_home
            && let Err(refusal) = own.take(&self.doubted(&bundles, member)).await
        {
            self.open.extend(bundles);
            outcome = Err(refusal);
        }
        for (member, bundles, answer) in remote {
            match answer_of(membership, member, answer).await {
                Ok(()) => self.note(&bundles),
                Err(NotTaken {
                    refusal,
                    is_doubtful,
                }) => {
                    if is_doubtful {
                        let handed = bundles.iter().filter(|bundle| bundle.handed.is_some());
                        self.unanswered
                            .extend(handed.map(|bundle| (bundle.slot, member)));
                    }
                    self.open.extend(bundles);
                    outcome = Err(refusal);
                }
            }
        }
        outcome
    }

    fn part(&self, bundles: &[Bundle], epoch: Epoch, until: Instant) -> OutgoingPart {
        OutgoingPart {
            sampler: Arc::clone(&self.seat.name),
            epoch,
            tenure: None,
            spans: joined(bundles).0,
            patience: until.saturating_duration_since(Instant::now()),
            handed_on: None,
            sequence: self.sequence.map(|(origin, number)| Sequence {
                origin,
                number,
                handed: bundles.iter().filter_map(Bundle::as_handed).collect(),
            }),
        }
    }

    /// Bundles as this member is to have them: in doubt where another one may have taken them.
    fn doubted<'b>(&self, bundles: &'b [Bundle], member: Incarnation) -> Cow<'b, [Bundle]> {
        if self.unanswered.is_empty() {
            return bundles.into();
        }
        let doubted = bundles.iter().map(|bundle| {
            let of_slot = (bundle.slot, Incarnation(0))..=(bundle.slot, Incarnation(u64::MAX));
            let mut asked = self.unanswered.range(of_slot);
            Bundle {
                is_doubtful: bundle.is_doubtful || asked.any(|(_, asked)| *asked != member),
                ..bundle.clone()
            }
        });
        doubted.collect()
    }

    fn note(&mut self, bundles: &[Bundle]) {
        for bundle in bundles {
            self.elsewhere.items += bundle.amount.items;
            self.elsewhere.bytes += bundle.amount.bytes;
        }
    }
}

/// Waits until this member has a table that is no older than that by which a part was routed.
///
/// # Errors
///
/// When it does not come in time.
pub(super) async fn table_of(
    membership: &Membership,
    part: &OutgoingPart,
) -> Result<Arc<RoutingTable>, Brought> {
    let table = membership.table_from(part.epoch);
    let table = tokio::time::timeout(part.patience, table).await;
    table.ok().flatten().ok_or_else(|| {
        let epoch = membership.table().epoch();
        refused(tailweir_shard::Refusal::Behind(epoch))
    })
}

/// What a member says that does not own a slot of a part, by its newest table.
pub(super) fn moved() -> Brought {
    refused(tailweir_shard::Refusal::NotOpen)
}

/// What a member says that has taken all of a part.
pub(super) fn taken() -> Brought {
    Brought::Answered(Answer::Taken(Vec::new()))
}

fn refused(refusal: tailweir_shard::Refusal) -> Brought {
    Brought::Answered(Answer::Refused(refusal))
}

/// Bundles for one member, in parts that are not too large; a bundle that is larger goes by itself.
fn batches(bundles: Vec<Bundle>) -> Vec<Vec<Bundle>> {
    let (mut batches, mut bytes) = (vec![Vec::new()], 0);
    for bundle in bundles {
        let is_full = bytes + bundle.body.len() > PART_BYTES;
        if is_full && batches.last().is_some_and(|batch| !batch.is_empty()) {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += bundle.body.len();
        if let Some(batch) = batches.last_mut() {
            batch.push(bundle);
        }
    }
    batches
}

fn owner(table: &RoutingTable, bundle: &Bundle) -> Result<Incarnation, Refusal> {
    let tenures = table.tenures(bundle.slot).ok_or_else(|| {
        not_taken("no sampler has joined the cluster yet, or the controllers are out of reach")
    })?;
    Ok(tenures.current().owner)
}

/// Why a writer did not take a part.
struct NotTaken {
    refusal: Refusal,
    /// It said nothing: it may have taken the part.
    is_doubtful: bool,
}

impl NotTaken {
    fn unanswered(detail: &str) -> Self {
        Self {
            refusal: not_taken(detail),
            is_doubtful: true,
        }
    }
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            is_doubtful: false,
        }
    }
}

/// What a writer answers. One that is gone by a newer table is not waited for.
async fn answer_of(
    membership: &Membership,
    member: Incarnation,
    answer: impl Future<Output = Option<Brought>>,
) -> Result<(), NotTaken> {
    let brought = tokio::select! {
        brought = answer => brought,
        () = membership.gone(member) => {
            return Err(NotTaken::unanswered("the member that was to take it is gone"));
        }
    };
    match brought {
        Some(Brought::Answered(Answer::Taken(_))) => Ok(()),
        Some(Brought::Answered(Answer::Refused(refusal))) => {
            Err(not_taken(&refusal.to_string()).into())
        }
        Some(Brought::Refused(refusal)) => Err(refusal.into()),
        Some(Brought::Told(_) | Brought::Roll(_)) => {
            Err(not_taken("a member answered what it was not asked").into())
        }
        None => Err(NotTaken::unanswered("a member did not answer")),
    }
}

pub(super) fn not_taken(detail: &str) -> Refusal {
    Refusal::HandOver {
        detail: detail.to_owned(),
        retry_after: RETRY_AFTER,
    }
}
