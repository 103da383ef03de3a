//! From the settings of a server to the limits of its connections.

use crate::ingress::{ConnectionLimits, PingPolicy};
use std::time::Duration;
use tailweir_config::{EnforcementPolicy, GrpcServer, HttpServer};

/// Least time between pings of gRPC clients where the policy names none.
const PING_TIME: Duration = Duration::from_secs(5 * 60);
/// How long HTTP connections without a request are kept where the settings do not say. Longer than the
/// minute at which SDKs send metrics and load balancers give up, so that the client ends them.
const HTTP_IDLE: Duration = Duration::from_secs(3 * 60);

pub(in crate::graph) fn grpc_limits(server: &GrpcServer) -> ConnectionLimits {
    let mut limits = ConnectionLimits::default();
    if server.max_concurrent_streams > 0 {
        limits.concurrent_streams_max = server.max_concurrent_streams;
    }
    if let Some(keepalive) = &server.keepalive {
        let wanted = &keepalive.server_parameters;
        limits.keepalive_time = set(wanted.time).unwrap_or(limits.keepalive_time);
        limits.keepalive_timeout = set(wanted.timeout).unwrap_or(limits.keepalive_timeout);
        limits.idle_max = set(wanted.max_connection_idle);
        limits.connection_age_max = set(wanted.max_connection_age);
        limits.connection_age_grace = set(wanted.max_connection_age_grace);
        limits.pings = keepalive.enforcement_policy.as_ref().map(ping_policy);
    }
    limits
}

fn ping_policy(policy: &EnforcementPolicy) -> PingPolicy {
    PingPolicy {
        least_time: set(policy.min_time).unwrap_or(PING_TIME),
        without_call: policy.permit_without_stream,
    }
}

pub(in crate::graph) fn http_limits(server: &HttpServer) -> ConnectionLimits {
    let mut limits = ConnectionLimits::default();
    let read = set(server.read_timeout);
    if let Some(timeout) = set(server.read_header_timeout).or(read) {
        limits.header_timeout = timeout;
        limits.handshake_timeout = timeout;
    }
    limits.idle_max = set(server.idle_timeout).or(read).or(Some(HTTP_IDLE));
    limits.answer_timeout = set(server.write_timeout);
    limits.keep_alive = server.keep_alives_enabled;
    limits
}

/// A duration that is set; zero is not.
pub(in crate::graph) fn set(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}
