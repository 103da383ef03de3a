//! Rules that can be taken out. Each is done by the host around the protocol, so that the product has no switch for it.

/// A rule that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The owner acknowledges without the replica's answer.
    SkipReplica,
    /// Records and answers of any view count.
    IgnoreView,
    /// A tenure opens without the manifests of older ones.
    NoManifest,
    /// Manifests carry no verdicts and no pins for decided traces.
    DropVerdictsOnMove,
    /// The owner exports before its verdict is stored.
    ExportBeforeRecord,
    /// What was gathered is only in the owner's memory.
    OpenNotRecorded,
    /// Verdicts live no longer than the fragments.
    VerdictsFreed,
    /// Late spans of kept traces are acknowledged with one copy.
    LateOnOneCopy,
    /// A process that restarts goes on under its old incarnation.
    OldIncarnation,
    /// The owner seals by what it remembers.
    SealAlone,
    /// What is decided counts as delivered.
    ClearBeforeDelivery,
    /// Verdicts are handed over although the tenure still takes spans.
    NoClose,
    /// Only the last closing tenure is asked for its manifest.
    AskLastOnly,
    /// A tenure is cleared once it has given its verdicts away, whether or not the current one has stored them.
    UnconditionalClear,
    /// A candidate stores records before it has the index.
    CandidateActsEarly,
    /// A candidate counts as in step once it has the index.
    InSyncBeforeFrames,
}

impl Mutant {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::SkipReplica,
        Self::IgnoreView,
        Self::NoManifest,
        Self::DropVerdictsOnMove,
        Self::ExportBeforeRecord,
        Self::OpenNotRecorded,
        Self::VerdictsFreed,
        Self::LateOnOneCopy,
        Self::OldIncarnation,
        Self::SealAlone,
        Self::ClearBeforeDelivery,
        Self::NoClose,
        Self::AskLastOnly,
        Self::UnconditionalClear,
        Self::CandidateActsEarly,
        Self::InSyncBeforeFrames,
    ];
}
