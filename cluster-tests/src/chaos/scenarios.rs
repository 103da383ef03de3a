//! The scenarios.

use super::configuration::Role::{Controller, Gateway, Process, Sampler};
use super::event::{FaultKind, Hit};
use super::scenario::{FLOOD, GROWN, Scenario, Shape, Step, USUAL};
use super::verdict::Invariant;
use Step::{
    Chance, Deafen, Drain, Heal, Isolate, IsolatePair, Join, Kill, Leave, Mute, Pause, Reload,
    Roll, Send, Settle, Slow, Trouble, Wait,
};

const CLUSTER: Scenario = Scenario {
    name: "",
    about: "",
    in_suite: false,
    shape: Shape::THREE,
    steps: &[],
    refuses_nothing: false,
    breaks: &[],
};

const SINGLE: Scenario = Scenario {
    shape: Shape::SINGLE,
    ..CLUSTER
};

/// Longer than the lease: whoever does not answer for this long has been replaced.
const GONE: Step = Wait(5_000, 7_000);
const BEFORE: Step = Wait(5_000, 8_000);
const AFTER: Step = Wait(4_000, 6_000);

/// All scenarios.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "single-calm",
        about: "one process, no fault",
        steps: &[Wait(10_000, 12_000)],
        refuses_nothing: true,
        ..SINGLE
    },
    Scenario {
        name: "single-backend",
        about: "one process; the backend is slow, fails, throttles, is down",
        steps: &[
            BEFORE,
            Trouble(FaultKind::SlowBackend),
            AFTER,
            Heal,
            Trouble(FaultKind::FailingBackend),
            AFTER,
            Heal,
            Trouble(FaultKind::ThrottlingBackend),
            AFTER,
            Heal,
            Trouble(FaultKind::BackendDown),
            AFTER,
            Heal,
            AFTER,
        ],
        ..SINGLE
    },
    Scenario {
        name: "single-network",
        about: "one process is paused, its link is too narrow, and it is cut off from the backend",
        steps: &[
            BEFORE,
            Pause(Hit::Process),
            AFTER,
            Heal,
            AFTER,
            Slow(Hit::Process, 100),
            AFTER,
            Heal,
            Isolate(Hit::Process),
            AFTER,
            Heal,
            AFTER,
        ],
        ..SINGLE
    },
    Scenario {
        name: "single-reload",
        about: "one process gets other policies in the middle of traces",
        steps: &[BEFORE, Reload, AFTER],
        refuses_nothing: true,
        ..SINGLE
    },
    Scenario {
        name: "single-kill",
        about: "control: kill -9 of a process without a cluster loses its window, and the checker must say so",
        in_suite: true,
        steps: &[BEFORE, Kill(Hit::Process), Wait(500, 1_000), Heal, AFTER],
        breaks: &[Invariant::Delivered, Invariant::Whole, Invariant::Right],
        ..SINGLE
    },
    Scenario {
        name: "single-restart",
        about: "control: a planned restart without a cluster decides early and splits traces, and the checker must say so",
        steps: &[BEFORE, Roll(Process), AFTER],
        breaks: &[Invariant::Delivered, Invariant::Whole],
        ..SINGLE
    },
    Scenario {
        name: "calm",
        about: "a cluster without a fault",
        steps: &[Wait(10_000, 12_000)],
        refuses_nothing: true,
        ..CLUSTER
    },
    Scenario {
        name: "kill-owner",
        about: "kill -9 of a sampler that owns slots, and its return",
        in_suite: true,
        steps: &[BEFORE, Kill(Hit::Owner), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "kill-replica",
        about: "kill -9 of a sampler that holds copies, back before anybody missed it",
        steps: &[
            BEFORE,
            Kill(Hit::Replica),
            Wait(100, 900),
            Heal,
            Settle,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "kill-gateway",
        about: "kill -9 of a gateway",
        steps: &[BEFORE, Kill(Hit::Gateway), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "kill-leader",
        about: "kill -9 of the controllers' leader, and of an owner while they elect",
        in_suite: true,
        steps: &[
            BEFORE,
            Kill(Hit::Leader),
            Kill(Hit::Owner),
            GONE,
            Heal,
            Settle,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "kill-draining",
        about: "kill -9 of a sampler that is leaving",
        in_suite: true,
        shape: Shape::FOUR,
        steps: &[
            BEFORE,
            Drain,
            Wait(20, 400),
            Kill(Hit::Draining),
            GONE,
            Heal,
            Settle,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "kill-two",
        about: "kill -9 of an owner, and of another one as soon as every slot has its copies again",
        shape: Shape::FOUR,
        steps: &[
            BEFORE,
            Kill(Hit::Owner),
            GONE,
            Settle,
            Kill(Hit::Owner),
            GONE,
            Heal,
            Settle,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "pause-owner",
        about: "SIGSTOP of an owner for longer than its lease, then SIGCONT",
        in_suite: true,
        steps: &[BEFORE, Pause(Hit::Owner), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "pause-leader",
        about: "SIGSTOP of the controllers' leader, then SIGCONT",
        steps: &[BEFORE, Pause(Hit::Leader), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "partition-owner",
        about: "an owner is cut off from everybody, both ways",
        in_suite: true,
        steps: &[BEFORE, Isolate(Hit::Owner), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "partition-pair",
        about: "two samplers are cut off together: an owner and its replica for some slots",
        shape: Shape::FOUR,
        steps: &[BEFORE, IsolatePair, GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "partition-leader",
        about: "the controllers' leader is in a minority of one",
        steps: &[BEFORE, Isolate(Hit::Leader), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "partition-gateway",
        about: "a gateway is cut off from the cluster, but not from its clients",
        steps: &[BEFORE, Isolate(Hit::Gateway), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "deaf-owner",
        about: "an owner hears nobody, but is heard",
        steps: &[BEFORE, Deafen(Hit::Owner), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "mute-owner",
        about: "an owner hears everybody, but is not heard",
        steps: &[BEFORE, Mute(Hit::Owner), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "slow-link",
        about: "an owner's link is too narrow for its share of the traffic",
        steps: &[BEFORE, Slow(Hit::Owner, 400), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "backend",
        about: "the backend is slow, fails, throttles, loses answers, is down",
        steps: &[
            BEFORE,
            Trouble(FaultKind::SlowBackend),
            AFTER,
            Heal,
            Trouble(FaultKind::FailingBackend),
            AFTER,
            Heal,
            Trouble(FaultKind::ThrottlingBackend),
            AFTER,
            Heal,
            Trouble(FaultKind::LostAnswers),
            AFTER,
            Heal,
            Trouble(FaultKind::BackendDown),
            AFTER,
            Heal,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "backend-down-kill",
        about: "kill -9 of an owner while the backend is down",
        steps: &[
            BEFORE,
            Trouble(FaultKind::BackendDown),
            AFTER,
            Kill(Hit::Owner),
            GONE,
            Heal,
            Settle,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "rolling-samplers",
        about: "each sampler is stopped and started, one after the other",
        in_suite: true,
        steps: &[BEFORE, Roll(Sampler), Settle, AFTER],
        refuses_nothing: true,
        ..CLUSTER
    },
    Scenario {
        name: "rolling-gateways",
        about: "each gateway is stopped and started, one after the other",
        steps: &[BEFORE, Roll(Gateway), Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "rolling-controllers",
        about: "each controller is stopped and started, one after the other",
        steps: &[BEFORE, Roll(Controller), Settle, AFTER],
        refuses_nothing: true,
        ..CLUSTER
    },
    Scenario {
        name: "rolling-all",
        about: "every process is stopped and started, role by role",
        steps: &[
            BEFORE,
            Roll(Controller),
            Roll(Sampler),
            Roll(Gateway),
            Settle,
            AFTER,
        ],
        ..CLUSTER
    },
    Scenario {
        name: "scale",
        about: "3 samplers become 6 and 3 again under load",
        in_suite: true,
        steps: &[BEFORE, Join(3), Settle, AFTER, Leave(3), Settle, AFTER],
        refuses_nothing: true,
        ..CLUSTER
    },
    Scenario {
        name: "scale-busy",
        about: "3 samplers become 5 and 3 again under ten times the load, with spans ten times as large",
        steps: &[
            BEFORE,
            Send(GROWN),
            // Until there are as many verdicts to be handed over as a cluster has that runs for longer.
            Wait(60_000, 70_000),
            Join(2),
            Settle,
            AFTER,
            Leave(2),
            Settle,
            AFTER,
        ],
        refuses_nothing: true,
        ..CLUSTER
    },
    Scenario {
        name: "flood",
        about: "75 times the traces for half a minute, and then as many as ever",
        steps: &[
            BEFORE,
            Send(FLOOD),
            Wait(30_000, 32_000),
            Send(USUAL),
            Settle,
            Wait(15_000, 16_000),
        ],
        ..CLUSTER
    },
    Scenario {
        name: "scale-kill",
        about: "3 samplers become 6, and one is killed while slots move",
        steps: &[BEFORE, Join(3), Kill(Hit::Owner), GONE, Heal, Settle, AFTER],
        ..CLUSTER
    },
    Scenario {
        name: "reload",
        about: "other policies in the middle of traces",
        steps: &[BEFORE, Reload, AFTER],
        refuses_nothing: true,
        ..CLUSTER
    },
    Scenario {
        name: "chance",
        about: "faults by chance, now and then two at once",
        shape: Shape::FOUR,
        steps: &[BEFORE, Chance(5), Settle, AFTER],
        ..CLUSTER
    },
];
