//! The `jaeger` receiver.

use super::server::{GrpcServer, HttpServer, require_port, warn_of_localhost};
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};

settings! {
    /// Takes spans as Jaeger's collector and agent do.
    pub struct JaegerReceiver {
        /// The protocols that are served; one at least.
        protocols: JaegerProtocols = JaegerProtocols::default(),
    }
    refused {
        "remote_sampling" = "it has no effect in the Collector either, where the extension `jaegerremotesampling` serves strategies",
    }
    rules jaeger_receiver_rules;
}

fn jaeger_receiver_rules(
    receiver: &mut JaegerReceiver,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    if receiver.protocols == JaegerProtocols::default() {
        let text = "the jaeger receiver serves no protocol";
        let fix = "add `protocols: {grpc: , thrift_http: , thrift_compact: , thrift_binary: }` or some of them";
        report.error_at(block.at("protocols"), Cause::Missing, text, fix);
    }
}

settings! {
    /// The protocols of the `jaeger` receiver. An empty value (`grpc:`) serves it with its defaults.
    pub struct JaegerProtocols {
        /// Protobuf over gRPC, `jaeger.api_v2.CollectorService/PostSpans`. Absent: not served.
        grpc: Option<JaegerGrpcServer> = None,
        /// Thrift over HTTP, binary, at `/api/traces`. Absent: not served.
        thrift_http: Option<JaegerHttpServer> = None,
        /// Thrift in datagrams, compact, as for an agent. Absent: not served.
        thrift_compact: Option<JaegerCompactServer> = None,
        /// Thrift in datagrams, binary, as for an agent. Absent: not served.
        thrift_binary: Option<JaegerBinaryServer> = None,
    }
}

settings! {
    /// Jaeger over gRPC.
    pub struct JaegerGrpcServer inlines {
        /// The server.
        server: GrpcServer = GrpcServer {
            endpoint: "localhost:14250".to_owned(),
            ..GrpcServer::default()
        },
    } {}
    present_when_empty true;
    rules grpc_rules;
}

settings! {
    /// Jaeger's thrift over HTTP.
    pub struct JaegerHttpServer inlines {
        /// The server.
        server: HttpServer = HttpServer {
            endpoint: "localhost:14268".to_owned(),
            keep_alives_enabled: false,
            ..HttpServer::default()
        },
    } {}
    present_when_empty true;
    rules http_rules;
}

settings! {
    /// Jaeger's compact thrift in datagrams.
    pub struct JaegerCompactServer inlines {
        /// The server.
        server: DatagramServer = DatagramServer::at("localhost:6831"),
    } {}
    present_when_empty true;
    rules compact_rules;
}

settings! {
    /// Jaeger's binary thrift in datagrams.
    pub struct JaegerBinaryServer inlines {
        /// The server.
        server: DatagramServer = DatagramServer::at("localhost:6832"),
    } {}
    present_when_empty true;
    rules binary_rules;
}

settings! {
    /// A server of datagrams (UDP). What is refused is lost: datagrams have no answer.
    pub struct DatagramServer {
        /// Address, `host:port`.
        endpoint: String = String::new(),
        /// Most datagrams that wait for their turn. Further ones are dropped and counted.
        queue_size: i64 = 1000,
        /// Largest datagram, in bytes. Larger ones are dropped and counted.
        max_packet_size: i64 = 65_000,
        /// Most datagrams that are worked on at once.
        workers: i64 = 10,
        /// What the system may hold of datagrams that were not read yet, in bytes. 0: its default.
        socket_buffer_size: i64 = 0,
    }
    rules datagram_rules;
}

impl DatagramServer {
    fn at(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            ..Self::default()
        }
    }
}

/// The most that fits into a datagram.
const DATAGRAM_MAX: i64 = 65_535;
/// More workers than this are no help.
const WORKERS_MAX: i64 = 1000;
const QUEUE_MAX: i64 = 1_000_000;

fn datagram_rules(server: &mut DatagramServer, block: &mut Block<'_>, report: &mut Report) {
    require_port(&server.endpoint, block, report);
    for (key, value, most) in [
        ("queue_size", server.queue_size, QUEUE_MAX),
        ("max_packet_size", server.max_packet_size, DATAGRAM_MAX),
        ("workers", server.workers, WORKERS_MAX),
    ] {
        if !(1..=most).contains(&value) {
            let text = format!("`{key}` must be between 1 and {most}");
            report.error_at(block.at(key), Cause::OutOfRange, text, "");
        }
    }
    block.reject_negative("socket_buffer_size", server.socket_buffer_size, report);
}

fn grpc_rules(_: &mut JaegerGrpcServer, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 14250, report);
}

fn http_rules(_: &mut JaegerHttpServer, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 14268, report);
}

fn compact_rules(_: &mut JaegerCompactServer, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 6831, report);
}

fn binary_rules(_: &mut JaegerBinaryServer, block: &mut Block<'_>, report: &mut Report) {
    warn_of_localhost(block, 6832, report);
}
