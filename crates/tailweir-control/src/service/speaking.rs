//! Whose life a call is about: only the sampler itself speaks for it.

use tailweir_link::Caller;
use tailweir_placement::{Incarnation, MemberName, RoutingTable};
use tonic::Status;

/// Lets a call through that is about the caller's own name.
///
/// # Errors
/// A refusal that names both, when it is about another.
pub(super) fn for_itself(caller: &Caller, sampler: &MemberName) -> Result<(), Status> {
    let name = caller.identity.name();
    if name == sampler.as_str() {
        return Ok(());
    }
    let text = format!(
        "the call is about sampler {sampler} and comes from {name}: a sampler speaks only for itself, by its cluster.name"
    );
    Err(Status::permission_denied(text))
}

/// Lets a call through that is about a life of the caller, or about one that the table does not know: that one is gone, and
/// whoever asks is told so.
///
/// # Errors
/// A refusal that names both, when it is about a life of another.
pub(super) fn for_own_life(
    caller: &Caller,
    table: &RoutingTable,
    life: Incarnation,
) -> Result<(), Status> {
    match table.member(life) {
        Some((name, _)) => for_itself(caller, name),
        None => Ok(()),
    }
}
