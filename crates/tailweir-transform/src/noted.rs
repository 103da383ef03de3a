//! Notes in requests who sent them.

use crate::error::TransformError;
use crate::transform::{Outcome, Request, Transform};
use tailweir_core::ClientKeys;
use tailweir_otlp::with_sender;

/// By how many bytes a request may become longer: a sender is noted in each of its resources.
const NOTED_GROWTH_MAX: usize = 16 << 20;

/// Notes beside each resource what is asked of the client later on, where requests are mixed with others
/// in between. What a client says there itself is taken out.
#[derive(Debug)]
pub struct Noted {
    keys: ClientKeys,
}

impl Noted {
    /// Bytes of what is noted of one client, at most: 8 KiB.
    pub const CLIENT_BYTES_MAX: usize = 8 << 10;

    /// Notes what these ask for.
    #[must_use]
    pub const fn new(keys: ClientKeys) -> Self {
        Self { keys }
    }
}

impl Transform for Noted {
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let client = self.keys.of(request.client);
        if client.bytes() > Self::CLIENT_BYTES_MAX {
            return Err(TransformError::Client {
                bytes: client.bytes(),
                limit: Self::CLIENT_BYTES_MAX,
            });
        }
        let length = request.body.len();
        let noted = with_sender(&request.body, &client, length + NOTED_GROWTH_MAX);
        let noted = noted.ok_or(TransformError::Growth {
            length,
            limit: NOTED_GROWTH_MAX,
        })?;
        Ok(Outcome::of(noted.into()))
    }
}
