//! What became of own telemetry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tailweir_core::Signal;
use tailweir_export::Exporter;

/// Where its counts can be read at any time. A clone reads the same.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    ways: Vec<Way>,
}

/// One processor of one signal.
#[derive(Debug, Clone)]
struct Way {
    signal: Signal,
    exporter: Exporter,
    dropped: Arc<AtomicU64>,
}

/// What became of the own telemetry of one signal, over all its processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalFigures {
    /// Log records or spans that were taken.
    pub sent: u64,
    /// Those that were given up or rejected.
    pub failed: u64,
    /// Those that found no room in a queue.
    pub dropped: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, signal: Signal, exporter: Exporter, dropped: Arc<AtomicU64>) {
        self.ways.push(Way {
            signal,
            exporter,
            dropped,
        });
    }

    /// The counts of each signal that is sent.
    #[must_use]
    pub fn read(&self) -> Vec<(Signal, SignalFigures)> {
        let signals = Signal::ALL.into_iter();
        signals
            .filter_map(|signal| {
                let ways = self.ways.iter().filter(|way| way.signal == signal);
                let figures = ways.map(Way::figures).reduce(SignalFigures::plus)?;
                Some((signal, figures))
            })
            .collect()
    }
}

impl Way {
    fn figures(&self) -> SignalFigures {
        let exporter = self.exporter.snapshot();
        SignalFigures {
            sent: exporter.sent_items,
            failed: exporter.failed_items,
            dropped: self.dropped.load(Relaxed),
        }
    }
}

impl SignalFigures {
    fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            failed: self.failed + other.failed,
            dropped: self.dropped + other.dropped,
        }
    }
}
