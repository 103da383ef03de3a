//! What is done to a release and to its nodes.

use crate::chaos::configuration::Role;
use crate::chaos::event::{FaultKind, Hit, Requirement};
use crate::chaos::verdict::Invariant;

/// One change, and what is expected of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) name: &'static str,
    pub(super) step: Step,
    /// Whether clients may not notice, because somebody planned it.
    pub(super) is_planned: bool,
    /// What has to break, because there is one process, or nothing is left.
    pub(super) breaks: &'static [Invariant],
    /// What may break beside that, as it happens to strike.
    pub(super) may_break: &'static [Invariant],
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Nothing,
    /// `kubectl rollout restart`.
    Roll(Role),
    /// `helm upgrade` with another annotation of all pods.
    Upgrade,
    /// `helm upgrade` with other policies.
    Policies,
    /// `helm upgrade` with so many samplers.
    Scale(usize),
    /// `helm upgrade` with autoscalers, then so much load that they make more pods, and little again.
    Autoscale,
    /// `helm rollback`.
    RollBack,
    /// `kubectl drain` of a node, and its return.
    Drain,
    /// A node is taken off the network, and put back.
    Cut,
    /// A node is killed with all that runs on it, and started again.
    Crash,
    /// A controller's pod is deleted by force, and its volume.
    LoseDisk,
    /// Pods of all roles are deleted by force, one after the other.
    Kill,
    /// For ten minutes one fault after the other, in an order that the seed gives: nodes are killed and cut off, pods
    /// of each role are deleted by force.
    Random,
    /// All controllers but one are taken away for a while.
    LoseQuorum,
    /// The same, and a sampler's pod is deleted by force meanwhile.
    LoseQuorumAndSampler,
    /// All samplers are deleted by force at once.
    LoseSamplers,
    /// All controllers are deleted by force with their volumes, and the cluster is made anew.
    LoseVolumes,
}

const PLANNED: Change = Change {
    name: "",
    step: Step::Nothing,
    is_planned: true,
    breaks: &[],
    may_break: &[],
};

const UNPLANNED: Change = Change {
    is_planned: false,
    ..PLANNED
};

/// What may break where nobody is left who knows what was held and decided.
const NOTHING_IS_LEFT: &[Invariant] = &[
    Invariant::Delivered,
    Invariant::Whole,
    Invariant::OneVerdict,
    Invariant::Right,
    Invariant::OneOwner,
    // Who is stopped says what was held and is lost.
    Invariant::Balanced,
    Invariant::Recovers,
];

/// With `mode: single`.
pub(super) const SINGLE: &[Change] = &[
    Change {
        name: "single, nothing",
        ..PLANNED
    },
    Change {
        name: "single, upgrade",
        step: Step::Upgrade,
        // Nobody else can hold what it holds: it decides early, as `docs/kubernetes.md` says.
        breaks: &[Invariant::Delivered, Invariant::Whole],
        ..UNPLANNED
    },
];

/// With `mode: cluster`.
pub(super) const CLUSTER: &[Change] = &[
    Change {
        name: "nothing",
        ..PLANNED
    },
    Change {
        name: "rolling restart of the samplers",
        step: Step::Roll(Role::Sampler),
        ..PLANNED
    },
    Change {
        name: "rolling restart of the gateways",
        step: Step::Roll(Role::Gateway),
        ..PLANNED
    },
    Change {
        name: "rolling restart of the controllers",
        step: Step::Roll(Role::Controller),
        ..PLANNED
    },
    Change {
        name: "policies",
        step: Step::Policies,
        ..PLANNED
    },
    Change {
        name: "samplers 3 to 5",
        step: Step::Scale(5),
        ..PLANNED
    },
    Change {
        name: "samplers 5 to 3",
        step: Step::Scale(3),
        ..PLANNED
    },
    Change {
        name: "autoscalers up and down",
        step: Step::Autoscale,
        ..PLANNED
    },
    Change {
        name: "upgrade of all roles",
        step: Step::Upgrade,
        ..PLANNED
    },
    Change {
        name: "rollback",
        step: Step::RollBack,
        ..PLANNED
    },
    Change {
        name: "node drained",
        step: Step::Drain,
        ..PLANNED
    },
    Change {
        name: "node cut off",
        step: Step::Cut,
        ..UNPLANNED
    },
    Change {
        name: "node killed",
        step: Step::Crash,
        ..UNPLANNED
    },
    Change {
        name: "controller lost with its disk",
        step: Step::LoseDisk,
        ..UNPLANNED
    },
    Change {
        name: "pods killed by force",
        step: Step::Kill,
        ..UNPLANNED
    },
    Change {
        name: "pods and nodes struck at random",
        step: Step::Random,
        ..UNPLANNED
    },
    Change {
        name: "most controllers lost",
        step: Step::LoseQuorum,
        ..PLANNED
    },
    Change {
        name: "most controllers lost, then a sampler",
        step: Step::LoseQuorumAndSampler,
        // Whoever has spans for its slots waits for the controllers.
        may_break: &[Invariant::Recovers],
        ..UNPLANNED
    },
    Change {
        name: "all samplers lost",
        step: Step::LoseSamplers,
        breaks: &[Invariant::Delivered],
        may_break: NOTHING_IS_LEFT,
        ..UNPLANNED
    },
    Change {
        name: "all controllers lost with their disks",
        step: Step::LoseVolumes,
        breaks: &[Invariant::Recovers],
        may_break: NOTHING_IS_LEFT,
        ..UNPLANNED
    },
    Change {
        name: "nothing, after disasters",
        ..PLANNED
    },
];

impl Change {
    /// The faults that have to strike.
    pub(super) fn requirements(&self) -> Vec<Requirement> {
        let (kind, hit) = match self.step {
            Step::Nothing => return Vec::new(),
            Step::Autoscale => {
                let hit = Hit::Owner;
                return [FaultKind::Join, FaultKind::Leave]
                    .map(|kind| Requirement { kind, hit })
                    .into();
            }
            Step::Roll(role) => (FaultKind::Restart, hits_of(role)[0]),
            Step::Upgrade | Step::RollBack => (FaultKind::Restart, Hit::Everyone),
            Step::Drain => (FaultKind::Restart, Hit::Owner),
            Step::Policies => (FaultKind::Reload, Hit::Everyone),
            Step::Scale(count) if count > 3 => (FaultKind::Join, Hit::Owner),
            Step::Scale(_) => (FaultKind::Leave, Hit::Owner),
            Step::Cut => (FaultKind::Partition, Hit::Owner),
            Step::Crash
            | Step::Kill
            | Step::Random
            | Step::LoseQuorumAndSampler
            | Step::LoseSamplers => (FaultKind::Kill, Hit::Owner),
            Step::LoseDisk | Step::LoseQuorum | Step::LoseVolumes => (FaultKind::Kill, Hit::Leader),
        };
        vec![Requirement { kind, hit }]
    }
}

/// What pods of a role are, all of them together.
pub(super) fn hits_of(role: Role) -> &'static [Hit] {
    match role {
        Role::Process => &[Hit::Process, Hit::Everyone],
        Role::Gateway => &[Hit::Gateway],
        Role::Sampler => &[Hit::Owner, Hit::Replica],
        Role::Controller => &[Hit::Leader, Hit::Follower],
    }
}
