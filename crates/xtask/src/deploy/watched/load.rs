//! What clients send to the processes: OTLP/JSON, again and again.

use crate::servers::{now, post};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(250);

/// What one request holds.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Traces of two spans each, the first of which has an error.
    pub(super) traces: usize,
    /// Bytes that each span has more than it needs.
    pub(super) padding: usize,
    /// Whether another span of always the same trace is there.
    pub(super) late: bool,
    /// Clients that send at the same time.
    pub(super) clients: usize,
}

pub(super) const LIGHT: Shape = Shape {
    traces: 10,
    padding: 0,
    late: false,
    clients: 1,
};
pub(super) const HEAVY: Shape = Shape {
    traces: 40,
    padding: 4000,
    ..LIGHT
};

/// Clients that send until they are dropped.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins to send to a receiver. What is refused is not sent again.
    pub(super) fn begin(receiver: SocketAddr, shape: Shape) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |number: usize| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    let seed = (u64::try_from(number).unwrap_or_default() << 32) + round;
                    let _ = post(receiver, "/v1/traces", &traces(seed, shape));
                    let _ = post(receiver, "/v1/metrics", &metrics(round));
                    let _ = post(receiver, "/v1/logs", &logs());
                    thread::park_timeout(PAUSE);
                }
            })
        };
        let clients = (0..shape.clients).map(client).collect();
        Self { stop, clients }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Those that wait for an answer end with this program.
        self.clients
            .iter()
            .for_each(|client| client.thread().unpark());
    }
}

fn resource() -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]})
}

fn traces(seed: u64, shape: Shape) -> Value {
    let end = now();
    let padding = "x".repeat(shape.padding);
    let span = |trace: u128, id: u64, error: bool| {
        json!({"traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "name": "checkout", "kind": 2,
            "startTimeUnixNano": (end - 1_000_000).to_string(), "endTimeUnixNano": end.to_string(),
            "attributes": [{"key": "padding", "value": {"stringValue": padding}}],
            "status": {"code": if error { 2 } else { 1 }}})
    };
    let mut spans = Vec::new();
    for number in 0..shape.traces {
        let number = u128::try_from(number).unwrap_or_default();
        // Ids that look random, as samplers expect of them.
        let trace = (u128::from(seed) * 1_000 + number + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        spans.push(span(trace, 1, number % 10 == 0));
        spans.push(span(trace, 2, false));
    }
    if shape.late {
        for id in 0..10 {
            spans.push(span(7, seed * 10 + id + 1, true));
        }
    }
    json!({"resourceSpans": [{"resource": resource(), "scopeSpans": [{"spans": spans}]}]})
}

fn metrics(round: u64) -> Value {
    let point = |route: &str| {
        json!({"timeUnixNano": now().to_string(), "asInt": round.to_string(),
            "attributes": [{"key": "route", "value": {"stringValue": route}}]})
    };
    let points = ["/", "/cart", "/pay"].map(point);
    let metric = json!({"name": "orders", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
        "dataPoints": points}});
    json!({"resourceMetrics": [{"resource": resource(), "scopeMetrics": [{"metrics": [metric]}]}]})
}

fn logs() -> Value {
    let record = |body: &str| json!({"timeUnixNano": now().to_string(), "severityNumber": 9, "body": {"stringValue": body}});
    let records = ["paid", "noise"].map(record);
    json!({"resourceLogs": [{"resource": resource(), "scopeLogs": [{"logRecords": records}]}]})
}
