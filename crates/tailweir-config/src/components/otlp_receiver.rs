//! The `otlp` receiver.

use super::server::{GrpcServer, HttpServer, warn_of_localhost};
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};

settings! {
    /// Takes traces, metrics and logs as OTLP over gRPC and HTTP.
    pub struct OtlpReceiver {
        /// The protocols that are served; one at least.
        protocols: OtlpProtocols = OtlpProtocols::default(),
    }
    rules receiver_rules;
}

fn receiver_rules(receiver: &mut OtlpReceiver, block: &mut Block<'_>, report: &mut Report) {
    if receiver.protocols == OtlpProtocols::default() {
        let text = "the otlp receiver serves no protocol";
        let fix = "add `protocols: {grpc: , http: }` or one of the two";
        report.error_at(block.at("protocols"), Cause::Missing, text, fix);
    }
}

settings! {
    /// The protocols of the `otlp` receiver. An empty value (`grpc:`) serves it with its defaults.
    pub struct OtlpProtocols {
        /// OTLP over gRPC. Absent: not served.
        grpc: Option<OtlpGrpcServer> = None,
        /// OTLP over HTTP, as protobuf and JSON. Absent: not served.
        http: Option<OtlpHttpServer> = None,
    }
}

settings! {
    /// OTLP over gRPC.
    pub struct OtlpGrpcServer inlines {
        /// The server.
        server: GrpcServer = GrpcServer {
            endpoint: "localhost:4317".to_owned(),
            ..GrpcServer::default()
        },
    } {}
    present_when_empty true;
    rules grpc_rules;
}

settings! {
    /// OTLP over HTTP.
    pub struct OtlpHttpServer inlines {
        /// The server.
        server: HttpServer = HttpServer {
            endpoint: "localhost:4318".to_owned(),
            ..HttpServer::default()
        },
    } {
        /// Path of traces.
        traces_url_path: String = "/v1/traces".to_owned(),
        /// Path of metrics.
        metrics_url_path: String = "/v1/metrics".to_owned(),
        /// Path of logs.
        logs_url_path: String = "/v1/logs".to_owned(),
    }
    ignored {
        "profiles_url_path": String = "profiles are not taken",
    }
    present_when_empty true;
    rules http_rules;
}

fn grpc_rules(_: &mut OtlpGrpcServer, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 4317, report);
}

fn http_rules(server: &mut OtlpHttpServer, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 4318, report);
    for (key, path) in [
        ("traces_url_path", &mut server.traces_url_path),
        ("metrics_url_path", &mut server.metrics_url_path),
        ("logs_url_path", &mut server.logs_url_path),
    ] {
        if path.is_empty() {
            let text = format!("`{key}` must not be empty");
            report.error_at(block.at(key), Cause::Missing, text, "");
        } else if !path.starts_with('/') {
            path.insert(0, '/');
        }
    }
}
