//! What a peer can get wrong.

/// Why bytes of a peer are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// An id, or a list of ids, of a strange length.
    #[error("{field} has {length} bytes; ids have 16")]
    Id {
        /// Where.
        field: &'static str,
        /// How long it is, in bytes.
        length: usize,
    },
    /// A number that is too large.
    #[error("{field} is {value}, above {limit}")]
    TooLarge {
        /// Where.
        field: &'static str,
        /// The number.
        value: u64,
        /// The largest that there is.
        limit: u64,
    },
    /// A list that is too long.
    #[error("{field} has {length} elements, more than {limit}")]
    TooMany {
        /// Where.
        field: &'static str,
        /// How many there are.
        length: usize,
        /// How many there may be.
        limit: usize,
    },
    /// What has to be there is not, or is of a kind that this version does not know.
    #[error("{field} is missing or of an unknown kind")]
    Missing {
        /// Where.
        field: &'static str,
    },
    /// The same key comes twice.
    #[error("{field} names the same twice")]
    Twice {
        /// Where.
        field: &'static str,
    },
}
