//! What the host around the product's code does wrong on purpose, to show that the checks see it.

/// Something that a machine or its keeper must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ControlDefect {
    /// A crash takes the votes out of the log.
    ForgetVotes,
    /// A crash takes a part of what the disk said was safe.
    LoseSynced,
    /// After a crash a controller goes on with its id and an empty log.
    EmptyLog,
    /// A controller comes back on a backup of its disk.
    OldDisk,
    /// A controller that lost its disk comes back on a copy of another's: an id is there twice.
    TwinDisk,
    /// An operator takes policies for applied that nobody answered for.
    HastyOperator,
    /// A sampler that is believed to be gone renews its lease.
    GhostSampler,
}

impl ControlDefect {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::ForgetVotes,
        Self::LoseSynced,
        Self::EmptyLog,
        Self::OldDisk,
        Self::TwinDisk,
        Self::HastyOperator,
        Self::GhostSampler,
    ];
}
