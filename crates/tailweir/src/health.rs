//! The Collector's `health_check` extension: 200 while data is taken, else 503.

use crate::logging::time_of_day;
use crate::node::{NodeView, Phase};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;
use tailweir_config::HealthCheck;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Answers for one `health_check` extension.
struct Health {
    settings: HealthCheck,
    headers: HeaderMap,
    view: NodeView,
    up_since: String,
    started: Instant,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    settings: HealthCheck,
    view: NodeView,
    stop: CancellationToken,
) {
    let health = Arc::new(Health {
        headers: headers(&settings),
        settings,
        view,
        up_since: time_of_day(),
        started: Instant::now(),
    });
    let router = Router::new().fallback(answer).with_state(health);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "health check stopped");
    }
}

/// Headers of every answer; what is no header is left out, and said.
fn headers(settings: &HealthCheck) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in settings.response_headers.iter() {
        let header = (
            HeaderName::try_from(name),
            HeaderValue::try_from(value.expose()),
        );
        if let (Ok(name), Ok(value)) = header {
            headers.insert(name, value);
        } else {
            tracing::warn!(header = name, "not a header, so the health check omits it");
        }
    }
    headers
}

async fn answer(State(health): State<Arc<Health>>, request: Request) -> Response {
    let mut response = health.answer(&request);
    response.headers_mut().extend(health.headers.clone());
    response
}

impl Health {
    fn answer(&self, request: &Request) -> Response {
        if !self.answers(request.uri().path()) {
            return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
        }
        let is_ready = self.view.phase() == Phase::Ready;
        let status = if is_ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        match &self.settings.response_body {
            Some(body) if is_ready => (status, body.healthy.clone()).into_response(),
            Some(body) => (status, body.unhealthy.clone()).into_response(),
            None => {
                let kind = [(header::CONTENT_TYPE, "application/json")];
                (status, kind, self.page(is_ready)).into_response()
            }
        }
    }

    /// As Go's multiplexer has it: a path that ends in a slash stands for all below it.
    fn answers(&self, path: &str) -> bool {
        let own = self.settings.path.as_str();
        path == own || own.ends_with('/') && path.starts_with(own)
    }

    fn page(&self, is_ready: bool) -> String {
        let page = if is_ready {
            json!({
                "status": "Server available",
                "upSince": self.up_since,
                "uptime": format!("{:?}", self.started.elapsed()),
            })
        } else {
            json!({ "status": "Server not available", "upSince": "0001-01-01T00:00:00Z", "uptime": "" })
        };
        page.to_string()
    }
}
