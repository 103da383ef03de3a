//! What the tests share: a ledger, requests, and backends that follow a script.

mod grpc_backend;
mod http_backend;
mod ledger;
mod requests;
mod scripted;

pub(crate) use grpc_backend::{Answer, GrpcBackend};
pub(crate) use http_backend::{HttpBackend, HttpRequest, Reply};
pub(crate) use ledger::Ledger;
pub(crate) use requests::{attribute, logs, metrics, span, traces};
pub(crate) use scripted::{Scripted, Step};

use std::future::Future;
use std::time::Duration;
use tailweir_export::{Exporter, Retry};

/// Keeps `exporter` running while `test` runs.
pub(crate) async fn while_running<T>(exporter: &Exporter, test: impl Future<Output = T>) -> T {
    tokio::select! {
        () = exporter.run() => panic!("an exporter runs until it is shut down"),
        outcome = test => outcome,
    }
}

/// Retries without pause worth mentioning, for tests with real sockets.
pub(crate) fn quick_retry() -> Retry {
    Retry {
        initial_interval: Duration::from_millis(1),
        max_interval: Duration::from_millis(5),
        ..Retry::default()
    }
}
