//! The page of a `prometheus` exporter, as a scraper asks for it.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, VARY};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tailweir_export::{Scraped, ScrapedPage};
use tailweir_prometheus::{Format, wants_gzip};

/// Where the page is.
pub(super) const PATH: &str = "/metrics";
/// Most families that one request may ask for.
const NAMES_MAX: usize = 1000;

/// The page in the form that the scraper asks for.
pub(super) fn answer<B>(
    scraped: &Arc<Scraped>,
    open_metrics: bool,
    request: &Request<B>,
) -> Response<Parts> {
    let accept = joined(request.headers(), &ACCEPT);
    let format = Format::negotiate(&accept, open_metrics);
    let names = wanted_names(request.uri().query().unwrap_or_default());
    let is_packed = wants_gzip(&joined(request.headers(), &ACCEPT_ENCODING));
    let parts = Parts::new(scraped.page(format, names), is_packed);
    let mut response = Response::new(parts);
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
