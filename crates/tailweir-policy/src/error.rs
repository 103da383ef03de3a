//! Why settings do not compile.

use tailweir_config::Location;

/// A policy that cannot be compiled. Prints as `file:line:column: policy "name": cause`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{at}: policy {policy:?}: {cause}")]
pub struct CompileError {
    /// Where the policy stands, or the sub-policy that is at fault.
    pub at: Location,
    /// The name of the policy, or names from the outside in: `outer/inner`.
    pub policy: String,
    /// What is wrong with it.
    pub cause: CompileErrorCause,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CompileErrorCause {
    /// The name is empty.
    #[error("policy name cannot be empty")]
    UnnamedPolicy,
    /// Two policies of the list have this name.
    #[error("duplicate policy name; the first one stands at {first}")]
    DuplicateName {
        /// Where the other one stands.
        first: Location,
    },
    /// There are more policies or sub-policies than can be numbered.
    #[error("{count} policies are more than the {max} that are possible")]
    TooManyPolicies {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A policy type stands inside another that does not take it.
    #[error("{inner} cannot stand inside {outer}; {outer} takes {allowed}")]
    Nesting {
        /// Type of the sub-policy.
        inner: &'static str,
        /// Type of the policy around it.
        outer: &'static str,
        /// What it does take.
        allowed: &'static str,
    },
    /// A policy that needs the whole trace under a strategy that has only fragments.
    #[error(
        "sampling_strategy \"span-ingest\" requires all policies to be stateless, but this one is \
         stateful: {reason}"
    )]
    Stateful {
        /// Which setting makes it so.
        reason: &'static str,
    },
    /// Neither bound is set, so nothing is compared.
    #[error("numeric_attribute needs min_value or max_value")]
    NoBounds,
    /// A share of traces that is no number.
    #[error("sampling_percentage is not a number")]
    NotANumber,
    /// No status code is listed.
    #[error("expected at least one status code to filter on")]
    NoStatusCode,
    /// A status code that does not exist.
    #[error("unknown status code {code:?}, supported: OK, ERROR, UNSET")]
    UnknownStatusCode {
        /// As written.
        code: String,
    },
    /// A regular expression that does not compile, or would be too large.
    #[error("invalid regex `{pattern}`: {message}")]
    InvalidRegex {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// No condition is listed.
    #[error("expected at least one OTTL condition to filter on")]
    NoCondition,
    /// A condition that does not compile.
    #[error("invalid OTTL {0}")]
    InvalidCondition(#[source] tailweir_ottl::CompileError),
}
