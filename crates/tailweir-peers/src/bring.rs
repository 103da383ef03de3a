//! The stream of parts to one member, and their answers.

use crate::backoff::Backoff;
use crate::line::{MESSAGE_MAX, Remote};
use crate::tidings::{brought, too_large};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tailweir_gateway::{Brought, OutgoingPart, SLOT_SEED};
use tailweir_proto::peer;
use tailweir_wire::{Part, read_said, write_part};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// How often parts are looked for whose gateway does not wait any more.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Parts that wait in front of the stream. Those that are there together leave in one frame.
const UNDER_WAY_MAX: usize = 32;

/// Most bytes of spans in one part: what a message may have, but for what is around them.
const PART_MAX: usize = MESSAGE_MAX - (4 << 10);

/// A part, and who waits for its answer. Dropped, it is given back without one.
pub(crate) struct Carried {
    part: OutgoingPart,
    until: Instant,
    reply: oneshot::Sender<Brought>,
}

impl Carried {
    pub(crate) fn new(part: OutgoingPart) -> (Self, oneshot::Receiver<Brought>) {
        let (reply, answer) = oneshot::channel();
        let until = Instant::now() + part.patience;
        (Self { part, until, reply }, answer)
    }
}

/// A part that was sent.
struct Sent {
    sampler: Arc<str>,
    at: Instant,
    reply: oneshot::Sender<Brought>,
}

/// Brings what gateways send, for as long as there is anything.
pub(crate) async fn carry(remote: &Remote, mut parts: mpsc::Receiver<Carried>) {
    let mut backoff = Backoff::new(&remote.settings);
    // No stream before there is something to bring: not every member is a gateway.
    while let Some(first) = parts.recv().await {
        let status = match open(remote).await {
            Ok((feed, answers)) => {
                backoff.reset();
                let stream = Stream::new(remote);
                let Err(status) = stream.run(first, &mut parts, feed, answers).await else {
                    return;
                };
                remote.counts.broke();
                tracing::info!(member = %remote.name, %status, "the stream of parts to a member broke");
                status
            }
            Err(status) => status,
        };
        tracing::debug!(member = %remote.name, %status, "a member takes no parts");
        // Those who wait look for another member: this one may have lost its slots meanwhile.
        while parts.try_recv().is_ok() {}
        tokio::time::sleep(backoff.pause()).await;
    }
}

type Opened = (mpsc::Sender<peer::Part>, Streaming<peer::PartAnswer>);

async fn open(remote: &Remote) -> Result<Opened, Status> {
    let (feed, parts) = mpsc::channel(UNDER_WAY_MAX);
    let mut client = remote.client();
    let call = client.bring(ReceiverStream::new(parts));
    let opened = tokio::time::timeout(remote.settings.open_timeout, call).await;
    let opened =
        opened.map_err(|_| Status::deadline_exceeded("the stream did not open in time"))?;
    Ok((feed, opened?.into_inner()))
}

/// A stream that is open. Dropped, it gives all its parts back.
struct Stream<'a> {
    remote: &'a Remote,
    /// Parts without an answer, by id.
    sent: HashMap<u64, Sent>,
    next_id: u64,
    /// On its way into the stream.
    pending: Option<peer::Part>,
}

impl<'a> Stream<'a> {
    fn new(remote: &'a Remote) -> Self {
        Self {
            remote,
            sent: HashMap::new(),
            next_id: 0,
            pending: None,
        }
    }

    /// Ends well when there are no more parts, and otherwise with what broke the stream.
    async fn run(
        mut self,
        first: Carried,
        parts: &mut mpsc::Receiver<Carried>,
        feed: mpsc::Sender<peer::Part>,
        mut answers: Streaming<peer::PartAnswer>,
    ) -> Result<(), Status> {
        self.take(first);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_room =
                self.pending.is_none() && self.sent.len() < self.remote.settings.parts_max;
            tokio::select! {
                answer = answers.message() => match answer? {
                    Some(answer) => self.answered(&answer)?,
                    None => return Err(Status::aborted("the other side ended it")),
                },
                permit = feed.reserve(), if self.pending.is_some() => {
                    let permit = permit.map_err(|_| Status::aborted("the stream is closed"))?;
                    if let Some(part) = self.pending.take() {
                        self.remote.counts.part_sent(part.spans.len());
                        permit.send(part);
                    }
                }
                part = parts.recv(), if has_room => match part {
                    Some(part) => self.take(part),
                    None => return Ok(()),
                },
                _ = sweep.tick() => self.sent.retain(|_, sent| !sent.reply.is_closed()),
            }
        }
    }

    fn take(&mut self, carried: Carried) {
        let Carried { part, until, reply } = carried;
        let now = Instant::now();
        if reply.is_closed() || until <= now {
            return;
        }
        if part.spans.len() > PART_MAX {
            // Sent, it would break the stream for all others. Who waited has gone, or hears it now.
            let _ = reply.send(too_large(part.spans.len(), PART_MAX));
            return;
        }
        self.next_id += 1;
        let id = self.next_id;
        self.pending = Some(write_part(Part {
            id,
            sampler: part.sampler.to_string(),
            epoch: part.epoch,
            tenure: part.tenure,
            spans: part.spans,
            patience: until - now,
            handed_on: part.handed_on,
            sequence: part.sequence,
        }));
        let sent = Sent {
            sampler: part.sampler,
            at: now,
            reply,
        };
        self.sent.insert(id, sent);
    }

    fn answered(&mut self, answer: &peer::PartAnswer) -> Result<(), Status> {
        let read = read_said(answer, SLOT_SEED);
        let (id, said) = read.map_err(|error| Status::internal(error.to_string()))?;
        // Nobody waits any more for a part that is not there.
        if let Some(sent) = self.sent.remove(&id) {
            self.remote.counts.answered(sent.at.elapsed());
            // The same, since a moment ago.
            let _ = sent.reply.send(brought(said, &sent.sampler));
        }
        Ok(())
    }
}
