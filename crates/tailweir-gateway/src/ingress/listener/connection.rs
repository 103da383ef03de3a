//! One connection from its first byte to its last.

use super::activity::{Activity, Phase};
use super::preface::{Opening, read_opening};
use super::socket::Accepted;
use super::watched::Watched;
use super::{ConnectionLimits, Protocol, Shared};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ring::rand::{SecureRandom, SystemRandom};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tailweir_transform::ClientContext;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

/// Bytes that one stream may send ahead of being read.
const STREAM_WINDOW: u32 = 4 << 20;
/// Bytes that one connection may send ahead of being read.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Largest HTTP/2 frame: fewer reads per request than the 16 KiB of the default.
const FRAME_MAX: u32 = 1 << 20;
/// Bytes of headers of one request.
const HEADERS_MAX: u32 = 64 << 10;

/// Time to say farewell to a client that was idle for too long.
const IDLE_GRACE: Duration = Duration::from_secs(5);

/// A byte stream, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Handshake, requests, end. `_room` is the connection's place among those that may be open.
pub(super) async fn connection(
    accepted: Accepted,
    _room: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) {
    let Accepted { stream, peer } = accepted;
    let served = async {
        let timeout = shared.limits.handshake_timeout;
        let opening = tokio::select! {
            opening = tokio::time::timeout(timeout, open(stream, &shared)) => opening,
            // Nothing was asked yet, so nothing is left unanswered.
            () = shared.stop.cancelled() => return,
        };
        let failure = match opening {
            Ok(Ok(opening)) => return serve(opening, peer, &shared).await,
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        shared.failed_handshakes.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(error = %failure, ?peer, "a connection did not become HTTP");
    };
    tokio::select! {
        () = served => {}
        () = shared.abort.cancelled() => {}
    }
}

async fn open(stream: Box<dyn Stream>, shared: &Shared) -> io::Result<Opening> {
    match &shared.tls {
        Some(tls) => {
            let acceptor = TlsAcceptor::from(tls.current());
            read_opening(Box::new(acceptor.accept(stream).await?)).await
        }
        None => read_opening(stream).await,
    }
}

async fn serve(opening: Opening, peer: Option<IpAddr>, shared: &Arc<Shared>) {
    let client = Arc::new(ClientContext {
        address: peer,
        ..ClientContext::default()
    });
    let limits = &shared.limits;
    let activity = Activity::new();
    // Where no clock runs by its requests, nobody has to be told of them.
    let is_followed = !opening.is_http2 || limits.idle_max.is_some() || limits.pings.is_some();
    let answering = Answering {
        timeout: limits.answer_timeout,
        activity: is_followed.then(|| Arc::clone(&activity)),
    };
    let io = if opening.is_http2 {
        Watched::http2(opening.stream, &activity, limits.pings)
    } else {
        Watched::http1(opening.stream, Arc::clone(&activity))
    };
    let io = TokioIo::new(io);
    match (&shared.protocol, opening.is_http2) {
        (Protocol::Grpc(service), true) => {
            let service = service.clone();
            let respond = service_fn(move |request: hyper::Request<Incoming>| {
                answering.wait_for(service.clone().call(request, Arc::clone(&client)))
            });
            let connection = http2_builder(limits).serve_connection(io, respond);
            drive(connection, &activity, shared).await;
        }
        (Protocol::Grpc(_), false) => {
            shared.failed_handshakes.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(?peer, "not HTTP/2 on a gRPC port");
        }
        (Protocol::Http(service), is_http2) => {
            let service = service.clone();
            let respond = move |request| {
                answering.wait_for(service.clone().call(request, Arc::clone(&client)))
            };
            serve_http(io, is_http2, respond, &activity, shared).await;
        }
        (Protocol::Page(service), is_http2) => {
            let service = service.clone();
            let respond = move |request| answering.wait_for(service.clone().call(request));
            serve_http(io, is_http2, respond, &activity, shared).await;
        }
    }
}

/// HTTP of either version.
async fn serve_http<F, B>(
    io: TokioIo<Watched>,
    is_http2: bool,
    respond: impl Fn(hyper::Request<Incoming>) -> F,
    activity: &Arc<Activity>,
    shared: &Shared,
) where
    F: Future<Output = io::Result<hyper::Response<B>>> + Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    let respond = service_fn(respond);
    if is_http2 {
        let connection = http2_builder(&shared.limits).serve_connection(io, respond);
        drive(connection, activity, shared).await;
    } else {
        let connection = http1_builder(&shared.limits).serve_connection(io, respond);
        drive(connection, activity, shared).await;
    }
}

/// How the answers of a connection are waited for.
struct Answering {
    timeout: Option<Duration>,
    activity: Option<Arc<Activity>>,
}

impl Answering {
    /// The connection, or over HTTP/2 the request, ends without an answer that takes too long.
    fn wait_for<F: Future>(
        &self,
        answer: F,
    ) -> impl Future<Output = io::Result<F::Output>> + use<F> {
        let open = self.activity.as_ref().map(Activity::begin);
        let timeout = self.timeout;
        async move {
            let _open = open;
            match timeout {
                Some(timeout) => Ok(tokio::time::timeout(timeout, answer).await?),
                None => Ok(answer.await),
            }
        }
    }
}

fn http2_builder(limits: &ConnectionLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADERS_MAX)
        .max_concurrent_streams(limits.concurrent_streams_max)
        .keep_alive_interval(limits.keepalive_time)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}

fn http1_builder(limits: &ConnectionLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Its own clock runs while the connection is idle, too.
        .header_read_timeout(None)
        .keep_alive(limits.keep_alive)
        .max_buf_size(512 << 10);
    builder
}

/// A connection of either version.
trait Connection: Future<Output = Result<(), hyper::Error>> {
    fn finish_requests(self: std::pin::Pin<&mut Self>);
}

impl<I, S, B> Connection for http1::Connection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish_requests(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> Connection for http2::Connection<I, S, E>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn finish_requests(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs a connection to its end; at the stop, at its age, or when it was idle for too long, it finishes
/// its requests first.
async fn drive(connection: impl Connection, activity: &Activity, shared: &Shared) {
    let mut connection = pin!(connection);
    let limits = &shared.limits;
    let aged = async {
        match limits.connection_age_max {
            Some(age) => tokio::time::sleep(spread(age)).await,
            None => std::future::pending().await,
        }
    };
    let grace = tokio::select! {
        ended = connection.as_mut() => return report(ended),
        () = shared.stop.cancelled() => None,
        () = aged => limits.connection_age_grace,
        phase = activity.expired(limits.idle_max, limits.header_timeout) => match phase {
            Phase::Headers => return,
            Phase::Idle | Phase::Busy => Some(IDLE_GRACE),
        },
    };
    connection.as_mut().finish_requests();
    let finished = match grace {
        Some(grace) => tokio::time::timeout(grace, connection).await,
        None => Ok(connection.await),
    };
    if let Ok(ended) = finished {
        report(ended);
    }
}

/// A tenth more or less, so that connections that came together do not go together.
fn spread(age: Duration) -> Duration {
    let mut random = [0];
    // Without random numbers they go together.
    let _ = SystemRandom::new().fill(&mut random);
    age.mul_f64(0.9 + 0.2 * f64::from(random[0]) / 255.0)
}

fn report(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
