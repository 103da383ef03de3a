//! The `prometheus_remote_write` exporter against real servers.

use crate::support::{HttpBackend, Ledger, Reply, metrics, quick_retry, while_running};
use bytes::Bytes;
use std::sync::Arc;
use tailweir_config::{PrometheusRemoteWriteExporter, RemoteWriteProtocol};
use tailweir_core::Signal;
use tailweir_export::{Exporter, ExporterSettings, LossReason, PrometheusRemoteWrite};

fn settings(backend: &HttpBackend) -> PrometheusRemoteWriteExporter {
    let mut settings = PrometheusRemoteWriteExporter::default();
    settings.client.endpoint = format!("http://{}/api/v1/write", backend.address);
    settings
}

async fn send(settings: &PrometheusRemoteWriteExporter, points: usize) -> Arc<Ledger> {
    let destination = PrometheusRemoteWrite::new("remote", settings, None).unwrap();
    let queue = ExporterSettings {
        retry: Some(quick_retry()),
        ..ExporterSettings::of_remote_write(settings)
    };
    let exporter = Exporter::new("remote", Signal::Metrics, Arc::new(destination), &queue);
    let ledger = Ledger::new();
    let parcel = ledger.parcel_of(Signal::Metrics, points as u64, request(points));
    exporter.offer(parcel).await.unwrap();
    while_running(&exporter, ledger.settled(1)).await;
    ledger
}

/// Gauges of one point each.
fn request(points: usize) -> Bytes {
    let names: Vec<String> = (0..points)
        .map(|number| format!("gauge_{number}"))
        .collect();
    let gauges: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    metrics(&gauges)
}

/// Scenario: metrics are sent in both protocols.
/// Guarantees: headers say what is sent, and the body is one block of snappy.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | headers and compression of both protocols | same
#[tokio::test]
async fn requests_say_what_they_are() {
    for (protocol, kind, version) in [
        (RemoteWriteProtocol::V1, "application/x-protobuf", "0.1.0"),
        (
            RemoteWriteProtocol::V2,
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "2.0.0",
        ),
    ] {
        let backend = HttpBackend::start([Reply::status(204, &[], "")]).await;
        let mut settings = settings(&backend);
        settings.protobuf_message = protocol;
        assert_eq!(send(&settings, 1).await.items(), (1, 0));
        let request = backend.requests().pop().unwrap();
        assert_eq!(request.path, "/api/v1/write");
        assert_eq!(request.headers["content-type"], kind);
        assert_eq!(request.headers["content-encoding"], "snappy");
        assert_eq!(
            request.headers["x-prometheus-remote-write-version"],
            version
        );
        let body = snap::raw::Decoder::new()
            .decompress_vec(&request.body)
            .unwrap();
        assert!(body.windows(7).any(|window| window == b"gauge_0"));
    }
}

/// Scenario: the receiver has no time, then too much to do, then takes it.
/// Guarantees: the request is sent again until it is taken.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | `retry_on_failure` | better: 429 is tried again too
#[tokio::test]
async fn what_passes_is_tried_again() {
    let script = [500, 503, 429, 200].map(|status| Reply::status(status, &[], "later"));
    let backend = HttpBackend::start(script).await;
    assert_eq!(send(&settings(&backend), 2).await.items(), (2, 0));
    assert_eq!(backend.requests().len(), 4);
}

/// Scenario: the receiver refuses a request for good.
/// Guarantees: it is sent once and lost with a reason.
#[tokio::test]
async fn what_is_refused_is_lost_by_name() {
    let backend = HttpBackend::start([Reply::status(400, &[], "out of order sample")]).await;
    let ledger = send(&settings(&backend), 2).await;
    assert_eq!(ledger.items(), (0, 2));
    assert_eq!(ledger.reasons(), [Some(LossReason::PermanentError)]);
    assert_eq!(backend.requests().len(), 1);
}

/// Scenario: a batch needs several requests, one of which is refused for good.
/// Guarantees: the others are delivered, and exactly the points of that one are lost.
///
/// Conforms: exporter `prometheus_remote_write` | metrics | a request that is refused for good | better: takes only
/// its own points along
#[tokio::test]
async fn one_refused_request_does_not_take_the_others_along() {
    let backend = HttpBackend::start([
        Reply::status(200, &[], ""),
        Reply::status(400, &[], "out of bounds"),
    ])
    .await;
    let mut settings = settings(&backend);
    settings.max_batch_size_bytes = 1;
    let ledger = send(&settings, 3).await;
    assert_eq!(ledger.items(), (2, 1));
    assert_eq!(backend.requests().len(), 3);
}
