//! A process of the cluster that follows the controllers: every gateway and sampler.
//!
//! It holds the newest table that it heard of, whatever becomes of the controllers: without them nothing changes, and
//! the data path goes on.

mod kept;
mod lease;
mod leaving;
mod proposing;
mod reporting;
mod watching;

pub use leaving::Departure;
pub use proposing::Proposal;

use crate::disk::Disk;
use crate::state::PolicyRevision;
use std::sync::Arc;
use tailweir_link::Link;
use tailweir_placement::{Incarnation, MemberName, Report, RoutingTable, Weight};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Reports that wait to be taken over; further ones are made again later. As many as there are slots, for each of the
/// four tenures that one may have.
const REPORTS_WAITING_MAX: usize = 1 << 16;

/// What a client is told.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The controllers, `host:port` each.
    pub controllers: Vec<String>,
    /// Where the last table is kept; nothing: nowhere.
    pub disk: Option<Arc<dyn Disk>>,
    /// The sampler that this process is; nothing: none.
    pub sampler: Option<SamplerSettings>,
}

/// A sampler as it registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplerSettings {
    /// What it is called; unique in the cluster, and the same after a restart.
    pub name: MemberName,
    /// Where the others reach it.
    pub address: String,
    /// Where it fails together with others.
    pub zone: String,
    /// Its share of the slots.
    pub weight: Weight,
}

/// What the tasks of a client share.
#[derive(Debug)]
struct Shared {
    settings: ClientSettings,
    link: Link,
    table: watch::Sender<Arc<RoutingTable>>,
    policies: watch::Sender<Option<Arc<PolicyRevision>>>,
    proposal: watch::Sender<Proposal>,
    incarnation: watch::Sender<Option<Incarnation>>,
    is_connected: watch::Sender<bool>,
    is_dismissed: watch::Sender<bool>,
}

/// Follows the controllers in the background, until [`Client::stop`].
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    reports: mpsc::Sender<Report>,
    /// The policies of this process's file.
    proposals: watch::Sender<Option<String>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Client {
    /// Starts to follow. The table is the one that was kept, or an empty one, until a controller answers.
    ///
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn start(settings: ClientSettings, link: Link) -> Self {
        let kept = settings.disk.as_deref().and_then(kept::read);
        let (table, policies) = kept.unwrap_or_else(|| (RoutingTable::new(1), None));
        let shared = Arc::new(Shared {
            settings,
            link,
            table: watch::Sender::new(Arc::new(table)),
            policies: watch::Sender::new(policies.map(Arc::new)),
            proposal: watch::Sender::default(),
            incarnation: watch::Sender::new(None),
            is_connected: watch::Sender::new(false),
            is_dismissed: watch::Sender::new(false),
        });
        let (reports, waiting) = mpsc::channel(REPORTS_WAITING_MAX);
        let (proposals, texts) = watch::channel(None);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let until_stop = || stop.clone();
        tasks.spawn(until_stop().run_until_cancelled_owned(watching::watch(Arc::clone(&shared))));
        tasks.spawn(until_stop().run_until_cancelled_owned(lease::hold(Arc::clone(&shared))));
        tasks.spawn(
            until_stop().run_until_cancelled_owned(reporting::report(Arc::clone(&shared), waiting)),
        );
        tasks.spawn(
            until_stop().run_until_cancelled_owned(proposing::propose(Arc::clone(&shared), texts)),
        );
        Self {
            shared,
            reports,
            proposals,
            tasks,
            stop,
        }
    }

    /// The newest table that this process heard of.
    #[must_use]
    pub fn table(&self) -> watch::Receiver<Arc<RoutingTable>> {
        self.shared.table.subscribe()
    }

    /// The newest policies that this process heard of.
    #[must_use]
    pub fn policies(&self) -> watch::Receiver<Option<Arc<PolicyRevision>>> {
        self.shared.policies.subscribe()
    }

    /// Proposes the policies of this process's file, unless they were proposed before: a `processors:` section with every
    /// `tail_sampling` block, whole. They come back as a revision, as those of all others do.
    pub fn propose_policies(&self, text: &str) {
        self.proposals.send_if_modified(|known| {
            let is_new = known.as_deref() != Some(text);
            if is_new {
                *known = Some(text.to_owned());
                self.shared.proposal.send_replace(Proposal::Open);
            }
            is_new
        });
    }

    /// What became of the policies that were proposed last.
    #[must_use]
    pub fn proposal(&self) -> watch::Receiver<Proposal> {
        self.shared.proposal.subscribe()
    }

    /// The life that the controllers gave this sampler. Nothing before they did, and for a process that is no sampler.
    #[must_use]
    pub fn incarnation(&self) -> watch::Receiver<Option<Incarnation>> {
        self.shared.incarnation.subscribe()
    }

    /// Waits until the controllers say that this sampler is no member any more: it was removed, or another process took
    /// its name. Nothing that it holds counts; only a new start makes it a member again.
    pub async fn dismissed(&self) {
        let mut is_dismissed = self.shared.is_dismissed.subscribe();
        // The sender lives as long as `self`.
        let _ = is_dismissed.wait_for(|is_dismissed| *is_dismissed).await;
    }

    /// Whether a controller answers.
    #[must_use]
    pub fn connection(&self) -> watch::Receiver<bool> {
        self.shared.is_connected.subscribe()
    }

    /// Where to report tenures. A report is said again until the table shows it, or it no longer matters.
    #[must_use]
    pub fn reports(&self) -> mpsc::Sender<Report> {
        self.reports.clone()
    }

    /// Ends. The controllers take a sampler for lost once its lease runs out, unless it left before.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
