//! The `prometheus_remote_write` exporter.
//!
//! A request of OTLP becomes one or more of remote write, which are sent one after the other, in order, so
//! that no sample is overtaken. What is refused for good is counted; the rest goes on. When one fails for
//! now, all are sent again: Prometheus takes a sample twice.

use crate::authorization::Authorization;
use crate::destination::{Accepted, Advice, Attempt, Destination, Failure};
use crate::http_post::{Url, cut, http_client, retry_after, wall_clock};
use crate::otlp_http::answer::message;
use crate::transport::{Client, chain, read_answer};
use crate::{BuildError, request_headers};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tailweir_config::{PrometheusRemoteWriteExporter, RemoteWriteProtocol};
use tailweir_core::{ClientContext, Signal};
use tailweir_prometheus::{RemoteWrite, Written};

const VERSION: &str = "x-prometheus-remote-write-version";
/// What a receiver of 2.0 says of each request.
const SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";
/// Bytes before each packed request: its points and its length.
const FRAME_HEAD: usize = 16;

/// Where `prometheus_remote_write` sends to.
pub struct PrometheusRemoteWrite {
    exporter: String,
    client: Client,
    url: Url,
    headers: HeaderMap,
    writer: Mutex<RemoteWrite>,
    authorization: Option<Arc<Authorization>>,
    protocol: RemoteWriteProtocol,
    /// Whether a receiver that seems not to know 2.0 was told of.
    is_told: AtomicBool,
}

impl PrometheusRemoteWrite {
    /// Checks the settings and reads certificates; connects at the first request.
    ///
    /// `authorization` is what the settings' `auth` names.
    ///
    /// # Errors
    ///
    /// The option that cannot be used.
    pub fn new(
        exporter: &str,
        settings: &PrometheusRemoteWriteExporter,
        authorization: Option<Arc<Authorization>>,
    ) -> Result<Self, BuildError> {
        let client = settings.client();
        let url = Url::of_signal("", &client.endpoint, "endpoint", "")?
            .ok_or_else(|| BuildError::new("endpoint", "is missing"))?;
        let protocol = settings.protobuf_message;
        let mut headers = HeaderMap::new();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(request_headers::USER_AGENT),
        );
        headers.extend(request_headers::configured(&client.headers, false)?);
        let (kind, version) = match protocol {
            RemoteWriteProtocol::V1 => ("application/x-protobuf", "0.1.0"),
            RemoteWriteProtocol::V2 => (
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                "2.0.0",
            ),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(VERSION, HeaderValue::from_static(version));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        // A packed answer could hide its size.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(Self {
            exporter: exporter.to_owned(),
            client: http_client(client, url.is_secure)?,
            url,
            headers,
            writer: Mutex::new(RemoteWrite::of(settings)),
            authorization,
            protocol,
            is_told: AtomicBool::new(false),
        })
    }

    fn tell(&self, written: &Written) {
        for notice in &written.notices {
            tracing::warn!(
                exporter = self.exporter,
                metric = notice.metric,
                trouble = notice.trouble.name(),
                advice = notice.trouble.advice(),
                "a metric cannot be written as it came; this is said once"
            );
        }
    }

    /// Sends every packed request in turn.
    async fn send_all(
        &self,
        mut frames: Bytes,
        client: &ClientContext,
    ) -> Result<Accepted, Failure> {
        let mut accepted = Accepted {
            rejected_items: frames.get_u64_le(),
            // What was left out when it was written was told then.
            is_told: true,
            ..Accepted::default()
        };
        let (mut refused, mut sent) = (None, 0);
        while frames.len() >= FRAME_HEAD {
            let points = frames.get_u64_le();
            let length = usize::try_from(frames.get_u64_le()).unwrap_or(usize::MAX);
            let body = frames.split_to(length.min(frames.len()));
            match self.post(body, client).await {
                Ok(()) => sent += 1,
                Err(failure) if failure.advice != Advice::GiveUp => return Err(failure),
                Err(failure) => {
                    accepted.rejected_items += points;
                    refused = Some(failure);
                }
            }
        }
        match refused {
            Some(failure) if sent == 0 => Err(failure),
            Some(failure) => {
                accepted.message = failure.message;
                accepted.is_told = false;
                Ok(accepted)
            }
            None => Ok(accepted),
        }
    }

    async fn post(&self, body: Bytes, client: &ClientContext) -> Result<(), Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(user) = &self.url.authorization {
            let headers = request.headers_mut();
            headers.insert(http::header::AUTHORIZATION, user.clone());
        }
        if let Some(authorization) = &self.authorization {
            authorization
                .sign(request.headers_mut(), client)
                .map_err(|error| Failure::permanent(error.to_string()))?;
        }
        let answer = self.client.request(request).await;
        self.judge(answer.map_err(|error| Failure::transient(chain(&error)))?)
            .await
    }

    async fn judge(&self, response: Response<Incoming>) -> Result<(), Failure> {
        let (parts, body) = response.into_parts();
        let body = read_answer(body).await.map(|answer| answer.body);
        if parts.status.is_success() {
            self.check_version(&parts.headers);
            return Ok(());
        }
        let said = body.map_or_else(
            |error| error.to_string(),
            |body| message(&parts.headers, &body),
        );
        Err(Failure {
            advice: advice(parts.status, &parts.headers),
            message: cut(format!("HTTP {}: {said}", parts.status)),
        })
    }

    /// A receiver of 1.0 alone may answer requests of 2.0 with success, and take nothing.
    fn check_version(&self, headers: &HeaderMap) {
        if self.protocol == RemoteWriteProtocol::V2
            && !headers.contains_key(SAMPLES_WRITTEN)
            && !self.is_told.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                exporter = self.exporter,
                "the receiver does not say what it wrote: it may not know remote write 2.0 and keep nothing; \
                 if so, remove `protobuf_message`"
            );
        }
    }
}

/// Errors of the server pass, and so does too much at once; any other status will come again.
fn advice(status: StatusCode, headers: &HeaderMap) -> Advice {
    let passes = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    match retry_after(headers, wall_clock()) {
        Some(pause) if passes => Advice::PauseFor(pause),
        None if passes => Advice::TryAgain,
        _ => Advice::GiveUp,
    }
}

impl Destination for PrometheusRemoteWrite {
    /// How many points are left out, and each request packed, with its points and its length in front.
    fn encode(&self, _: Signal, body: Bytes) -> Result<Bytes, Failure> {
        let written = self.writer.lock().write(&body);
        self.tell(&written);
        let mut frames = BytesMut::new();
        frames.put_u64_le(written.rejected);
        let mut packer = snap::raw::Encoder::new();
        for batch in &written.batches {
            let packed = packer.compress_vec(&batch.body).map_err(|error| {
                Failure::permanent(format!("a request of {} bytes: {error}", batch.body.len()))
            })?;
            frames.put_u64_le(batch.points);
            frames.put_u64_le(packed.len() as u64);
            frames.put_slice(&packed);
        }
        Ok(frames.freeze())
    }

    fn send<'a>(&'a self, _: Signal, request: Bytes, client: &'a ClientContext) -> Attempt<'a> {
        Box::pin(self.send_all(request, client))
    }
}
