#![allow(missing_docs, dead_code)]
use bytes::Bytes;
use tailweir_core::Signal;
#[derive(Debug, thiserror::Error)]
#[error("edit")]
pub(crate) struct EditError;
pub(crate) struct ClientContext;
pub(crate) struct Edits;
impl Edits {
    pub(crate) fn attributes(_: &tailweir_config::AttributesProcessor) -> Result<Self, EditError> { Ok(Self) }
    pub(crate) fn resource(_: &tailweir_config::ResourceProcessor) -> Result<Self, EditError> { Ok(Self) }
    pub(crate) fn apply(&self, _: Signal, body: Bytes, _: &ClientContext) -> Result<Bytes, EditError> { Ok(body) }
}
