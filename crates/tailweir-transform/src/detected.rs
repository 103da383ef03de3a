//! The `resource_detection` processor, once it is known what there is.

use crate::error::TransformError;
use crate::growth::Growth;
use crate::transform::{Outcome, Request, Transform};
use bytes::Bytes;
use tailweir_otlp::{EncodedValue, rewrite_resources};

/// Adds attributes to every resource.
#[derive(Debug)]
pub struct Detected {
    attributes: Vec<(String, EncodedValue)>,
    wins: bool,
}

impl Detected {
    /// Adds these attributes; over those that are there if it `wins`.
    #[must_use]
    pub const fn new(attributes: Vec<(String, EncodedValue)>, wins: bool) -> Self {
        Self { attributes, wins }
    }
}

impl Transform for Detected {
    /// Fails when the request would grow by more than [`GROWTH_MAX`](crate::GROWTH_MAX).
    fn apply(&self, request: Request<'_>) -> Result<Outcome, TransformError> {
        let body = request.body;
        let mut growth = Growth::default();
        let edited = rewrite_resources(&body, |list| {
            growth.watch(list, |list| {
                for (key, value) in &self.attributes {
                    if self.wins || list.get(key.as_bytes()).is_none() {
                        list.put(key.as_bytes(), value);
                    }
                }
            });
        });
        growth.finish(body.len())?;
        Ok(Outcome::of(edited.map_or(body, Bytes::from)))
    }
}
