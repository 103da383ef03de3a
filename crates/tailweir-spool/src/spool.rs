//! The queue itself: appends, claims, marks, and lets go of what is spent.

use crate::frame::{self, Head, MAGIC};
use crate::index::Index;
use crate::{AppendError, Files, Place, ReadError, SpoolError};
use parking_lot::Mutex;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How large a spool may become, and how much its entries survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Most bytes of its files. What would need more is refused. Default 10 GiB.
    pub bytes_max: u64,
    /// Whether an entry survives a crash of the machine, and not that of the process alone: each append waits for the
    /// disk then. Default false.
    pub syncs: bool,
}

impl Settings {
    /// Reels are this large at least, so that few files are made.
    const REEL_BYTES_MIN: u64 = 64 << 10;
    /// And this large at most, so that a single open entry keeps few bytes from going.
    const REEL_BYTES_MAX: u64 = 16 << 20;

    /// From this length on a reel is followed by another.
    fn reel_bytes(self) -> u64 {
        (self.bytes_max / 8).clamp(Self::REEL_BYTES_MIN, Self::REEL_BYTES_MAX)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bytes_max: 10 << 30,
            syncs: false,
        }
    }
}

/// What a spool holds and what befell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Open entries.
    pub entries: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Most that they may become.
    pub bytes_max: u64,
    /// Calls that the file system refused.
    pub failures: u64,
    /// Bytes that were found at the start and are no whole frame: writes that a crash tore, or damage.
    pub ignored_bytes: u64,
}

/// See the room.
pub struct Spool {
    files: Box<dyn Files>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    settings: Settings,
    index: Index,
    failures: u64,
    ignored_bytes: u64,
    /// The file system refused the last write: that is told once.
    is_refused: bool,
}

/// An open entry, in the hands of one holder. Dropped, it stays open, for the next to claim.
pub struct Entry {
    spool: Arc<Spool>,
    place: Place,
    head: Head,
    is_done: bool,
}

/// An entry that was open and nobody had.
#[derive(Debug)]
pub struct Claimed {
    /// The entry.
    pub entry: Entry,
    /// Its label.
    pub label: Vec<u8>,
}

impl Spool {
    /// Opens a spool: reads the head of every entry, and removes reels of which nothing is open.
    ///
    /// # Errors
    /// When the files cannot be read, or one is of another version.
    pub fn open(files: Box<dyn Files>, settings: Settings) -> Result<Arc<Self>, SpoolError> {
        let spool = Self {
            files,
            state: Mutex::new(State {
                settings,
                ..State::default()
            }),
        };
        let failed = |source| SpoolError::Io {
            folder: spool.files.place().to_owned(),
            source,
        };
        let mut numbers = spool.files.list().map_err(failed)?;
        numbers.sort_unstable();
        for number in numbers {
            let known = spool.recover(number).map_err(failed)?;
            if !known {
                return Err(SpoolError::Foreign {
                    folder: spool.files.place().to_owned(),
                    reel: number,
                });
            }
        }
        Ok(Arc::new(spool))
    }

    /// What is appended from here on follows other settings. What is there stays.
    pub fn set(&self, settings: Settings) {
        self.state.lock().settings = settings;
    }

    /// Takes in a reel of an earlier process. Answers whether it is one.
    fn recover(&self, number: u64) -> io::Result<bool> {
        let length = self.files.length(number)?;
        let mut read = |at, out: &mut [u8]| self.files.read(number, at, out);
        let mut open = Vec::new();
        let walked = frame::walk(number, length, &mut read, |place, head, _| {
            if !head.is_done() {
                open.push((place, head.frame_length()));
            }
        })?;
        let Some(ignored) = walked else {
            return Ok(false);
        };
        if ignored > 0 {
            let folder = self.files.place().display();
            tracing::warn!(%folder, reel = number, at = length - ignored, bytes = ignored,
                "the end of a reel of the spool is no entry: a write that a crash tore, or damage; it is passed over");
        }
        let mut state = self.state.lock();
        state.ignored_bytes += ignored;
        let held: u64 = open.iter().map(|(_, length)| length).sum();
        state.index.begin(number, length - held);
        for (place, length) in open {
            state.index.add(place, length, false);
        }
        if state.index.seal(number) {
            self.remove(&mut state, number);
        }
        Ok(true)
    }

    /// Appends an entry, which is on disk when this returns.
    ///
    /// # Errors
    /// When there is no room for it, or the disk refuses. Nothing of it is left then.
    pub fn append(self: &Arc<Self>, label: &[u8], body: &[u8]) -> Result<Entry, AppendError> {
        let (entry, syncs) = {
            let mut state = self.state.lock();
            let written = self.write(&mut state, label, body);
            self.observe(&mut state, written.as_ref().err());
            let (place, head) = written?;
            (self.entry(place, head), state.settings.syncs)
        };
        if !syncs {
            return Ok(entry);
        }
        // Not under the lock: those who append meanwhile wait for the same disk together.
        if let Err(error) = self.files.sync(entry.place.reel) {
            let error = AppendError::Failed(error);
            self.observe(&mut self.state.lock(), Some(&error));
            // Whoever is told that it failed keeps it: here it must not be found again.
            entry.done();
            return Err(error);
        }
        Ok(entry)
    }

