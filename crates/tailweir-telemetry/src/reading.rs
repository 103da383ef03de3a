//! The way of one periodic reader: has all metrics written into a request, sends it, waits.

use crate::destination;
use crate::dispatch::NoBooks;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::PeriodicReader;
use tailweir_core::Signal;
use tailweir_export::{Amount, BuildError, Exporter, Parcel, Receipt};
use tailweir_otlp::AttributeSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// Metrics are not written more often than this.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Writes all metrics of the process, as the body of one request about this resource. Nothing: there are none yet.
pub type MetricsSource = Arc<dyn Fn(&AttributeSet) -> Option<Bytes> + Send + Sync>;

/// See the module.
pub(crate) struct Reading {
    interval: Duration,
    resource: Arc<AttributeSet>,
    source: MetricsSource,
    exporter: Exporter,
}

impl Reading {
    /// The way of a reader called `name`. Connects at the first request.
    pub(crate) fn new(
        name: &str,
        reader: &PeriodicReader,
        resource: &Arc<AttributeSet>,
        source: &MetricsSource,
    ) -> Result<Self, BuildError> {
        let otlp = reader.exporter.otlp.clone().unwrap_or_default();
        let time = reader.export_time();
        let exporter = destination::exporter(name, Signal::Metrics, &otlp.server, time)?;
        Ok(Self {
            interval: reader.interval().max(INTERVAL_MIN),
            resource: Arc::clone(resource),
            source: Arc::clone(source),
            exporter,
        })
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        &self.exporter
    }

    /// Sends until `stop`, then once more, for `end_time` at most. A request that is under way is not waited for
    /// longer, and what was counted since is in the next: nothing queues up.
    pub(crate) async fn run(self, stop: CancellationToken, end_time: Duration) {
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(end_time).await;
        };
        let exporter = self.exporter.clone();
        tokio::select! {
            () = self.send_all(&stop) => {}
            () = exporter.run() => {}
            () = late => tracing::warn!(
                exporter = self.exporter.name(),
                "the last own metrics could not be sent in time"
            ),
        }
    }

    async fn send_all(&self, stop: &CancellationToken) {
        let mut ticks = interval_at(Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_last = stop.run_until_cancelled(ticks.tick()).await.is_none();
            if let Some(parcel) = self.parcel() {
                // The exporter counts what was lost, and has said why.
                let _ = self.exporter.accept(parcel).await;
            }
            if is_last {
                return;
            }
        }
    }

    fn parcel(&self) -> Option<Parcel> {
        let body = (self.source)(&self.resource)?;
        let items = tailweir_otlp::count_items(Signal::Metrics, &body).unwrap_or_default();
        let amount = Amount {
            items,
            bytes: body.len() as u64,
        };
        let receipt = Receipt::new(Arc::new(NoBooks), amount);
        Some(Parcel::new(Signal::Metrics, body, receipt))
    }
}
