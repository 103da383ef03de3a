//! The `tail_sampling` processor: one scan, one message per shard, one answer.
//!
//! A request is cut by trace: `shard = slot of the trace id % shards`. Each shard gets one message with
//! the numbers of its spans; the bytes are shared. The request is taken when every shard has taken its
//! part. Where one cannot, the request is refused as a whole, because OTLP forbids sending half of it
//! again; the parts that were taken stay, and the client's resend is recognised by its ids.

use super::{Load, ScanPool, Scanned, Seat, Stage, Taken};
use crate::actors::{Shard, ShardReport, Witness, Witnesses};
use crate::admission::{Admission, Permits};
use crate::refusal::Refusal;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use tailweir_core::{Signal, Slot, TraceId};
use tailweir_otlp::{Scan, ScanDepth, ScanLimits};
use tailweir_placement::RoutingTable;
use tailweir_shard::Fate;

/// The seed of the hash that gives a trace its slot. All members of a cluster have the same.
pub const SLOT_SEED: u64 = 0;

/// One `tail_sampling` processor of one pipeline: its shards.
pub(crate) struct Sampler {
    shards: Vec<Shard>,
    scans: Arc<ScanPool>,
    witnesses: Arc<Witnesses>,
    admission: Arc<Admission>,
    /// Its place in a cluster; nothing when the process is alone.
    seat: Option<Arc<Seat>>,
}

/// A request whose spans are assigned to shards. Shared by the messages about it; the last one gives
/// back its buffers and what it is charged with.
pub(crate) struct Routed {
    /// The request.
    pub(crate) body: Bytes,
    /// Its spans, and which shard each goes to.
    pub(crate) scanned: Scanned,
    _permits: Permits,
}

impl Sampler {
    /// A sampler over these shards, one at least, which tell the same witnesses.
    pub(crate) fn new(
        shards: Vec<Shard>,
        scans: Arc<ScanPool>,
        witnesses: Arc<Witnesses>,
        admission: Arc<Admission>,
        seat: Option<Arc<Seat>>,
    ) -> Self {
        Self {
            shards,
            scans,
            witnesses,
            admission,
            seat,
        }
    }

    /// Its name among the members of the cluster, if there is one.
    pub(crate) fn seat(&self) -> Option<&Arc<Seat>> {
        self.seat.as_ref()
    }

    /// There is a newer table.
    pub(crate) fn learn(&self, table: &Arc<RoutingTable>) {
        for shard in &self.shards {
            shard.learn(Arc::clone(table));
        }
    }

    /// These are told what it decides from here on.
    pub(crate) fn set_witnesses(&self, witnesses: Vec<Arc<dyn Witness>>) {
        self.witnesses.set(witnesses);
    }

    /// Its shards.
    pub(crate) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// What became of these traces, in their order, as far as its own shards know.
    pub(crate) async fn fates(&self, traces: &[TraceId]) -> Vec<Fate> {
        let shards = &self.shards;
        let mut by_shard = vec![Vec::new(); shards.len()];
        for (number, trace) in traces.iter().enumerate() {
            if !shards.is_empty() {
                by_shard[shard_of(*trace, shards.len())].push(number);
            }
        }
        let answers = shards.iter().zip(by_shard).map(|(shard, numbers)| {
            let asked = numbers.iter().map(|&number| traces[number]).collect();
            (shard.fates(asked), numbers)
        });
        // All are asked before the first answer is waited for.
        let answers: Vec<_> = answers.collect();
        let mut fates = vec![Fate::Unknown; traces.len()];
        for (answer, numbers) in answers {
            for (number, fate) in numbers.into_iter().zip(answer.await) {
                fates[number] = fate;
            }
        }
        fates
    }

