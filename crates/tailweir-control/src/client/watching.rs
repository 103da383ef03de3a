//! Follows the stream of tables, from whichever controller answers.

use super::{Shared, kept};
use crate::dial;
use crate::disk::beside;
use crate::state::{PolicyRevision, decode_table, policies_from_wire};
use std::sync::Arc;
use std::time::Duration;
use tailweir_placement::RoutingTable;
use tailweir_proto::control::{Published, WatchRequest};
use tokio::sync::watch;
use tonic::{Status, Streaming};

/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long a controller may take to begin.
const PATIENCE: Duration = Duration::from_secs(3);

/// Watches for ever, and keeps what comes.
pub(super) async fn watch(shared: Arc<Shared>) {
    // From before anything can come.
    let (table, policies) = (shared.table.subscribe(), shared.policies.subscribe());
    tokio::join!(listen(&shared), keep(&shared, table, policies));
}

/// Listens to one controller after the other.
async fn listen(shared: &Shared) {
    let controllers = &shared.settings.controllers;
    let mut pause = FIRST_PAUSE;
    for controller in controllers.iter().cycle().skip(start(shared)) {
        let ended = match open(shared, controller).await {
            Ok(stream) => {
                tracing::debug!(controller, "watching the routing table");
                pause = FIRST_PAUSE;
                follow(shared, stream).await
            }
            Err(status) => status,
        };
        shared.is_connected.send_replace(false);
        tracing::debug!(controller, status = %ended.message(), "the routing table is not watched");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Each process begins with another controller, so that these share the work.
fn start(shared: &Shared) -> usize {
    let sampler = shared.settings.sampler.as_ref();
    let name = sampler.map_or("", |sampler| sampler.name.as_str());
    name.bytes().map(usize::from).sum::<usize>() % shared.settings.controllers.len().max(1)
}

async fn open(shared: &Shared, controller: &str) -> Result<Streaming<Published>, Status> {
    let mut caller = dial::dial(&shared.link, controller)?;
    let request = WatchRequest {
        epoch: shared.table.borrow().epoch().0,
        revision: shared
            .policies
            .borrow()
            .as_ref()
            .map_or(0, |policies| policies.revision),
    };
    let opened = tokio::time::timeout(PATIENCE, caller.watch_routing_table(request)).await;
    let opened = opened.map_err(|_| Status::deadline_exceeded("it does not answer"))?;
    Ok(opened?.into_inner())
}

/// Takes what comes until the stream ends; says why it ended.
async fn follow(shared: &Shared, mut stream: Streaming<Published>) -> Status {
    shared.is_connected.send_replace(true);
    loop {
        let published = match stream.message().await {
            Ok(Some(published)) => published,
            Ok(None) => return Status::unavailable("the stream has ended"),
            Err(status) => return status,
        };
        if let Err(status) = take(shared, published) {
            tracing::warn!(error = status.message(), "a table that is none was refused");
            return status;
        }
    }
}

/// Puts what is newer into force.
fn take(shared: &Shared, published: Published) -> Result<(), Status> {
    if let Some(bytes) = published.table {
        let table = decode_table(&bytes);
        let table = Arc::new(table.map_err(|error| Status::data_loss(error.to_string()))?);
        shared.table.send_if_modified(|known| {
            let is_newer = table.epoch() > known.epoch();
            if is_newer {
                tracing::debug!(epoch = table.epoch().0, "a newer routing table");
                *known = table;
            }
            is_newer
        });
    }
    if let Some(policies) = published.policies.map(policies_from_wire) {
        shared.policies.send_if_modified(|known| {
            let revision = known.as_ref().map_or(0, |known| known.revision);
            let is_newer = policies.revision > revision;
            if is_newer {
                *known = Some(Arc::new(policies));
            }
            is_newer
        });
    }
    Ok(())
}

/// Keeps on the disk what is new, beside the stream and the runtime's workers: a disk that hangs holds up no table. One is
/// written at a time, and then the newest, which stands for all that came meanwhile.
async fn keep(
    shared: &Shared,
    mut table: watch::Receiver<Arc<RoutingTable>>,
    mut policies: watch::Receiver<Option<Arc<PolicyRevision>>>,
) {
    let Some(disk) = &shared.settings.disk else {
        return;
    };
    loop {
        let changed = tokio::select! {
            biased;
            changed = table.changed() => changed,
            changed = policies.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
        let newest = Arc::clone(&table.borrow_and_update());
        let revision = policies.borrow_and_update().clone();
        let written = beside(disk, move |disk| {
            kept::write(disk, &newest, revision.as_deref())
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "the table cannot be kept");
        }
    }
}
