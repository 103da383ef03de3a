//! A queue on disk: entries survive the process until each is marked done.
//!
//! ```text
//! append(label, body) -> Entry        into the newest reel; on disk when it returns
//! Entry::read() -> body              checked against its checksum
//! Entry::done()                      a mark in the entry's own head; a reel goes with its last open entry
//! Spool::claim() -> [Claimed]        what an earlier process, or an earlier holder, left open; oldest first
//! ```
//!
//! A spool is a folder of its own with a lock, and reels in it: files that are only ever written at their end, but for
//! the marks. Frames, recovery and the index of what is open know no file system; [`Files`] is the seam, [`Folder`] the
//! thin edge. What a label and a body mean is the business of who appends them: the label is small and read again at the
//! start, the body stays on disk until it is asked for.
//!
//! Bytes on disk are as hostile as bytes of a peer: a torn or damaged file costs what is damaged, never a panic and never
//! wrong bytes. A head that is no head ends its reel, because nothing behind it can be found without guessing, and
//! what one guesses could be a frame that a client wrote into its own data.
//!
//! ```
//! use tailweir_spool::{Folder, Settings, Spool};
//!
//! let place = tempfile::tempdir().unwrap();
//! let spool = Spool::open(Folder::lock(place.path()).unwrap(), Settings::default()).unwrap();
//! spool.append(b"1 span", b"its bytes").unwrap();
//! drop(spool); // The process ends.
//!
//! let spool = Spool::open(Folder::lock(place.path()).unwrap(), Settings::default()).unwrap();
//! let claimed = spool.claim().unwrap().pop().unwrap();
//! assert_eq!(claimed.label, b"1 span");
//! assert_eq!(claimed.entry.read().unwrap(), b"its bytes");
//! claimed.entry.done();
//! assert_eq!(spool.figures().entries, 0);
//! ```

mod error;
mod files;
mod frame;
mod index;
mod spool;

pub use error::{AppendError, ReadError, SpoolError};
pub use files::{Files, Folder};
pub use frame::{BODY_BYTES_MAX, Found, LABEL_BYTES_MAX, Place, Recovered, recover};
pub use spool::{Claimed, Entry, Figures, Settings, Spool};
