//! What the checker says of a run, as data.

use super::event::{Run, TraceKey};
use serde::{Deserialize, Serialize};

/// What holds in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// I1.
    Delivered,
    /// I2.
    Whole,
    /// I3.
    OneVerdict,
    /// I4.
    Right,
    /// I5.
    Once,
    /// I6.
    Unchanged,
    /// I7.
    OneOwner,
    /// I8.
    Balanced,
    /// I9.
    Recovers,
    /// I10.
    Covered,
    /// A goal: planned changes refuse nothing.
    RefusesNothing,
}

impl Invariant {
    /// Its number in the contract.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::Delivered => "I1",
            Self::Whole => "I2",
            Self::OneVerdict => "I3",
            Self::Right => "I4",
            Self::Once => "I5",
            Self::Unchanged => "I6",
            Self::OneOwner => "I7",
            Self::Balanced => "I8",
            Self::Recovers => "I9",
            Self::Covered => "I10",
            Self::RefusesNothing => "goal",
        }
    }

    /// What it says.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Self::Delivered => "every acknowledged span of a kept trace is at the backend",
            Self::Whole => "of each trace all acknowledged spans are at the backend, or none",
            Self::OneVerdict => "a trace has one verdict over all members",
            Self::Right => "the verdict is that of one process that saw the whole trace",
            Self::Once => "a span comes twice only around a failure",
            Self::Unchanged => "nothing comes that was not sent, and nothing is changed",
            Self::OneOwner => "a view of a tenure has one owner",
            Self::Balanced => "the books balance, nothing is lost, memory keeps its bound",
            Self::Recovers => "the cluster heals in time, and clients are served meanwhile",
            Self::Covered => "every fault struck what it was meant for while traffic flowed",
            Self::RefusesNothing => "planned changes refuse no request",
        }
    }
}

/// What is wrong with one trace, member or fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The trace, if it is about one.
    pub trace: Option<TraceKey>,
    /// What is wrong.
    pub what: String,
    /// What happened around it, in order of time.
    pub timeline: Vec<String>,
}

impl Violation {
    pub(super) fn of(what: impl Into<String>) -> Self {
        Self {
            trace: None,
            what: what.into(),
            timeline: Vec::new(),
        }
    }
}

/// What became of one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub invariant: Invariant,
    /// How much was looked at.
    pub checked: usize,
    /// What was looked at, or why nothing was.
    pub what: String,
    /// Whether there was something to look at.
    pub evaluated: bool,
    /// How much of it is wrong.
    pub violated: usize,
    /// The first of them.
    pub violations: Vec<Violation>,
}

/// Violations that are told in full.
const TOLD_MAX: usize = 10;

impl Check {
    pub(super) fn of(
        invariant: Invariant,
        checked: usize,
        what: impl Into<String>,
        mut violations: Vec<Violation>,
    ) -> Self {
        let violated = violations.len();
        violations.truncate(TOLD_MAX);
        Self {
            invariant,
            checked,
            what: what.into(),
            evaluated: true,
            violated,
            violations,
        }
    }

    pub(super) fn not_evaluated(invariant: Invariant, why: &str) -> Self {
        Self {
            evaluated: false,
            ..Self::of(invariant, 0, why, Vec::new())
        }
    }
}

/// How a run came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything held; in a control, exactly what had to break broke.
    Passed,
    /// Something is broken that may not be, or a control did not break.
    Failed,
    /// The faults did not strike, so nothing is known.
    Invalid,
}

/// Figures of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Traces that were begun.
    pub traces: usize,
    /// Of these, kept whatever happens.
    pub traces_to_keep: usize,
    /// Of these, dropped whatever happens.
    pub traces_to_drop: usize,
    /// Spans that were acknowledged.
    pub acknowledged_spans: usize,
    /// Spans that were given up.
    pub given_up_spans: usize,
    /// Spans that came to the backend, each once.
    pub received_spans: usize,
    /// Spans that came again.
    pub duplicate_spans: usize,
    /// Attempts that a member refused.
    pub refused_attempts: usize,
    /// Attempts for which there was no connection or no answer.
    pub unanswered_attempts: usize,
    /// Attempts that a closing connection gave back unsent, which the client sent again at once.
    #[serde(default)]
    pub returned_attempts: usize,
    /// Requests that were disturbed by a fault, and how long it took until they were accepted, in milliseconds.
    pub disturbed_requests: usize,
    /// The middle of these times.
    pub accepted_again_p50: u64,
    /// What all but one in a hundred kept to.
    pub accepted_again_p99: u64,
    /// The longest.
    pub accepted_again_max: u64,
    /// The longest time without any acknowledgement, in milliseconds.
    pub longest_silence: u64,
}

/// Everything that the checker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// How the run came out.
    pub outcome: Outcome,
    /// What was run.
    pub run: Run,
    /// Figures.
    pub figures: Figures,
    /// One check an invariant.
    pub checks: Vec<Check>,
}

impl Verdicts {
    /// The checks that are broken.
    pub fn broken(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.violated > 0)
    }
}
