//! Why an exporter cannot be built from its settings.

/// An option, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {message}")]
pub struct BuildError {
    /// Its path within the component's block, such as `tls.ca_file`.
    pub option: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl BuildError {
    pub(crate) fn new(option: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            option: option.into(),
            message: message.into(),
        }
    }
}
