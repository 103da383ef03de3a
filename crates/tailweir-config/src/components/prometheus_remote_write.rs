//! The `prometheus_remote_write` exporter.

use super::client::{HttpClient, HttpCompression};
use super::prometheus::{
    ResourceConstantLabels, ResourceToTelemetry, TranslationStrategy, resource_label_rules,
};
use super::queue::RetryOnFailure;
use crate::report::{Cause, Report};
use crate::setting::{Block, choice, settings};
use std::collections::BTreeMap;
use std::time::Duration;

choice! {
    /// Which protocol of remote write is spoken.
    pub enum RemoteWriteProtocol = V1 {
        /// 1.0.
        V1 = "prometheus.WriteRequest",
        /// 2.0: names and values are sent once each, with types, help texts and starts.
        V2 = "io.prometheus.write.v2.Request",
    }
}

/// The client of remote write where nothing is said.
fn client() -> HttpClient {
    HttpClient {
        timeout: Duration::from_secs(5),
        compression: HttpCompression::Snappy,
        ..HttpClient::default()
    }
}

settings! {
    /// Writes metrics to Prometheus, Mimir and their like. Written `prometheus_remote_write`, or
    /// `prometheusremotewrite` as before.
    pub struct PrometheusRemoteWriteExporter inlines {
        /// The client, as before there was `http`. Its `endpoint` is the whole URL.
        client: HttpClient = client(),
    } {
        /// The client, instead of the options beside it. Its `endpoint` is the whole URL.
        http: Option<HttpClient> = None,
        /// Put before every name, with an underscore.
        namespace: String = String::new(),
        /// Labels of every series that has none of that name.
        external_labels: BTreeMap<String, String> = BTreeMap::new(),
        /// What happens when a request fails. Here `initial_interval` is 50ms where it is not written.
        retry_on_failure: RetryOnFailure = RetryOnFailure {
            initial_interval: Duration::from_millis(50),
            ..RetryOnFailure::default()
        },
        /// The queue in front.
        remote_write_queue: RemoteWriteQueue = RemoteWriteQueue::default(),
        /// Most bytes of series in one request, before it is packed. 0: 3,000,000.
        max_batch_size_bytes: i64 = 3_000_000,
        /// Labels made of resource attributes.
        resource_to_telemetry_conversion: ResourceToTelemetry = ResourceToTelemetry::default(),
        /// The same, with a choice of attributes.
        resource_constant_labels: ResourceConstantLabels = ResourceConstantLabels::default(),
        /// The series that describes targets.
        target_info: TargetInfo = TargetInfo::default(),
        /// Leave out the labels of the instrumentation scope.
        disable_scope_info: bool = false,
        /// Before `translation_strategy`: whether units and `_total` are added.
        add_metric_suffixes: bool = true,
        /// How names are translated. Absent: with suffixes, or as `add_metric_suffixes` says.
        translation_strategy: Option<TranslationStrategy> = None,
        /// Send type, unit and help text of each metric too. Always so with 2.0.
        send_metadata: bool = false,
        /// Which protocol is spoken.
        protobuf_message: RemoteWriteProtocol = RemoteWriteProtocol::V1,
    }
    ignored {
        "max_batch_request_parallelism": i64 = "the requests of a batch are sent one after the other, so that no sample is overtaken",
    }
    refused {
        "wal" = "there is no write-ahead log; what waits is kept in memory, bounded by `remote_write_queue`",
        "include_metadata_keys" = "samples of several clients leave in one request, whose headers are the same for all",
        "convert_explicit_histograms_to_nhcb" = "histograms with custom buckets are not written; use exponential histograms",
        "keep_classic_histograms" = "histograms with custom buckets are not written, so that classic ones always are",
    }
    rules remote_write_rules;
}

settings! {
    /// The queue in front of remote write.
    pub struct RemoteWriteQueue {
        /// Whether there is a queue. Without one, a request waits for its own export.
        enabled: bool = true,
        /// Most requests that wait.
        queue_size: i64 = 10_000,
    }
    ignored {
        "num_consumers": i64 = "requests are sent one after the other, so that no sample is overtaken",
    }
}

settings! {
    /// The series that describes targets.
    pub struct TargetInfo {
        /// Whether it is written.
        enabled: bool = true,
    }
}

impl PrometheusRemoteWriteExporter {
    /// The client, whichever way it is written.
    #[must_use]
    pub fn client(&self) -> &HttpClient {
        self.http.as_ref().unwrap_or(&self.client)
    }

    /// How names are translated, whichever option says it.
    #[must_use]
    pub fn strategy(&self) -> TranslationStrategy {
        let before = match self.add_metric_suffixes {
            true => TranslationStrategy::UnderscoreEscapingWithSuffixes,
            false => TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
        };
        self.translation_strategy.unwrap_or(before)
    }
}

fn remote_write_rules(
    exporter: &mut PrometheusRemoteWriteExporter,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if let Some(http) = &mut exporter.http
        && http.compression == HttpCompression::Gzip
    {
        // The default of other clients; there is nothing to choose here.
        http.compression = HttpCompression::Snappy;
    }
    client_rules(exporter, block, report);
    block.reject_negative(
        "max_batch_size_bytes",
        exporter.max_batch_size_bytes,
        report,
    );
    if exporter.remote_write_queue.enabled && exporter.remote_write_queue.queue_size <= 0 {
        report.error_at(
            block.at("remote_write_queue"),
            Cause::OutOfRange,
            "`queue_size` must be above zero",
            "or write `enabled: false`",
        );
    }
    for (name, value) in &exporter.external_labels {
        if name.is_empty() || value.is_empty() {
            report.error_at(
                block.at("external_labels"),
                Cause::NotAllowed,
                "an external label has no name or no value",
                "give it both, or remove it",
            );
        }
    }
    name_rules(exporter, block, report);
    resource_label_rules(
        &exporter.resource_to_telemetry_conversion,
        &exporter.resource_constant_labels,
        block,
        report,
    );
}

fn client_rules(
    exporter: &PrometheusRemoteWriteExporter,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    let client = exporter.client();
    if client.endpoint.is_empty() {
        report.error_at(
            block.at("endpoint"),
            Cause::Missing,
            "the exporter has no `endpoint`",
            "add `endpoint: http://PROMETHEUS:9090/api/v1/write`",
        );
    }
    if !matches!(
        client.compression,
        HttpCompression::Snappy | HttpCompression::None
    ) {
        report.error_at(
            block.at("compression"),
            Cause::NotAllowed,
            "remote write is packed with snappy",
            "remove it",
        );
    }
}

/// Version 1 knows names of letters, digits, `_` and `:` alone.
fn name_rules(
    exporter: &PrometheusRemoteWriteExporter,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    use TranslationStrategy::{NoTranslation, NoUTF8EscapingWithSuffixes};
    if exporter.protobuf_message == RemoteWriteProtocol::V1
        && matches!(
            exporter.translation_strategy,
            Some(NoTranslation | NoUTF8EscapingWithSuffixes)
        )
    {
        report.error_at(
            block.at("translation_strategy"),
            Cause::Contradiction,
            "names of any script need remote write 2.0",
            "add `protobuf_message: io.prometheus.write.v2.Request`",
        );
    }
}
