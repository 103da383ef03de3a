//! The `keepalive` blocks of HTTP, and the single options that they took the place of.

use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::time::Duration;

settings! {
    /// How long an HTTP server keeps connections. What is not written here is as without the block.
    pub struct HttpServerKeepalive {
        /// Serve more than one request on a connection.
        enabled: bool = true,
        /// Time that a connection without a request is kept. Zero: that of `read_timeout`, else 3 min.
        idle_timeout: Option<Duration> = None,
    }
}

settings! {
    /// How long an HTTP client keeps connections. What is not written here is as without the block.
    pub struct HttpClientKeepalive {
        /// Use connections more than once.
        enabled: bool = true,
        /// Time that an idle connection is kept. Zero: without end.
        idle_conn_timeout: Option<Duration> = None,
        /// Most idle connections in all. 0: no limit.
        max_idle_conns: Option<i64> = None,
        /// Most idle connections to one host. 0: no limit.
        max_idle_conns_per_host: Option<i64> = None,
    }
}

/// Refuses single options beside the block that took their place. `single` tells each with whether
/// what it says is more than nothing, as the Collector judges.
pub(super) fn refuse_beside_keepalive(
    single: &[(&str, bool)],
    block: &Block<'_>,
    report: &mut Report,
) {
    for (key, _) in single.iter().filter(|(key, says)| *says && block.has(key)) {
        let text = format!("`{key}` and `keepalive` exclude each other");
        let fix = "write all of it in the `keepalive` block";
        report.error_at(block.at(key), Cause::Contradiction, text, fix);
    }
}
