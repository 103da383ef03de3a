//! The `zpages` extension: pages for people that show how the process does.
//!
//! They only tell; nothing can be changed through them. Settings of components are not shown, as they may have come
//! from the environment.

mod extensions;
mod figures;
mod pipelines;
mod service;
mod traces;

use crate::logging::{RecentLines, time_of_day};
use crate::node::NodeView;
use crate::pages::{Form, Page, answer};
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tailweir_config::{FeatureGate, Settings};
use tailweir_core::ByteSize;
use tailweir_gateway::{Pages, Status};

/// Where the pages are, and what they are.
const PAGES: [(&str, &str); 5] = [
    (
        "/debug/servicez",
        "what runs, since when, and its components",
    ),
    (
        "/debug/pipelinez",
        "each pipeline and what its components have done",
    ),
    ("/debug/extensionz", "the extensions that run"),
    ("/debug/featurez", "feature gates and whether they are on"),
    (
        "/debug/tracez",
        "requests, exports, times of decisions, recent warnings",
    ),
];
/// Where figures for programs are.
const FIGURES: &str = "/debug/expvarz";

/// The pages of one extension.
pub(crate) struct ZPages {
    view: NodeView,
    gates: Vec<FeatureGate>,
    recent: RecentLines,
    /// Where extensions listen, by their ids.
    addresses: Arc<[(String, SocketAddr)]>,
    started: String,
    shows_figures: bool,
}

/// What pages are made of.
struct Shown<'a> {
    pages: &'a ZPages,
    status: Status,
    /// Nothing once the process ends.
    settings: Option<Arc<Settings>>,
}

impl ZPages {
    /// Pages of this node, which starts now.
    pub(crate) fn new(
        view: NodeView,
        gates: Vec<FeatureGate>,
        recent: RecentLines,
        addresses: Arc<[(String, SocketAddr)]>,
        shows_figures: bool,
    ) -> Self {
        Self {
            view,
            gates,
            recent,
            addresses,
            started: time_of_day(),
            shows_figures,
        }
    }

    async fn page(&self, path: &str) -> Option<Page> {
        let shown = Shown {
            pages: self,
            status: self.view.running().status().await,
            settings: self.view.running().settings().await,
        };
        match path {
            "/debug/servicez" => Some(service::page(&shown)),
            "/debug/pipelinez" => Some(pipelines::page(&shown)),
            "/debug/extensionz" => Some(extensions::page(&shown)),
            "/debug/featurez" => Some(service::gates(&shown)),
            "/debug/tracez" => Some(traces::page(&shown)),
            _ => None,
        }
    }

    async fn respond(&self, request: &Request<()>) -> Response<Bytes> {
        let path = request.uri().path().trim_end_matches('/');
        if self.shows_figures && path == FIGURES {
            let figures = figures::figures(&self.view).await;
            return answer(StatusCode::OK, Form::Json, figures);
        }
        match self.page(path).await {
            Some(page) => {
                let form = Form::wanted(request.uri().query(), request.headers());
                answer(StatusCode::OK, form, form.write(&page))
            }
            None => answer(StatusCode::NOT_FOUND, Form::Text, contents()),
        }
    }
}

impl Pages for ZPages {
    fn answer(
        self: Arc<Self>,
        request: Request<()>,
    ) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> {
        Box::pin(async move { self.respond(&request).await })
    }
}

/// How full the budget in front of everything is.
fn in_flight(status: &Status) -> String {
    let admission = &status.admission;
    format!(
        "{} of {}, {} requests refused by the whole process",
        ByteSize(admission.in_flight_bytes),
        ByteSize(admission.in_flight_bytes_max),
        admission.refused_requests
    )
}

fn contents() -> String {
    let lines = PAGES.map(|(path, what)| format!("{path}: {what}\n"));
    format!("there is no such page; there are\n{}", lines.concat())
}
