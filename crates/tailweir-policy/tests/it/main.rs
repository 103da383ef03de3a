//! Tests of the policies through their public face.

mod agreement;
mod deciding;
mod fixture;
mod golden;
mod model;
mod refusals;
mod replay;
mod shares;
mod weights;
