//! What a listener listens on: TCP, or a Unix domain socket.

use super::connection::Stream;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tokio::net::{TcpListener, TcpStream, UnixListener};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `host:port`; `:port` is every address.
    Tcp(String, Family),
    /// The path of a socket.
    Unix(PathBuf),
}

/// Which addresses are listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Those of both.
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Family {
    fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            // A socket on `[::]` is reached over IPv4 too, by addresses that say so.
            Self::V6 => matches!(address, IpAddr::V6(it) if it.to_ipv4_mapped().is_none()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(endpoint, _) => f.write_str(endpoint),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A bound socket. A Unix one is removed when it is dropped.
pub(super) enum Socket {
    Tcp(TcpListener, Family),
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
            Endpoint::Tcp(endpoint, family) => {
                let listener = bind_tcp(endpoint, *family).await?;
                Ok(Self::Tcp(listener, *family))
            }
            Endpoint::Unix(path) => {
                UnixListener::bind(path).map(|listener| Self::Unix(listener, path.clone()))
            }
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener, _) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// The next connection, without delay of small packets.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, family) => {
                let (stream, peer) = accept_tcp(listener, *family).await?;
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, %peer, "TCP_NODELAY cannot be set");
                }
                Ok(Accepted {
                    stream: Box::new(stream),
                    peer: Some(peer),
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

async fn bind_tcp(endpoint: &str, family: Family) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "the host has no address of this family",
    );
    for address in resolve(endpoint, family).await? {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The addresses of this family that `host:port` names. Without a host: every address, of either family where the
/// system has both.
pub(crate) async fn resolve(endpoint: &str, family: Family) -> io::Result<Vec<SocketAddr>> {
    let hosts: &[&str] = match (endpoint.starts_with(':'), family) {
        (false, _) => &[""],
        (true, Family::Any) => &["[::]", "0.0.0.0"],
        (true, Family::V4) => &["0.0.0.0"],
        (true, Family::V6) => &["[::]"],
    };
    let mut found = Vec::new();
    for host in hosts {
        let addresses = tokio::net::lookup_host(format!("{host}{endpoint}")).await?;
        found.extend(addresses.filter(|address| family.has(address.ip())));
    }
    Ok(found)
}

async fn accept_tcp(listener: &TcpListener, family: Family) -> io::Result<(TcpStream, IpAddr)> {
    loop {
        let (stream, peer) = listener.accept().await?;
        if family.has(peer.ip()) {
            return Ok((stream, peer.ip()));
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
