//! The `attributes` and `resource` processors as a stage.

use super::{Load, Stage, Taken};
use crate::refusal::Refusal;
use std::sync::Arc;
use tailweir_export::LossReason;
use tailweir_transform::Edits;

/// Applies edits, and hands on.
pub(crate) struct Edit {
    edits: Arc<Edits>,
    next: Arc<dyn Stage>,
}

impl Edit {
    /// These edits in front of `next`.
    pub(crate) fn new(edits: Arc<Edits>, next: Arc<dyn Stage>) -> Self {
        Self { edits, next }
    }

    async fn edit(&self, mut load: Load) -> Result<(), Box<super::Returned>> {
        let body = load.body.clone();
        match self.edits.apply(load.signal, body, &load.client) {
            Ok(body) => {
                // Unchanged bytes come back as they are, and what was found in them still holds.
                if body.as_ptr() != load.body.as_ptr() || body.len() != load.body.len() {
                    load.scanned = None;
                }
                load.body = body;
                self.next.take(load).await
            }
            Err(error) if load.is_held => {
                tracing::error!(%error, "kept items could not be edited and are lost");
                load.charge.lose(LossReason::PermanentError);
                Ok(())
            }
            Err(error) => {
                let refusal = Refusal::Impossible {
                    detail: error.to_string(),
                };
                Err(load.returned(refusal))
            }
        }
    }
}

impl Stage for Edit {
    fn take(&self, load: Load) -> Taken<'_> {
        Box::pin(self.edit(load))
    }
}
