//! Links over something else than TCP: pipes within the process.

use crate::harness::{Cluster, insecure, listening, sampler_at, tell};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tailweir_link::{Connection, Link, Listener, Network, Opening, Security};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, DuplexStream, ReadBuf};
use tokio::sync::{Mutex, mpsc};

const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// One listener, and pipes to it.
#[derive(Debug)]
struct Pipes {
    dialled: mpsc::Sender<Pipe>,
    waiting: Arc<Mutex<mpsc::Receiver<Pipe>>>,
}

impl Pipes {
    fn new() -> Arc<Self> {
        let (dialled, waiting) = mpsc::channel(8);
        let waiting = Arc::new(Mutex::new(waiting));
        Arc::new(Self { dialled, waiting })
    }
}

impl Network for Pipes {
    fn connect(&self, _: &str) -> Opening<'static, Box<dyn Connection>> {
        let (near, far) = tokio::io::duplex(1 << 16);
        self.dialled.try_send(Pipe(BufReader::new(far))).unwrap();
        Box::pin(async { Ok(Box::new(Pipe(BufReader::new(near))) as Box<dyn Connection>) })
    }

    fn listen<'a>(&'a self, _: &'a str) -> Opening<'a, Box<dyn Listener>> {
        let listener = Mouth(Arc::clone(&self.waiting));
        Box::pin(async { Ok(Box::new(listener) as Box<dyn Listener>) })
    }
}

struct Mouth(Arc<Mutex<mpsc::Receiver<Pipe>>>);

impl Listener for Mouth {
    fn address(&self) -> io::Result<SocketAddr> {
        Ok(ADDRESS)
    }

    fn accept(&self) -> Opening<'_, (Box<dyn Connection>, SocketAddr)> {
        Box::pin(async {
            let pipe = self.0.lock().await.recv().await.unwrap();
            Ok((Box::new(pipe) as Box<dyn Connection>, ADDRESS))
        })
    }
}

#[derive(Debug)]
struct Pipe(BufReader<DuplexStream>);

impl Connection for Pipe {
    fn poll_peek(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let next = ready!(Pin::new(&mut self.0).poll_fill_buf(context))?;
        let length = next.len().min(buffer.remaining());
        buffer.put_slice(&next[..length]);
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Scenario: members on pipes within one process, in plain text and with certificates, and one that lacks them.
/// Guarantees: a link is the same over any network: callers are known, and strangers are refused.
#[tokio::test]
async fn a_link_works_over_any_network() {
    let cluster = Cluster::new();
    let secured = |member: &str| Security::Tls(cluster.files(member));
    for (one, other) in [
        (Security::Insecure, Security::Insecure),
        (secured("a/sampler/one"), secured("a/sampler/other")),
    ] {
        let pipes = Pipes::new();
        let over = |name: &str, security| {
            let identity = insecure(name).identity().clone();
            Link::over(pipes.clone(), identity, security).unwrap()
        };
        let (server, notes) = listening(&over("a/sampler/one", &one)).await;
        let other = over("a/sampler/other", &other);
        tell(other.channel(&sampler_at(&server)).unwrap())
            .await
            .unwrap();
        assert_eq!(&notes.callers()[0].identity, other.identity());
        let stranger = match one {
            Security::Insecure => over("a/sampler/other", &secured("a/sampler/other")),
            Security::Tls(_) => over("a/sampler/other", &Security::Insecure),
        };
        let refused = tell(stranger.channel(&sampler_at(&server)).unwrap()).await;
        assert!(refused.is_err());
        assert_eq!(notes.callers().len(), 1);
    }
}
