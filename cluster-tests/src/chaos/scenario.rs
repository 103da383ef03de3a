//! What is done in a run, step by step.

use super::configuration::Role;
use super::event::{FaultKind, Hit, Requirement};
use super::verdict::Invariant;
use super::workload::Load;
use std::time::Duration;

/// A run that can be asked for by name.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Whether it belongs to the suite.
    pub in_suite: bool,
    pub(super) shape: Shape,
    pub(super) steps: &'static [Step],
    /// Whether every change is planned, so that nothing may be refused.
    pub(super) refuses_nothing: bool,
    /// What the checker must find: a control of the checker.
    pub(super) breaks: &'static [Invariant],
}

/// The processes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) controllers: usize,
    pub(super) samplers: usize,
    pub(super) gateways: usize,
}

impl Shape {
    /// One process that is everything.
    pub(super) const SINGLE: Self = Self {
        controllers: 0,
        samplers: 0,
        gateways: 0,
    };
    pub(super) const THREE: Self = Self {
        controllers: 3,
        samplers: 3,
        gateways: 2,
    };
    pub(super) const FOUR: Self = Self {
        samplers: 4,
        ..Self::THREE
    };

    pub(super) fn roles(self) -> Vec<Role> {
        if self == Self::SINGLE {
            return vec![Role::Process];
        }
        let mut roles = vec![Role::Controller; self.controllers];
        roles.extend(vec![Role::Sampler; self.samplers]);
        roles.extend(vec![Role::Gateway; self.gateways]);
        roles
    }

    pub(super) fn describe(self) -> String {
        if self == Self::SINGLE {
            return "one process".to_owned();
        }
        format!(
            "{} controllers, {} samplers, {} gateways",
            self.controllers, self.samplers, self.gateways
        )
    }
}

/// One step. Times are in milliseconds, least and most; the seed chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// From here on so much is sent.
    Send(Load),
    /// Lets traffic flow.
    Wait(u64, u64),
    /// Kills one.
    Kill(Hit),
    /// Stops one without its knowing.
    Pause(Hit),
    /// Cuts one off from all others and from the backend, both ways.
    Isolate(Hit),
    /// Cuts two samplers off together.
    IsolatePair,
    /// One that hears nobody, but is heard.
    Deafen(Hit),
    /// One that nobody hears, but that hears.
    Mute(Hit),
    /// Slows what one sends, to so many kilobits a second.
    Slow(Hit, u32),
    /// Changes how the backend answers.
    Trouble(FaultKind),
    /// Ends all faults: starts, resumes, mends.
    Heal,
    /// Waits until every slot has its copies and everybody is ready.
    Settle,
    /// Stops and starts each of a role in turn.
    Roll(Role),
    /// Adds samplers at once.
    Join(usize),
    /// Lets samplers go for good, one after the other.
    Leave(usize),
    /// Asks one sampler to go and does not wait for it.
    Drain,
    /// Puts other policies into force.
    Reload,
    /// So many faults by chance, one after the other, two at a time now and then.
    Chance(usize),
}

/// Spans of a trace come over this time at most.
pub(super) const SPREAD: Duration = Duration::from_secs(3);
/// Decisions come this long after the first span.
pub(super) const DECISION_WAIT: Duration = Duration::from_secs(5);
/// The load, and one of ten times the traces with spans of some kilobytes.
pub(super) const USUAL: Load = Load::light(40);
pub(super) const GROWN: Load = Load {
    traces_per_second: 400,
    filler_below: 5_000,
};
/// What fills a fifth of the memory of samplers: all that a cluster on a Kubernetes of two cores can do beside the Kubernetes.
pub(super) const LARGE: Load = Load {
    traces_per_second: 200,
    filler_below: 16_000,
};
/// As much as can be made on two cores beside three samplers that take it.
pub(super) const FLOOD: Load = Load::light(3_000);
/// The share that is kept by chance, at first and after a reload, in percent.
pub(super) const SHARES: (f64, f64) = (4.0, 12.0);

impl Scenario {
    /// The scenario of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut all = super::scenarios::ALL.iter();
        all.find(|scenario| scenario.name == name).cloned()
    }

    pub(super) fn reloads(&self) -> bool {
        self.steps.contains(&Step::Reload)
    }

    /// The faults that must strike for the run to count.
    pub(super) fn requires(&self) -> Vec<Requirement> {
        let needed = self.steps.iter().filter_map(|step| step.requirement());
        needed.collect()
    }
}

impl Step {
    fn requirement(self) -> Option<Requirement> {
        let (kind, hit) = match self {
            Self::Kill(hit) => (FaultKind::Kill, hit),
            Self::Pause(hit) => (FaultKind::Pause, hit),
            Self::Isolate(hit) => (FaultKind::Partition, hit),
            Self::IsolatePair => (FaultKind::Partition, Hit::Owner),
            Self::Deafen(hit) | Self::Mute(hit) => (FaultKind::OneWay, hit),
            Self::Slow(hit, _) => (FaultKind::SlowLink, hit),
            Self::Trouble(kind) => (kind, Hit::Backend),
            Self::Roll(role) => (FaultKind::Restart, hit_of(role)),
            Self::Join(_) => (FaultKind::Join, Hit::Owner),
            Self::Leave(_) => (FaultKind::Leave, Hit::Owner),
            Self::Reload => (FaultKind::Reload, Hit::Everyone),
            Self::Send(_)
            | Self::Wait(..)
            | Self::Heal
            | Self::Settle
            | Self::Drain
            | Self::Chance(_) => {
                return None;
            }
        };
        Some(Requirement { kind, hit })
    }

    /// Whether it needs packets to be dropped or slowed.
    pub(super) fn needs_namespaces(self) -> bool {
        matches!(
            self,
            Self::Isolate(_) | Self::IsolatePair | Self::Deafen(_) | Self::Mute(_) | Self::Slow(..)
        )
    }
}

fn hit_of(role: Role) -> Hit {
    match role {
        Role::Process => Hit::Process,
        Role::Gateway => Hit::Gateway,
        Role::Sampler => Hit::Owner,
        Role::Controller => Hit::Follower,
    }
}
