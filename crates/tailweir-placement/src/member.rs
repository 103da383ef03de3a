//! Samplers as the table knows them.

use std::fmt;
use std::sync::Arc;

/// One life of one sampler process: a number that the controllers give at each start and never give twice.
///
/// Rows name incarnations and not names, so that a process which restarted, and with it lost what it held, is never
/// taken for the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A name that no member can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a member's name has 1 to {} printable ASCII characters without spaces; this one has {length} bytes",
    MemberName::LENGTH_MAX
)]
pub struct InvalidName {
    length: usize,
}

/// What a member is called: stable over restarts, unique in the cluster (a pod's name, say).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(Arc<str>);

impl MemberName {
    /// Longest name, in bytes: that of a DNS name.
    pub const LENGTH_MAX: usize = 253;

    /// A name of 1 to [`Self::LENGTH_MAX`] printable ASCII characters.
    ///
    /// # Errors
    /// When it is empty, longer, or has another character.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let length = name.len();
        let valid = (1..=Self::LENGTH_MAX).contains(&length)
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        valid
            .then(|| Self(name.into()))
            .ok_or(InvalidName { length })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A member's share of the slots, relative to the others: 1 to [`Weight::MAX`], 1 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// The default.
    pub const ONE: Self = Self(1);
    /// The largest.
    pub const MAX: u16 = 100;

    /// The weight, or nothing when it is 0 or above [`Weight::MAX`].
    #[must_use]
    pub fn new(weight: u16) -> Option<Self> {
        (1..=Self::MAX).contains(&weight).then_some(Self(weight))
    }

    /// Its value.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// Where a member is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Registered; gets slots with the next rebalance, and may copy a tenure before.
    Joining,
    /// Owns and copies slots.
    Active,
    /// Asked to leave: its slots have moved away, and it finishes its tenures.
    Draining,
    /// Out of time while draining: it is being replaced in its tenures while it still runs.
    Evacuating,
    /// Its lease ran out. It may still run, and come back with what it holds.
    Down,
    /// Removed by an operator. It may still run, and is not taken back.
    Removed,
}

/// A sampler of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The life that its name stands for now.
    pub incarnation: Incarnation,
    /// Where its peers reach it.
    pub address: Arc<str>,
    /// Fails as one; owner and replica of a slot are in different zones where there are two.
    pub zone: Arc<str>,
    /// Its share of the slots.
    pub weight: Weight,
    /// Where it is in its life.
    pub phase: Phase,
}

impl Member {
    /// Whether it may become the copy of a tenure.
    pub(crate) fn can_copy(&self) -> bool {
        matches!(self.phase, Phase::Joining | Phase::Active)
    }
}
