//! Who is not let in, and why.

use parking_lot::Mutex;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Between two lines of the log about the same reason.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// Why a connection or a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Plain text where TLS is spoken.
    PlainText,
    /// TLS where plain text is spoken.
    Tls,
    /// The handshake failed: no certificate, one that expired, or one of another authority.
    Handshake,
    /// The certificate does not say who it is for.
    NoIdentity,
    /// The other side did not say anything in time.
    TooSlow,
    /// Too many connections are open.
    TooMany,
    /// Of another cluster.
    OtherCluster,
    /// The call does not say where it comes from.
    Unstamped,
    /// The versions of the wire are too far apart.
    Wire,
    /// The call says it comes from another member than the certificate does.
    OtherMember,
    /// The caller's roles do not allow the call.
    Role,
    /// The call is for a process that was here before, or will be.
    OtherIncarnation,
}

impl Reason {
    /// Each of them.
    pub const ALL: [Self; 12] = [
        Self::PlainText,
        Self::Tls,
        Self::Handshake,
        Self::NoIdentity,
        Self::TooSlow,
        Self::TooMany,
        Self::OtherCluster,
        Self::Unstamped,
        Self::Wire,
        Self::OtherMember,
        Self::Role,
        Self::OtherIncarnation,
    ];

    /// As metrics and logs have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PlainText => "plain_text",
            Self::Tls => "tls",
            Self::Handshake => "handshake",
            Self::NoIdentity => "no_identity",
            Self::TooSlow => "too_slow",
            Self::TooMany => "too_many",
            Self::OtherCluster => "other_cluster",
            Self::Unstamped => "unstamped",
            Self::Wire => "wire",
            Self::OtherMember => "other_member",
            Self::Role => "role",
            Self::OtherIncarnation => "other_incarnation",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    refused: u64,
    silent: u64,
    logged: Option<Instant>,
}

/// Connections and calls that were refused, by reason.
#[derive(Debug, Default)]
pub struct Refused(Mutex<[Count; Reason::ALL.len()]>);

impl Refused {
    /// How many were refused for this reason.
    #[must_use]
    pub fn count(&self, reason: Reason) -> u64 {
        self.0.lock()[reason as usize].refused
    }

    /// Counts one, and logs it unless the same reason was logged within the last second: who wants to fill the log
    /// shall not.
    pub(crate) fn note(&self, reason: Reason, peer: SocketAddr, why: &dyn fmt::Display) {
        let silent = {
            let count = &mut self.0.lock()[reason as usize];
            count.refused += 1;
            let now = Instant::now();
            if count.logged.is_some_and(|at| now - at < LOG_INTERVAL) {
                count.silent += 1;
                return;
            }
            count.logged = Some(now);
            std::mem::take(&mut count.silent)
        };
        tracing::warn!(%peer, %reason, not_logged = silent, "a peer is refused: {why}");
    }
}
