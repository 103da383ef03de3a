//! The stream of letters to one member.

use crate::backoff::Backoff;
use crate::letters::{Sealed, Waiting};
use crate::line::Remote;
use tailweir_proto::peer;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// Letters that wait in front of the stream. Those that are there together leave in one frame.
const UNDER_WAY_MAX: usize = 32;

/// Sends what shards write, for as long as there are any.
pub(crate) async fn write(remote: &Remote, mut waiting: Waiting) {
    let mut backoff = Backoff::new(&remote.settings);
    // No stream before there is something to say: gateways never write. From then on always, because the shards are to
    // hear soon when the member is back.
    let mut next = waiting.next().await;
    if next.is_none() {
        return;
    }
    loop {
        match open(remote).await {
            Ok((feed, silence)) => {
                backoff.reset();
                let broken = send(remote, &mut waiting, &mut next, feed, silence).await;
                let Some(status) = broken else {
                    return;
                };
                remote.counts.broke();
                tracing::info!(member = %remote.name, %status, "the stream of letters to a member broke");
            }
            Err(status) => {
                tracing::debug!(member = %remote.name, %status, "a member takes no letters");
            }
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

type Opened = (mpsc::Sender<Sealed>, Streaming<peer::Received>);

/// Returns when the other side takes letters.
async fn open(remote: &Remote) -> Result<Opened, Status> {
    let (feed, letters) = mpsc::channel(UNDER_WAY_MAX);
    let mut client = remote.client();
    let call = client.tell(ReceiverStream::new(letters).map(Sealed::open));
    let opened = tokio::time::timeout(remote.settings.open_timeout, call).await;
    let opened =
        opened.map_err(|_| Status::deadline_exceeded("the stream did not open in time"))?;
    Ok((feed, opened?.into_inner()))
}

/// Sends letters until the stream breaks, and says why; nothing when there are no more letters.
async fn send(
    remote: &Remote,
    waiting: &mut Waiting,
    next: &mut Option<Sealed>,
    feed: mpsc::Sender<Sealed>,
    mut silence: Streaming<peer::Received>,
) -> Option<Status> {
    let mut soonest = Instant::now();
    loop {
        if waiting.takes_note() {
            remote.remind();
        }
        let sealed = match next.take() {
            Some(sealed) => sealed,
            None => tokio::select! {
                sealed = gathered(waiting, soonest) => sealed?,
                // The stream has taken everything: there may be room to say again what was lost.
                _ = feed.reserve_many(UNDER_WAY_MAX), if feed.capacity() < UNDER_WAY_MAX => continue,
                end = silence.message() => return Some(lost(waiting, 0, end)),
            },
        };
        let messages = sealed.messages();
        soonest = Instant::now() + remote.settings.letter_pause;
        tokio::select! {
            sent = feed.send(sealed) => if sent.is_err() {
                return Some(lost(waiting, messages, silence.message().await));
            },
            end = silence.message() => return Some(lost(waiting, messages, end)),
        }
    }
}

/// The next letter, not sooner than this: what is written until then leaves with it.
async fn gathered(waiting: &mut Waiting, soonest: Instant) -> Option<Sealed> {
    waiting.come().await;
    if !waiting.is_full() {
        tokio::time::sleep_until(soonest).await;
    }
    waiting.next().await
}

/// The stream ended: what was under way is lost, how much of it nobody knows.
fn lost(waiting: &Waiting, messages: usize, end: Result<Option<peer::Received>, Status>) -> Status {
    waiting.lose(messages);
    match end {
        Ok(_) => Status::aborted("the other side ended it"),
        Err(status) => status,
    }
}
