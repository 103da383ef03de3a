//! The way from a receiver into its pipelines: check, count, charge, hand in, answer.

use crate::ingress::{Delivery, Intake, Transport};
use crate::ledger::{Charge, Ledger};
use crate::pipeline::{Load, ScanPool, Scanned, Stage, WaysTaken, scan};
use crate::refusal::Refusal;
use arc_swap::ArcSwap;
use futures_core::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_core::{OWN_QUIET, OWN_SPAN, Signal};
use tailweir_export::Amount;
use tailweir_otlp::{ScanDepth, count_items, is_own_telemetry};
use tracing::field::Empty;
use tracing::{Instrument, Level, Span, info_span, span_enabled};

/// Where one signal of a receiver goes.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The first stage.
    pub(crate) stage: Arc<dyn Stage>,
    /// Whether the work must be finished even when the client goes away meanwhile: everything but a
    /// sampler, which looks after what it has taken.
    pub(crate) is_detached: bool,
}

/// The entries of a receiver, in the order of [`Signal::ALL`]. None where no pipeline takes the signal.
pub(crate) type Entries = [Option<Entry>; Signal::ALL.len()];

/// The way in for one receiver. A reload exchanges the entries while requests flow.
pub(crate) struct ReceiverIntake {
    /// The receiver.
    name: String,
    entries: ArcSwap<Entries>,
    ledger: Arc<Ledger>,
    scans: Arc<ScanPool>,
    figures: ReceiverFigures,
}

/// What a receiver counts, by transport and signal.
#[derive(Debug, Default)]
pub(crate) struct ReceiverFigures {
    counts: [[Counts; Signal::ALL.len()]; Transport::ALL.len()],
}

/// Counts of one transport and signal.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Items that were acknowledged.
    pub(crate) accepted: AtomicU64,
    /// Items of requests that were read and refused.
    pub(crate) refused: AtomicU64,
    /// Requests that were read.
    pub(crate) requests: AtomicU64,
}

impl ReceiverFigures {
    /// The counts of this transport and signal.
    pub(crate) fn of(&self, transport: Transport, signal: Signal) -> &Counts {
        &self.counts[transport as usize][signal as usize]
    }
}

impl ReceiverIntake {
    /// The way in of the receiver called `name`, which leads nowhere yet.
    pub(crate) fn new(name: String, ledger: Arc<Ledger>, scans: Arc<ScanPool>) -> Self {
        Self {
            name,
            entries: ArcSwap::from_pointee(Entries::default()),
            ledger,
            scans,
            figures: ReceiverFigures::default(),
        }
    }

    /// Requests go there from here on.
    pub(crate) fn set_entries(&self, entries: Entries) {
        self.entries.store(Arc::new(entries));
    }

    /// The signals that pipelines take.
    pub(crate) fn wanted(&self) -> Vec<Signal> {
        let entries = self.entries.load();
        let wanted = |signal: &Signal| entries[*signal as usize].is_some();
        Signal::ALL.into_iter().filter(wanted).collect()
    }

    /// What it has counted.
    pub(crate) fn figures(&self) -> &ReceiverFigures {
        &self.figures
    }

    async fn take_watched(&self, delivery: Delivery) -> Result<(), Refusal> {
        let span = self.span(&delivery);
        let taken = self.take(delivery, &span).instrument(span.clone()).await;
        if let Err(refusal) = &taken
            && !span.is_disabled()
        {
            span.record("otel.status_description", refusal.to_string());
        }
        taken
    }

