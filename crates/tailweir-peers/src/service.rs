//! The way in: what other members bring and write.

use crate::Peers;
use crate::counts::{Counts, Register};
use crate::line::MESSAGE_MAX;
use crate::lives::Lives;
use crate::tidings::said;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use prost::Message as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tailweir_gateway::{Members, OutgoingPart};
use tailweir_link::{Caller, Identity, Roles, Server};
use tailweir_placement::Incarnation;
use tailweir_proto::peer;
use tailweir_proto::peer::peer_server::{Peer, PeerServer};
use tailweir_wire::{read_letter, read_part, write_said};
use tonic::{Request, Response, Status, Streaming};

/// Most parts of one stream that are worked on at once. Beyond it the stream is not read.
const PARTS_OPEN_MAX: usize = 256;

/// Who brings parts: gateways, and samplers that hand on log records whose slots have moved while they waited.
const BRINGING: Roles = Roles::GATEWAY.with(Roles::SAMPLER);

/// Serves `members` on `server`, and has `peers` remind its shards of members that lost letters. What it returns keeps
/// nothing alive: the server does.
pub fn serve(server: &Server, peers: &Peers, members: Arc<dyn Members>) {
    peers.attend(&members);
    let inbound = Inbound {
        members,
        register: Arc::clone(peers.register()),
        lives: Arc::clone(peers.lives()),
    };
    let service = PeerServer::new(inbound)
        .max_decoding_message_size(MESSAGE_MAX)
        .max_encoding_message_size(MESSAGE_MAX);
    server.add(service, &[("Bring", BRINGING), ("Tell", Roles::SAMPLER)]);
}

struct Inbound {
    members: Arc<dyn Members>,
    register: Arc<Register>,
    lives: Arc<Lives>,
}

#[tonic::async_trait]
impl Peer for Inbound {
    type BringStream = Parts;
    type TellStream = Letters;

    async fn bring(
        &self,
        request: Request<Streaming<peer::Part>>,
    ) -> Result<Response<Parts>, Status> {
        let counts = self.register.of(Caller::of(&request)?.identity.name());
        Ok(Response::new(Parts {
            parts: Some(request.into_inner()),
            open: FuturesUnordered::new(),
            members: Arc::clone(&self.members),
            counts,
        }))
    }

    async fn tell(
        &self,
        request: Request<Streaming<peer::Letter>>,
    ) -> Result<Response<Letters>, Status> {
        let caller = Caller::of(&request)?.clone();
        let no_incarnation =
            || Status::failed_precondition("only who has an incarnation writes letters");
        let from = Incarnation(caller.incarnation.ok_or_else(no_incarnation)?);
        let writer = Writer {
            from,
            counts: self.register.of(caller.identity.name()),
            identity: caller.identity,
            lives: Arc::clone(&self.lives),
        };
        let members = Arc::clone(&self.members);
        let reading = read_letters(request.into_inner(), members, writer);
        Ok(Response::new(Letters(Some(Box::pin(reading)))))
    }
}

/// Answers to the parts of one stream. Parts are read while their answers are taken and not too many are open.
pub(crate) struct Parts {
    /// Nothing once there are no more.
    parts: Option<Streaming<peer::Part>>,
    open: FuturesUnordered<BoxFuture<'static, peer::PartAnswer>>,
    members: Arc<dyn Members>,
    counts: Arc<Counts>,
}

impl Parts {
    /// Reads parts as far as there are any and room for them.
    fn read(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        while self.open.len() < PARTS_OPEN_MAX {
            let Some(parts) = &mut self.parts else {
                return Ok(());
            };
            match Pin::new(parts).poll_next(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(None) => self.parts = None,
                Poll::Ready(Some(part)) => self.begin(part?)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, part: peer::Part) -> Result<(), Status> {
        let part = read_part(part).map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.counts.part_received(part.spans.len());
        let id = part.id;
        let answer = self.members.part(OutgoingPart {
            sampler: part.sampler.into(),
            epoch: part.epoch,
            tenure: part.tenure,
            spans: part.spans,
            patience: part.patience,
            handed_on: part.handed_on,
            sequence: part.sequence,
        });
        let answer = async move { write_said(id, said(answer.await)) };
        self.open.push(Box::pin(answer));
        Ok(())
    }
}

impl Stream for Parts {
    type Item = Result<peer::PartAnswer, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(status) = self.read(context) {
            self.parts = None;
            return Poll::Ready(Some(Err(status)));
        }
        match Pin::new(&mut self.open).poll_next(context) {
            Poll::Ready(Some(answer)) => Poll::Ready(Some(Ok(answer))),
            // Nothing is open: the next part, or the end, wakes this up.
            Poll::Ready(None) if self.parts.is_none() => Poll::Ready(None),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Who writes the letters of one stream.
struct Writer {
    /// Its life, as it says.
    from: Incarnation,
    /// Who it is, as the link has checked.
    identity: Identity,
    lives: Arc<Lives>,
    counts: Arc<Counts>,
}

async fn read_letters(
    mut letters: Streaming<peer::Letter>,
    members: Arc<dyn Members>,
    writer: Writer,
) -> Result<(), Status> {
    while let Some(letter) = letters.message().await? {
        // At each one: the table may have come to know that life since the stream began.
        writer.lives.check(writer.from, writer.identity.name())?;
        writer
            .counts
            .letter_received(letter.messages.len(), letter.encoded_len());
        let letter = read_letter(letter);
        let letter = letter.map_err(|error| Status::invalid_argument(error.to_string()))?;
        members
            .letters(writer.from, &letter.sampler, letter.messages)
            .await;
    }
    Ok(())
}

/// Says nothing while letters are read, and ends when they do.
pub(crate) struct Letters(Option<BoxFuture<'static, Result<(), Status>>>);

impl Stream for Letters {
    type Item = Result<peer::Received, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(reading) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let end = ready!(reading.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(end.err().map(Err))
    }
}
