//! An HTTP server that follows a script.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use tailweir_tls::ServerConfigs;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the backend answers; 200 without a body beyond its script.
pub(crate) enum Reply {
    Of(Box<Response<Bytes>>),
    /// 200, and a body without an end.
    Endless,
    /// Closes the connection.
    Reset,
}

impl Reply {
    pub(crate) fn status(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Self::Of(Box::new(response.body(body.into()).unwrap()))
    }
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct HttpRequest {
    pub(crate) path: String,
    pub(crate) version: http::Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server in this process. Stops when it is dropped.
pub(crate) struct HttpBackend {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<HttpRequest>>,
    connections: AtomicUsize,
    endless_bytes: Arc<AtomicUsize>,
}

impl HttpBackend {
    pub(crate) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::serve(None, script).await
    }

    pub(crate) async fn start_with_tls(tls: Arc<ServerConfigs>) -> Self {
        Self::serve(Some(tls), []).await
    }

    async fn serve(
        tls: Option<Arc<ServerConfigs>>,
        script: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(State {
            script: Mutex::new(script.into_iter().collect()),
            ..State::default()
        });
        Self {
            address: listener.local_addr().unwrap(),
            server: tokio::spawn(accept(listener, tls, state.clone())),
            state,
        }
    }

    pub(crate) fn requests(&self) -> Vec<HttpRequest> {
        self.state.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    /// How much of an endless body was taken off our hands.
    pub(crate) fn endless_bytes(&self) -> usize {
        self.state.endless_bytes.load(SeqCst)
    }
}

impl Drop for HttpBackend {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<Arc<ServerConfigs>>, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        state.connections.fetch_add(1, SeqCst);
        let (tls, state) = (tls.clone(), state.clone());
        connections.spawn(async move {
            match tls {
                None => serve_connection(stream, state).await,
                Some(tls) => {
                    let acceptor = TlsAcceptor::from(tls.current());
                    serve_connection(acceptor.accept(stream).await.unwrap(), state).await;
                }
            }
        });
    }
}

async fn serve_connection<S>(stream: S, state: Arc<State>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(|request| answer(request, state.clone()));
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A script may break the connection off.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Chunks = tokio_stream::Iter<Box<dyn Iterator<Item = Result<Frame<Bytes>, Infallible>> + Send>>;
type Body = Either<Full<Bytes>, StreamBody<Chunks>>;

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    state.requests.lock().unwrap().push(HttpRequest {
        path: parts.uri.path().to_owned(),
        version: parts.version,
        headers: parts.headers,
        body,
    });
    let reply = state.script.lock().unwrap().pop_front();
    match reply {
        None => Ok(Response::new(Either::Left(Full::default()))),
        Some(Reply::Of(response)) => Ok(response.map(|body| Either::Left(Full::new(body)))),
        Some(Reply::Reset) => Err(std::io::Error::other("as the script says")),
        Some(Reply::Endless) => {
            let taken = state.endless_bytes.clone();
            let chunks = std::iter::repeat_with(move || {
                taken.fetch_add(16 << 10, SeqCst);
                Ok(Frame::data(Bytes::from_static(&[b'x'; 16 << 10])))
            });
            let chunks: Box<dyn Iterator<Item = _> + Send> = Box::new(chunks);
            Ok(Response::new(Either::Right(StreamBody::new(
                tokio_stream::iter(chunks),
            ))))
        }
    }
}
