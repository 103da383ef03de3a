//! The `otlp_http` exporter: OTLP in the bodies of POST requests, as protobuf or JSON.
//!
//! Redirects are not followed: they would carry our credentials to whom the answer names. An answer
//! of 3xx is an error that says where to point the endpoint.

pub(crate) mod answer;
pub(crate) mod url;

use crate::authorization::Authorization;
use crate::compression::Packing;
use crate::destination::{Accepted, Attempt, Destination, Failure};
use crate::tls::ClientConfigs;
use crate::transport::{Client, Connector, chain};
use crate::{BuildError, request_headers};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{Encoding, HttpClient, OtlpHttpExporter};
use tailweir_core::Signal;
use tailweir_otlp::json;
use url::Url;

/// Most bytes of the head of an answer, and of one read.
const HTTP1_BUFFER: usize = 64 << 10;
/// Most of the headers of an answer over HTTP/2, in bytes.
const HTTP2_HEADERS_MAX: u32 = 64 << 10;

/// A connection of HTTP/2 that is silent for so long while a request is open is pinged, and closed
/// where no answer comes.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Where `otlp_http` sends to.
pub struct OtlpHttp {
    client: Client,
    traces: Option<Url>,
    metrics: Option<Url>,
    logs: Option<Url>,
    headers: HeaderMap,
    encoding: Encoding,
    packing: Option<Packing>,
    level: i64,
    authorization: Option<Arc<Authorization>>,
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
        let packing = Packing::over_http(client.compression);
        let mut headers = HeaderMap::new();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(request_headers::USER_AGENT),
        );
        headers.extend(request_headers::configured(&client.headers, false)?);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(content_type(settings.encoding)),
        );
        // A packed answer could hide its size.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some((_, name)) = packing {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if client.disable_keep_alives {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let is_secure = [&traces, &metrics, &logs]
            .into_iter()
            .flatten()
            .any(|url| url.is_secure);
        Ok(Self {
            client: http_client(client, is_secure)?,
            traces,
            metrics,
            logs,
            headers,
            encoding: settings.encoding,
            packing: packing.map(|(packing, _)| packing),
            level: client.compression_params.level,
            authorization,
        })
    }

    async fn post(&self, signal: Signal, body: Bytes) -> Result<Accepted, Failure> {
        let request = self.request(signal, body)?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| Failure::transient(chain(&error)))?;
        answer::read(response).await
    }

    fn request(&self, signal: Signal, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
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
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(user) = &url.authorization {
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, user.clone());
        }
        if let Some(authorization) = &self.authorization {
            authorization
                .sign(request.headers_mut())
                .map_err(|error| Failure::permanent(error.to_string()))?;
        }
        Ok(request)
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
        let Some(packing) = self.packing else {
            return Ok(body);
        };
        packing.packed(&body, self.level).map_err(|error| {
            Failure::permanent(format!("a request of {} bytes: {error}", body.len()))
        })
    }

    fn send(&self, signal: Signal, request: Bytes) -> Attempt<'_> {
        Box::pin(self.post(signal, request))
    }
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Proto => "application/x-protobuf",
        Encoding::Json => "application/json",
    }
}

pub(crate) fn http_client(settings: &HttpClient, is_secure: bool) -> Result<Client, BuildError> {
    let tls = is_secure.then(|| {
        ClientConfigs::new(&settings.tls, &["h2", "http/1.1"])
            .map(Arc::new)
            .map_err(|error| BuildError::new("tls", chain(&error)))
    });
    let connector = Connector::by_scheme(tls.transpose()?);
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http1_max_buf_size(HTTP1_BUFFER)
        // A connection whose other end has vanished would swallow request after request.
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_max_header_list_size(HTTP2_HEADERS_MAX);
    let timeout = settings.idle_conn_timeout;
    builder.pool_idle_timeout((!timeout.is_zero()).then_some(timeout));
    builder.pool_max_idle_per_host(idle_connections(settings));
    Ok(builder.build(connector))
}

/// There is one host per exporter, as a rule, so the smaller of both limits holds.
fn idle_connections(settings: &HttpClient) -> usize {
    if settings.disable_keep_alives {
        return 0;
    }
    let limit = |count: i64| match usize::try_from(count) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    };
    limit(settings.max_idle_conns).min(limit(settings.max_idle_conns_per_host))
}
