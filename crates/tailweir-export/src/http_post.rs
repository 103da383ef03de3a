//! POST requests: what the exporters over HTTP have in common.
//!
//! Redirects are not followed: they would carry our credentials to whom the answer names. An answer
//! of 3xx is an error that says where to point the endpoint.

mod answer;
mod url;

pub(crate) use answer::{Answer, cut, retry_after, wall_clock};
pub(crate) use url::Url;

use crate::authorization::Authorization;
use crate::compression::Packing;
use crate::destination::Failure;
use crate::transport::{Client, Connector, chain};
use crate::{BuildError, request_headers};
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::HttpClient;
use tailweir_core::ClientContext;
use tailweir_tls::ClientConfigs;

/// Most bytes of the head of an answer, and of one read.
const HTTP1_BUFFER: usize = 64 << 10;
/// Most of the headers of an answer over HTTP/2, in bytes.
const HTTP2_HEADERS_MAX: u32 = 64 << 10;

/// A connection of HTTP/2 that is silent for so long while a request is open is pinged, and closed
/// where no answer comes.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Posts bodies of one type, with the headers, credentials and connections of one exporter.
pub(crate) struct HttpPost {
    client: Client,
    headers: HeaderMap,
    packing: Option<Packing>,
    level: i64,
    authorization: Option<Arc<Authorization>>,
}

impl HttpPost {
    /// Checks the settings and reads certificates; connects at the first request. TLS is read where
    /// `is_secure`.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub(crate) fn new(
        settings: &HttpClient,
        content_type: &'static str,
        is_secure: bool,
        authorization: Option<Arc<Authorization>>,
    ) -> Result<Self, BuildError> {
        let packing = Packing::over_http(settings.compression);
        let mut headers = HeaderMap::new();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(request_headers::USER_AGENT),
        );
        headers.extend(request_headers::configured(&settings.headers, false)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        // A packed answer could hide its size.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some((_, name)) = packing {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if settings.disable_keep_alives {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Self {
            client: http_client(settings, is_secure)?,
            headers,
            packing: packing.map(|(packing, _)| packing),
            level: settings.compression_params.level,
            authorization,
        })
    }

    /// The body as it is sent: packed as configured.
    pub(crate) fn packed(&self, body: Bytes) -> Result<Bytes, Failure> {
        let Some(packing) = self.packing else {
            return Ok(body);
        };
        packing.packed(&body, self.level).map_err(|error| {
            Failure::permanent(format!("a request of {} bytes: {error}", body.len()))
        })
    }

    /// Posts a packed body that `client` sent, with `more` headers.
    pub(crate) async fn send(
        &self,
        url: &Url,
        more: HeaderMap,
        body: Bytes,
        client: &ClientContext,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.uri.clone();
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        headers.extend(more);
        if let Some(user) = &url.authorization {
            headers.insert(AUTHORIZATION, user.clone());
        }
        if let Some(authorization) = &self.authorization {
            authorization
                .sign(headers, client)
                .map_err(|error| Failure::permanent(error.to_string()))?;
        }
        let response = self.client.request(request).await;
        let response = response.map_err(|error| Failure::transient(chain(&error)))?;
        Ok(Answer::read(response).await)
    }
}

/// The client of an exporter: pooled connections, with TLS where `is_secure`.
pub(crate) fn http_client(settings: &HttpClient, is_secure: bool) -> Result<Client, BuildError> {
    http_client_of(settings, is_secure, &["h2", "http/1.1"])
}

/// The same, which speaks these protocols over TLS.
pub(crate) fn http_client_of(
    settings: &HttpClient,
    is_secure: bool,
    protocols: &[&str],
) -> Result<Client, BuildError> {
    let tls = is_secure.then(|| {
        ClientConfigs::new(&settings.tls, protocols)
            .map(Arc::new)
            .map_err(|error| BuildError::of_tls(&error))
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
