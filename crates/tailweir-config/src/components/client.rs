//! What all clients have in common.

use super::http_keepalive::{HttpClientKeepalive, refuse_beside_keepalive};
use super::server::require_authenticator;
use super::tls::ClientTls;
use crate::ComponentId;
use crate::report::{Cause, Report};
use crate::setting::{Block, Headers, choice, settings};
use std::time::Duration;

choice! {
    /// How bodies are packed over gRPC.
    pub enum GrpcCompression = Gzip {
        /// gzip.
        Gzip = "gzip",
        /// Zstandard.
        Zstd = "zstd",
        /// Snappy.
        Snappy = "snappy",
        /// Not at all.
        None = "none" | "",
    }
}

choice! {
    /// How bodies are packed over HTTP.
    pub enum HttpCompression = Gzip {
        /// gzip.
        Gzip = "gzip",
        /// Zstandard.
        Zstd = "zstd",
        /// Snappy, one block.
        Snappy = "snappy",
        /// Snappy, framed.
        SnappyFramed = "x-snappy-framed",
        /// zlib.
        Zlib = "zlib",
        /// zlib, under its other name.
        Deflate = "deflate",
        /// LZ4, framed.
        Lz4 = "lz4",
        /// Not at all.
        None = "none" | "",
    }
}

settings! {
    /// A gRPC client.
    pub struct GrpcClient {
        /// Address, `host:port`, with or without `http://` (plain text), `https://` or `dns://`.
        endpoint: String = String::new(),
        /// How bodies are packed.
        compression: GrpcCompression = GrpcCompression::Gzip,
        /// TLS. `insecure: true` for plain text.
        tls: ClientTls = ClientTls::default(),
        /// When a silent connection is pinged. Absent: never.
        keepalive: Option<ClientKeepalive> = None,
        /// Wait for a connection instead of failing at once.
        wait_for_ready: bool = false,
        /// Headers of every call.
        headers: Headers = Headers::default(),
        /// How calls are spread over the addresses of a name: `round_robin` or `pick_first`.
        balancer_name: String = "round_robin".to_owned(),
        /// The `:authority` of calls. Empty: the endpoint.
        authority: String = String::new(),
        /// Who we are. Absent: nobody.
        auth: Option<Authenticator> = None,
        /// The `user-agent` of calls. Empty: name and version.
        user_agent: String = String::new(),
    }
    ignored {
        "read_buffer_size": i64 = "buffers are sized by the transport",
        "write_buffer_size": i64 = "buffers are sized by the transport",
    }
    refused {
        "middlewares" = "there are no middleware extensions",
        "proxy_url" = "calls through a proxy are not supported; reach the backend directly",
        "insecure" = "write `tls: {insecure: true}`",
        "ca_file" = "write `tls: {ca_file: ...}`",
    }
    rules grpc_client_rules;
}

fn grpc_client_rules(client: &mut GrpcClient, block: &mut Block<'_>, report: &mut Report) {
    const BALANCERS: [&str; 2] = ["round_robin", "pick_first"];
    if !BALANCERS.contains(&client.balancer_name.as_str()) && !client.balancer_name.is_empty() {
        let place = block.at("balancer_name");
        report.unknown_name(
            place,
            Cause::NotAllowed,
            "balancer",
            &client.balancer_name,
            &BALANCERS,
        );
    }
}

settings! {
    /// Keepalive of a gRPC client.
    pub struct ClientKeepalive {
        /// Ping a server that was silent for this long. At least 10 s.
        time: Duration = Duration::ZERO,
        /// Close the connection when the ping is not answered in time. Zero: 20 s.
        timeout: Duration = Duration::ZERO,
        /// Ping without a call, too.
        permit_without_stream: bool = false,
    }
}

