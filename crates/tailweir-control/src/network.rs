//! How the Raft of this process speaks to that of the others.

use crate::codec;
use crate::dial::{self, Caller};
use crate::raft::{Peer, Raft, Types};
use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, RemoteError, ReplicationClosed, StreamingError,
    Unreachable,
};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, Snapshot, SnapshotMeta, Vote};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::future::Future;
use tailweir_link::Link;
use tailweir_proto::control::RaftMessage;
use tailweir_proto::control::raft_message::Kind;
use tonic::Status;

/// What a snapshot is sent as.
type SentSnapshot = (Vote<u64>, SnapshotMeta<u64, Peer>, Vec<u8>);

/// Opens connections to other controllers.
#[derive(Debug, Clone)]
pub(crate) struct Network(pub(crate) Link);

/// The connection to one of them.
#[derive(Debug)]
pub(crate) struct Connection {
    to: u64,
    caller: Result<Caller, Status>,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, peer: &Peer) -> Connection {
        Connection {
            to: target,
            caller: dial::dial(&self.0, &peer.address),
        }
    }
}

type CallError<E> = RPCError<u64, Peer, E>;

impl Connection {
    async fn call<Request, Answer, E>(
        &mut self,
        kind: Kind,
        request: &Request,
        option: &RPCOption,
    ) -> Result<Answer, CallError<E>>
    where
        Request: Serialize + Sync,
        Answer: DeserializeOwned,
        E: Error + DeserializeOwned,
    {
        let malformed = |error: codec::Malformed| RPCError::Network(NetworkError::new(&error));
        let unreachable = |status: Status| RPCError::Unreachable(Unreachable::new(&status));
        let message = RaftMessage {
            kind: kind.into(),
            to: self.to,
            body: codec::encode(request).map_err(malformed)?.into(),
        };
        let caller = self.caller.as_mut();
        let caller = caller.map_err(|status| unreachable(status.clone()))?;
        let answer = tokio::time::timeout(option.hard_ttl(), caller.raft(message));
        let answer = answer
            .await
            .map_err(|late| RPCError::Network(NetworkError::new(&late)))?
            .map_err(unreachable)?;
        let answer: Result<Answer, E> =
            codec::decode(&answer.into_inner().body).map_err(malformed)?;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.to, error)))
    }
}

impl RaftNetwork<Types> for Connection {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, CallError<RaftError<u64>>> {
        self.call(Kind::Append, &request, &option).await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, CallError<RaftError<u64>>> {
        self.call(Kind::Vote, &request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote<u64>,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<Types, Fatal<u64>>> {
        let sent: SentSnapshot = (vote, snapshot.meta, *snapshot.snapshot);
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            answer = self.call::<_, _, Fatal<u64>>(Kind::Snapshot, &sent, &option) => {
                answer.map_err(|error| Unreachable::new(&error).into())
            }
        }
    }
}

/// Hands a message of another controller to the Raft of this process.
///
/// # Errors
/// A status for the sender, when the message is none.
pub(crate) async fn receive(raft: &Raft, message: &RaftMessage) -> Result<RaftMessage, Status> {
    fn read<T: DeserializeOwned>(message: &RaftMessage) -> Result<T, Status> {
        codec::decode(&message.body).map_err(malformed)
    }
    fn malformed(error: codec::Malformed) -> Status {
        Status::invalid_argument(error.to_string())
    }
    let body = match message.kind() {
        Kind::Unspecified => return Err(Status::unimplemented("an unknown message of Raft")),
        Kind::Append => codec::encode(&raft.append_entries(read(message)?).await),
        Kind::Vote => codec::encode(&raft.vote(read(message)?).await),
        Kind::Snapshot => {
            let (vote, meta, state): SentSnapshot = read(message)?;
            let snapshot = Snapshot {
                meta,
                snapshot: Box::new(state),
            };
            codec::encode(&raft.install_full_snapshot(vote, snapshot).await)
        }
    };
    Ok(RaftMessage {
        body: body.map_err(malformed)?.into(),
        ..RaftMessage {
            kind: message.kind,
            to: message.to,
            body: bytes::Bytes::new(),
        }
    })
}
