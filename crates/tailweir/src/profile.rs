//! The `pprof` extension: profiles of the running process, as `go tool pprof` reads them.
//!
//! There is one profiler in a process, so there is one recording at a time. It runs on a thread of its own; who asked
//! and goes away ends it, and nobody waits for it at the end of the process.

mod format;
mod pages;
mod recorder;
mod saved;
mod stacks;
mod symbols;

pub(crate) use pages::ProfilePages;
pub(crate) use saved::SavedProfile;
