//! For tests only: golden vectors, and what else several rooms' tests share.

mod golden;

pub use golden::{Folder, Tally};
