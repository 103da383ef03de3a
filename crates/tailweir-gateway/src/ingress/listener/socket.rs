//! What a listener listens on: TCP, or a Unix domain socket.

use super::connection::Stream;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tokio::net::{TcpListener, UnixListener};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `host:port`; `:port` is every address.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint) => f.write_str(endpoint),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A bound socket. A Unix one is removed when it is dropped.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// A connection that came in.
pub(super) struct Accepted {
    pub(super) stream: Box<dyn Stream>,
    /// Who it is; nothing over a Unix socket.
    pub(super) peer: Option<IpAddr>,
}

impl Socket {
    pub(super) async fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(port) if port.starts_with(':') => {
                // Without a host: every address, of either family where the system has both.
                match TcpListener::bind(format!("[::]{port}")).await {
                    Ok(listener) => Ok(Self::Tcp(listener)),
                    Err(_) => TcpListener::bind(format!("0.0.0.0{port}"))
                        .await
                        .map(Self::Tcp),
                }
            }
            Endpoint::Tcp(endpoint) => TcpListener::bind(endpoint).await.map(Self::Tcp),
            Endpoint::Unix(path) => {
                UnixListener::bind(path).map(|listener| Self::Unix(listener, path.clone()))
            }
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// The next connection, without delay of small packets.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, %peer, "TCP_NODELAY cannot be set");
                }
                Ok(Accepted {
                    stream: Box::new(stream),
                    peer: Some(peer.ip()),
                })
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted {
                    stream: Box::new(stream),
                    peer: None,
                })
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::debug!(%error, path = %path.display(), "a socket stays behind");
        }
    }
}
