//! Why a connector cannot be made of its settings.

use tailweir_config::GlobError;
use tailweir_ottl::CompileError;

/// A mistake in the settings of a connector.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The pattern of a dimension is malformed.
    #[error("the pattern `{glob}` cannot be read: {source}")]
    Glob {
        /// The pattern.
        glob: String,
        /// What is wrong with it.
        source: GlobError,
    },
    /// A condition does not compile.
    #[error("{option}: {source}")]
    Condition {
        /// Where it stands in the connector's block, its keys joined by `::`.
        option: String,
        /// What is wrong with it.
        source: CompileError,
    },
    /// A condition on the headers of a request is no comparison.
    #[error("{option}: expected `request[\"name\"] == \"value\"`, or `!=`")]
    RequestCondition {
        /// Where it stands in the connector's block.
        option: String,
    },
    /// A statement calls something else than `route()`.
    #[error("{option}: only `route()` can be called here; edit telemetry with a processor")]
    Statement {
        /// Where it stands in the connector's block.
        option: String,
    },
}

impl ConnectError {
    /// Where in the connector's block the mistake is, its keys joined by `::`; empty when that is not
    /// known.
    #[must_use]
    pub fn option(&self) -> &str {
        match self {
            Self::Glob { .. } => "",
            Self::Condition { option, .. }
            | Self::RequestCondition { option }
            | Self::Statement { option } => option,
        }
    }
}
