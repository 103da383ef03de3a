//! The thin edge to the file system.

use crate::SpoolError;
use parking_lot::Mutex;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the file that is locked.
const LOCK: &str = "lock";
/// How names of reels end.
const ENDING: &str = ".spool";

/// Files by number.
pub trait Files: fmt::Debug + Send + Sync {
    /// Where they are, for people.
    fn place(&self) -> &Path;

    /// The numbers of those that are there, in any order.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self) -> io::Result<Vec<u64>>;

    /// Begins a file that is not there. With `syncs`, its name survives a crash of the machine.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create(&self, number: u64, syncs: bool) -> io::Result<()>;

    /// How many bytes a file has.
    ///
    /// # Errors
    /// When that cannot be told.
    fn length(&self, number: u64) -> io::Result<u64>;

    /// Fills `out` with the bytes at a place.
    ///
    /// # Errors
    /// When there are fewer, or they cannot be read.
    fn read(&self, number: u64, at: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes bytes at a place.
    ///
    /// # Errors
    /// When not all of them could be written. What stands there is unknown then.
    fn write(&self, number: u64, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file end there.
    ///
    /// # Errors
    /// When it cannot be cut.
    fn cut(&self, number: u64, length: u64) -> io::Result<()>;

    /// What was written to a file survives a crash of the machine.
    ///
    /// # Errors
    /// When that is not certain.
    fn sync(&self, number: u64) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, number: u64) -> io::Result<()>;
}

/// A folder that no other process uses as long as this is there.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The file that is written to.
    newest: Mutex<Option<(u64, File)>>,
    /// The file that was read last, of its own so that who reads does not wait for who writes.
    read: Mutex<Option<(u64, Arc<File>)>>,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is not there, and locks it.
    ///
    /// # Errors
    /// When another process has it, or it cannot be made or written to.
    pub fn lock(path: &Path) -> Result<Box<dyn Files>, SpoolError> {
        let failed = |source| SpoolError::Io {
            folder: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        let lock = options.open(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let folder = path.to_owned();
                return Err(SpoolError::InUse { folder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(Box::new(Self {
            path: path.to_owned(),
            newest: Mutex::new(None),
            read: Mutex::new(None),
            _lock: lock,
        }))
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:020}{ENDING}"))
    }

    fn open(&self, number: u64) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(self.path_of(number))
    }

    fn with<T>(&self, number: u64, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        match self.newest.lock().as_ref() {
            Some((known, file)) if *known == number => work(file),
            _ => work(&self.open(number)?),
        }
    }
}

impl Files for Folder {
    fn place(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(ENDING));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(numbers)
    }

    fn create(&self, number: u64, syncs: bool) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let options = options.create_new(true).read(true).write(true);
        let file = options.open(self.path_of(number))?;
        if syncs {
            File::open(&self.path)?.sync_all()?;
        }
        self.newest.lock().replace((number, file));
        Ok(())
    }

    fn length(&self, number: u64) -> io::Result<u64> {
        Ok(fs::metadata(self.path_of(number))?.len())
    }

    fn read(&self, number: u64, at: u64, out: &mut [u8]) -> io::Result<()> {
        let mut last = self.read.lock();
        let file = match last.as_ref() {
            Some((known, file)) if *known == number => Arc::clone(file),
            _ => {
                let file = Arc::new(self.open(number)?);
                last.replace((number, Arc::clone(&file)));
                file
            }
        };
        drop(last);
        file.read_exact_at(out, at)
    }

    fn write(&self, number: u64, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(number, |file| file.write_all_at(bytes, at))
    }

    fn cut(&self, number: u64, length: u64) -> io::Result<()> {
        self.with(number, |file| file.set_len(length))
    }

    fn sync(&self, number: u64) -> io::Result<()> {
        self.open(number)?.sync_data()
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        // A file that somebody has open keeps its bytes on the disk.
        self.newest.lock().take_if(|(known, _)| *known == number);
        self.read.lock().take_if(|(known, _)| *known == number);
        fs::remove_file(self.path_of(number))
    }
}
