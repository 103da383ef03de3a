//! The table from outside: shares, movement, zones, and each command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod balance;
mod cluster;
mod commands;
mod copyists;
mod movement;
mod pinned;
mod rows;
