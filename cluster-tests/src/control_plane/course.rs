//! What a run is made of.

use super::faults::Harm::{self, *};

/// A course of events: what happens to the controllers and to those that follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlCourse {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, each as likely as it is often here.
    pub harms: &'static [Harm],
    /// Pause between two of them at most, in milliseconds.
    pub pause: u64,
    /// How long they go on, in seconds.
    pub seconds: u64,
}

/// All courses, by name.
pub const CONTROL_COURSES: &[ControlCourse] = &[
    ControlCourse {
        name: "control-calm",
        harms: &[Policies, Drain, Leave, RestartSampler],
        pause: 2_500,
        seconds: 12,
    },
    ControlCourse {
        name: "control-crash",
        harms: &[Crash, Crash, PowerLoss, PowerLoss, Policies],
        pause: 1_500,
        seconds: 15,
    },
    ControlCourse {
        name: "control-partition",
        harms: &[Isolate, Isolate, OneWay, Sever, Hold, Slow, Policies],
        pause: 1_500,
        seconds: 15,
    },
    ControlCourse {
        name: "control-samplers",
        harms: &[RestartSampler, StopSampler, Leave, Drain, Remove, Hold],
        pause: 2_000,
        seconds: 18,
    },
    ControlCourse {
        name: "control-lost-disk",
        harms: &[LoseDisk, LoseDisk, Crash, Policies],
        pause: 1_500,
        seconds: 12,
    },
    ControlCourse {
        name: "control-hanging-disk",
        harms: &[HangDisk, HangDisk, RestartSampler, Policies, Policies],
        pause: 4_000,
        seconds: 25,
    },
    ControlCourse {
        name: "control-wild",
        harms: &[
            Crash,
            PowerLoss,
            LoseDisk,
            Isolate,
            OneWay,
            Sever,
            Hold,
            Slow,
            RestartSampler,
            StopSampler,
            Leave,
            Drain,
            Remove,
            Policies,
            Policies,
        ],
        pause: 1_500,
        seconds: 20,
    },
];

impl ControlCourse {
    /// The course of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CONTROL_COURSES.iter().find(|course| course.name == name)
    }
}
