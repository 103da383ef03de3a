//! What the tests share: members with certificates, and a service that notes who calls.

use std::cell::RefCell;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll};
use std::time::Duration;
use tailweir_config::TlsFiles;
use tailweir_link::{Caller, Channel, Identity, Link, Peer, Role, Roles, Security, Server};
use tailweir_proto::peer;
use tailweir_testkit::Authority;
use tokio_stream::{Empty, Stream};
use tonic::{Request, Response, Status, Streaming};

pub(crate) fn identity(text: &str) -> Identity {
    format!("tailweir://{text}").parse().unwrap()
}

/// A cluster's authority and the folder of its certificates.
pub(crate) struct Cluster {
    pub(crate) authority: Authority,
    pub(crate) folder: tempfile::TempDir,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self {
            authority: Authority::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Certificate files for `CLUSTER/ROLES/NAME`, read again at each connection.
    pub(crate) fn files(&self, member: &str) -> TlsFiles {
        let signed = self.authority.sign_uris(&[&format!("tailweir://{member}")]);
        let file = member.replace(['/', '+'], "-");
        TlsFiles {
            reload_interval: Duration::from_nanos(1),
            ..self.authority.write(self.folder.path(), &file, &signed)
        }
    }

    pub(crate) fn link(&self, member: &str) -> Link {
        Link::new(identity(member), &Security::Tls(self.files(member))).unwrap()
    }
}

pub(crate) fn insecure(member: &str) -> Link {
    Link::new(identity(member), &Security::Insecure).unwrap()
}

/// Notes who tells it something.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<Caller>>>);

impl Notes {
    pub(crate) fn callers(&self) -> Vec<Caller> {
        self.0.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl peer::peer_server::Peer for Notes {
    type BringStream = Empty<Result<peer::PartAnswer, Status>>;

    async fn bring(
        &self,
        _: Request<Streaming<peer::Part>>,
    ) -> Result<Response<Self::BringStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }

    type TellStream = Silence;

    async fn tell(
        &self,
        request: Request<Streaming<peer::Letter>>,
    ) -> Result<Response<Silence>, Status> {
        let caller = Caller::of(&request)?.clone();
        self.0.lock().unwrap().push(caller);
        Ok(Response::new(Silence(request.into_inner())))
    }
}

/// Takes letters and says nothing; ends when they end.
pub(crate) struct Silence(Streaming<peer::Letter>);

impl Stream for Silence {
    type Item = Result<peer::Received, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some(letter) = std::task::ready!(Pin::new(&mut self.0).poll_next(context)) {
            if let Err(status) = letter {
                return Poll::Ready(Some(Err(status)));
            }
        }
        Poll::Ready(None)
    }
}

/// A member that listens and notes what samplers tell it.
pub(crate) async fn listening(link: &Link) -> (Server, Notes) {
    let server = link.listen("127.0.0.1:0").await.unwrap();
    let notes = Notes::default();
    server.add(
        peer::peer_server::PeerServer::new(notes.clone()),
        &[("Tell", Roles::SAMPLER)],
    );
    (server, notes)
}

/// The sampler that listens there.
pub(crate) fn sampler_at(server: &Server) -> Peer {
    Peer {
        address: server.address().to_string().into(),
        role: Role::Sampler,
        name: None,
        incarnation: None,
    }
}

/// Tells one empty letter.
pub(crate) async fn tell(channel: Channel) -> Result<(), Status> {
    let mut client = peer::peer_client::PeerClient::new(channel);
    let letter = tokio_stream::once(peer::Letter::default());
    ended(client.tell(letter).await).await
}

/// Waits for the end of what a call was answered.
pub(crate) async fn ended(
    answer: Result<Response<Streaming<peer::Received>>, Status>,
) -> Result<(), Status> {
    answer?.into_inner().message().await.map(drop)
}

/// A status with all its causes.
pub(crate) fn causes(status: &Status) -> String {
    let mut text = status.to_string();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What this thread has logged since: that of one test, with all its tasks.
pub(crate) struct Log;

impl Log {
    /// There is one subscriber for all tests: those of threads come and go, and lines with them.
    pub(crate) fn capture() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_writer(|| ToThread)
                .with_ansi(false);
            subscriber.init();
        });
        LOGGED.take();
        Self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(LOGGED.take()).unwrap()
    }
}

struct ToThread;

impl Write for ToThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
