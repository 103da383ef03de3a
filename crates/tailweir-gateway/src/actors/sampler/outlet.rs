//! Where the engine's decisions end: kept spans become requests, the rest goes into the books.

use super::witness::Witnesses;
use crate::ledger::{Charge, Custody, DropReason, Ledger};
use crate::pipeline::Load;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use tailweir_core::{Signal, TraceId};
use tailweir_export::{Amount, LossReason};
use tailweir_otlp::Assembler;
use tailweir_placement::TenureId;
use tailweir_sampler::{AbandonReason, AbandonedTrace, DecidedTrace, DiscardedTrace, Sink};
use tailweir_shard::{Kept, Marks, Tie};
use tailweir_tenure::Number;

/// A request of kept traces is closed when it has reached this size.
const REQUEST_BYTES: usize = 1 << 20;

/// Fragments of one trace that are to be delivered.
pub(super) struct Fragments {
    pub(super) tenure: TenureId,
    pub(super) numbers: Vec<Number>,
    /// Whether they are still to be delivered from here.
    pub(super) tie: Tie,
}

/// See the module.
pub(super) struct Outlet {
    ledger: Arc<Ledger>,
    assembler: Assembler,
    marks: Marks,
    open: Vec<u8>,
    /// How much of `open` are whole traces.
    open_length: usize,
    open_amount: Amount,
    /// Who is to hear when what is open has been delivered.
    open_custody: Vec<Fragments>,
    sealed: VecDeque<Load>,
    sealed_bytes: usize,
    witnesses: Arc<Witnesses>,
    /// Traces that were decided, kept or not, and of which the witnesses do not know yet.
    decided: Vec<(TraceId, bool)>,
}

impl Outlet {
    pub(super) fn new(
        ledger: Arc<Ledger>,
        write_threshold: bool,
        record_policy: bool,
        witnesses: Arc<Witnesses>,
    ) -> Self {
        Self {
            ledger,
            assembler: Assembler::new(),
            marks: Marks::new(write_threshold, record_policy),
            open: Vec::new(),
            open_length: 0,
            open_amount: Amount::default(),
            open_custody: Vec::new(),
            sealed: VecDeque::new(),
            sealed_bytes: 0,
            witnesses,
            decided: Vec::new(),
        }
    }

    pub(super) fn set_marks(&mut self, write_threshold: bool, record_policy: bool) {
        self.marks.set(write_threshold, record_policy);
    }

    /// Takes spans that a shard of a cluster has kept.
    pub(super) fn push(&mut self, kept: Kept, custody: &impl Fn(Vec<Fragments>) -> Custody) {
        self.open.truncate(self.open_length);
        self.open.extend_from_slice(&kept.bytes);
        self.open_length = self.open.len();
        self.open_amount.items += kept.spans;
        self.open_amount.bytes += kept.span_bytes;
        self.open_custody.push(Fragments {
            tenure: kept.tenure,
            numbers: kept.numbers,
            tie: kept.tie,
        });
        if self.open.len() >= REQUEST_BYTES {
            self.close_in_custody(custody);
        }
    }

    /// Closes the request that is being filled; `custody` hears when it has been delivered.
    pub(super) fn close_in_custody(&mut self, custody: &impl Fn(Vec<Fragments>) -> Custody) {
        let fragments = std::mem::take(&mut self.open_custody);
        if !fragments.is_empty() {
            self.close_for(Some(custody(fragments)));
        }
    }

    /// Bytes of the request that is being filled, and what is in it.
    pub(super) fn open(&self) -> (usize, Amount) {
        (self.open_length, self.open_amount)
    }

    pub(super) fn note(&mut self, trace: TraceId, is_kept: bool) {
        if !self.witnesses.is_empty() {
            self.decided.push((trace, is_kept));
        }
    }

    /// Closes the request that is being filled, and tells the witnesses what was decided.
    pub(super) fn seal(&mut self) {
        self.tell_witnesses();
        self.close();
    }

    pub(super) fn tell_witnesses(&mut self) {
        self.witnesses.tell(&mut self.decided);
    }

    fn close(&mut self) {
        self.close_for(None);
    }

    fn close_for(&mut self, custody: Option<Custody>) {
        if self.open_amount == Amount::default() {
            return;
        }
        self.open.truncate(self.open_length);
        self.open_length = 0;
        let body = Bytes::from(std::mem::take(&mut self.open));
        let amount = std::mem::take(&mut self.open_amount);
        let mut charge = Charge::from_store(&self.ledger, Signal::Traces, amount);
        if let Some(custody) = custody {
            charge = charge.with_custody(custody);
        }
        self.sealed_bytes += body.len();
        self.sealed
            .push_back(Load::held(Signal::Traces, body, charge));
    }

    pub(super) fn next(&mut self) -> Option<Load> {
        let load = self.sealed.pop_front()?;
        self.sealed_bytes -= load.body.len();
        Some(load)
    }

    pub(super) fn give_back(&mut self, load: Load) {
        self.sealed_bytes += load.body.len();
        self.sealed.push_front(load);
    }

    /// Bytes of requests that have not left.
    pub(super) fn bytes(&self) -> usize {
        self.sealed_bytes
    }

    /// Spans whose tracestate could not be given a threshold.
    pub(super) fn unwritten_thresholds(&self) -> u64 {
        self.marks.unwritten()
    }
}

impl Sink for Outlet {
    fn kept(&mut self, trace: &DecidedTrace<'_>) {
        // A call before this one may have died in the middle of a trace.
        self.open.truncate(self.open_length);
        self.marks.prepare(trace);
        let parts = self.marks.parts(trace);
        self.assembler.assemble(parts, &mut self.open);
        self.open_length = self.open.len();
        self.open_amount.items += u64::from(trace.summary.spans);
        self.open_amount.bytes += trace.summary.bytes;
        if self.open.len() >= REQUEST_BYTES {
            self.close();
        }
        self.note(trace.id, true);
    }

    fn discarded(&mut self, trace: &DiscardedTrace<'_>) {
        // Booked from the engine's counters.
        self.note(trace.id, false);
    }

    fn abandoned(&mut self, trace: &AbandonedTrace) {
        let amount = Amount {
            items: trace.spans,
            bytes: trace.bytes,
        };
        match trace.reason {
            AbandonReason::Drained => {
                let reason = DropReason::PendingAtShutdown;
                self.ledger.dropped(Signal::Traces, reason, amount);
            }
            AbandonReason::GivenBack => self.ledger.handed_over(Signal::Traces, amount),
            AbandonReason::Panicked => {
                let reason = LossReason::WorkerFailed;
                self.ledger.lost(Signal::Traces, reason, amount);
                tracing::error!(
                    trace = %trace.id,
                    spans = trace.spans,
                    "a trace was lost because its decision failed"
                );
            }
        }
    }
}
