//! What all servers have in common.

use super::http_keepalive::{HttpServerKeepalive, refuse_beside_keepalive};
use super::tls::ServerTls;
use crate::ComponentId;
use crate::report::{Cause, Report};
use crate::setting::{Block, Headers, choice, settings};
use std::time::Duration;

choice! {
    /// Over what a server is reached.
    pub enum Transport = Tcp {
        /// TCP, IPv4 and IPv6.
        Tcp = "tcp",
        /// TCP, IPv4 alone.
        Tcp4 = "tcp4",
        /// TCP, IPv6 alone.
        Tcp6 = "tcp6",
        /// A Unix domain socket; `endpoint` is its path.
        Unix = "unix",
    }
}

settings! {
    /// A gRPC server.
    pub struct GrpcServer {
        /// Address, `host:port`; the path of the socket for `transport: unix`.
        endpoint: String = String::new(),
        /// Over what the server is reached.
        transport: Transport = Transport::Tcp,
        /// TLS. Absent: plain text.
        tls: Option<ServerTls> = None,
        /// Largest message that is taken, in MiB. 0: 4 MiB.
        max_recv_msg_size_mib: i64 = 0,
        /// Most calls at once on one connection. 0: 256.
        max_concurrent_streams: u32 = 0,
        /// When idle and old connections are closed, and what clients may ping.
        keepalive: Option<ServerKeepalive> = Some(ServerKeepalive::default()),
        /// Who may call. Absent: everybody.
        auth: Option<GrpcAuthenticator> = None,
        /// Hand the request's metadata to the processors (`from_context`, `metadata_keys`).
        include_metadata: bool = false,
    }
    ignored {
        "read_buffer_size": i64 = "buffers are sized by the transport",
        "write_buffer_size": i64 = "buffers are sized by the transport",
    }
    refused {
        "middlewares" = "there are no middleware extensions",
    }
    rules grpc_server_rules;
}

fn grpc_server_rules(server: &mut GrpcServer, block: &mut Block<'_>, report: &mut Report) {
    block.reject_negative(
        "max_recv_msg_size_mib",
        server.max_recv_msg_size_mib,
        report,
    );
    endpoint_rules(&server.endpoint, server.transport, block, report);
}

/// Refuses addresses on which no server could be opened, and warns of those that are not reached
/// from outside.
fn endpoint_rules(endpoint: &str, transport: Transport, block: &Block<'_>, report: &mut Report) {
    if transport != Transport::Unix {
        require_port(endpoint, block, report);
    }
}

/// Refuses addresses that are no `host:port`.
pub(super) fn require_port(endpoint: &str, block: &Block<'_>, report: &mut Report) {
    if endpoint.is_empty() {
        return;
    }
    let place = block.at("endpoint");
    if endpoint.contains("://") {
        let text = "an address to listen on has no scheme";
        let fix = "write `host:port`";
        report.error_at(place, Cause::NotAllowed, text, fix);
        return;
    }
    match endpoint.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => {}
        Some((_, port)) if port.parse::<u64>().is_ok() => {
            report.error_at(place, Cause::OutOfRange, "the port is above 65535", "");
        }
        // A name of a service (`host:http`) is a matter of the system.
        Some(_) => {}
        None => {
            let text = "an address to listen on needs a port";
            report.error_at(place, Cause::NotAllowed, text, "write `host:4317`, say");
        }
    }
}

/// Warns when nobody said where a server listens, and so nothing outside reaches it.
pub(super) fn warn_of_localhost(block: &Block<'_>, port: u16, report: &mut Report) {
    if !block.has("endpoint") {
        let text = "no `endpoint`: the server listens on localhost, which nothing outside this \
                    host or container reaches";
        let fix = format!("write `endpoint: 0.0.0.0:{port}` to be reached from outside");
        report.warn_at(block.place(), Cause::Advisable, text, fix);
    }
}

settings! {
    /// Keepalive of a gRPC server.
    pub struct ServerKeepalive {
        /// When connections are closed and pinged.
        server_parameters: ServerParameters = ServerParameters::default(),
        /// What clients may do. Absent: ping as they like.
        enforcement_policy: Option<EnforcementPolicy> = None,
    }
}

settings! {
    /// When a gRPC server closes and pings connections.
    pub struct ServerParameters {
        /// Close a connection that had no call for this long. Zero: never.
        max_connection_idle: Duration = Duration::ZERO,
        /// Close a connection of this age, a tenth more or less, so that clients spread anew.
        /// Zero: never.
        max_connection_age: Duration = Duration::ZERO,
        /// Time that running calls get after `max_connection_age`. Zero: until they end.
        max_connection_age_grace: Duration = Duration::ZERO,
        /// Ping a client that was silent for this long. Zero: 30 s.
        time: Duration = Duration::ZERO,
        /// Close the connection when the ping is not answered in time. Zero: 20 s.
        timeout: Duration = Duration::ZERO,
    }
}

settings! {
    /// What gRPC clients may do. A connection on which the third ping comes too early is closed with
    /// `ENHANCE_YOUR_CALM`; an answer to a call makes earlier ones forgotten.
    pub struct EnforcementPolicy {
        /// Least time between two pings of a client. Zero: 5 min.
        min_time: Duration = Duration::ZERO,
        /// Whether clients may ping so often without a call; if not, once in two hours.
        permit_without_stream: bool = false,
    }
    present_when_empty true;
}

