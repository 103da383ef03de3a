//! The `nop` exporter: takes everything, keeps nothing.

use crate::destination::{Accepted, Attempt, Destination};
use bytes::Bytes;
use tailweir_core::{ClientContext, Signal};

/// Nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nop;

impl Destination for Nop {
    fn send<'a>(&'a self, _: Signal, _: Bytes, _: &'a ClientContext) -> Attempt<'a> {
        Box::pin(std::future::ready(Ok(Accepted::default())))
    }
}
