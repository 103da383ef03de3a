//! How a node stands, for everyone who asks.

use crate::cluster::Membership;
use crate::status::{FullPage, ProcessStatus, StatusPage};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tailweir_gateway::Running;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Takes data.
    Ready,
    /// Takes none; decides and sends what it holds.
    Draining,
    /// Takes none yet: the cluster has not given it its place.
    Joining,
    /// Takes none, because something in it has ended that should not.
    Failing,
}

impl Phase {
    /// Its word in answers and on the status page.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Joining => "joining",
            Self::Failing => "failing",
        }
    }
}

/// A node to look at. Clones look at the same one.
#[derive(Clone)]
pub(crate) struct NodeView(Arc<Shared>);

struct Shared {
    running: Running,
    membership: Option<Arc<Membership>>,
    sources: Vec<String>,
    revision: AtomicU64,
    policies: AtomicU64,
    refused: Mutex<Option<String>>,
    is_draining: AtomicBool,
}

impl NodeView {
    pub(super) fn of(
        running: Running,
        membership: Option<Arc<Membership>>,
        sources: Vec<String>,
    ) -> Self {
        Self(Arc::new(Shared {
            running,
            membership,
            sources,
            revision: AtomicU64::new(1),
            policies: AtomicU64::new(0),
            refused: Mutex::new(None),
            is_draining: AtomicBool::new(false),
        }))
    }

    /// The gateway.
    pub(crate) fn running(&self) -> &Running {
        &self.0.running
    }

    /// The cluster that the node is in, if it is in one.
    pub(crate) fn membership(&self) -> Option<&Arc<Membership>> {
        self.0.membership.as_ref()
    }

    /// Where the node stands.
    pub(crate) fn phase(&self) -> Phase {
        let membership = self.0.membership.as_deref();
        if self.0.is_draining.load(Ordering::Relaxed) {
            Phase::Draining
        } else if !self.0.running.is_ready() || !self.is_alive() {
            Phase::Failing
        } else if membership.is_none_or(Membership::is_ready) {
            Phase::Ready
        } else {
            Phase::Joining
        }
    }

    /// Whether the process does not have to be restarted. That the cluster is in trouble is no reason to.
    pub(crate) fn is_alive(&self) -> bool {
        let membership = self.0.membership.as_deref();
        membership.is_none_or(Membership::is_alive)
    }

    /// Draining has begun.
    pub(super) fn note_draining(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// Another configuration is in force; returns its number.
    pub(super) fn note_reloaded(&self) -> u64 {
        self.set_refused(None);
        1 + self.0.revision.fetch_add(1, Ordering::Relaxed)
    }

    /// This revision of the cluster's policies is in force.
    pub(crate) fn note_policies(&self, revision: u64) {
        self.0.policies.store(revision, Ordering::Relaxed);
    }

    /// A configuration was refused for this reason.
    pub(crate) fn note_refused(&self, reason: String) {
        self.set_refused(Some(reason));
    }

    fn set_refused(&self, reason: Option<String>) {
        *self
            .0
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// The process around the gateway.
    pub(crate) fn process(&self) -> ProcessStatus {
        let refused = self
            .0
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        ProcessStatus {
            name: "tailweir".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phase: self.phase().name().to_owned(),
            sources: self.0.sources.clone(),
            revision: self.0.revision.load(Ordering::Relaxed),
            policies: self.0.policies.load(Ordering::Relaxed),
            refused,
        }
    }

    /// The status page as it is written.
    ///
    /// # Errors
    /// Never in practice: everything on it can be written as JSON.
    pub(crate) async fn status_json(&self) -> serde_json::Result<String> {
        let process = self.process();
        let gateway = self.0.running.status().await;
        serde_json::to_string_pretty(&FullPage { process, gateway })
    }

    /// The status page as others read it.
    ///
    /// # Errors
    /// Never in practice: what is written here can be read here.
    pub(crate) async fn status(&self) -> serde_json::Result<StatusPage> {
        StatusPage::read(&self.status_json().await?)
    }
}
