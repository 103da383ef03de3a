//! Tests of the policies through their public face.

mod golden;
mod model;
mod replay;
mod settings;
