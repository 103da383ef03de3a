//! One other member: a connection, a task, two streams.

use crate::PeersSettings;
use crate::bring::{Carried, carry};
use crate::counts::Counts;
use crate::letters::{Letterbox, letters};
use crate::tell::write;
use crate::tidings::crowded;
use futures_core::future::BoxFuture;
use std::sync::{Arc, OnceLock, Weak};
use tailweir_gateway::{Brought, Members, OutgoingPart};
use tailweir_link::Channel;
use tailweir_placement::Incarnation;
use tailweir_shard::{Piece, Ruled};
use tailweir_tenure::Message;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Largest message, in bytes: a part of a request as large as any that is taken, with what is around it.
pub(crate) const MESSAGE_MAX: usize = 64 << 20;

/// Who takes what comes in, once there is somebody.
pub(crate) type Hosts = Arc<OnceLock<Weak<dyn Members>>>;

/// What both streams to a member have in common.
pub(crate) struct Remote {
    /// The life of it that is meant.
    pub(crate) incarnation: Incarnation,
    pub(crate) name: Arc<str>,
    pub(crate) channel: Channel,
    pub(crate) settings: PeersSettings,
    pub(crate) counts: Arc<Counts>,
    pub(crate) hosts: Hosts,
}

impl Remote {
    /// A client whose messages are not larger than the other side takes.
    pub(crate) fn client(&self) -> tailweir_proto::peer::peer_client::PeerClient<Channel> {
        tailweir_proto::peer::peer_client::PeerClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX)
    }

    /// Tells the shards that letters to this member were lost.
    pub(crate) fn remind(&self) {
        if let Some(hosts) = self.hosts.get().and_then(Weak::upgrade) {
            hosts.remind(self.incarnation);
        }
    }
}

/// The way to one member. Its task ends when this is dropped.
pub(crate) struct Line {
    pub(crate) address: Arc<str>,
    letterbox: Letterbox,
    parts: mpsc::Sender<Carried>,
    _end: DropGuard,
}

impl Line {
    pub(crate) fn open(remote: Remote, address: Arc<str>) -> Self {
        let (letterbox, waiting) = letters(&remote.settings, &remote.counts);
        let (parts, carried) = mpsc::channel(remote.settings.parts_max);
        let end = CancellationToken::new();
        let guard = end.clone().drop_guard();
        tokio::spawn(async move {
            tokio::select! {
                ((), ()) = async { tokio::join!(write(&remote, waiting), carry(&remote, carried)) } => {}
                () = end.cancelled() => {}
            }
        });
        Self {
            address,
            letterbox,
            parts,
            _end: guard,
        }
    }

    pub(crate) fn tell(&self, sampler: &str, messages: Vec<Message<Piece, Ruled>>) {
        self.letterbox.put(sampler, messages);
    }

    /// Nothing when no answer came in time, or none can come any more.
    pub(crate) fn bring(&self, part: OutgoingPart) -> BoxFuture<'static, Option<Brought>> {
        let until = Instant::now() + part.patience;
        let (carried, answer) = Carried::new(part);
        if self.parts.try_send(carried).is_err() {
            return Box::pin(std::future::ready(Some(crowded())));
        }
        Box::pin(async move {
            match tokio::time::timeout_at(until, answer).await {
                Ok(Ok(brought)) => Some(brought),
                // Given back without an answer, or too late for one.
                Ok(Err(_)) | Err(_) => None,
            }
        })
    }
}