    /// The span of a request. About one that holds nothing but own telemetry nothing is told: it may be that of
    /// this process, sent to itself, and would not come to an end.
    fn span(&self, delivery: &Delivery) -> Span {
        // Asked first, as otherwise each request would be looked through for nobody.
        if !span_enabled!(target: OWN_QUIET, Level::INFO) {
            return Span::none();
        }
        if is_own_telemetry(&delivery.body) {
            return info_span!(target: OWN_QUIET, "receive");
        }
        if !span_enabled!(target: OWN_SPAN, Level::INFO) {
            return Span::none();
        }
        let Delivery { signal, caller, .. } = delivery;
        info_span!(
            target: OWN_SPAN,
            parent: None,
            "receive",
            otel.name = format!("receiver/{}/{}", self.name, received(*signal)),
            otel.kind = "server",
            otel.status_description = Empty,
            otel.traceparent = caller.traceparent(),
            otel.tracestate = caller.tracestate(),
            receiver = self.name,
            transport = delivery.transport.name(),
            bytes = delivery.body.len(),
            accepted_spans = Empty,
            refused_spans = Empty,
            accepted_metric_points = Empty,
            refused_metric_points = Empty,
            accepted_log_records = Empty,
            refused_log_records = Empty,
        )
    }

    async fn take(&self, delivery: Delivery, span: &Span) -> Result<(), Refusal> {
        let signal = delivery.signal;
        let counts = self.figures.of(delivery.transport, signal);
        counts.requests.fetch_add(1, Relaxed);
        let entries = self.entries.load();
        let entry = entries[signal as usize].clone();
        drop(entries);
        let entry = entry.ok_or(Refusal::NotWanted { signal })?;
        let (amount, scanned) = self.examine(&delivery)?;
        if amount.items == 0 {
            return Ok(());
        }
        let load = Load {
            signal,
            body: delivery.body,
            charge: Charge::take(&self.ledger, signal, amount),
            client: delivery.client,
            permit: Some(delivery.permit),
            is_held: false,
            scanned,
            ways_taken: WaysTaken::default(),
        };
        match hand_in(entry, load).await {
            Ok(()) => {
                self.ledger.acknowledged(signal, amount);
                counts.accepted.fetch_add(amount.items, Relaxed);
                note(span, signal, [amount.items, 0]);
                Ok(())
            }
            Err(refusal) => {
                self.ledger.refused(signal, amount);
                counts.refused.fetch_add(amount.items, Relaxed);
                note(span, signal, [0, amount.items]);
                Err(refusal)
            }
        }
    }

    /// Checks the bytes and counts what is in them.
    fn examine(&self, delivery: &Delivery) -> Result<(Amount, Option<Scanned>), Refusal> {
        if delivery.signal == Signal::Traces {
            let scanned = scan(&self.scans, &delivery.body, ScanDepth::Whole)?;
            let spans = &scanned.scan.spans;
            let amount = Amount {
                items: spans.len() as u64,
                bytes: spans.iter().map(|span| span.length() as u64).sum(),
            };
            return Ok((amount, Some(scanned)));
        }
        let items =
            count_items(delivery.signal, &delivery.body).map_err(|error| Refusal::Malformed {
                signal: delivery.signal,
                detail: error.to_string(),
            })?;
        let bytes = delivery.body.len() as u64;
        Ok((Amount { items, bytes }, None))
    }
}

/// What the Collector calls the arrival of a request.
const fn received(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "TraceDataReceived",
        Signal::Metrics => "MetricsReceived",
        Signal::Logs => "LogsReceived",
    }
}

/// Notes at its span how many items of a request were accepted and refused, by the Collector's names.
fn note(span: &Span, signal: Signal, [accepted, refused]: [u64; 2]) {
    let names = match signal {
        Signal::Traces => ["accepted_spans", "refused_spans"],
        Signal::Metrics => ["accepted_metric_points", "refused_metric_points"],
        Signal::Logs => ["accepted_log_records", "refused_log_records"],
    };
    span.record(names[0], accepted);
    span.record(names[1], refused);
}

async fn hand_in(entry: Entry, load: Load) -> Result<(), Refusal> {
    let Entry { stage, is_detached } = entry;
    let taken = async move {
        stage.take(load).await.map_err(|returned| {
            returned.load.charge.give_back();
            returned.refusal
        })
    };
    if is_detached {
        let interrupted = Refusal::Interrupted { part: "a pipeline" };
        let taken = tokio::spawn(taken.in_current_span()).await;
        return taken.unwrap_or(Err(interrupted));
    }
    taken.await
}

impl Intake for ReceiverIntake {
    fn accept(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.take_watched(delivery))
    }
}
