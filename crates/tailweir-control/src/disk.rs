//! Where a process keeps what has to survive it: files of a few names.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Work that waits for a disk.
pub type Work = Box<dyn FnOnce() + Send>;

/// Keeps files. What it says is done survives a crash.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> PathBuf;

    /// A whole file; nothing when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Puts a file in place so that after a crash there is the old one or the new one, and nothing between.
    ///
    /// # Errors
    /// When it cannot be written.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Opens a file, or begins one, to write behind its first `length` bytes. What was behind them is gone for good.
    ///
    /// # Errors
    /// When it cannot be written.
    fn open(&self, name: &str, length: u64) -> io::Result<Box<dyn Tail>>;

    /// Takes all of it for one process, until what is returned is dropped or the process ends; nothing as long as another
    /// has it.
    ///
    /// # Errors
    /// When it cannot be told.
    fn claim(&self) -> io::Result<Option<Box<dyn Claim>>>;

    /// Does work that calls this disk without holding up others, and says when it is done.
    fn beside(&self, work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// No other process uses the disk as long as this is there.
pub trait Claim: fmt::Debug + Send + Sync {}

impl Claim for File {}

/// The end of a file.
pub trait Tail: fmt::Debug + Send {
    /// Writes behind all that there is. Before a [`Tail::sync`] a crash may take any part of it.
    ///
    /// # Errors
    /// When it cannot be written. What the file ends with is unknown then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// What was written survives a crash once this is done.
    ///
    /// # Errors
    /// When that is not certain.
    fn sync(&mut self) -> io::Result<()>;
}

/// Does work on a disk beside the runtime's workers.
///
/// # Errors
/// What the work says; or that it broke off.
pub(crate) async fn beside<T: Send + 'static>(
    disk: &Arc<dyn Disk>,
    work: impl FnOnce(&dyn Disk) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (done, doing) = oneshot::channel();
    let same = Arc::clone(disk);
    // Nobody waits any more when it cannot be sent.
    let work = Box::new(move || drop(done.send(work(&*same))));
    disk.beside(work).await;
    doing.await.map_err(io::Error::other)?
}

/// Name of the file that is locked, in the folder.
const LOCK: &str = "lock";
/// Pause before a disk that another process has is asked for again.
const CLAIM_AGAIN: Duration = Duration::from_millis(50);

/// Waits until no other process uses a disk. Two of one identity write two histories under the same numbers, and whoever reads
/// both believes neither is missing. They meet where a pod is deleted by force: its successor starts before it has ended.
///
/// # Errors
/// When it cannot be told.
pub(crate) async fn claimed(disk: &dyn Disk) -> io::Result<Box<dyn Claim>> {
    let mut is_told = false;
    loop {
        if let Some(claim) = disk.claim()? {
            return Ok(claim);
        }
        if !is_told {
            is_told = true;
            let folder = disk.place();
            tracing::warn!(folder = %folder.display(), "waiting for another process to leave the data directory");
        }
        tokio::time::sleep(CLAIM_AGAIN).await;
    }
}

/// A folder of the file system. It is made when something is first written.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at this path.
    pub fn at(path: impl Into<PathBuf>) -> Arc<dyn Disk> {
        Arc::new(Self(path.into()))
    }

    /// Makes the names in the folder survive a crash.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl Disk for Folder {
    fn place(&self) -> PathBuf {
        self.0.clone()
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let draft = self.0.join(format!("{name}.draft"));
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, self.0.join(name))?;
        self.sync()
    }

    fn open(&self, name: &str, length: u64) -> io::Result<Box<dyn Tail>> {
        fs::create_dir_all(&self.0)?;
        let path = self.0.join(name);
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()?;
        self.sync()?;
        Ok(Box::new(file))
    }

    fn claim(&self) -> io::Result<Option<Box<dyn Claim>>> {
        fs::create_dir_all(&self.0)?;
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        let lock = options.open(self.0.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Box::new(lock))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn beside(&self, work: Work) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let working = tokio::task::spawn_blocking(work);
        // Whoever waits for what it does hears that it broke off.
        Box::pin(async { drop(working.await) })
    }
}

impl Tail for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
