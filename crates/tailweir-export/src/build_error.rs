//! Why an exporter cannot be built from its settings.

use crate::transport::chain;
use tailweir_tls::TlsError;

/// An option, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {message}")]
pub struct BuildError {
    /// Its path within the component's block, such as `tls.ca_file`.
    pub option: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// Whether the option is right as far as can be told, and the file that it names cannot be read.
    pub is_unreadable: bool,
}

impl BuildError {
    pub(crate) fn new(option: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            option: option.into(),
            message: message.into(),
            is_unreadable: false,
        }
    }

    /// The file that an option names cannot be read.
    pub(crate) fn unreadable(option: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            is_unreadable: true,
            ..Self::new(option, message)
        }
    }

    /// What is wrong with the block `tls`.
    pub(crate) fn of_tls(error: &TlsError) -> Self {
        Self {
            is_unreadable: matches!(error, TlsError::Read { .. }),
            ..Self::new("tls", chain(error))
        }
    }
}
