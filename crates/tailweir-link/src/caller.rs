//! Who calls.

use crate::{Identity, Wire};
use std::net::SocketAddr;
use tonic::{Request, Status};

/// The member behind a call: checked against its certificate, or in plain text as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is, in the roles in which it runs.
    pub identity: Identity,
    /// Its life; nothing before the controllers gave it one.
    pub incarnation: Option<u64>,
    /// The version of the wire that both sides speak.
    pub wire: Wire,
    /// Where it calls from.
    pub address: SocketAddr,
}

impl Caller {
    /// The caller of a request that a [`Server`](crate::Server) let through.
    ///
    /// # Errors
    ///
    /// A status for the caller, when the request came in another way.
    pub fn of<T>(request: &Request<T>) -> Result<&Self, Status> {
        let missing = || Status::unauthenticated("the call did not come over a link");
        request.extensions().get().ok_or_else(missing)
    }
}
