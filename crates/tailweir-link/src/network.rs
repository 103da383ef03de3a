//! What carries the bytes between members: TCP, or whatever a program puts in its place.
//!
//! Everything above it is the same over any of them: TLS, who is there, HTTP/2, timeouts of calls. So a cluster can be put
//! on streams within one process, or on a network that only exists on a virtual clock.

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

/// Longest time until a TCP connection is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What an operation of a network comes to.
pub type Opening<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A byte stream, secured or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A byte stream between two members, as it comes from the network.
pub trait Connection: Stream {
    /// Looks at what comes next and leaves it there. Nothing, once the other side has closed.
    fn poll_peek(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>>;
}

/// Where connections of others come in. Closed when it is dropped.
pub trait Listener: Send + Sync {
    /// Where it is bound.
    ///
    /// # Errors
    /// With the system's reason.
    fn address(&self) -> io::Result<SocketAddr>;

    /// The next connection, and where it comes from. Nothing is lost when this is dropped before it is done.
    fn accept(&self) -> Opening<'_, (Box<dyn Connection>, SocketAddr)>;
}

/// Carries bytes between members.
pub trait Network: fmt::Debug + Send + Sync {
    /// A connection to `HOST:PORT`. It has to give up by itself when nobody answers, within seconds.
    fn connect(&self, address: &str) -> Opening<'static, Box<dyn Connection>>;

    /// Listens on `HOST:PORT`; port 0 takes a free one.
    fn listen<'a>(&'a self, address: &'a str) -> Opening<'a, Box<dyn Listener>>;
}

/// The system's TCP.
#[derive(Debug)]
pub struct Tcp(HttpConnector);

impl Default for Tcp {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self(connector)
    }
}

impl Network for Tcp {
    fn connect(&self, address: &str) -> Opening<'static, Box<dyn Connection>> {
        let (mut connector, uri) = (self.0.clone(), format!("http://{address}"));
        Box::pin(async move {
            let uri: Uri = uri.parse().map_err(io::Error::other)?;
            let stream = connector.call(uri).await.map_err(io::Error::other)?;
            Ok(Box::new(stream.into_inner()) as Box<dyn Connection>)
        })
    }

    fn listen<'a>(&'a self, address: &'a str) -> Opening<'a, Box<dyn Listener>> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }
}

impl Listener for TcpListener {
    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn accept(&self) -> Opening<'_, (Box<dyn Connection>, SocketAddr)> {
        Box::pin(async {
            let (stream, address) = Self::accept(self).await?;
            // Without it an answer waits for a delayed acknowledgement, 40 ms each. It is refused where the connection is
            // gone already, which the first read tells.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(peer = %address, %error, "small answers may wait");
            }
            Ok((Box::new(stream) as Box<dyn Connection>, address))
        })
    }
}

impl Connection for TcpStream {
    fn poll_peek(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        Self::poll_peek(self, context, buffer)
    }
}