    fn write(
        &self,
        state: &mut State,
        label: &[u8],
        body: &[u8],
    ) -> Result<(Place, Head), AppendError> {
        let length = (frame::HEAD + label.len() + body.len()) as u64;
        if MAGIC.len() as u64 + length > state.settings.bytes_max {
            return Err(AppendError::TooLarge);
        }
        let place = self.room_for(state, length)?;
        let head = Head::new(place, label, body).ok_or(AppendError::TooLarge)?;
        let opening = [&head.bytes()[..], label].concat();
        let written = self
            .files
            .write(place.reel, place.at, &opening)
            .and_then(|()| {
                let at = place.at + head.body_offset();
                self.files.write(place.reel, at, body)
            });
        if let Err(error) = written {
            // What was written of it is cut off; where that fails too, nothing is written behind it.
            if self.files.cut(place.reel, place.at).is_err() && state.index.seal(place.reel) {
                self.remove(state, place.reel);
            }
            return Err(error.into());
        }
        state.index.add(place, length, true);
        Ok((place, head))
    }

    /// Where a frame of this length goes: behind the newest, or into a reel of its own.
    fn room_for(&self, state: &mut State, length: u64) -> Result<Place, AppendError> {
        let settings = state.settings;
        let fits = |state: &State, more: u64| state.index.bytes() + more <= settings.bytes_max;
        if let Some((reel, at)) = state.index.newest() {
            let is_long = at + length > settings.reel_bytes() && at > MAGIC.len() as u64;
            if !is_long && fits(state, length) {
                return Ok(Place { reel, at });
            }
            // Its bytes may be all that is in the way.
            if (is_long || state.index.is_spent(reel)) && state.index.seal(reel) {
                self.remove(state, reel);
            }
        }
        if !fits(state, MAGIC.len() as u64 + length) {
            return Err(AppendError::Full);
        }
        let reel = state.index.next_number();
        self.files.create(reel, settings.syncs)?;
        if let Err(error) = self.files.write(reel, 0, &MAGIC) {
            self.remove(state, reel);
            return Err(error.into());
        }
        let at = MAGIC.len() as u64;
        state.index.begin(reel, at);
        Ok(Place { reel, at })
    }

    /// Every open entry that nobody has, from the oldest on.
    ///
    /// # Errors
    /// When a head cannot be read; those before it stay open and unclaimed.
    pub fn claim(self: &Arc<Self>) -> io::Result<Vec<Claimed>> {
        let mut claimed: Vec<Claimed> = Vec::new();
        loop {
            let behind = claimed.last().map(|last| last.entry.place);
            let next = self.state.lock().index.unclaimed_behind(behind);
            let Some((place, length)) = next else {
                return Ok(claimed);
            };
            let mut read = |at, out: &mut [u8]| self.files.read(place.reel, at, out);
            let Some((head, label)) = frame::read_head(place, length, &mut read)? else {
                let text = "the head of an entry is no longer what it was";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            };
            self.state.lock().index.set_claimed(place, true);
            let entry = self.entry(place, head);
            claimed.push(Claimed { entry, label });
        }
    }

    fn entry(self: &Arc<Self>, place: Place, head: Head) -> Entry {
        Entry {
            spool: Arc::clone(self),
            place,
            head,
            is_done: false,
        }
    }

    /// Where its files are, for people.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.files.place()
    }

    /// What it holds and what befell it.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let state = self.state.lock();
        Figures {
            entries: state.index.entries(),
            bytes: state.index.bytes(),
            bytes_max: state.settings.bytes_max,
            failures: state.failures,
            ignored_bytes: state.ignored_bytes,
        }
    }

    fn remove(&self, state: &mut State, reel: u64) {
        let removed = self.files.remove(reel);
        state.index.forget(reel);
        if let Err(error) = removed {
            self.observe(state, Some(&AppendError::Failed(error)));
        }
    }

    /// Counts what the file system refuses. The first of several in a row is told, and the end of it.
    fn observe(&self, state: &mut State, error: Option<&AppendError>) {
        let folder = self.files.place().display();
        match error {
            Some(AppendError::Failed(error)) => {
                state.failures += 1;
                if !std::mem::replace(&mut state.is_refused, true) {
                    tracing::error!(%folder, %error, "the disk of a spool refuses");
                }
            }
            Some(AppendError::Full | AppendError::TooLarge) => {}
            None => {
                if std::mem::take(&mut state.is_refused) {
                    tracing::info!(%folder, "the disk of a spool works again");
                }
            }
        }
    }
}

impl Entry {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Bytes of its body.
    #[must_use]
    pub fn body_length(&self) -> u64 {
        u64::from(self.head.body_length)
    }

    /// The body as it was appended.
    ///
    /// # Errors
    /// When it is damaged, or cannot be read now.
    pub fn read(&self) -> Result<Vec<u8>, ReadError> {
        let mut body = vec![0; self.head.body_length as usize];
        let at = self.place.at + self.head.body_offset();
        match self.spool.files.read(self.place.reel, at, &mut body) {
            Ok(()) if self.head.is_body(&body) => Ok(body),
            Ok(()) => Err(ReadError::Damaged),
            // The file was cut, or is gone: it will not come back.
            Err(error)
                if [io::ErrorKind::UnexpectedEof, io::ErrorKind::NotFound]
                    .contains(&error.kind()) =>
            {
                Err(ReadError::Damaged)
            }
            Err(error) => Err(ReadError::Failed(error)),
        }
    }

    /// Nobody needs it any more, now or after a restart. Where the disk refuses the mark, a restart finds it once more.
    pub fn done(mut self) {
        self.is_done = true;
        let Self { spool, place, .. } = &self;
        let (offset, mark) = self.head.done_mark();
        let marked = spool.files.write(place.reel, place.at + offset, &mark);
        let mut state = spool.state.lock();
        let marked = marked.map_err(AppendError::Failed);
        spool.observe(&mut state, marked.as_ref().err());
        if state.index.done(*place) {
            spool.remove(&mut state, place.reel);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.spool.state.lock();
            state.index.set_claimed(self.place, false);
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.place).finish()
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("folder", &self.files.place())
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
