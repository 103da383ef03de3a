//! What happens in a run, as it is written down: one line of JSON each.
//!
//! The checker sees nothing else, so a history can be judged again, or made up by a test.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Milliseconds since the run began.
pub type Millis = u64;

/// A trace, by its id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceKey(pub u128);

/// A span, by its trace and its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpanKey {
    /// Its trace.
    pub trace: TraceKey,
    /// Its id.
    pub span: u64,
}

impl fmt::Display for TraceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<TraceKey> for String {
    fn from(key: TraceKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for TraceKey {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run, and what is expected of it. The first event.
    Run(Run),
    /// A trace was begun.
    Trace(Trace),
    /// All that became of a span at the client: acknowledged, or given up.
    Span(SentSpan),
    /// A request was not acknowledged; it is sent again within the client's bound.
    Refused(Refused),
    /// A request was given back by its connection without having been sent; the client sends it again at once.
    Returned(Returned),
    /// The backend took a span.
    Received(ReceivedSpan),
    /// A fault that was done, from its first moment to its last.
    Fault(Fault),
    /// A member decided a trace, by its own log.
    Decision(Decision),
    /// Whether a member's books balance, after all is over.
    Ledger(Ledger),
    /// The most resident memory that a member was seen with.
    Memory(Memory),
    /// How long something took that has a bound.
    Recovery(Recovery),
    /// Something that a reader of the timeline wants to know.
    Note {
        /// When.
        at: Millis,
        /// What.
        text: String,
    },
}

/// What was run, and by which rules it is judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Name of the scenario.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The processes, such as `3 controllers, 3 samplers, 2 gateways`.
    pub shape: String,
    /// How they are connected: `namespaces` or `loopback`.
    pub network: String,
    /// Time from the first span of a trace to its decision.
    pub decision_wait: Millis,
    /// Whether the policies were changed in the middle, so that a trace may follow either.
    pub reloads: bool,
    /// Whether nothing may be refused, because every change was planned.
    pub refuses_nothing: bool,
    /// Faults that must have struck, and what they must have hit.
    pub requires: Vec<Requirement>,
    /// Invariants that this run must break: a control of the checker itself.
    pub breaks: Vec<super::Invariant>,
    /// Invariants that it may break beside these, as its faults happen to strike.
    #[serde(default)]
    pub may_break: Vec<super::Invariant>,
}

/// A fault that must have struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Its kind.
    pub kind: FaultKind,
    /// What it must have hit.
    pub hit: Hit,
}

/// A trace as the generator planned it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// When its first span was sent first.
    pub at: Millis,
    /// Which.
    pub trace: TraceKey,
    /// Its spans.
    pub spans: usize,
    /// Whether it is in the share that is kept by chance.
    pub in_share: bool,
    /// The same under the policies that the run changes to, if it does.
    pub in_later_share: bool,
}

/// What became of a span at the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSpan {
    /// Which.
    #[serde(flatten)]
    pub key: SpanKey,
    /// When it was sent first.
    pub sent: Millis,
    /// When its request was acknowledged, if ever.
    pub acknowledged: Option<Millis>,
    /// How often it was sent.
    pub attempts: u32,
    /// The gateway that it was sent to last.
    pub gateway: usize,
    /// Hash of its content.
    pub hash: u64,
    /// Whether the policies keep every trace that has it.
    pub decides: bool,
}

/// A request that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: Millis,
    /// By which gateway.
    pub gateway: usize,
    /// The gRPC code, or `no_answer`.
    pub code: String,
    /// What came with it, cut.
    pub message: String,
    /// Its spans.
    pub spans: usize,
    /// Whether the process answered, rather than that there was no connection to it.
    pub answered: bool,
}

/// A request that no process has seen: its connection was closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// When.
    pub at: Millis,
    /// The gateway that it was meant for.
    pub gateway: usize,
    /// Its spans.
    pub spans: usize,
}

/// A span that the backend took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedSpan {
    /// When.
    pub at: Millis,
    /// Which.
    #[serde(flatten)]
    pub key: SpanKey,
    /// Hash of its content as it came.
    pub hash: u64,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// SIGKILL, and a start some time later.
    Kill,
    /// SIGSTOP for longer than the lease, and SIGCONT.
    Pause,
    /// Packets are dropped both ways.
    Partition,
    /// Packets are dropped one way.
    OneWay,
    /// Less bandwidth.
    SlowLink,
    /// The backend answers late.
    SlowBackend,
    /// The backend refuses.
    FailingBackend,
    /// The backend says that it is overloaded.
    ThrottlingBackend,
    /// The backend is gone.
    BackendDown,
    /// The backend takes what it gets and its answer is lost.
    LostAnswers,
    /// SIGTERM, and a start after the process has ended.
    Restart,
    /// A member is added.
    Join,
    /// A member leaves for good, by SIGTERM.
    Leave,
    /// Other policies.
    Reload,
}

impl FaultKind {
    /// Whether another member may take over, or a request be repeated, without anybody having planned it.
    #[must_use]
    pub fn may_repeat(self) -> bool {
        !matches!(
            self,
            Self::Restart | Self::Join | Self::Leave | Self::Reload
        )
    }
}

/// What a fault hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hit {
    /// The only process.
    Process,
    /// A gateway.
    Gateway,
    /// A sampler that owned slots.
    Owner,
    /// A sampler that held copies of slots.
    Replica,
    /// A sampler that was leaving.
    Draining,
    /// The leader of the controllers.
    Leader,
    /// Another controller.
    Follower,
    /// The backend.
    Backend,
    /// All members.
    Everyone,
}

/// A fault that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// To whom.
    pub nodes: Vec<String>,
    /// What they were at that time.
    pub hits: Vec<Hit>,
    /// When it began.
    pub struck: Millis,
    /// When it was over: restarted, resumed, mended.
    pub healed: Millis,
    /// Whether it was seen to work.
    pub worked: bool,
    /// How that was seen.
    pub evidence: String,
}

/// A decision that a member logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The member.
    pub node: String,
    /// The trace.
    pub trace: TraceKey,
    /// Whether it keeps the trace.
    pub kept: bool,
    /// The tenure that it decided in.
    pub tenure: String,
    /// The view of the tenure in which it decided.
    pub view: u64,
}

/// A member's books for spans. See the product's ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The member.
    pub node: String,
    /// Whether it ran through, so that its books begin with the run.
    pub complete: bool,
    /// What clients were told to be safe.
    pub acknowledged: u64,
    /// What was taken and copied.
    pub came: i64,
    /// What was delivered, dropped, spooled, handed over to another member, or is lost.
    pub went: i64,
    /// What is held still.
    pub held: i64,
    /// What is lost.
    pub lost: i64,
    /// The member's own sum.
    pub imbalance: i64,
}

/// Resident memory of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The member.
    pub node: String,
    /// The most that was seen, in bytes.
    pub bytes: u64,
    /// Its bound, in bytes.
    pub limit: u64,
}

/// What has a time that it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// From the end of the last fault until every slot has its copies again.
    Whole,
    /// From the last acknowledgement until nothing is held any more.
    Decided,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// What.
    pub milestone: Milestone,
    /// How long, or nothing when it was given up.
    pub took: Option<Millis>,
    /// How long it may.
    pub bound: Millis,
}