settings! {
    /// An HTTP client.
    pub struct HttpClient {
        /// URL. `otlp_http` adds `/v1/traces`, `/v1/metrics` or `/v1/logs`; for all others it is the whole URL.
        endpoint: String = String::new(),
        /// TLS of `https://` endpoints.
        tls: ClientTls = ClientTls::default(),
        /// Time for one attempt. Zero: no limit.
        timeout: Duration = Duration::from_secs(30),
        /// Headers of every request.
        headers: Headers = Headers::default(),
        /// Who we are. Absent: nobody.
        auth: Option<Authenticator> = None,
        /// How bodies are packed.
        compression: HttpCompression = HttpCompression::Gzip,
        /// How hard bodies are packed.
        compression_params: CompressionParameters = CompressionParameters::default(),
        /// Most idle connections in all. 0: no limit. Older form of `keepalive.max_idle_conns`.
        max_idle_conns: i64 = 100,
        /// Most idle connections to one host. 0: no limit. Older form of
        /// `keepalive.max_idle_conns_per_host`.
        max_idle_conns_per_host: i64 = 0,
        /// Time that an idle connection is kept. Zero: without end. Older form of
        /// `keepalive.idle_conn_timeout`.
        idle_conn_timeout: Duration = Duration::from_secs(90),
        /// Use each connection once. Older form of `keepalive.enabled: false`.
        disable_keep_alives: bool = false,
        /// How long connections are kept, in place of the four options before, which it sets.
        keepalive: Option<HttpClientKeepalive> = None,
    }
    ignored {
        "read_buffer_size": i64 = "buffers are sized by the transport",
        "write_buffer_size": i64 = "buffers are sized by the transport",
        "max_conns_per_host": i64 = "`sending_queue.num_consumers` bounds the connections",
        "http2_read_idle_timeout": Duration = "the transport pings as it needs",
        "http2_ping_timeout": Duration = "the transport pings as it needs",
        "force_attempt_http2": bool = "HTTP/2 is used where the server offers it",
    }
    refused {
        "middlewares" = "there are no middleware extensions",
        "proxy_url" = "calls through a proxy are not supported; reach the backend directly",
        "cookies" = "cookies are not kept",
    }
    rules http_client_rules;
}

fn http_client_rules(client: &mut HttpClient, block: &mut Block<'_>, report: &mut Report) {
    check_url(&client.endpoint, "endpoint", block, report);
    fold_keepalive(client, block, report);
}

/// The `keepalive` block becomes the single options, as in the Collector; so there is one place to look.
fn fold_keepalive(client: &mut HttpClient, block: &Block<'_>, report: &mut Report) {
    let Some(keepalive) = client.keepalive.take() else {
        return;
    };
    let single = [
        ("max_idle_conns", client.max_idle_conns != 0),
        (
            "max_idle_conns_per_host",
            client.max_idle_conns_per_host != 0,
        ),
        ("idle_conn_timeout", !client.idle_conn_timeout.is_zero()),
        ("disable_keep_alives", client.disable_keep_alives),
    ];
    refuse_beside_keepalive(&single, block, report);
    client.disable_keep_alives = !keepalive.enabled;
    if !keepalive.enabled {
        return;
    }
    if let Some(timeout) = keepalive.idle_conn_timeout {
        client.idle_conn_timeout = timeout;
    }
    if let Some(most) = keepalive.max_idle_conns {
        client.max_idle_conns = most;
    }
    if let Some(most) = keepalive.max_idle_conns_per_host {
        client.max_idle_conns_per_host = most;
    }
}

/// Refuses what is no URL of HTTP.
pub(super) fn check_url(url: &str, key: &str, block: &Block<'_>, report: &mut Report) {
    if url.is_empty() || url.starts_with("http://") || url.starts_with("https://") {
        return;
    }
    let text = format!("`{key}` is not a URL");
    let fix = "start it with `http://` or `https://`";
    report.error_at(block.at(key), Cause::NotAllowed, text, fix);
}

settings! {
    /// How hard bodies are packed.
    pub struct CompressionParameters {
        /// The level of the algorithm. 0: its default.
        level: i64 = 0,
    }
}

settings! {
    /// Who a client is.
    pub struct Authenticator {
        /// Id of the extension that signs calls.
        authenticator: Option<ComponentId> = None,
    }
    rules authenticator_rules;
}

fn authenticator_rules(auth: &mut Authenticator, block: &mut Block<'_>, report: &mut Report) {
    let authenticator = auth.authenticator.as_ref();
    require_authenticator(authenticator, "bearertokenauth", block, report);
}
