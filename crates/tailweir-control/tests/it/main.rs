//! Controllers and their clients as processes have them: over loopback, with files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod controllers;
mod hanging;
mod impostors;
mod joining;
mod samplers;
mod watchers;
mod workbench;
