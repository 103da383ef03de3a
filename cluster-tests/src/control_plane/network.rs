//! The product's connections on the simulated network.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tailweir_link::{Connection, Listener, Network, Opening};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// After this a connection that is not there is given up, as the product's TCP does.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// TCP between the machines of a simulation.
#[derive(Debug)]
pub(super) struct Simulated;

impl Network for Simulated {
    fn connect(&self, address: &str) -> Opening<'static, Box<dyn Connection>> {
        let address = address.to_owned();
        Box::pin(async move {
            let connecting = TcpStream::connect(address);
            let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await??;
            Ok(Box::new(Wire(stream)) as Box<dyn Connection>)
        })
    }

    fn listen<'a>(&'a self, address: &'a str) -> Opening<'a, Box<dyn Listener>> {
        Box::pin(async move {
            let port = address
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse().ok());
            let port: u16 = port.ok_or(io::ErrorKind::InvalidInput)?;
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
            Ok(Box::new(Port(listener)) as Box<dyn Listener>)
        })
    }
}

struct Port(TcpListener);

impl Listener for Port {
    fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn accept(&self) -> Opening<'_, (Box<dyn Connection>, SocketAddr)> {
        Box::pin(async {
            let (stream, address) = self.0.accept().await?;
            Ok((Box::new(Wire(stream)) as Box<dyn Connection>, address))
        })
    }
}

/// A stream of the simulation.
struct Wire(TcpStream);

impl Wire {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().0)
    }
}

impl Connection for Wire {
    fn poll_peek(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_peek(context, buffer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
