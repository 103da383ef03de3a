//! Pages over HTTP: those of `prometheus` exporters, and those that the process shows of itself.

mod scrape;

use super::auth::Authenticator;
use super::http_server::{Cors, credentials};
use super::status::{Encoding, http_response};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use scrape::Parts;
use std::sync::Arc;
use tailweir_export::Scraped;

/// Answers for pages that the process shows of itself.
pub trait Pages: Send + Sync + 'static {
    /// Answers a `GET` of who may ask. It is dropped when the client goes.
    fn answer(self: Arc<Self>, request: Request<()>) -> BoxFuture<'static, Response<Bytes>>;
}

/// Serves pages. A clone is the same server.
#[derive(Clone)]
pub(crate) struct PageService {
    inner: Arc<Inner>,
}

/// What is served.
pub(crate) enum Shown {
    /// The page of one exporter, at `/metrics`.
    Scraped {
        /// The page.
        scraped: Arc<Scraped>,
        /// Whether OpenMetrics is offered.
        open_metrics: bool,
    },
    /// What the process shows of itself.
    Pages(Arc<dyn Pages>),
}

/// How pages are served.
pub(crate) struct PageOptions {
    /// Who checks callers; nothing: everybody may ask.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    /// Parameters of the URL that are credentials as headers of that name are.
    pub(crate) request_params: Vec<String>,
    /// Which web pages may call; nothing: none of another origin.
    pub(crate) cors: Option<Cors>,
    /// Headers of every answer.
    pub(crate) headers: Vec<(String, String)>,
}

struct Inner {
    shown: Shown,
    options: PageOptions,
    /// Headers of every answer.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What an answer consists of: a short text, or a page that is written while it is sent.
pub(crate) type PageBody = Either<Full<Bytes>, Parts>;

impl PageService {
    /// A server of these.
    pub(crate) fn new(shown: Shown, options: PageOptions) -> Self {
        let valid = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        Self {
            inner: Arc::new(Inner {
                headers: options.headers.iter().filter_map(valid).collect(),
                shown,
                options,
            }),
        }
    }

    /// Answers one request.
    pub(crate) async fn call<B>(self, request: Request<B>) -> Response<PageBody> {
        let inner = &self.inner;
        let cors = inner.options.cors.as_ref();
        let mut response = match cors.filter(|cors| cors.is_preflight(&request)) {
            Some(cors) => cors
                .preflight(request.headers(), "GET, HEAD")
                .map(|body| Either::Left(Full::new(body))),
            None => inner.answer(&request).await,
        };
        if let Some(cors) = cors {
            let origin = cors.allowed_origin(request.headers());
            cors.decorate(origin, response.headers_mut());
        }
        for (name, value) in &inner.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

impl Inner {
    async fn answer<B>(&self, request: &Request<B>) -> Response<PageBody> {
        let (headers, query) = (request.headers(), request.uri().query());
        if let Some(authenticator) = &self.options.authenticator {
            let credentials = credentials(headers, query, &self.options.request_params);
            if let Err(refusal) = authenticator.authenticate(&credentials).await {
                return http_response(&refusal, Encoding::Json)
                    .map(|body| Either::Left(Full::new(body)));
            }
        }
        if matches!(self.shown, Shown::Scraped { .. }) && request.uri().path() != scrape::PATH {
            return short(StatusCode::NOT_FOUND, "the page is at /metrics\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = short(StatusCode::METHOD_NOT_ALLOWED, "GET is allowed\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match &self.shown {
            Shown::Scraped {
                scraped,
                open_metrics,
            } => scrape::answer(scraped, *open_metrics, request).map(Either::Right),
            Shown::Pages(pages) => {
                let answer = Arc::clone(pages).answer(head(request)).await;
                answer.map(|body| Either::Left(Full::new(body)))
            }
        }
    }
}

/// The request without what it carries.
fn head<B>(request: &Request<B>) -> Request<()> {
    let mut head = Request::new(());
    *head.uri_mut() = request.uri().clone();
    *head.headers_mut() = request.headers().clone();
    head
}

fn short(status: StatusCode, text: &'static str) -> Response<PageBody> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
