//! Whose life is whose.

use arc_swap::ArcSwap;
use std::collections::HashMap;
use tailweir_placement::{Incarnation, MemberName, RoutingTable};
use tonic::Status;

/// The names behind the lives of the newest table. Read for every letter, written when the table changes.
#[derive(Debug, Default)]
pub(crate) struct Lives(ArcSwap<HashMap<Incarnation, MemberName>>);

impl Lives {
    /// There is a newer table.
    pub(crate) fn follow(&self, table: &RoutingTable) {
        let members = table.members();
        let names = members.map(|(name, member)| (member.incarnation, name.clone()));
        self.0.store(names.collect::<HashMap<_, _>>().into());
    }

    /// Lets through what a member of this name says with this life. A life of which this member has not heard may be a new
    /// one: it is not refused, because its letters would be lost.
    ///
    /// # Errors
    /// A refusal that names both, when the life is another member's.
    pub(crate) fn check(&self, life: Incarnation, caller: &str) -> Result<(), Status> {
        match self.0.load().get(&life) {
            Some(name) if name.as_str() != caller => {
                let text = format!(
                    "the letters are of incarnation {life}, which is sampler {name}, and come from {caller}: a sampler writes only for itself"
                );
                Err(Status::permission_denied(text))
            }
            Some(_) | None => Ok(()),
        }
    }
}
