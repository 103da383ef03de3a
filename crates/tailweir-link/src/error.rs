//! What can be wrong.

use crate::{Identity, Role};
use std::io;
use tailweir_tls::TlsError;

/// Why a text or certificate says of nobody who it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No URI with the scheme of identities.
    #[error("the certificate is for no tailweir://CLUSTER/ROLE/NAME")]
    Missing,
    /// More than one.
    #[error("the certificate is for more than one tailweir://CLUSTER/ROLE/NAME")]
    Several,
    /// It cannot be read at all.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// Not of the form of an identity.
    #[error("{0:?} is not of the form tailweir://CLUSTER/ROLE[+ROLE]/NAME")]
    Malformed(String),
    /// A role that there is not.
    #[error("{0:?} names no roles; there are gateway, sampler and controller, joined by +")]
    UnknownRole(String),
    /// A part is empty, too long or has strange characters.
    #[error(
        "{text:?} is no {what}: 1 to {} characters of A-Z a-z 0-9 . _ -",
        Identity::LENGTH_MAX
    )]
    Word {
        /// Which part.
        what: &'static str,
        /// The part.
        text: String,
    },
}

/// Why there is no link, no listener, or no connection to a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Certificates cannot be used.
    #[error("TLS between members cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// A certificate does not say who it is for.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The certificate of this process is for another member.
    #[error(
        "the certificate of this member is for {certificate}, but it is configured as {configured}"
    )]
    NotOurs {
        /// In the certificate.
        certificate: Identity,
        /// In the configuration.
        configured: Identity,
    },
    /// The listener cannot be opened.
    #[error("{address} cannot be listened on: {source}")]
    Bind {
        /// As configured.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The peer's address is none.
    #[error("{address:?} is no HOST:PORT")]
    Address {
        /// As given.
        address: String,
    },
    /// Who answered is of another cluster.
    #[error("{address} is of cluster {theirs:?}, not {ours:?}")]
    OtherCluster {
        /// Where it was reached.
        address: String,
        /// Its cluster.
        theirs: String,
        /// Our cluster.
        ours: String,
    },
    /// Who answered is another member than the one that was to be reached.
    #[error("{address} is {theirs:?}, not {expected:?}")]
    OtherName {
        /// Where it was reached.
        address: String,
        /// Its name.
        theirs: String,
        /// The name that was to be there.
        expected: String,
    },
    /// Who answered may not do what is wanted of it.
    #[error("{address} is {identity}, no {wanted}")]
    OtherRole {
        /// Where it was reached.
        address: String,
        /// Who it is.
        identity: Identity,
        /// What it had to be.
        wanted: Role,
    },
    /// Who answered showed no certificate.
    #[error("{address} shows no certificate")]
    NoCertificate {
        /// Where it was reached.
        address: String,
    },
    /// The other side speaks plain text, or nothing that is TLS.
    #[error("the TLS handshake with {address} failed: {source}")]
    Handshake {
        /// Where it was reached.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The other side is slow.
    #[error("{address} did not finish the handshake within {seconds} s")]
    TooSlow {
        /// Where it was reached.
        address: String,
        /// How long was waited.
        seconds: u64,
    },
}
