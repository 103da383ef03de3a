//! Exemplars in a cluster: who counted a span asks the owner of its trace what became of it.
//!
//! ```text
//! Connecting (exemplars wait) --ids of traces--> owner of the slot: Sampler (verdicts)
//!      ^                                                  |
//!      '---------- kept, not kept, not known yet ---------'
//! ```
//!
//! Parent: the node. Everything that waits does so in the connector, bounded there; one question is under way for each member. If
//! the actor dies: its questions are lost, and asked again.

mod question;

pub(crate) use question::Question;

use super::sampling::SLOT_SEED;
use super::{Connecting, PART_TIME};
use crate::actors::Witness as _;
use crate::membership::{Brought, Membership, OutgoingPart};
use arc_swap::ArcSwap;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tailweir_connect::Patience;
use tailweir_core::{Slot, TraceId};
use tailweir_placement::{Incarnation, RoutingTable};
use tailweir_shard::Fate;
use tokio::time::MissedTickBehavior;

/// How often it is looked whether somebody is to be asked.
const ROUND: Duration = Duration::from_secs(1);
/// A verdict holds so long after the window at most, mostly: spans come late by a hop, and a second member has to confirm it.
const FIRST: Duration = Duration::from_secs(1);
/// Who did not know it, or did not answer, is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long owners remember verdicts after the window.
const LAST: Duration = Duration::from_secs(60);
/// Most traces that are asked about in a round. All that may wait in a connector are asked about within [`AGAIN`].
const ASKED_MAX: usize = 16 << 10;

/// The samplers that decide about what a connector counts.
#[derive(Debug, Default)]
pub(crate) struct Inquired {
    /// Their names among the members.
    pub(crate) samplers: Vec<Arc<str>>,
    /// The longest of their windows.
    pub(crate) window: Duration,
}

/// See the module.
pub(crate) struct Inquiring {
    membership: Arc<Membership>,
    connector: Arc<Connecting>,
    inquired: ArcSwap<Inquired>,
}

impl Inquiring {
    /// Asks nobody before it is told whom.
    pub(crate) fn new(membership: Arc<Membership>, connector: Arc<Connecting>) -> Arc<Self> {
        Arc::new(Self {
            membership,
            connector,
            inquired: ArcSwap::default(),
        })
    }

    /// The id of its connector.
    pub(crate) fn id(&self) -> &str {
        self.connector.id()
    }

    /// Asks these from here on.
    pub(crate) fn set(&self, inquired: Inquired) {
        self.inquired.store(Arc::new(inquired));
    }

    /// Asks what is to be asked, round after round.
    pub(crate) async fn run(&self) {
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let inquired = self.inquired.load_full();
            let patience = Patience {
                first: inquired.window + FIRST,
                again: AGAIN,
                last: inquired.window + LAST,
            };
            let traces = self.connector.inquire(&patience, ASKED_MAX);
            if !traces.is_empty() {
                let decided = self.decided(&inquired.samplers, &traces).await;
                self.connector.decided(&decided);
            }
        }
    }

    /// Those of the traces that are decided: kept when one sampler keeps them, and not when none does.
    async fn decided(&self, samplers: &[Arc<str>], traces: &[TraceId]) -> Vec<(TraceId, bool)> {
        let of_all = samplers.iter().map(|sampler| self.fates(sampler, traces));
        let of_all = join_all(of_all).await;
        let decided = traces.iter().filter_map(|trace| {
            let mut fates = of_all.iter().map(|fates| fates.get(trace));
            if fates.clone().any(|fate| fate == Some(&Fate::Kept)) {
                return Some((*trace, true));
            }
            let is_none_kept = fates.all(|fate| fate == Some(&Fate::NotKept));
            is_none_kept.then_some((*trace, false))
        });
        decided.collect()
    }

    /// What became of the traces by one sampler, of those of which it is known.
    async fn fates(&self, sampler: &Arc<str>, traces: &[TraceId]) -> HashMap<TraceId, Fate> {
        let table = self.membership.table();
        let by_owner = by_owner(&table, traces);
        let questions = by_owner.iter().flat_map(|(owner, traces)| {
            let questions = traces.chunks(Question::TRACES_MAX);
            questions.map(|traces| self.ask(*owner, sampler, &table, traces))
        });
        let mut known = HashMap::new();
        for (traces, fates) in join_all(questions).await {
            let fates = traces.iter().copied().zip(fates);
            known.extend(fates.filter(|(_, fate)| *fate != Fate::Unknown));
        }
        known
    }

    /// Asks one member. Nothing when it does not answer, or has no such sampler.
    async fn ask<'t>(
        &self,
        owner: Incarnation,
        sampler: &Arc<str>,
        table: &RoutingTable,
        traces: &'t [TraceId],
    ) -> (&'t [TraceId], Vec<Fate>) {
        if self.membership.incarnation == Some(owner) {
            let fates = match self.membership.sampler(sampler) {
                Some(own) => own.fates(traces).await,
                None => Vec::new(),
            };
            return (traces, fates);
        }
        let question = OutgoingPart {
            sampler: Question::name(sampler),
            epoch: table.epoch(),
            tenure: None,
            spans: Question::write(traces),
            patience: PART_TIME,
            handed_on: None,
            sequence: None,
        };
        let answer = self.membership.post.bring(owner, question);
        let fates = match tokio::time::timeout(PART_TIME, answer).await {
            Ok(Some(Brought::Told(fates))) if fates.len() == traces.len() => fates,
            // It is asked again: nothing of this is worth a word.
            _ => Vec::new(),
        };
        (traces, fates)
    }
}

/// The traces by those who may know their verdict: the owner of the slot, and of its older tenures while they are not over.
fn by_owner(table: &RoutingTable, traces: &[TraceId]) -> BTreeMap<Incarnation, Vec<TraceId>> {
    let mut all = BTreeMap::<Incarnation, Vec<TraceId>>::new();
    for trace in traces {
        let Some(tenures) = table.tenures(Slot::of(*trace, SLOT_SEED)) else {
            continue;
        };
        let owners: BTreeSet<_> = tenures.all().iter().map(|tenure| tenure.owner).collect();
        for owner in owners {
            all.entry(owner).or_default().push(*trace);
        }
    }
    all
}
