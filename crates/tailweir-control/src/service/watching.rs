//! The stream of tables: whoever watches gets the newest one, and each that comes after it, or the newest of several.

use crate::running::Running;
use crate::state::{State, policies_to_wire};
use std::sync::Arc;
use std::time::Duration;
use tailweir_proto::control::{Published, WatchRequest};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// The stream of one process.
pub(crate) type Watching = ReceiverStream<Result<Published, Status>>;

/// How often it is looked whether this controller still hears a leader.
const LOOK: Duration = Duration::from_secs(1);
/// Without a leader for so long, others may know more: the process is sent away to look there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches for one process, until it goes away or `stop`.
pub(super) fn watch(
    running: Arc<Running>,
    from: WatchRequest,
    stop: CancellationToken,
) -> Watching {
    // One table waits at most: a slow process gets the newest next, and not all of them.
    let (sender, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let ended = tokio::select! {
            biased;
            ended = send(&running, from, &sender) => ended,
            () = stop.cancelled() => Some(Status::unavailable("this controller stops")),
            () = sender.closed() => None,
        };
        if let Some(status) = ended {
            // It went away at the same time.
            let _ = sender.send(Err(status)).await;
        }
    });
    ReceiverStream::new(stream)
}

/// Sends until the process goes away; or says why it has to.
async fn send(
    running: &Running,
    from: WatchRequest,
    sender: &mpsc::Sender<Result<Published, Status>>,
) -> Option<Status> {
    let (mut epoch, mut revision) = (from.epoch, from.revision);
    let mut state = running.state.clone();
    let mut look = tokio::time::interval(LOOK);
    let mut current = Instant::now();
    loop {
        let newest = state.borrow_and_update().clone();
        let is_new = newest.table.epoch().0 > epoch || newest.revision() > revision;
        if is_new {
            let published = published(running, &newest, epoch, revision);
            sender.send(Ok(published)).await.ok()?;
            epoch = epoch.max(newest.table.epoch().0);
            revision = revision.max(newest.revision());
        }
        tokio::select! {
            biased;
            changed = state.changed() => if changed.is_err() {
                return Some(Status::unavailable("this controller has ended"));
            },
            _ = look.tick() => {
                if running.is_current() {
                    current = Instant::now();
                } else if current.elapsed() > PATIENCE {
                    return Some(Status::unavailable("this controller hears no leader"));
                }
            }
        }
    }
}

fn published(running: &Running, state: &State, epoch: u64, revision: u64) -> Published {
    let table = (state.table.epoch().0 > epoch).then(|| running.encoded_table(state));
    let policies = state.policies.as_deref();
    Published {
        table,
        policies: policies
            .filter(|policies| policies.revision > revision)
            .map(policies_to_wire),
    }
}
