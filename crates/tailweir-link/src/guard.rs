//! Whether a call is let through.

use crate::stamp::{Claim, Own, Unstamped};
use crate::{Caller, Identity, Reason, Roles, Wire};
use http::HeaderMap;
use std::net::SocketAddr;
use tonic::{Code, Status};

/// The other side of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) address: SocketAddr,
    /// By its certificate; nothing in plain text.
    pub(crate) proven: Option<Identity>,
}

/// A call that is not let through.
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    pub(crate) status: Status,
}

impl Denial {
    fn new(reason: Reason, code: Code, message: String) -> Self {
        let status = Status::new(code, message);
        Self { reason, status }
    }
}

impl From<Unstamped> for Denial {
    fn from(Unstamped(key): Unstamped) -> Self {
        let message = format!("the call has no valid {key} in its metadata");
        Self::new(Reason::Unstamped, Code::Unauthenticated, message)
    }
}

/// Checks what a call says about itself: against this member, the certificate, and the roles that may make it.
pub(crate) fn check(
    own: &Own,
    remote: &Remote,
    headers: &HeaderMap,
    allowed: Roles,
) -> Result<Caller, Denial> {
    let theirs = Claim::wire(headers)?;
    let wire = Wire::NEWEST.with(theirs).ok_or_else(|| {
        let ours = Wire::NEWEST;
        let message = format!(
            "wire version {theirs} and this member's {ours} are too far apart: upgrade one version at a time"
        );
        Denial::new(Reason::Wire, Code::FailedPrecondition, message)
    })?;
    let claim = Claim::read(headers, wire)?;
    same_cluster(own, &claim)?;
    proven(remote, &claim)?;
    let roles = claim.identity.roles();
    if !roles.has_any(allowed) {
        let message = format!("a {roles} may not call this: it is for {allowed}");
        return Err(Denial::new(Reason::Role, Code::PermissionDenied, message));
    }
    addressed(own, &claim)?;
    Ok(Caller {
        identity: claim.identity,
        incarnation: claim.incarnation,
        wire: claim.wire,
        address: remote.address,
    })
}

fn same_cluster(own: &Own, claim: &Claim) -> Result<(), Denial> {
    let (theirs, ours) = (claim.identity.cluster(), own.identity.cluster());
    if theirs == ours {
        return Ok(());
    }
    let message = format!("this member is of cluster {ours:?}, the caller of {theirs:?}");
    Err(Denial::new(
        Reason::OtherCluster,
        Code::PermissionDenied,
        message,
    ))
}

fn proven(remote: &Remote, claim: &Claim) -> Result<(), Denial> {
    let certificate = match &remote.proven {
        Some(certificate) if !certificate.covers(&claim.identity) => certificate,
        Some(_) | None => return Ok(()),
    };
    let claimed = &claim.identity;
    let message = format!("the certificate is for {certificate}, the call from {claimed}");
    Err(Denial::new(
        Reason::OtherMember,
        Code::PermissionDenied,
        message,
    ))
}

fn addressed(own: &Own, claim: &Claim) -> Result<(), Denial> {
    let Some(addressee) = claim.addressee else {
        return Ok(());
    };
    let message = match own.incarnation() {
        Some(own) if own == addressee => return Ok(()),
        Some(own) => format!("the call is for incarnation {addressee}, this is {own}"),
        None => format!("the call is for incarnation {addressee}, this has none yet"),
    };
    Err(Denial::new(
        Reason::OtherIncarnation,
        Code::FailedPrecondition,
        message,
    ))
}
