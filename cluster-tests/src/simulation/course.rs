//! What a run is made of.

use super::faults::Kind;

/// A course of events: how large the cluster is, what its clients send, and what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Its name on the command line.
    pub name: &'static str,
    /// Samplers at the beginning.
    pub samplers: usize,
    /// Zones over which they are spread.
    pub zones: usize,
    /// Copies that the cluster keeps: 1 or 2.
    pub copies: u8,
    /// Traces.
    pub traces: usize,
    /// From the first span of a trace to its decision, in seconds.
    pub window: u64,
    /// How long new traces begin, in seconds.
    pub traffic: u64,
    /// What goes wrong, each as likely as it is often here.
    pub faults: &'static [Kind],
    /// Pause between two faults at most, in milliseconds.
    pub pause: u64,
    /// Whether all samplers are restarted, one after the other.
    pub is_rolling: bool,
    /// How long a draining sampler has until it is replaced where it still is, in seconds.
    pub drain_timeout: u64,
    /// How long a verdict is remembered, in seconds.
    pub verdict_life: u64,
    /// Most undecided traces of a sampler; more are decided before their time.
    pub traces_max: usize,
    /// Memory for spans of others, in bytes; what finds no room is a lost message.
    pub copies_budget: usize,
    /// Whether a policy keeps so many spans a second of whatever comes.
    pub is_limited: bool,
    /// Whether both copies of a row may be lost.
    pub loses: bool,
}

const BASE: Course = Course {
    name: "",
    samplers: 3,
    zones: 1,
    copies: 2,
    traces: 90,
    window: 6,
    traffic: 24,
    faults: &[],
    pause: 4_000,
    is_rolling: false,
    drain_timeout: 60,
    verdict_life: 90,
    traces_max: 50_000,
    copies_budget: 64 << 20,
    is_limited: false,
    loses: false,
};

/// All courses, by name.
pub const COURSES: &[Course] = &[
    Course {
        name: "calm",
        ..BASE
    },
    Course {
        name: "links",
        faults: &[Kind::Break, Kind::Break, Kind::Slow],
        pause: 1_500,
        ..BASE
    },
    Course {
        name: "crash",
        faults: &[Kind::Crash, Kind::Crash, Kind::Break],
        ..BASE
    },
    Course {
        name: "pause",
        faults: &[Kind::Pause, Kind::Pause, Kind::Break, Kind::Election],
        ..BASE
    },
    Course {
        name: "partition",
        samplers: 4,
        zones: 2,
        faults: &[Kind::Isolate, Kind::Isolate, Kind::Sever, Kind::Break],
        ..BASE
    },
    Course {
        name: "rolling-restart",
        is_rolling: true,
        faults: &[Kind::Election],
        traffic: 36,
        ..BASE
    },
    Course {
        name: "rolling-and-forgetful",
        is_rolling: true,
        verdict_life: 14,
        traffic: 36,
        ..BASE
    },
    Course {
        name: "rolling-in-a-hurry",
        is_rolling: true,
        drain_timeout: 3,
        traffic: 30,
        faults: &[Kind::Break, Kind::Slow],
        ..BASE
    },
    Course {
        name: "rolling-and-crash",
        samplers: 4,
        is_rolling: true,
        faults: &[Kind::Crash, Kind::Election],
        pause: 3_000,
        traffic: 36,
        ..BASE
    },
    Course {
        name: "scale",
        faults: &[Kind::Join, Kind::Leave, Kind::Join, Kind::Reload],
        pause: 3_000,
        traffic: 30,
        ..BASE
    },
    Course {
        name: "scale-and-crash",
        samplers: 4,
        faults: &[
            Kind::Join,
            Kind::Leave,
            Kind::Crash,
            Kind::Pause,
            Kind::Break,
            Kind::Election,
        ],
        drain_timeout: 5,
        traffic: 30,
        ..BASE
    },
    Course {
        name: "backend",
        faults: &[Kind::BackendFails, Kind::BackendSlow, Kind::Crash],
        ..BASE
    },
    Course {
        name: "one-copy",
        copies: 1,
        is_rolling: true,
        drain_timeout: 5,
        faults: &[Kind::Join, Kind::Leave, Kind::Break],
        traffic: 30,
        ..BASE
    },
    Course {
        name: "crowded",
        traces_max: 6,
        faults: &[Kind::Crash, Kind::Pause, Kind::Break, Kind::Slow],
        ..BASE
    },
    Course {
        name: "cramped",
        copies_budget: 5 << 10,
        traces: 160,
        faults: &[Kind::Crash, Kind::Pause, Kind::Join, Kind::Leave],
        ..BASE
    },
    Course {
        name: "limited",
        is_limited: true,
        faults: &[Kind::Crash, Kind::Isolate, Kind::Break, Kind::Join],
        ..BASE
    },
    Course {
        name: "wild",
        samplers: 4,
        zones: 2,
        faults: &[
            Kind::Crash,
            Kind::Crash,
            Kind::Pause,
            Kind::Isolate,
            Kind::Isolate,
            Kind::Sever,
            Kind::Break,
            Kind::Break,
            Kind::Slow,
            Kind::Join,
            Kind::Leave,
            Kind::Reload,
            Kind::Election,
            Kind::BackendFails,
            Kind::BackendSlow,
        ],
        drain_timeout: 6,
        pause: 2_000,
        traffic: 34,
        ..BASE
    },
    Course {
        name: "both-copies",
        samplers: 4,
        faults: &[Kind::CrashTwo, Kind::Crash],
        loses: true,
        ..BASE
    },
];

impl Course {
    /// Whether what becomes of a trace depends on nothing but its spans.
    pub(crate) fn is_predictable(&self) -> bool {
        self.traces_max == BASE.traces_max && !self.is_limited
    }

    /// Whether a fragment may wait for its copy so long that its client brings it elsewhere meanwhile.
    pub(crate) fn is_cramped(&self) -> bool {
        self.copies_budget < BASE.copies_budget
    }

    /// Whether no member is lost, none leaves before its time and the backend takes everything: each trace is decided in
    /// time for its logs.
    pub(crate) fn is_planned(&self) -> bool {
        let is_calm = |kind: &Kind| !kind.is_harmful() && !kind.is_of_backend();
        self.drain_timeout == BASE.drain_timeout && self.faults.iter().all(is_calm)
    }

    /// The course of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        COURSES.iter().find(|course| course.name == name)
    }
}
