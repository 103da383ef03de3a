//! The pages of `prometheus` exporters over HTTP.

use super::auth::Authenticator;
use super::http_server::{Cors, credentials};
use super::status::{Encoding, http_response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, VARY,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Either, Full};
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tailweir_export::{Scraped, ScrapedPage};
use tailweir_prometheus::{Format, wants_gzip};

/// Where the page is.
const PATH: &str = "/metrics";
/// Most families that one request may ask for.
const NAMES_MAX: usize = 1000;

/// Serves the page of one exporter. A clone is the same server.
#[derive(Clone)]
pub(crate) struct PageService {
    inner: Arc<Inner>,
}

/// How a page is served.
pub(crate) struct PageOptions {
    /// Whether OpenMetrics is offered.
    pub(crate) open_metrics: bool,
    /// Who checks scrapers; nothing: everybody may scrape.
    pub(crate) authenticator: Option<Arc<Authenticator>>,
    /// Parameters of the URL that are credentials as headers of that name are.
    pub(crate) request_params: Vec<String>,
    /// Which web pages may call; nothing: none of another origin.
    pub(crate) cors: Option<Cors>,
    /// Headers of every answer.
    pub(crate) headers: Vec<(String, String)>,
}

struct Inner {
    scraped: Arc<Scraped>,
    options: PageOptions,
    /// Headers of every answer.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What an answer consists of: a short text, or a page that is written while it is sent.
pub(crate) type PageBody = Either<Full<Bytes>, Parts>;

impl PageService {
    /// A server of this page.
    pub(crate) fn new(scraped: Arc<Scraped>, options: PageOptions) -> Self {
        let valid = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        Self {
            inner: Arc::new(Inner {
                headers: options.headers.iter().filter_map(valid).collect(),
                scraped,
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
                .preflight(request.headers())
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
        if request.uri().path() != PATH {
            return short(StatusCode::NOT_FOUND, "the page is at /metrics\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = short(StatusCode::METHOD_NOT_ALLOWED, "GET is allowed\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        self.page(request)
    }

    fn page<B>(&self, request: &Request<B>) -> Response<PageBody> {
        let accept = joined(request.headers(), &ACCEPT);
        let format = Format::negotiate(&accept, self.options.open_metrics);
        let names = wanted_names(request.uri().query().unwrap_or_default());
        let is_packed = wants_gzip(&joined(request.headers(), &ACCEPT_ENCODING));
        let parts = Parts::new(self.scraped.page(format, names), is_packed);
        let mut response = Response::new(Either::Right(parts));
        let headers = response.headers_mut();
        if let Ok(kind) = HeaderValue::from_str(&format.content_type()) {
            headers.insert(CONTENT_TYPE, kind);
        }
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if is_packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

fn short(status: StatusCode, text: &'static str) -> Response<PageBody> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// All values of a header as one list.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    texts.join(",")
}

/// The families that are asked for by `name[]=`.
fn wanted_names(query: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .filter(|(key, _)| key == "name[]")
        .map(|(_, name)| name.into_owned())
        .take(NAMES_MAX)
        .collect()
}

/// A page that is written while it is sent: a piece is made when the one before it has gone.
pub(crate) struct Parts {
    page: ScrapedPage,
    packer: Option<GzEncoder<Vec<u8>>>,
    piece: Vec<u8>,
}

impl Parts {
    fn new(page: ScrapedPage, is_packed: bool) -> Self {
        Self {
            page,
            // Scrapers are near: time counts more than size.
            packer: is_packed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            piece: Vec::new(),
        }
    }

    /// The next piece as it is sent; nothing at the end.
    fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        loop {
            self.piece.clear();
            if !self.page.next_part(&mut self.piece) {
                let rest = self.packer.take().map(GzEncoder::finish).transpose()?;
                return Ok(rest.map(Bytes::from));
            }
            let Some(packer) = &mut self.packer else {
                if self.piece.is_empty() {
                    continue;
                }
                return Ok(Some(std::mem::take(&mut self.piece).into()));
            };
            packer.write_all(&self.piece)?;
            if !packer.get_ref().is_empty() {
                return Ok(Some(std::mem::take(packer.get_mut()).into()));
            }
        }
    }
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Writing to memory cannot fail.
        let piece = self.get_mut().next().ok().flatten();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[cfg(test)]
mod tests {
    use super::wanted_names;

    /// Scenario: a query with families, escaped in every way, and other parameters.
    /// Guarantees: exactly the families are found.
    #[test]
    fn families_are_asked_for_by_name() {
        let query = "name[]=a_total&x=1&name%5B%5D=b%2Ec&name[]=d+e";
        assert_eq!(wanted_names(query), ["a_total", "b.c", "d e"]);
        assert!(wanted_names("").is_empty());
    }
}
