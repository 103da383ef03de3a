//! The `otlp_grpc` exporter: OTLP over gRPC, request bytes as they are.
//!
//! A unary call is one HTTP/2 request: five bytes of frame, then the message. It is framed and
//! compressed once, for all its attempts. Answers are read up to a limit, and never compressed: we
//! do not say that we could unpack them.

mod endpoint;
mod status;

use crate::authorization::Authorization;
use crate::compression::Packing;
use crate::destination::{Accepted, Advice, Attempt, Destination, Failure};
use crate::transport::{Balancer, CallError, Client, Connector, Target, read_answer};
use crate::{BuildError, request_headers};
use bytes::Bytes;
use endpoint::Endpoint;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ClientKeepalive, OtlpGrpcExporter};
use tailweir_core::{ClientContext, Signal};
use tailweir_otlp::ExportResponse;
use tailweir_tls::ClientConfigs;

/// Between two attempts to connect under `wait_for_ready`: from here, doubling, to the longest.
const READY_INTERVAL: Duration = Duration::from_millis(100);
const READY_INTERVAL_MAX: Duration = Duration::from_secs(5);
/// Least time between two pings; servers of gRPC punish clients that ping more often.
const KEEPALIVE_MIN: Duration = Duration::from_secs(10);
/// HTTP/2 frames we take, and the windows of answers.
const FRAME_MAX: u32 = 1 << 20;
const WINDOW: u32 = 1 << 20;
/// Most of a status (message and details) that we take, in bytes.
const HEADERS_MAX: u32 = 16 << 10;
/// Most bytes that one connection buffers of requests.
const SEND_BUFFER: usize = 1 << 20;

/// Bytes before a message.
const PREFIX: usize = 5;

/// Where `otlp_grpc` sends to.
pub struct OtlpGrpc {
    balancer: Balancer,
    uri: Uri,
    headers: HeaderMap,
    packing: Option<Packing>,
    authorization: Option<Arc<Authorization>>,
    wait_for_ready: bool,
}

impl OtlpGrpc {
    /// Checks the settings and reads certificates; connects at the first request.
    ///
    /// `authorization` is what the settings' `auth` names.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub fn new(
        settings: &OtlpGrpcExporter,
        authorization: Option<Arc<Authorization>>,
    ) -> Result<Self, BuildError> {
        let client = &settings.client;
        let endpoint = Endpoint::parse(&client.endpoint, client.tls.insecure)?;
        let tls = endpoint.is_secure.then(|| {
            ClientConfigs::new(&client.tls, &["h2"])
                .map(Arc::new)
                .map_err(|error| BuildError::of_tls(&error))
        });
        let tls = tls.transpose()?;
        if tls.is_none()
            && authorization
                .as_ref()
                .is_some_and(|it| it.has_credentials())
        {
            tracing::warn!(
                endpoint = client.endpoint,
                "credentials are sent without TLS; anybody on the way can read them"
            );
        }
        let authority = match client.authority.as_str() {
            "" => endpoint.authority(),
            authority => authority.to_owned(),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(authority.as_str())
            .path_and_query("/")
            .build()
            .map_err(|_| BuildError::new("authority", format!("{authority:?} is not one")))?;
        let packing = Packing::over_grpc(client.compression);
        let mut headers = request_headers::configured(&client.headers, true)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(USER_AGENT, user_agent(&client.user_agent)?);
        if let Some((_, name)) = packing {
            headers.insert("grpc-encoding", HeaderValue::from_static(name));
        }
        if !settings.timeout.is_zero() {
            headers.insert("grpc-timeout", timeout_header(settings.timeout));
        }
        let target = Target {
            round_robin: client.balancer_name != "pick_first",
            ..endpoint.target
        };
        // TLS checks the name that was configured, whatever `:authority` says.
        let connector = Connector::new(tls).expecting(&target.host);
        let keepalive = client.keepalive.clone();
        Ok(Self {
            balancer: Balancer::new(target, connector, move |connector| {
                http2_client(connector, keepalive.as_ref())
            }),
            uri,
            headers,
            packing: packing.map(|(packing, _)| packing),
            authorization,
            wait_for_ready: client.wait_for_ready,
        })
    }

    async fn call(
        &self,
        signal: Signal,
        message: Bytes,
        client: &ClientContext,
    ) -> Result<Accepted, Failure> {
        let request = self.request(signal, message, client)?;
        let mut interval = READY_INTERVAL;
        loop {
            match self.balancer.call(&request).await {
                Ok(response) => return accepted(response).await,
                // Under `wait_for_ready` only the attempt's timeout ends this.
                Err(CallError {
                    is_unreachable: true,
                    ..
                }) if self.wait_for_ready => {
                    tokio::time::sleep(interval).await;
                    interval = (interval * 2).min(READY_INTERVAL_MAX);
                }
                Err(error) => return Err(Failure::transient(error.message)),
            }
        }
    }

    fn request(
        &self,
        signal: Signal,
        message: Bytes,
        client: &ClientContext,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::new(Full::new(message));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static(method(signal)));
        *request.uri_mut() =
            Uri::from_parts(parts).map_err(|error| Failure::permanent(error.to_string()))?;
        *request.headers_mut() = self.headers.clone();
        if let Some(authorization) = &self.authorization {
            authorization
                .sign(request.headers_mut(), client)
                .map_err(|error| Failure::permanent(error.to_string()))?;
        }
        Ok(request)
    }
}

