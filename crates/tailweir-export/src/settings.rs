//! From the settings of a component to those of its exporters.

use crate::exporter::ExporterSettings;
use crate::queue::{Batching, Capacity, Unit};
use crate::retry::Retry;
use std::time::Duration;
use tailweir_config::{
    DebugExporter, LokiExporter, OtlpGrpcExporter, OtlpHttpExporter, PrometheusExporter,
    PrometheusRemoteWriteExporter, QueueBatch, RetryOnFailure, SendingQueue, Sizer, ZipkinExporter,
};
use tailweir_core::{ClientKey, ClientKeys};

impl ExporterSettings {
    /// Those of an `otlp_grpc` exporter.
    #[must_use]
    pub fn of_otlp_grpc(settings: &OtlpGrpcExporter) -> Self {
        Self::of(
            &settings.sending_queue,
            Some(&settings.retry_on_failure),
            settings.timeout,
        )
    }

    /// Those of an `otlp_http` exporter.
    #[must_use]
    pub fn of_otlp_http(settings: &OtlpHttpExporter) -> Self {
        let timeout = settings.client.timeout;
        Self::of(
            &settings.sending_queue,
            Some(&settings.retry_on_failure),
            timeout,
        )
    }

    /// Those of a `loki` exporter.
    #[must_use]
    pub fn of_loki(settings: &LokiExporter) -> Self {
        Self::of(
            &settings.sending_queue,
            Some(&settings.retry_on_failure),
            settings.client.timeout,
        )
    }

    /// Those of a `zipkin` exporter.
    #[must_use]
    pub fn of_zipkin(settings: &ZipkinExporter) -> Self {
        Self::of(
            &settings.sending_queue,
            Some(&settings.retry_on_failure),
            settings.client.timeout,
        )
    }

    /// Those of a `debug` exporter: one request at a time, so that no two are mixed in print.
    #[must_use]
    pub fn of_debug(settings: &DebugExporter) -> Self {
        let queue = settings.sending_queue.clone().unwrap_or_else(no_queue);
        Self {
            consumers: 1,
            ..Self::of(&queue, None, Duration::ZERO)
        }
    }

    /// Those of a `prometheus` exporter: no retries, as there is nobody to be reached.
    #[must_use]
    pub fn of_prometheus(settings: &PrometheusExporter) -> Self {
        let queue = settings.sending_queue.clone().unwrap_or_else(no_queue);
        // One after the other: a later request must not be overtaken.
        Self {
            consumers: 1,
            ..Self::of(&queue, None, Duration::ZERO)
        }
    }

    /// Those of a `prometheus_remote_write` exporter: one request at a time, in order.
    #[must_use]
    pub fn of_remote_write(settings: &PrometheusRemoteWriteExporter) -> Self {
        let queue = SendingQueue {
            enabled: settings.remote_write_queue.enabled,
            num_consumers: 1,
            queue_size: settings.remote_write_queue.queue_size,
            ..SendingQueue::default()
        };
        Self {
            consumers: 1,
            ..Self::of(
                &queue,
                Some(&settings.retry_on_failure),
                settings.client().timeout,
            )
        }
    }

    /// Those of an exporter that writes here and now (`file`, `nop`): no queue, no retries.
    #[must_use]
    pub fn of_local() -> Self {
        Self::of(&no_queue(), None, Duration::ZERO)
    }

    /// `timeout` zero: no bound. A disabled queue makes callers of [`crate::Exporter::accept`] wait
    /// for room and for the outcome.
    #[must_use]
    pub fn of(queue: &SendingQueue, retry: Option<&RetryOnFailure>, timeout: Duration) -> Self {
        let defaults = Self::default();
        let queued = queue.enabled;
        Self {
            capacity: if queued {
                capacity(queue)
            } else {
                defaults.capacity
            },
            batching: queue.batch.as_ref().filter(|_| queued).map(batching),
            consumers: if queued {
                usize::try_from(queue.num_consumers).unwrap_or(1).max(1)
            } else {
                Self::CONSUMERS_WITHOUT_QUEUE
            },
            block_on_overflow: queue.block_on_overflow || !queued,
            wait_for_result: queue.wait_for_result || !queued,
            retry: retry.filter(|retry| retry.enabled).map(retries),
            timeout,
            client_keys: partition(queue),
            seed: defaults.seed,
        }
    }
}

fn no_queue() -> SendingQueue {
    SendingQueue {
        enabled: false,
        ..SendingQueue::default()
    }
}

fn capacity(queue: &SendingQueue) -> Capacity {
    Capacity {
        size: positive(queue.queue_size).max(1),
        unit: unit(queue.sizer),
        bytes: match queue.sizer {
            // Who counts bytes has said how many; of what is on disk, only what is in memory counts here.
            Sizer::Bytes if queue.kept_by().is_none() => u64::MAX,
            Sizer::Bytes | Sizer::Requests | Sizer::Items => {
                ExporterSettings::QUEUE_BYTES_MAX.bytes()
            }
        },
    }
}

