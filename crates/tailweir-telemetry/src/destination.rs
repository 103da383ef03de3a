//! From a processor of the configuration to the exporter that serves it.

use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{
    ClientTls, GrpcCompression, HttpCompression, OtlpGrpcExporter, OtlpHttpExporter,
    TelemetryCompression, TelemetryOtlp, TelemetryProtocol,
};
use tailweir_core::Signal;
use tailweir_export::{
    BuildError, Capacity, Destination, Exporter, ExporterSettings, OtlpGrpc, OtlpHttp, Retry, Unit,
};

/// Before the second attempt. Short, as a request has 30 s in all where nothing else is configured.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An exporter called `name` whose requests are given up after `export_time`. It holds one request at a time: what
/// waits does so in front of it, where it can still be put into one request.
pub(crate) fn exporter(
    name: &str,
    signal: Signal,
    settings: &TelemetryOtlp,
    export_time: Duration,
) -> Result<Exporter, BuildError> {
    let destination: Arc<dyn Destination> = match settings.protocol.unwrap_or_default() {
        TelemetryProtocol::Grpc => Arc::new(OtlpGrpc::new(&over_grpc(settings), None)?),
        TelemetryProtocol::Http => Arc::new(OtlpHttp::new(&over_http(settings), None)?),
    };
    let settings = ExporterSettings {
        capacity: Capacity {
            size: 1,
            unit: Unit::Requests,
            bytes: ExporterSettings::QUEUE_BYTES_MAX.bytes(),
        },
        consumers: 1,
        block_on_overflow: true,
        wait_for_result: true,
        retry: Some(Retry {
            initial_interval: RETRY_AFTER,
            max_elapsed_time: export_time,
            ..Retry::default()
        }),
        timeout: settings.attempt_time().min(export_time),
        seed: fastrand::u64(..),
        ..ExporterSettings::default()
    };
    Ok(Exporter::new(name, signal, destination, &settings))
}

fn over_grpc(settings: &TelemetryOtlp) -> OtlpGrpcExporter {
    let mut exporter = OtlpGrpcExporter {
        timeout: settings.attempt_time(),
        ..OtlpGrpcExporter::default()
    };
    let client = &mut exporter.client;
    client.endpoint.clone_from(&settings.endpoint);
    client.headers = settings.headers.clone();
    client.tls = tls(settings);
    client.compression = match settings.compression {
        TelemetryCompression::None => GrpcCompression::None,
        TelemetryCompression::Gzip => GrpcCompression::Gzip,
    };
    exporter
}

fn over_http(settings: &TelemetryOtlp) -> OtlpHttpExporter {
    let mut exporter = OtlpHttpExporter::default();
    if has_path(&settings.endpoint) {
        exporter.traces_endpoint.clone_from(&settings.endpoint);
        exporter.logs_endpoint.clone_from(&settings.endpoint);
        exporter.metrics_endpoint.clone_from(&settings.endpoint);
    }
    let client = &mut exporter.client;
    client.endpoint.clone_from(&settings.endpoint);
    client.headers = settings.headers.clone();
    client.tls = tls(settings);
    client.compression = match settings.compression {
        TelemetryCompression::None => HttpCompression::None,
        TelemetryCompression::Gzip => HttpCompression::Gzip,
    };
    exporter
}

/// Whether a URL says more than where the server is.
fn has_path(url: &str) -> bool {
    let server = url.split_once("://").map_or(url, |(_, rest)| rest);
    server.trim_end_matches('/').contains('/')
}

fn tls(settings: &TelemetryOtlp) -> ClientTls {
    let mut tls = ClientTls::default();
    tls.files.ca_file.clone_from(&settings.certificate);
    tls.files.cert_file.clone_from(&settings.client_certificate);
    tls.files.key_file.clone_from(&settings.client_key);
    tls
}

#[cfg(test)]
mod tests {
    use super::{over_grpc, over_http};
    use tailweir_config::TelemetryOtlp;

    /// Scenario: a server without and with a path, over HTTP.
    /// Guarantees: the usual paths are added to the one; the other is the whole URL.
    #[test]
    fn a_path_is_the_whole_one() {
        let of = |endpoint: &str| {
            let endpoint = endpoint.to_owned();
            let exporter = over_http(&TelemetryOtlp {
                endpoint,
                ..TelemetryOtlp::default()
            });
            (
                exporter.client.endpoint,
                exporter.logs_endpoint,
                exporter.traces_endpoint,
                exporter.metrics_endpoint,
            )
        };
        let server = "http://sink:4318/".to_owned();
        let none = String::new;
        assert_eq!(of(&server), (server, none(), none(), none()));
        let whole = "http://sink:4318/otlp/v1/logs".to_owned();
        let all = (whole.clone(), whole.clone(), whole.clone(), whole.clone());
        assert_eq!(of(&whole), all);
    }

    /// Scenario: certificates are configured.
    /// Guarantees: they are those of the client.
    #[test]
    fn certificates_reach_the_client() {
        let settings = TelemetryOtlp {
            certificate: "ca.pem".to_owned(),
            client_certificate: "own.pem".to_owned(),
            client_key: "own.key".to_owned(),
            ..TelemetryOtlp::default()
        };
        for tls in [
            over_grpc(&settings).client.tls,
            over_http(&settings).client.tls,
        ] {
            assert_eq!(tls.files.ca_file, "ca.pem");
            assert_eq!(tls.files.cert_file, "own.pem");
            assert_eq!(tls.files.key_file, "own.key");
        }
    }
}
