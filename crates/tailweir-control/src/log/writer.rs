//! Who writes the file of a log. It waits for the disk, and nobody who only reads waits for it.

use super::FILE;
use super::content::{Content, Record};
use crate::disk::{Disk, Tail};
use crate::frame;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// The file is written anew when it is this much larger than four times what it would be then.
const GARBAGE_BYTES_MAX: u64 = 1 << 20;

/// The only one who changes the file, and what it comes to.
#[derive(Debug)]
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    tail: Box<dyn Tail>,
    bytes: u64,
    /// How long it would be if it were written anew, when that was last looked at.
    compact_bytes: u64,
    /// A write failed, so what the file ends with is unknown. Nothing is written behind it.
    is_broken: bool,
    /// What is in the file. It is never held while the disk is waited for: Raft's own tasks read it.
    content: Arc<Mutex<Content>>,
}

impl Writer {
    /// Goes on behind so many bytes of the file, which come to this.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        bytes: u64,
        content: Arc<Mutex<Content>>,
    ) -> io::Result<Self> {
        let compact_bytes = content.lock().encode()?.len() as u64;
        Ok(Self {
            tail: disk.open(FILE, bytes)?,
            disk,
            bytes,
            compact_bytes,
            is_broken: false,
            content,
        })
    }

    /// How many bytes the file has.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes records. With `sync` it waits for the disk; only then they are read, all at once, so that nobody hears of what a crash would
    /// take back.
    ///
    /// # Errors
    /// When they are not certain to be there.
    pub(super) fn write(&mut self, records: Vec<Record>, sync: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in &records {
            frame::write(record, &mut bytes).map_err(io::Error::other)?;
        }
        if self.is_broken {
            return Err(io::Error::other("an earlier write to the log failed"));
        }
        self.is_broken = true;
        self.tail.write(&bytes)?;
        if sync {
            self.tail.sync()?;
        }
        self.bytes += bytes.len() as u64;
        self.apply(records);
        // Whoever does not wait for the disk must not be held up by it here, either.
        if sync && self.bytes > 4 * self.compact_bytes + GARBAGE_BYTES_MAX {
            self.compact()?;
        }
        self.is_broken = false;
        Ok(())
    }

    fn apply(&self, records: Vec<Record>) {
        let mut content = self.content.lock();
        for record in records {
            content.apply(record);
        }
    }

    /// Writes the file anew, without what no longer counts.
    fn compact(&mut self) -> io::Result<()> {
        // Nobody else changes it, so it is the same when the disk is done.
        let bytes = self.content.lock().encode()?;
        self.disk.replace(FILE, &bytes)?;
        self.bytes = bytes.len() as u64;
        self.tail = self.disk.open(FILE, self.bytes)?;
        self.compact_bytes = self.bytes;
        Ok(())
    }
}
