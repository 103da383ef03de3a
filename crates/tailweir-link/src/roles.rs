//! What a member does.

use crate::IdentityError;
use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

/// One of the things that a member can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes telemetry from clients and brings spans to samplers.
    Gateway,
    /// Holds slots and decides traces.
    Sampler,
    /// Agrees with the other controllers on the routing table.
    Controller,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Sampler, Self::Controller];

    /// As certificates and configuration have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Sampler => "sampler",
            Self::Controller => "controller",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A set of roles. As text, `gateway+sampler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u8);

impl Roles {
    /// [`Role::Gateway`] alone.
    pub const GATEWAY: Self = Self::of(Role::Gateway);
    /// [`Role::Sampler`] alone.
    pub const SAMPLER: Self = Self::of(Role::Sampler);
    /// [`Role::Controller`] alone.
    pub const CONTROLLER: Self = Self::of(Role::Controller);
    /// All of them.
    pub const ALL: Self = Self(Self::GATEWAY.0 | Self::SAMPLER.0 | Self::CONTROLLER.0);

    /// One role.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        Self(1 << role as u8)
    }

    /// These and `others`, for constants.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether `role` is among them.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & Self::of(role).0 != 0
    }

    /// Whether all of `others` are among them.
    #[must_use]
    pub const fn has_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is among them.
    #[must_use]
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Roles {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let roles = roles.into_iter().map(Self::of);
        roles.fold(Self::default(), BitOr::bitor)
    }
}

impl FromStr for Roles {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let role = |word: &str| Role::ALL.into_iter().find(|role| role.word() == word);
        let roles = text.split('+').map(role).collect::<Option<Self>>();
        roles.ok_or_else(|| IdentityError::UnknownRole(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for role in Role::ALL.into_iter().filter(|role| self.has(*role)) {
            write!(f, "{separator}{role}")?;
            separator = "+";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Roles};

    /// Scenario: every set of roles, written and read; words that are no roles.
    /// Guarantees: a set is read as it was written, and nothing else is taken for one.
    #[test]
    fn roles_are_read_as_written() {
        for bits in 1..8u8 {
            let roles: Roles = Role::ALL
                .into_iter()
                .filter(|role| bits & (1 << *role as u8) != 0)
                .collect();
            assert_eq!(roles.to_string().parse::<Roles>().unwrap(), roles);
        }
        for text in ["", "+", "gateway+", "Gateway", "owner"] {
            assert!(text.parse::<Roles>().is_err(), "{text:?}");
        }
    }
}
