//! What a controller is told.

use crate::disk::Disk;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What a controller is told when it starts.
#[derive(Debug, Clone)]
pub struct ControllerSettings {
    /// The id of the cluster.
    pub cluster: String,
    /// What this process is called; unique in the cluster, and the same after a restart.
    pub name: String,
    /// Where the others reach it.
    pub address: String,
    /// The expected first controllers, everywhere in the same order.
    pub seeds: Vec<String>,
    /// Where identity, log and snapshot are.
    pub disk: Arc<dyn Disk>,
    /// Copies of what is not decided yet, 1 or 2. Only the first leader's counts.
    pub copies: u8,
    /// How long a sampler may be silent.
    pub lease: Duration,
    /// How fast controllers notice that one is gone.
    pub pace: Pace,
}

/// How fast controllers notice that one is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How often the leader says that it lives. Default 250 ms.
    pub heartbeat: Duration,
    /// After which silence another wants to lead: a random time in this range. Default 1 s to 2 s. A new leader is
    /// there after up to twice the longest.
    pub election: Range<Duration>,
    /// How often a controller that is in no cluster looks for one. Default 500 ms.
    pub search: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(250),
            election: Duration::from_secs(1)..Duration::from_secs(2),
            search: Duration::from_millis(500),
        }
    }
}
