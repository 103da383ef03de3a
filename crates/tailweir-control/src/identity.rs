//! Who a controller is: an id of the cluster, bound to the data directory.
//!
//! An id stands for one log for ever. It is given once and never to another directory: what one controller has voted for
//! and stored counts, and an empty directory under the same id would take that back.

use crate::disk::Disk;
use std::io;
use std::path::PathBuf;

/// Name of the file in the data directory.
pub(crate) const FILE: &str = "identity";

/// Which controller of which cluster a data directory belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The id of the cluster.
    pub(crate) cluster: String,
    /// The controller's id in Raft.
    pub(crate) id: u64,
}

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file is not what this program writes.
    #[error("{0} names no controller; restore it, or empty the directory to join as a new one")]
    Unreadable(PathBuf),
    /// It belongs to another cluster.
    #[error("{path} belongs to the cluster {found}, and this process to {wanted}")]
    OtherCluster {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What the configuration says.
        wanted: String,
    },
    /// There is a log, and nothing that says whose.
    #[error(
        "{0} holds a log but no identity; restore it, or empty the directory to join as a new controller"
    )]
    NoIdentity(PathBuf),
    /// There is an identity, and what it agreed to is gone.
    #[error(
        "{0} holds an identity but no log; restore it, or empty the directory to join as a new controller"
    )]
    NoLog(PathBuf),
}

impl Identity {
    /// The identity of a data directory; nothing when it has none yet.
    ///
    /// # Errors
    /// When it cannot be read, or belongs to another cluster than `cluster`.
    pub(crate) fn read(disk: &dyn Disk, cluster: &str) -> io::Result<Option<Self>> {
        let Some(bytes) = disk.read(FILE)? else {
            return Ok(None);
        };
        let path = disk.place().join(FILE);
        let identity =
            Self::parse(&bytes).ok_or_else(|| invalid(IdentityError::Unreadable(path.clone())))?;
        if identity.cluster != cluster {
            return Err(invalid(IdentityError::OtherCluster {
                path,
                found: identity.cluster,
                wanted: cluster.to_owned(),
            }));
        }
        Ok(Some(identity))
    }

    /// Binds the data directory to this identity.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn write(&self, disk: &dyn Disk) -> io::Result<()> {
        let text = format!("cluster {}\nid {}\n", self.cluster, self.id);
        disk.replace(FILE, text.as_bytes())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (cluster, id) = text.trim_end().split_once('\n')?;
        Some(Self {
            cluster: cluster.strip_prefix("cluster ")?.to_owned(),
            id: id.strip_prefix("id ")?.parse().ok()?,
        })
    }
}

/// A data directory's error as one of the file system, so that there is one kind of both.
pub(crate) fn invalid(error: IdentityError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