fn batching(batch: &QueueBatch) -> Batching {
    Batching {
        flush_timeout: batch.flush_timeout,
        min_size: positive(batch.min_size),
        max_size: positive(batch.max_size),
        unit: unit(batch.sizer.unwrap_or(Sizer::Items)),
    }
}

/// What batches of an enabled queue are kept apart by.
fn partition(queue: &SendingQueue) -> ClientKeys {
    let mut keys = ClientKeys::default();
    let batch = queue.batch.as_ref().filter(|_| queue.enabled);
    for name in batch
        .iter()
        .flat_map(|batch| &batch.partition.metadata_keys)
    {
        keys.add(ClientKey::Metadata(name.to_ascii_lowercase()));
    }
    keys
}

fn retries(retry: &RetryOnFailure) -> Retry {
    Retry {
        initial_interval: retry.initial_interval,
        multiplier: retry.multiplier,
        randomization_factor: retry.randomization_factor,
        max_interval: retry.max_interval,
        max_elapsed_time: retry.max_elapsed_time,
    }
}

fn unit(sizer: Sizer) -> Unit {
    match sizer {
        Sizer::Requests => Unit::Requests,
        Sizer::Items => Unit::Items,
        Sizer::Bytes => Unit::Bytes,
    }
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{ExporterSettings, Unit};
    use std::time::Duration;
    use tailweir_config::{OtlpGrpcExporter, OtlpHttpExporter, QueueBatch, Sizer};
    use tailweir_core::{ClientKey, ClientKeys};

    /// Scenario: exporters as configured by default.
    /// Guarantees: queue, retries and timeouts are the Collector's defaults, with a bound in bytes.
    ///
    /// Conforms: exporter `otlp_grpc`, `otlp_http` | traces, metrics, logs | defaults of `sending_queue`,
    /// `retry_on_failure`, `timeout` | better: same, with a bound in bytes beside
    #[test]
    fn defaults_are_those_of_the_collector() {
        let settings = ExporterSettings::of_otlp_grpc(&OtlpGrpcExporter::default());
        assert_eq!(settings, ExporterSettings::default());
        assert_eq!(settings.capacity.bytes, 256 << 20);
        let http = ExporterSettings::of_otlp_http(&OtlpHttpExporter::default());
        assert_eq!(http.timeout, Duration::from_secs(30));
    }

    /// Scenario: a queue measured in bytes, with batches in the default unit, without retries.
    /// Guarantees: its own bound holds, batches are measured in items, one attempt is made.
    ///
    /// Conforms: exporter `otlp_grpc` | traces, metrics, logs | `sending_queue` with `sizer`, `queue_size` | same
    #[test]
    fn what_is_configured_holds() {
        let mut exporter = OtlpGrpcExporter::default();
        exporter.sending_queue.sizer = Sizer::Bytes;
        exporter.sending_queue.queue_size = 5000;
        exporter.sending_queue.batch = Some(QueueBatch::default());
        exporter.retry_on_failure.enabled = false;
        let settings = ExporterSettings::of_otlp_grpc(&exporter);
        assert_eq!(
            (settings.capacity.size, settings.capacity.unit),
            (5000, Unit::Bytes)
        );
        assert!(settings.capacity.bytes >= 5000);
        let batching = settings.batching.unwrap();
        assert_eq!(
            (batching.min_size, batching.max_size, batching.unit),
            (8192, 0, Unit::Items)
        );
        assert_eq!(settings.retry, None);
    }

    /// Scenario: batches are divided by a name of metadata, with the queue on and off.
    /// Guarantees: that is asked of clients, in small letters, where there are batches.
    #[test]
    fn batches_are_divided_by_metadata() {
        let mut exporter = OtlpGrpcExporter::default();
        let mut batch = QueueBatch::default();
        batch.partition.metadata_keys = vec!["X-Tenant".to_owned()];
        exporter.sending_queue.batch = Some(batch);
        let mut tenant = ClientKeys::default();
        tenant.add(ClientKey::Metadata("x-tenant".to_owned()));
        let settings = ExporterSettings::of_otlp_grpc(&exporter);
        assert_eq!(settings.client_keys, tenant);
        exporter.sending_queue.enabled = false;
        let settings = ExporterSettings::of_otlp_grpc(&exporter);
        assert!(settings.client_keys.is_empty());
    }

    /// Scenario: the queue is switched off.
    /// Guarantees: callers wait for room and for the outcome, more of them at once, nothing is batched.
    #[test]
    fn without_a_queue_callers_wait() {
        let mut exporter = OtlpGrpcExporter::default();
        exporter.sending_queue.enabled = false;
        exporter.sending_queue.batch = Some(QueueBatch::default());
        let settings = ExporterSettings::of_otlp_grpc(&exporter);
        assert!(settings.block_on_overflow && settings.wait_for_result);
        assert_eq!(
            settings.consumers,
            ExporterSettings::CONSUMERS_WITHOUT_QUEUE
        );
        assert_eq!(settings.batching, None);
    }
}
