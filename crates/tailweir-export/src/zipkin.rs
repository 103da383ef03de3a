//! The `zipkin` exporter: spans in version 2 of Zipkin's format, as JSON or protobuf.
//!
//! ```text
//! OTLP span + resource + scope -> span of Zipkin (names, endpoints, tags, annotations) -> json, proto -> POST
//! ```
//!
//! What a span becomes is what the Collector's translator (v0.161.0) makes of it, but that nothing is lost
//! on the way: see `docs/compatibility.md`.

mod endpoint;
mod json;
mod proto;
mod span;

use crate::BuildError;
use crate::authorization::Authorization;
use crate::destination::{Accepted, Attempt, Destination, Failure};
use crate::http_post::{HttpPost, Url};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use span::Spans;
use std::sync::Arc;
use tailweir_config::{ZipkinExporter, ZipkinFormat};
use tailweir_core::{ClientContext, Signal};

/// The service of a span that names none, as the Collector writes it.
const NO_SERVICE: &str = "OTLPResourceNoServiceName";

/// Where `zipkin` sends to.
pub struct Zipkin {
    post: HttpPost,
    url: Url,
    format: ZipkinFormat,
    default_service: String,
}

impl Zipkin {
    /// Checks the settings and reads certificates; connects at the first request.
    ///
    /// `authorization` is what the settings' `auth` names.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub fn new(
        settings: &ZipkinExporter,
        authorization: Option<Arc<Authorization>>,
    ) -> Result<Self, BuildError> {
        let url = Url::parse("endpoint", &settings.client.endpoint)?;
        let content_type = match settings.format {
            ZipkinFormat::Json => "application/json",
            ZipkinFormat::Proto => "application/x-protobuf",
        };
        let default_service = match settings.default_service_name.as_str() {
            ZipkinExporter::NO_SERVICE_NAME => NO_SERVICE,
            name => name,
        };
        Ok(Self {
            post: HttpPost::new(&settings.client, content_type, url.is_secure, authorization)?,
            url,
            format: settings.format,
            default_service: default_service.to_owned(),
        })
    }

    /// `request` is what [`Destination::encode`] made: how many spans were left out, and the body.
    async fn post(&self, mut request: Bytes, client: &ClientContext) -> Result<Accepted, Failure> {
        let left_out = request.try_get_u64().unwrap_or_default();
        let more = HeaderMap::new();
        let answer = self.post.send(&self.url, more, request, client).await?;
        if !answer.status.is_success() {
            let again = |status| matches!(status, 408 | 429) || status >= 500;
            return Err(answer.failure(&answer.text(), again));
        }
        let mut accepted = Accepted::default();
        if left_out > 0 {
            accepted.rejected_items = left_out;
            accepted.message = WITHOUT_IDS.to_owned();
        }
        Ok(accepted)
    }
}

const WITHOUT_IDS: &str = "spans without a trace id or a span id, which Zipkin does not take";

impl Destination for Zipkin {
    fn encode(&self, _: Signal, body: Bytes) -> Result<Bytes, Failure> {
        let Spans { spans, left_out } = Spans::of(&body, &self.default_service);
        if spans.is_empty() && left_out > 0 {
            return Err(Failure::permanent(format!("{left_out} {WITHOUT_IDS}")));
        }
        let body = match self.format {
            ZipkinFormat::Json => json::write(&spans),
            ZipkinFormat::Proto => proto::write(&spans),
        };
        let packed = self.post.packed(body.into())?;
        let mut request = BytesMut::with_capacity(size_of::<u64>() + packed.len());
        request.put_u64(left_out);
        request.extend_from_slice(&packed);
        Ok(request.freeze())
    }

    fn send<'a>(&'a self, _: Signal, request: Bytes, client: &'a ClientContext) -> Attempt<'a> {
        Box::pin(self.post(request, client))
    }
}
