//! Accepts connections: who is there, then what it calls.

use crate::guard::{Remote, check};
use crate::network::{Connection, Listener, Stream};
use crate::server::Shared;
use crate::{Identity, Reason};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

/// Most connections at once: each of 1,024 members as gateway, sampler and for control, and room for those that are
/// not gone yet.
const CONNECTIONS_MAX: usize = 4096;
/// Pause after the system refused to accept, so that a full table of files is not spun on.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time for TLS, or for the first byte.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Most calls at once on one connection.
const CALLS_MAX: u32 = 256;
/// Bytes of metadata of one call.
const METADATA_MAX: u32 = 16 << 10;
/// Largest HTTP/2 frame: fewer reads per message than the 16 KiB of the default.
const FRAME_MAX: u32 = 1 << 20;
/// With this byte a TLS handshake begins, and HTTP/2 does not.
const TLS_HANDSHAKE: u8 = 0x16;

pub(crate) use crate::dial::{CONNECTION_WINDOW, KEEPALIVE_TIME, KEEPALIVE_TIMEOUT, STREAM_WINDOW};

pub(crate) async fn accept(listener: Box<dyn Listener>, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match (accepted, Arc::clone(&room).try_acquire_owned()) {
            (Ok((stream, address)), Ok(place)) => {
                let connection = connection(stream, address, place, Arc::clone(&shared));
                shared.tracker.spawn(connection);
            }
            (Ok((_, address)), Err(_)) => {
                let why = format!("{CONNECTIONS_MAX} connections are open");
                shared.refused.note(Reason::TooMany, address, &why);
            }
            (Err(error), _) => {
                tracing::warn!(%error, "accepting a connection of a member failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// `_place` is the connection's among those that may be open.
async fn connection(
    stream: Box<dyn Connection>,
    address: SocketAddr,
    _place: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) {
    let served = async {
        let opening = tokio::select! {
            opening = tokio::time::timeout(HANDSHAKE_TIMEOUT, open(stream, &shared)) => opening,
            // Nothing was asked yet, so nothing is left unanswered.
            () = shared.stop.cancelled() => return,
        };
        match opening {
            Ok(Ok((stream, proven))) => {
                let remote = Remote { address, proven };
                serve(stream, remote, &shared).await;
            }
            Ok(Err(Stranger::Gone(error))) => {
                tracing::debug!(peer = %address, %error, "a connection ended before it began");
            }
            Ok(Err(Stranger::Refused(reason, why))) => shared.refused.note(reason, address, &why),
            Err(_) => {
                let why = format!("nothing in {} s", HANDSHAKE_TIMEOUT.as_secs());
                shared.refused.note(Reason::TooSlow, address, &why);
            }
        }
    };
    tokio::select! {
        () = served => {}
        () = shared.abort.cancelled() => {}
    }
}

/// Why a connection does not become HTTP/2.
enum Stranger {
    /// It was closed: a probe of a load balancer, say.
    Gone(io::Error),
    Refused(Reason, String),
}

impl Stranger {
    fn refused(reason: Reason, why: &dyn fmt::Display) -> Self {
        Self::Refused(reason, why.to_string())
    }
}

type Opened = (Box<dyn Stream>, Option<Identity>);

async fn open(mut stream: Box<dyn Connection>, shared: &Shared) -> Result<Opened, Stranger> {
    let mut first = [0];
    let peeked = poll_fn(|context| stream.poll_peek(context, &mut ReadBuf::new(&mut first)));
    if peeked.await.map_err(Stranger::Gone)? == 0 {
        return Err(Stranger::Gone(io::ErrorKind::UnexpectedEof.into()));
    }
    let is_tls = first == [TLS_HANDSHAKE];
    let Some(tls) = &shared.tls else {
        if is_tls {
            let why = "TLS on a port of plain text: the other member lacks `insecure: true`";
            return Err(Stranger::refused(Reason::Tls, &why));
        }
        return Ok((stream, None));
    };
    if !is_tls {
        let why = "plain text on a port of TLS: the other member is configured as `insecure`";
        return Err(Stranger::refused(Reason::PlainText, &why));
    }
    let acceptor = TlsAcceptor::from(tls.current());
    let stream = acceptor.accept(stream).await;
    let stream = stream.map_err(|error| Stranger::refused(Reason::Handshake, &error))?;
    let certificates = stream.get_ref().1.peer_certificates();
    let no_certificate = || Stranger::refused(Reason::NoIdentity, &"it shows no certificate");
    let certificate = certificates
        .and_then(<[_]>::first)
        .ok_or_else(no_certificate)?;
    let identity = Identity::of_certificate(certificate)
        .map_err(|error| Stranger::refused(Reason::NoIdentity, &error))?;
    let (theirs, ours) = (identity.cluster(), shared.own.identity.cluster());
    if theirs != ours {
        let why = format!("it is {identity}, this member is of cluster {ours:?}");
        return Err(Stranger::refused(Reason::OtherCluster, &why));
    }
    Ok((Box::new(stream), Some(identity)))
}

async fn serve(stream: Box<dyn Stream>, remote: Remote, shared: &Arc<Shared>) {
    let address = remote.address;
    let respond = service_fn(move |request| {
        let (remote, shared) = (remote.clone(), Arc::clone(shared));
        async move { Ok::<_, Infallible>(answer(request, &remote, &shared).await) }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(METADATA_MAX)
        .max_concurrent_streams(CALLS_MAX)
        .keep_alive_interval(KEEPALIVE_TIME)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), respond));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %address, %error, "a connection of a member broke");
    }
}

async fn answer(
    mut request: http::Request<Incoming>,
    remote: &Remote,
    shared: &Shared,
) -> http::Response<Body> {
    let Some((mut routes, allowed)) = shared.services.find(request.uri().path()) else {
        return Status::unimplemented("this member does not serve that, or not yet").into_http();
    };
    match check(&shared.own, remote, request.headers(), allowed) {
        Ok(caller) => request.extensions_mut().insert(caller),
        Err(denial) => {
            let why = denial.status.message();
            shared.refused.note(denial.reason, remote.address, &why);
            return denial.status.into_http();
        }
    };
    match routes.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
