//! What can go wrong with a spool.

use std::io;
use std::path::PathBuf;

/// A spool that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Somebody else has it.
    #[error("{folder} is in use by another process: give each process a directory of its own")]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file in it that this version did not write.
    #[error(
        "{folder}: reel {reel} was not written by this version: run the version that wrote it until it is empty, or \
         move the file away"
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The number of the reel, which is its name.
        reel: u64,
    },
    /// The file system refuses.
    #[error("{folder} cannot be used: {source}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// An entry that was not appended. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The files would become larger than they may.
    #[error("the spool is full")]
    Full,
    /// It would not fit an empty spool either.
    #[error("it is larger than the spool may become")]
    TooLarge,
    /// The file system refuses.
    #[error("the disk refused it: {0}")]
    Failed(#[from] io::Error),
}

/// A body that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not those that were appended, and will not be.
    #[error("its bytes on disk are damaged")]
    Damaged,
    /// The file system refuses; it may not the next time.
    #[error("it cannot be read: {0}")]
    Failed(#[from] io::Error),
}
