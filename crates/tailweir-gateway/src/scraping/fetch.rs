//! Asking a target for its page.

use crate::admission::Admission;
use crate::buffer::BufferPool;
use crate::ingress::{Charged, Compression, Reading, SizeLimit};
use crate::refusal::Refusal;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use tailweir_export::PageClient;
use tailweir_scrape::{ScrapeError, Target};

/// Tells the target how long it may take.
const TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// A page, unpacked, with the charge for it.
pub(super) struct FetchedPage {
    pub(super) charged: Charged,
    pub(super) content_type: String,
}

/// Asks for the page of a target, and reads no more than `limit` bytes of it.
pub(super) async fn fetch(
    client: &PageClient,
    target: &Target,
    limit: u64,
    admission: &Arc<Admission>,
    buffers: &Arc<BufferPool>,
) -> Result<FetchedPage, ScrapeError> {
    let failed = |error: String| ScrapeError::Fetch(error);
    let answer = client.get(target.url(), &headers(target)).await;
    let mut answer = answer.map_err(|error| failed(error.to_string()))?;
    if answer.status() != StatusCode::OK {
        return Err(failed(format!("HTTP {}", answer.status())));
    }
    let text = |name: &HeaderName| {
        let value = answer.headers().get(name);
        value.map_or_else(String::new, |it| {
            String::from_utf8_lossy(it.as_bytes()).into_owned()
        })
    };
    let (content_type, encoding) = (text(&CONTENT_TYPE), text(&CONTENT_ENCODING));
    let reading = Reading {
        admission: Arc::clone(admission),
        buffers: Arc::clone(buffers),
        limit: SizeLimit {
            bytes: usize::try_from(limit).unwrap_or(usize::MAX),
            option: "body_size_limit",
        },
    };
    let refused = |refusal: Refusal| match refusal {
        Refusal::TooLarge { limit: passed, .. } if passed.0 == limit => {
            ScrapeError::PageTooLong { limit }
        }
        refusal => failed(refusal.to_string()),
    };
    let charged = reading
        .whole(answer.body_mut(), None)
        .await
        .map_err(refused)?;
    let charged = match encoding.trim() {
        "" | "identity" => charged,
        name if name.eq_ignore_ascii_case("gzip") => {
            let unpacked = reading.decompressed(Compression::Gzip, charged).await;
            unpacked.map_err(refused)?
        }
        other => return Err(failed(format!("the page is packed by {other:?}"))),
    };
    Ok(FetchedPage {
        charged,
        content_type,
    })
}

fn headers(target: &Target) -> HeaderMap {
    let job = target.job();
    let mut headers = HeaderMap::new();
    let packing = if job.settings().enable_compression {
        "gzip"
    } else {
        "identity"
    };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(packing));
    // Both are made of plain characters.
    if let Ok(accept) = HeaderValue::try_from(job.accept()) {
        headers.insert(ACCEPT, accept);
    }
    if let Ok(timeout) = HeaderValue::try_from(target.timeout().as_secs_f64().to_string()) {
        headers.insert(TIMEOUT, timeout);
    }
    headers
}
