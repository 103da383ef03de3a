//! The `resource_detection` processor, once it is known what there is.

use crate::error::TransformError;
use crate::growth::edit_resources;
use crate::transform::{Outcome, Request, Transform};
use tailweir_otlp::EncodedValue;

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
        edit_resources(request.body, |list| {
            for (key, value) in &self.attributes {
                if self.wins || list.get(key.as_bytes()).is_none() {
                    list.put(key.as_bytes(), value);
                }
            }
        })
    }
}
