//! Opens connections.

use http::Uri;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tailweir_tls::ClientConfigs;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service;

/// Longest time for TCP and TLS to one address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to the host of a URI, or to one fixed address on its behalf.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: Option<Arc<ClientConfigs>>,
    address: Option<SocketAddr>,
    /// The name that TLS checks, where it is not the URI's host.
    name: Option<Arc<str>>,
    /// Plain text where the URI says `http`.
    by_scheme: bool,
}

impl Connector {
    /// Plain text without `tls`; whether the URI says `http` or `https` does not matter to it.
    pub(crate) fn new(tls: Option<Arc<ClientConfigs>>) -> Self {
        Self {
            tls,
            address: None,
            name: None,
            by_scheme: false,
        }
    }

    /// TLS for URIs of `https` alone.
    pub(crate) fn by_scheme(tls: Option<Arc<ClientConfigs>>) -> Self {
        Self {
            by_scheme: true,
            ..Self::new(tls)
        }
    }

    /// TLS checks this name, whatever host the URIs bear.
    pub(crate) fn expecting(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Connects to this address only.
    pub(crate) fn to(&self, address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            ..self.clone()
        }
    }

    async fn connect(self, uri: Uri) -> io::Result<Connection> {
        let host = uri.host().unwrap_or_default();
        let tcp = match self.address {
            Some(address) => open(address).await?,
            None => open_first(host, port(&uri)).await?,
        };
        let tcp = TokioIo::new(tcp);
        let is_plain = self.by_scheme && uri.scheme_str() != Some("https");
        let Some(tls) = self.tls.filter(|_| !is_plain) else {
            return Ok(MaybeHttpsStream::Http(tcp));
        };
        let name = tls
            .server_name(self.name.as_deref().unwrap_or(host))
            .map_err(io::Error::other)?;
        let connector = TlsConnector::from(tls.current());
        let handshake = connector.connect(name, TokioIo::new(tcp));
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, handshake)
            .await
            .map_err(|_| timed_out("the TLS handshake"))??;
        Ok(MaybeHttpsStream::Https(TokioIo::new(stream)))
    }
}

pub(crate) type Connection = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Connection>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    uri.port_u16().unwrap_or(default)
}

/// The first address of the name that answers.
async fn open_first(host: &str, port: u16) -> io::Result<TcpStream> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    for address in tokio::net::lookup_host((host, port)).await? {
        match open(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
        .await
        .map_err(|_| timed_out("the connection"))?
        .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
    // A request is written at once; waiting to fill a packet only delays its end.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn timed_out(what: &str) -> io::Error {
    let text = format!("{what} took longer than {CONNECT_TIMEOUT:?}");
    io::Error::new(io::ErrorKind::TimedOut, text)
}