impl Destination for OtlpGrpc {
    fn encode(&self, _: Signal, body: Bytes) -> Result<Bytes, Failure> {
        frame(&body, self.packing).map_err(|error| {
            Failure::permanent(format!("a request of {} bytes: {error}", body.len()))
        })
    }

    fn send<'a>(
        &'a self,
        signal: Signal,
        request: Bytes,
        client: &'a ClientContext,
    ) -> Attempt<'a> {
        Box::pin(self.call(signal, request, client))
    }
}

/// One byte says whether it is packed, four say how long it is, then the message.
fn frame(message: &[u8], packing: Option<Packing>) -> std::io::Result<Bytes> {
    let mut frame =
        Vec::with_capacity(PREFIX + message.len() / if packing.is_some() { 4 } else { 1 });
    frame.extend_from_slice(&[u8::from(packing.is_some()), 0, 0, 0, 0]);
    match packing {
        Some(packing) => packing.pack(message, 0, &mut frame)?,
        None => frame.extend_from_slice(message),
    }
    let length = u32::try_from(frame.len() - PREFIX).map_err(std::io::Error::other)?;
    frame[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    Ok(frame.into())
}

fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// Tells the server when nobody waits for its answer any more: at most eight digits of milliseconds.
fn timeout_header(timeout: Duration) -> HeaderValue {
    let millis = timeout.as_millis().clamp(1, 99_999_999);
    HeaderValue::try_from(format!("{millis}m"))
        .unwrap_or_else(|_| HeaderValue::from_static("99999999m"))
}

fn user_agent(configured: &str) -> Result<HeaderValue, BuildError> {
    match configured {
        "" => Ok(HeaderValue::from_static(request_headers::USER_AGENT)),
        agent => HeaderValue::try_from(agent)
            .map_err(|_| BuildError::new("user_agent", "a header cannot carry it")),
    }
}

fn http2_client(connector: Connector, keepalive: Option<&ClientKeepalive>) -> Client {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .http2_only(true)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_max_frame_size(FRAME_MAX)
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(WINDOW)
        .http2_max_header_list_size(HEADERS_MAX)
        .http2_max_send_buf_size(SEND_BUFFER);
    // gRPC holds its connection whether there are calls or not.
    builder.pool_idle_timeout(None);
    if let Some(keepalive) = keepalive
        && !keepalive.time.is_zero()
    {
        let timeout = match keepalive.timeout {
            Duration::ZERO => Duration::from_secs(20),
            timeout => timeout,
        };
        builder
            .http2_keep_alive_interval(keepalive.time.max(KEEPALIVE_MIN))
            .http2_keep_alive_timeout(timeout)
            .http2_keep_alive_while_idle(keepalive.permit_without_stream);
    }
    builder.build(connector)
}

/// What the answer means.
async fn accepted(response: Response<Incoming>) -> Result<Accepted, Failure> {
    let (parts, body) = response.into_parts();
    // Without a body, the status stands in the headers.
    if let Some(status) = status::read(&parts.headers) {
        return status.into_answer(&[]);
    }
    if parts.status != StatusCode::OK {
        return Err(status::of_http(parts.status));
    }
    let answer = read_answer(body).await.map_err(|error| Failure {
        advice: match error {
            // It would be as long again.
            crate::transport::AnswerError::TooLong => Advice::GiveUp,
            crate::transport::AnswerError::Broken(_) => Advice::TryAgain,
        },
        message: error.to_string(),
    })?;
    match answer.trailers.as_ref().and_then(status::read) {
        Some(status) => status.into_answer(&answer.body),
        None => Err(Failure::transient(
            "the answer ended without a status of gRPC",
        )),
    }
}

/// The message in the body of an answer. What cannot be read says nothing: the status said that
/// the request was taken.
fn partial_success(body: &[u8]) -> Accepted {
    let message = match body.split_at_checked(PREFIX) {
        Some(([0, ..], message)) => message,
        _ => &[],
    };
    let response = ExportResponse::from_wire(message);
    Accepted {
        rejected_items: response.rejected,
        message: response.message,
        ..Accepted::default()
    }
}
