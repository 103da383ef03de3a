//! OTLP and other APIs over HTTP: compression, CORS, and what becomes of a body before it is OTLP.

use super::body::{Charged, discard};
use super::compression::Compression;
use super::door::{CallerSpan, Door};
use super::status::http_response;
use crate::refusal::Refusal;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tailweir_core::Signal;
use tailweir_transform::ClientContext;

mod api;
mod cors;

pub(crate) use api::HttpApi;
pub(crate) use cors::Cors;

/// The HTTP side of a receiver. A clone is the same receiver.
#[derive(Clone)]
pub(crate) struct HttpService {
    inner: Arc<Inner>,
}

struct Inner {
    door: Arc<Door>,
    options: HttpOptions,
    /// Headers of every answer.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// How an API is served.
pub(crate) struct HttpOptions {
    /// What is served.
    pub(crate) api: HttpApi,
    /// Which web pages may call; nothing: none of another origin.
    pub(crate) cors: Option<Cors>,
    /// Names of compressions that are allowed, in lower case.
    pub(crate) compressions: Vec<String>,
    /// Headers of every answer.
    pub(crate) headers: Vec<(String, String)>,
    /// Parameters of the URL that are credentials as headers of that name are.
    pub(crate) request_params: Vec<String>,
    /// Time to read a body.
    pub(crate) read_timeout: Option<Duration>,
}

impl HttpService {
    /// A service behind this door.
    pub(crate) fn new(door: Arc<Door>, options: HttpOptions) -> Self {
        let valid = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        let headers = options.headers.iter().filter_map(valid).collect();
        Self {
            inner: Arc::new(Inner {
                door,
                options,
                headers,
            }),
        }
    }

    /// Answers one request.
    pub(crate) async fn call<B>(
        self,
        request: Request<B>,
        peer: Arc<ClientContext>,
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let mut response = self.inner.with_cors(request, &peer).await;
        for (name, value) in &self.inner.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.map(Full::new)
    }
}

impl Inner {
    async fn with_cors<B>(&self, request: Request<B>, peer: &Arc<ClientContext>) -> Response<Bytes>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let Some(cors) = &self.options.cors else {
            return self.answer(request, peer).await;
        };
        if cors.is_preflight(&request) {
            return cors.preflight(request.headers(), "POST");
        }
        let origin = cors.allowed_origin(request.headers());
        let mut response = self.answer(request, peer).await;
        cors.decorate(origin, response.headers_mut());
        response
    }

    async fn answer<B>(&self, request: Request<B>, peer: &Arc<ClientContext>) -> Response<Bytes>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let answer_in = self.options.api.encoding_of_answer(request.headers());
        match self.export(request, peer).await {
            Ok(()) => answer_in.success(),
            Err(refusal) => {
                let mut response = http_response(&refusal, answer_in);
                if let Refusal::UnknownEncoding { accepted, .. } = &refusal
                    && let Ok(accepted) = HeaderValue::from_str(accepted)
                {
                    response.headers_mut().insert(ACCEPT_ENCODING, accepted);
                }
                response
            }
        }
    }

    async fn export<B>(&self, request: Request<B>, peer: &Arc<ClientContext>) -> Result<(), Refusal>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let (head, mut body) = request.into_parts();
        let reading = self.read(&head, &mut body, peer);
        let read = match self.options.read_timeout {
            Some(timeout) => tokio::time::timeout(timeout, reading)
                .await
                .unwrap_or_else(|_| Err(too_slow(timeout))),
            None => reading.await,
        };
        // Over HTTP/1 a client that still sends when the connection closes sees a broken connection,
        // not the answer, and sends all of it again. Who stalls has had its time.
        let is_sending = read
            .as_ref()
            .is_err_and(|refusal| !matches!(refusal, Refusal::Incomplete { .. }));
        if is_sending && head.version < http::Version::HTTP_2 {
            discard(&mut body).await;
        }
        let (signal, charged, client) = read?;
        let caller = CallerSpan::of(&head.headers);
        self.door.hand_in(signal, charged, client, caller).await
    }

    /// Checks the head, then reads the body and turns it into plain protobuf.
    async fn read<B>(
        &self,
        head: &http::request::Parts,
        body: &mut B,
        peer: &Arc<ClientContext>,
    ) -> Result<(Signal, Charged, Arc<ClientContext>), Refusal>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let path = head.uri.path();
        let api = &self.options.api;
        let signal = api.signal_of(path).ok_or(Refusal::UnknownPath)?;
        if head.method != Method::POST {
            return Err(Refusal::WrongMethod);
        }
        let content = api.content_of(head)?;
        let credentials = credentials(
            &head.headers,
            head.uri.query(),
            &self.options.request_params,
        );
        let client = self
            .door
            .identify(&head.headers, &credentials, peer)
            .await?;
        let compression = self.compression_of(&head.headers)?;
        let reading = &self.door.reading;
        let length = length_of(&head.headers);
        let mut charged = reading.whole(body, length).await?;
        if let Some(compression) = compression {
            charged = reading.decompressed(compression, charged).await?;
        }
        let charged = reading.translated(signal, content, charged).await?;
        Ok((signal, charged, client))
    }

    fn compression_of(&self, headers: &HeaderMap) -> Result<Option<Compression>, Refusal> {
        let value = headers.get(CONTENT_ENCODING);
        let name = value.map_or("", |value| value.to_str().unwrap_or("(not text)"));
        let allowed = |name: &str| {
            let mut allowed = self.options.compressions.iter();
            allowed.any(|allowed| allowed.eq_ignore_ascii_case(name))
        };
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            return Ok(None);
        }
        match Compression::named(name) {
            Some(known) if allowed(name) || allowed(known.name()) => Ok(Some(known)),
            _ => Err(Refusal::UnknownEncoding {
                encoding: name.chars().take(64).collect(),
                accepted: self.options.compressions.join(","),
            }),
        }
    }
}

fn too_slow(timeout: Duration) -> Refusal {
    Refusal::Incomplete {
        detail: format!("the body took longer than read_timeout ({timeout:?})"),
    }
}

/// The headers, in which parameters of the URL stand for those of their name.
pub(super) fn credentials<'a>(
    headers: &'a HeaderMap,
    query: Option<&str>,
    parameters: &[String],
) -> Cow<'a, HeaderMap> {
    let mut credentials = Cow::Borrowed(headers);
    let query = query.filter(|_| !parameters.is_empty());
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let is_known = parameters.iter().any(|known| *known == name);
        let header = is_known.then(|| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&value).ok()?))
        });
        if let Some((name, value)) = header.flatten() {
            credentials.to_mut().insert(name, value);
        }
    }
    credentials
}

fn length_of(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}