    /// What each shard says of itself; shards that are being restarted say nothing.
    pub(crate) async fn reports(&self) -> Vec<ShardReport> {
        let mut reports = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            reports.extend(shard.report().await);
        }
        reports
    }

    /// Takes a request. What somebody waits for is measured here, where spans come from whatever pipeline: what waits beside
    /// it or behind, as for a backend, does not count.
    async fn append(&self, mut load: Load) -> Result<(), Box<super::Returned>> {
        let begun = match load.is_held {
            true => Ok(None),
            false => self
                .admission
                .begin_sampling(load.body.len() as u64)
                .map(Some),
        };
        let begun = begun.and_then(|begun| {
            let scanned = match load.scanned.take() {
                Some(scanned) => scanned,
                None => scan(&self.scans, &load.body, ScanDepth::Whole)?,
            };
            Ok((begun.unzip(), scanned))
        });
        let ((sampling, stopwatch), scanned) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Err(load.returned(refusal)),
        };
        // The shards take the spans into the books themselves; a client that goes away while we
        // wait must not leave a second entry behind.
        let ticket = load.charge.give_back();
        let permits = Permits::new(load.permit.take(), sampling);
        let outcome = self.bring(load.body.clone(), scanned, permits).await;
        if let (Ok(()), Some(stopwatch)) = (&outcome, stopwatch) {
            stopwatch.taken();
        }
        outcome.map_err(|refusal| {
            let charge = ticket.take_up();
            Load { charge, ..load }.returned(refusal)
        })
    }

    /// Brings spans to those who have their traces.
    async fn bring(&self, body: Bytes, scanned: Scanned, permits: Permits) -> Result<(), Refusal> {
        match &self.seat {
            None => self.hand_out(&self.route(body, scanned, permits)).await,
            Some(seat) => self.append_in_cluster(seat, body, scanned, permits).await,
        }
    }

    fn route(&self, body: Bytes, mut scanned: Scanned, permits: Permits) -> Arc<Routed> {
        let shards = self.shards.len();
        let findings = &mut *scanned;
        // Spans of one trace mostly stand together.
        let mut last = (TraceId::default(), shard_of(TraceId::default(), shards));
        findings.split.assign(&findings.scan.spans, shards, |span| {
            let id = span.head.trace_id;
            if id != last.0 {
                last = (id, shard_of(id, shards));
            }
            last.1
        });
        Arc::new(Routed {
            body,
            scanned,
            _permits: permits,
        })
    }

    /// Sends every shard its part and waits for all of them.
    async fn hand_out(&self, routed: &Arc<Routed>) -> Result<(), Refusal> {
        let mut answers = Vec::with_capacity(self.shards.len());
        for (index, shard) in self.shards.iter().enumerate() {
            if !routed.scanned.split.group(index).is_empty() {
                answers.push(shard.append(Arc::clone(routed), index));
            }
        }
        let mut outcome = Ok(());
        for answer in answers {
            let answer = answer.await;
            outcome = outcome.and(answer);
        }
        outcome
    }
}

impl Stage for Sampler {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(self.append(load))
    }
}

impl fmt::Debug for Routed {
    /// Prints counts, never the payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routed")
            .field("bytes", &self.body.len())
            .field("scanned", &self.scanned)
            .finish_non_exhaustive()
    }
}

/// Scans a request into a scan of the pool.
///
/// # Errors
///
/// [`Refusal::Malformed`].
pub(crate) fn scan(
    pool: &Arc<ScanPool>,
    body: &[u8],
    depth: ScanDepth,
) -> Result<Scanned, Refusal> {
    let mut scanned = pool.take();
    let limits = ScanLimits {
        depth,
        ..ScanLimits::default()
    };
    Scan::traces(body, &limits, &mut scanned.scan).map_err(|error| Refusal::Malformed {
        signal: Signal::Traces,
        detail: error.to_string(),
    })?;
    Ok(scanned)
}

/// The shard of a trace, of so many.
pub(super) fn shard_of(trace: TraceId, shards: usize) -> usize {
    Slot::of(trace, SLOT_SEED).index() % shards
}
