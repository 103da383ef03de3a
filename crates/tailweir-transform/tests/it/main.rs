//! Tests of edits through their public face.

mod golden;
mod properties;
mod statements;
mod still;
