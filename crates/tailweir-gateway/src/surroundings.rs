//! The world outside, for expressions that ask for the time or for randomness.

use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tailweir_transform::{Surroundings, Time};

/// The system's clock and randomness.
#[derive(Debug)]
pub(crate) struct World {
    random: SystemRandom,
}

impl World {
    /// The one that there is.
    pub(crate) fn shared() -> Arc<dyn Surroundings> {
        Arc::new(Self {
            random: SystemRandom::new(),
        })
    }
}

impl Surroundings for World {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge owns the clock, and expressions ask for the time of day"
    )]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanoseconds = since.map_or(0, |since| since.as_nanos());
        Time::from_unix_nanoseconds(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if self.random.fill(&mut bytes).is_err() {
            tracing::error!("the system gives no randomness, a random value is zero");
        }
        bytes
    }
}
