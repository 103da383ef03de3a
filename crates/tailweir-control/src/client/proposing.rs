//! Proposes the policies of this process's file, until the controllers say what became of them.

use super::Shared;
use crate::codec;
use crate::disk::{Disk, beside};
use crate::follow::Follower;
use crate::frame::{self, Found};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tailweir_proto::control::ProposePoliciesRequest;
use tokio::sync::watch;
use tonic::{Code, Status};

/// Pause before policies that no controller answered for are proposed again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long one controller may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Name of the file in the data directory that has the revision which this process's file last was.
const FILE: &str = "policies";

/// What became of the policies of this process's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proposal {
    /// There are none, or the controllers have not answered.
    #[default]
    Open,
    /// They are this revision.
    Taken(u64),
    /// They are in force nowhere, for this reason.
    Refused(String),
}

/// Proposes for ever: the newest that `texts` has.
pub(super) async fn propose(shared: Arc<Shared>, mut texts: watch::Receiver<Option<String>>) {
    let controllers = shared.settings.controllers.clone();
    let mut follower = Follower::new(shared.link.clone(), controllers);
    let disk = shared.settings.disk.as_deref();
    let mut base = disk.map_or(0, read);
    while texts.changed().await.is_ok() {
        loop {
            let text = texts.borrow_and_update().clone();
            let Some(text) = text else { break };
            match send(&mut follower, text, base).await {
                Ok(revision) => {
                    base = revision;
                    keep(&shared, revision).await;
                    shared.proposal.send_replace(Proposal::Taken(revision));
                    break;
                }
                Err(status) if is_final(&status) => {
                    let reason = status.message().to_owned();
                    tracing::warn!(%reason, "the policies of the file are not taken");
                    shared.proposal.send_replace(Proposal::Refused(reason));
                    break;
                }
                Err(status) => {
                    let reason = status.message();
                    tracing::debug!(reason, "the policies of the file wait for a controller");
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn send(follower: &mut Follower, text: String, base: u64) -> Result<u64, Status> {
    let request = ProposePoliciesRequest { text, base };
    let answer = follower
        .call(request, PATIENCE, |mut caller, request| async move {
            caller.propose_policies(request).await
        })
        .await;
    answer.map(|answer| answer.revision)
}

/// Whether the controllers would say the same again.
fn is_final(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument | Code::PermissionDenied | Code::Unimplemented
    )
}

/// Which revision this process's file was when it last ran: a file that was changed back meanwhile is no late one.
fn read(disk: &dyn Disk) -> u64 {
    let bytes = disk.read(FILE).ok().flatten();
    let bytes = bytes.unwrap_or_default();
    let Found::Record { record, .. } = frame::read(&bytes, 0) else {
        return 0;
    };
    codec::decode(record).unwrap_or_default()
}

async fn keep(shared: &Shared, revision: u64) {
    let Some(disk) = &shared.settings.disk else {
        return;
    };
    let written = beside(disk, move |disk| {
        let mut bytes = Vec::new();
        frame::write(&revision, &mut bytes).map_err(io::Error::other)?;
        disk.replace(FILE, &bytes)
    });
    if let Err(error) = written.await {
        tracing::warn!(%error, "the revision of the file cannot be kept");
    }
}
