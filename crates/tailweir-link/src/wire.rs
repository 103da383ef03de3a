//! Versions of what members say to each other.

use std::fmt;

/// A version of the wire between members. Version N speaks N and N-1, so that a cluster is upgraded one member at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wire(pub u32);

impl Wire {
    /// What this build speaks.
    pub const NEWEST: Self = Self(1);

    /// The version that members of these two versions speak with each other: the lower, where they are neighbours.
    #[must_use]
    pub fn with(self, other: Self) -> Option<Self> {
        (self.0.abs_diff(other.0) <= 1).then_some(self.min(other))
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Wire;

    /// Scenario: members of the same version, of neighbouring ones, and of versions further apart.
    /// Guarantees: neighbours speak the lower version, whoever calls; others do not speak.
    #[test]
    fn neighbouring_versions_speak_the_lower_one() {
        assert_eq!(Wire(5).with(Wire(5)), Some(Wire(5)));
        assert_eq!(Wire(5).with(Wire(4)), Some(Wire(4)));
        assert_eq!(Wire(4).with(Wire(5)), Some(Wire(4)));
        assert_eq!(Wire(5).with(Wire(3)), None);
        assert_eq!(Wire(3).with(Wire(u32::MAX)), None);
    }
}
