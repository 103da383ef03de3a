//! The `nop` exporter: takes everything, keeps nothing.

use crate::destination::{Accepted, Attempt, Destination};
use bytes::Bytes;
use tailweir_core::Signal;

/// Nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nop;

impl Destination for Nop {
    fn send(&self, _: Signal, _: Bytes) -> Attempt<'_> {
        Box::pin(std::future::ready(Ok(Accepted::default())))
    }
}