settings! {
    /// An HTTP server.
    pub struct HttpServer {
        /// Address, `host:port`; the path of the socket for `transport: unix`.
        endpoint: String = String::new(),
        /// Over what the server is reached.
        transport: Transport = Transport::Tcp,
        /// TLS. Absent: plain text.
        tls: Option<ServerTls> = None,
        /// Which web pages may call. Absent: none of another origin.
        cors: Option<Cors> = None,
        /// Who may call. Absent: everybody.
        auth: Option<HttpAuthenticator> = None,
        /// Largest body that is taken, in bytes, unpacked. 0: 20 MiB.
        max_request_body_size: i64 = 0,
        /// Hand the request's headers to the processors (`from_context`, `metadata_keys`).
        include_metadata: bool = false,
        /// Headers of every answer.
        response_headers: Headers = Headers::default(),
        /// Encodings of bodies that are taken; `""` is no encoding. Empty: all that there are
        /// (gzip, zstd, zlib, snappy, deflate, lz4 and none).
        compression_algorithms: Vec<String> = Vec::new(),
        /// Time to read the body of a request. Zero: no limit, as long as some of it comes every 30 s.
        read_timeout: Duration = Duration::ZERO,
        /// Time to read the headers of a request over HTTP/1. Zero: that of `read_timeout`, else 1 min.
        read_header_timeout: Duration = Duration::ZERO,
        /// Time to answer a request, from its headers on; after it the connection is closed, over
        /// HTTP/2 the request is reset. Zero: no limit.
        write_timeout: Duration = Duration::ZERO,
        /// Time that a connection without a request is kept. Zero: that of `read_timeout`, else 3 min.
        /// Older form of `keepalive.idle_timeout`.
        idle_timeout: Duration = Duration::ZERO,
        /// Serve more than one request on a connection. Older form of `keepalive.enabled`.
        keep_alives_enabled: bool = true,
        /// How long connections are kept, in place of `idle_timeout` and `keep_alives_enabled`, which it
        /// sets.
        keepalive: Option<HttpServerKeepalive> = None,
    }
    refused {
        "middlewares" = "there are no middleware extensions",
    }
    rules http_server_rules;
}

fn http_server_rules(server: &mut HttpServer, block: &mut Block<'_>, report: &mut Report) {
    block.reject_negative(
        "max_request_body_size",
        server.max_request_body_size,
        report,
    );
    endpoint_rules(&server.endpoint, server.transport, block, report);
    fold_keepalive(server, block, report);
    const KNOWN: [&str; 8] = [
        "", "none", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4",
    ];
    for (place, name) in block
        .items("compression_algorithms")
        .zip(&server.compression_algorithms)
    {
        if !KNOWN.contains(&name.as_str()) && name != "x-snappy-framed" {
            report.unknown_name(place, Cause::NotAllowed, "encoding", name, &KNOWN[1..]);
        }
    }
}

/// The `keepalive` block becomes the single options, as in the Collector; so there is one place to look.
fn fold_keepalive(server: &mut HttpServer, block: &Block<'_>, report: &mut Report) {
    let Some(keepalive) = server.keepalive.take() else {
        return;
    };
    let single = [
        ("idle_timeout", !server.idle_timeout.is_zero()),
        ("keep_alives_enabled", !server.keep_alives_enabled),
    ];
    refuse_beside_keepalive(&single, block, report);
    server.keep_alives_enabled = keepalive.enabled;
    if let Some(timeout) = keepalive.idle_timeout.filter(|_| keepalive.enabled) {
        server.idle_timeout = timeout;
    }
}

settings! {
    /// Which web pages may call (cross-origin resource sharing).
    pub struct Cors {
        /// Origins; `*` stands for any text. Empty: cross-origin calls are not allowed.
        allowed_origins: Vec<String> = Vec::new(),
        /// Headers beside `Accept`, `Accept-Language`, `Content-Type` and `Content-Language`.
        allowed_headers: Vec<String> = Vec::new(),
        /// Headers of the answer that scripts may see.
        exposed_headers: Vec<String> = Vec::new(),
        /// How long browsers may remember the answer, in seconds. 0: their default.
        max_age: i64 = 0,
    }
}

settings! {
    /// Who may call a gRPC server.
    pub struct GrpcAuthenticator {
        /// Id of the extension that checks callers.
        authenticator: Option<ComponentId> = None,
    }
    rules grpc_authenticator_rules;
}

fn grpc_authenticator_rules(
    auth: &mut GrpcAuthenticator,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    require_authenticator(auth.authenticator.as_ref(), "basicauth", block, report);
}

settings! {
    /// Who may call an HTTP server.
    pub struct HttpAuthenticator {
        /// Id of the extension that checks callers.
        authenticator: Option<ComponentId> = None,
        /// Parameters of the URL that the extension sees as headers of that name; they win over
        /// headers that are there.
        request_params: Vec<String> = Vec::new(),
    }
    rules http_authenticator_rules;
}

fn http_authenticator_rules(
    auth: &mut HttpAuthenticator,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    require_authenticator(auth.authenticator.as_ref(), "basicauth", block, report);
}

/// Refuses an `auth` block that names nobody.
pub(super) fn require_authenticator(
    authenticator: Option<&ComponentId>,
    example: &str,
    block: &Block<'_>,
    report: &mut Report,
) {
    if authenticator.is_none() {
        let text = "`auth` names no authenticator";
        let fix = format!("add `authenticator: {example}`, say");
        report.error_at(block.place(), Cause::Missing, text, fix);
    }
}
