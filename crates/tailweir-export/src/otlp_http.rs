//! The `otlp_http` exporter: OTLP in the bodies of POST requests, as protobuf or JSON.

pub(crate) mod answer;

use crate::BuildError;
use crate::authorization::Authorization;
use crate::destination::{Accepted, Attempt, Destination, Failure};
use crate::http_post::{HttpPost, Url};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use tailweir_config::{Encoding, OtlpHttpExporter};
use tailweir_core::{ClientContext, Signal};
use tailweir_otlp::json;

/// Where `otlp_http` sends to.
pub struct OtlpHttp {
    post: HttpPost,
    traces: Option<Url>,
    metrics: Option<Url>,
    logs: Option<Url>,
    encoding: Encoding,
}

impl OtlpHttp {
    /// Checks the settings and reads certificates; connects at the first request.
    ///
    /// `authorization` is what the settings' `auth` names.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub fn new(
        settings: &OtlpHttpExporter,
        authorization: Option<Arc<Authorization>>,
    ) -> Result<Self, BuildError> {
        let client = &settings.client;
        let url = |own: &str, option, path| Url::of_signal(&client.endpoint, own, option, path);
        let traces = url(&settings.traces_endpoint, "traces_endpoint", "/v1/traces")?;
        let metrics = url(
            &settings.metrics_endpoint,
            "metrics_endpoint",
            "/v1/metrics",
        )?;
        let logs = url(&settings.logs_endpoint, "logs_endpoint", "/v1/logs")?;
        let is_secure = [&traces, &metrics, &logs]
            .into_iter()
            .flatten()
            .any(|url| url.is_secure);
        let content_type = content_type(settings.encoding);
        Ok(Self {
            post: HttpPost::new(client, content_type, is_secure, authorization)?,
            traces,
            metrics,
            logs,
            encoding: settings.encoding,
        })
    }

    async fn post(
        &self,
        signal: Signal,
        body: Bytes,
        client: &ClientContext,
    ) -> Result<Accepted, Failure> {
        let (url, option) = match signal {
            Signal::Traces => (&self.traces, "traces_endpoint"),
            Signal::Metrics => (&self.metrics, "metrics_endpoint"),
            Signal::Logs => (&self.logs, "logs_endpoint"),
        };
        let url = url.as_ref().ok_or_else(|| {
            Failure::permanent(format!(
                "there is neither `endpoint` nor `{option}` to send to"
            ))
        })?;
        answer::judge(self.post.send(url, HeaderMap::new(), body, client).await?)
    }
}

impl Destination for OtlpHttp {
    fn encode(&self, signal: Signal, body: Bytes) -> Result<Bytes, Failure> {
        let body = match self.encoding {
            Encoding::Proto => body,
            Encoding::Json => {
                let mut text = Vec::with_capacity(body.len() * 2);
                json::from_wire(signal, &body, &mut text).map_err(|error| {
                    Failure::permanent(format!("a request cannot be written as JSON: {error}"))
                })?;
                text.into()
            }
        };
        self.post.packed(body)
    }

    fn send<'a>(
        &'a self,
        signal: Signal,
        request: Bytes,
        client: &'a ClientContext,
    ) -> Attempt<'a> {
        Box::pin(self.post(signal, request, client))
    }
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Proto => "application/x-protobuf",
        Encoding::Json => "application/json",
    }
}
