//! A disk in memory that dies, or is full, at any byte of a write.

use crate::Files;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Disk>>);

#[derive(Debug, Clone, Default)]
struct Disk {
    files: BTreeMap<u64, Vec<u8>>,
    /// Bytes until the process dies.
    life: Option<u64>,
    /// Bytes until the disk is full.
    room: Option<u64>,
    is_dead: bool,
    refuses_cuts: bool,
}

impl Memory {
    pub(super) fn die_after(&self, bytes: u64) {
        self.0.lock().life = Some(bytes);
    }

    pub(super) fn fill_after(&self, bytes: u64) {
        self.0.lock().room = Some(bytes);
    }

    pub(super) fn refuse_cuts(&self, refuses: bool) {
        self.0.lock().refuses_cuts = refuses;
    }

    pub(super) fn is_dead(&self) -> bool {
        self.0.lock().is_dead
    }

    /// Another process has it, and there is room.
    pub(super) fn revive(&self) {
        let mut disk = self.0.lock();
        (disk.life, disk.room, disk.is_dead) = (None, None, false);
    }

    /// A disk of its own with the same bytes.
    pub(super) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0
            .lock()
            .files
            .values()
            .map(|file| file.len() as u64)
            .sum()
    }

    /// One of all bytes.
    pub(super) fn place(&self, which: proptest::sample::Index) -> (u64, u64) {
        let mut left = which.index(self.bytes() as usize);
        for (&number, file) in &self.0.lock().files {
            if left < file.len() {
                return (number, left as u64);
            }
            left -= file.len();
        }
        unreachable!("the index is below the sum")
    }

    pub(super) fn flip(&self, number: u64, at: u64, bit: u8) {
        self.0.lock().files.get_mut(&number).unwrap()[at as usize] ^= 1 << bit;
    }
}

impl Disk {
    fn alive(&mut self) -> io::Result<&mut Self> {
        if self.is_dead {
            return Err(io::Error::other("the process is dead"));
        }
        Ok(self)
    }

    fn file(&mut self, number: u64) -> io::Result<&mut Vec<u8>> {
        let file = self.alive()?.files.get_mut(&number);
        file.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many of so many bytes are written, of which these replace others.
    fn spend(&mut self, bytes: u64, replacing: u64) -> u64 {
        let mut spent = bytes;
        if let Some(room) = &mut self.room {
            spent = spent.min(replacing + *room);
            *room -= spent.saturating_sub(replacing);
        }
        if let Some(life) = &mut self.life {
            self.is_dead = *life <= spent;
            spent = spent.min(*life);
            *life -= spent;
        }
        spent
    }
}

impl Files for Memory {
    fn place(&self) -> &Path {
        Path::new("memory")
    }

    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.0.lock().alive()?.files.keys().copied().collect())
    }

    fn create(&self, number: u64, _: bool) -> io::Result<()> {
        let mut disk = self.0.lock();
        let known = disk.alive()?.files.insert(number, Vec::new());
        assert!(known.is_none(), "a number is given twice");
        Ok(())
    }

    fn length(&self, number: u64) -> io::Result<u64> {
        Ok(self.0.lock().file(number)?.len() as u64)
    }

    fn read(&self, number: u64, at: u64, out: &mut [u8]) -> io::Result<()> {
        let mut disk = self.0.lock();
        let rest = disk.file(number)?.get(at as usize..).unwrap_or_default();
        let part = rest.get(..out.len());
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, number: u64, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock();
        let replacing = disk.file(number)?.len().saturating_sub(at as usize);
        let replacing = replacing.min(bytes.len());
        let spent = disk.spend(bytes.len() as u64, replacing as u64) as usize;
        let at = at as usize;
        let file = disk.files.get_mut(&number).unwrap();
        if file.len() < at + spent {
            file.resize(at + spent, 0);
        }
        file[at..at + spent].copy_from_slice(&bytes[..spent]);
        if spent < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.alive().map(drop)
    }

    fn cut(&self, number: u64, length: u64) -> io::Result<()> {
        let mut disk = self.0.lock();
        if disk.refuses_cuts {
            return Err(io::Error::other("no"));
        }
        disk.file(number)?.truncate(length as usize);
        Ok(())
    }

    fn sync(&self, _: u64) -> io::Result<()> {
        self.0.lock().alive().map(drop)
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        let mut disk = self.0.lock();
        let gone = disk.alive()?.files.remove(&number).unwrap_or_default();
        if let Some(room) = &mut disk.room {
            *room += gone.len() as u64;
        }
        Ok(())
    }
}
