//! Controllers and their clients as processes have them: over loopback, with files.

mod controllers;
mod samplers;
mod watchers;
mod workbench;
