//! Reports of tenures: said again until the table shows that they were heard.

use super::Shared;
use crate::follow::Follower;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tailweir_placement::{Epoch, Report, TenureId};
use tailweir_proto::control::{ReportRequest, TenureAt};
use tokio::sync::mpsc;

/// What comes within this time is sent together.
const GATHER: Duration = Duration::from_millis(50);
/// What the table does not show is said again after this.
const AGAIN: Duration = Duration::from_secs(2);
/// How long one controller may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most reports in one message.
const BATCH: usize = 4096;

/// Reports for ever.
pub(super) async fn report(shared: Arc<Shared>, mut reports: mpsc::Receiver<Report>) {
    let controllers = shared.settings.controllers.clone();
    let mut follower = Follower::new(shared.link.clone(), controllers);
    // Bounded by the tenures of the table, because what is not about one of them goes.
    let mut open = BTreeSet::new();
    let mut table = shared.table.subscribe();
    loop {
        tokio::select! {
            biased;
            received = reports.recv() => match received {
                Some(report) => drop(open.insert(report)),
                None => return,
            },
            () = tokio::time::sleep(AGAIN), if !open.is_empty() => {}
        }
        tokio::time::sleep(GATHER).await;
        while let Ok(report) = reports.try_recv() {
            open.insert(report);
        }
        let newest = Arc::clone(&table.borrow_and_update());
        open.retain(|report| report.counts(&newest));
        send(&shared, &mut follower, &open).await;
    }
}

/// Sends all that is open.
async fn send(shared: &Shared, follower: &mut Follower, open: &BTreeSet<Report>) {
    let Some(member) = *shared.incarnation.borrow() else {
        return;
    };
    let all: Vec<Report> = open.iter().copied().collect();
    for batch in all.chunks(BATCH) {
        let mut request = ReportRequest {
            incarnation: member.0,
            ..ReportRequest::default()
        };
        for report in batch {
            match *report {
                Report::InSync { tenure, view } => request.in_sync.push(at(tenure, view)),
                Report::Clear { tenure, into } => request.clear.push(at(tenure, into)),
            }
        }
        let reported = follower
            .call(request, PATIENCE, |mut caller, request| async move {
                caller.report(request).await
            })
            .await;
        if let Err(status) = reported {
            tracing::warn!(error = status.message(), "reports wait for a controller");
            return;
        }
    }
}

fn at(tenure: TenureId, epoch: Epoch) -> TenureAt {
    TenureAt {
        slot: tenure.slot.index() as u32,
        created: tenure.created.0,
        epoch: epoch.0,
    }
}
