//! The `service_graph` connector.

use super::span_metrics::check_max_size;
use crate::report::{Cause, Report};
use crate::setting::{Block, settings};
use std::time::Duration;

settings! {
    /// Where spans wait for their other half.
    pub struct EdgeStore {
        /// Most edges that wait. Spans of further edges are left out, and counted.
        max_items: i64 = 1000,
        /// Longest time that an edge waits.
        ttl: Duration = Duration::from_secs(2),
    }
    rules store_rules;
}

fn store_rules(store: &mut EdgeStore, block: &mut Block<'_>, report: &mut Report) {
    block.reject_negative("max_items", store.max_items, report);
}

settings! {
    /// Counts requests between services, by pairs of client and server spans. Written `service_graph`, or
    /// `servicegraph` as before.
    pub struct ServiceGraphConnector {
        /// Upper bounds of the buckets of durations. Absent: 2 ms to 15 s in 16 steps. Not with
        /// `exponential_histogram_max_size`.
        latency_histogram_buckets: Option<Vec<Duration>> = None,
        /// Most buckets of exponential histograms, 2 to 16,384. 0: histograms have fixed buckets.
        exponential_histogram_max_size: i32 = 0,
        /// Attributes of both spans and their resources that become `client_` and `server_` dimensions.
        dimensions: Vec<String> = Vec::new(),
        /// Where spans wait for their other half.
        store: EdgeStore = EdgeStore::default(),
        /// Time between searches for series that were not seen for 15 minutes. Zero: a minute.
        cache_loop: Duration = Duration::from_secs(60),
        /// Time between searches for edges that have waited too long. Zero: two seconds.
        store_expiration_loop: Duration = Duration::from_secs(2),
        /// Attributes of a client span that name a server without spans, the first that is there. Absent:
        /// `peer.service`, `db.name`, `db.system`. Empty: such servers are left out.
        virtual_node_peer_attributes: Option<Vec<String>> = None,
        /// Write `virtual_node`: which side of an edge had no span.
        virtual_node_extra_label: bool = false,
        /// Time between flushes. Zero: after each request. Absent: a minute.
        metrics_flush_interval: Option<Duration> = None,
        /// Attributes that name a database, the first that is there. Empty: `db.name`.
        database_name_attributes: Vec<String> = Vec::new(),
        /// How far back the times of data points are set.
        metrics_timestamp_offset: Duration = Duration::ZERO,
    }
    rules service_graph_rules;
}

fn service_graph_rules(
    connector: &mut ServiceGraphConnector,
    block: &mut Block<'_>,
    report: &mut Report,
) {
    let size = connector.exponential_histogram_max_size;
    let key = "exponential_histogram_max_size";
    if connector.latency_histogram_buckets.is_some() && size > 0 {
        let text = format!("`latency_histogram_buckets` and `{key}` exclude each other");
        report.error_at(block.at(key), Cause::Contradiction, text, "remove one");
    }
    if size < 0 && connector.latency_histogram_buckets.is_none() {
        block.reject_negative(key, size.into(), report);
        return;
    }
    check_max_size(key, size, block, report);
}
