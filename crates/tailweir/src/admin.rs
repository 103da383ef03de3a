//! The admin listener: `/metrics`, `/livez`, `/readyz`, `/status`, `/cluster`, `/cluster/slots` and `/kept`.
//!
//! It only tells; nothing can be changed through it. It has no authentication, so it listens on
//! loopback unless it is told otherwise.

use crate::cluster::Membership;
use crate::kept::KeptTrace;
use crate::node::{NodeView, Phase};
use crate::status;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The content type of Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the admin listener tells.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) metrics: PrometheusHandle,
    /// Nothing where kept traces are not shown.
    pub(crate) kept: Option<KeptTrace>,
    pub(crate) view: NodeView,
}

/// Serves until `stop`.
pub(crate) async fn serve(listener: TcpListener, admin: Admin, stop: CancellationToken) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/status", get(status_page))
        .route("/kept", get(kept))
        .route("/cluster", get(cluster_page))
        .route("/cluster/slots", get(slots_page))
        .with_state(admin);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "admin listener stopped");
    }
}

/// The admin listener of a process that waits for its cluster.
pub(crate) struct Waiting {
    served: JoinSet<()>,
    stop: CancellationToken,
}

impl Waiting {
    /// Answers on these listeners, until [`Self::end`] gives them back: it lives and is not ready.
    ///
    /// # Errors
    /// When the system does not let a listener be shared.
    pub(crate) fn serve(
        listeners: &[TcpListener],
        metrics: &PrometheusHandle,
        membership: &Arc<Membership>,
    ) -> std::io::Result<Self> {
        let stop = CancellationToken::new();
        let mut served = JoinSet::new();
        for listener in listeners {
            let twin = rustix::io::dup(listener)?;
            let twin = TcpListener::from_std(twin.into())?;
            let router = waiting_router(metrics.clone(), Arc::clone(membership));
            let serving =
                axum::serve(twin, router).with_graceful_shutdown(stop.clone().cancelled_owned());
            served.spawn(async move {
                // What cannot be answered now is asked again.
                let _ = serving.await;
            });
        }
        Ok(Self { served, stop })
    }

    /// Ends; connections that are open are closed after their answer.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.served.join_all().await;
    }
}

fn waiting_router(metrics: PrometheusHandle, membership: Arc<Membership>) -> Router {
    let not_ready = (StatusCode::SERVICE_UNAVAILABLE, "joining\n");
    let rendered = move || async move {
        ([(header::CONTENT_TYPE, PROMETHEUS)], metrics.render()).into_response()
    };
    Router::new()
        .route("/metrics", get(rendered))
        .route("/livez", get("ok\n"))
        .route("/readyz", get(move || std::future::ready(not_ready)))
        .route(
            "/cluster",
            get(|State(membership): State<Arc<Membership>>| async move {
                json(&membership.page().await)
            }),
        )
        .with_state(membership)
}

async fn metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS)], admin.metrics.render()).into_response()
}

/// Whoever can answer lives, unless a part has ended that only a restart brings back.
async fn livez(State(admin): State<Admin>) -> Response {
    match admin.view.is_alive() {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "failed\n").into_response(),
    }
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let phase = admin.view.phase();
    let status = match phase {
        Phase::Ready => StatusCode::OK,
        Phase::Draining | Phase::Joining | Phase::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{}\n", phase.name())).into_response()
}

async fn status_page(State(admin): State<Admin>, uri: Uri, headers: HeaderMap) -> Response {
    let outcome = if wants_text(uri.query(), &headers) {
        let page = admin.view.status().await;
        page.map(|page| status::page(&page).into_response())
    } else {
        let json = admin.view.status_json().await;
        json.map(|json| ([(header::CONTENT_TYPE, "application/json")], json).into_response())
    };
    outcome.unwrap_or_else(|error| {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
    })
}

async fn cluster_page(State(admin): State<Admin>) -> Response {
    match admin.view.membership() {
        Some(membership) => json(&membership.page().await),
        None => no_cluster(),
    }
}

async fn slots_page(State(admin): State<Admin>) -> Response {
    match admin.view.membership() {
        Some(membership) => json(&membership.slots()),
        None => no_cluster(),
    }
}

fn no_cluster() -> Response {
    let text = "this process belongs to no cluster\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

fn json(page: &impl Serialize) -> Response {
    match serde_json::to_string_pretty(page) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// `?format=` decides; else a client that asks for text, as browsers do, gets it.
fn wants_text(query: Option<&str>, headers: &HeaderMap) -> bool {
    let pairs = query.unwrap_or("").split('&');
    let format = pairs.filter_map(|pair| pair.strip_prefix("format=")).next();
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    match format {
        Some(format) => format == "text",
        None => accepted.is_some_and(|it| it.starts_with("text/")),
    }
}

async fn kept(State(admin): State<Admin>) -> Response {
    match admin.kept.as_ref().and_then(KeptTrace::longest) {
        Some(text) => text.into_response(),
        None => (StatusCode::NOT_FOUND, "no kept trace is shown here\n").into_response(),
    }
}
