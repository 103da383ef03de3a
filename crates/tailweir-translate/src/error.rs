//! Why a request is not translated.

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    /// It is no JSON, or none of the format.
    #[error("not a list of spans in JSON: {0}")]
    Json(String),
    /// It is no protobuf of the format.
    #[error("not a list of spans in protobuf: {0}")]
    Protobuf(String),
    /// It is no thrift of the format.
    #[error("not spans in thrift: {0}")]
    Thrift(&'static str),
    /// One span has more of something than is taken.
    #[error("a span has more than {most} annotations, tags, logs or references")]
    TooMany {
        /// The most that is taken.
        most: usize,
    },
    /// It became much larger than it came.
    #[error("it becomes more than {most} bytes of OTLP, send smaller batches")]
    TooLong {
        /// The most that it may become.
        most: usize,
    },
    /// There is no memory for what it becomes.
    #[error("no memory for what it becomes")]
    NoRoom,
    /// An id is none.
    #[error("{field} {text:?} is not {wanted}")]
    Id {
        /// Which id.
        field: &'static str,
        /// What stands there, cut to 64 characters.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl TranslateError {
    pub(crate) fn id(field: &'static str, text: &str, wanted: &'static str) -> Self {
        Self::Id {
            field,
            text: text.chars().take(64).collect(),
            wanted,
        }
    }
}
