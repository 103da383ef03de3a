//! Surroundings in which nothing happens.

use std::sync::Arc;
use tailweir_transform::{Dialect, Surroundings, Time};

/// Always the same moment, always the same bytes.
#[derive(Debug)]
pub(crate) struct Still;

impl Surroundings for Still {
    fn now(&self) -> Time {
        Time::from_unix_nanoseconds(1_700_000_000_000_000_000)
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

/// The language as it is unless a gate is on, in such surroundings.
pub(crate) fn still() -> Dialect {
    Dialect {
        lambdas: false,
        surroundings: Arc::new(Still),
    }
}
