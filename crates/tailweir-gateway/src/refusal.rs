//! Why a request was not taken. What each reason looks like on the wire is `ingress/status.rs`.

use std::time::Duration;
use tailweir_core::{ByteSize, Signal};

/// Why a request, or a part of it, was not taken. Nothing of a refused request is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A bound is reached; the same request may be taken later.
    #[error("{bound} is full, try again in {} ms", retry_after.as_millis())]
    Full {
        /// What is full.
        bound: Bound,
        /// When to try again.
        retry_after: Duration,
    },
    /// The gateway is stopping; another instance will take the request.
    #[error("the gateway is stopping, send to another instance")]
    Stopping,
    /// No member of the cluster could take all of it in time.
    #[error("the cluster did not take all of the request: {detail}; try again in {} ms", retry_after.as_millis())]
    HandOver {
        /// What stood in the way.
        detail: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A part of the gateway failed and is being restarted.
    #[error("{part} failed while it held the request, send it again")]
    Interrupted {
        /// Which part.
        part: &'static str,
    },
    /// The bytes are not a request of this signal. Sending them again cannot help.
    #[error("not a request of {signal}: {detail}")]
    Malformed {
        /// What they were taken for.
        signal: Signal,
        /// What is wrong with them.
        detail: String,
    },
    /// The request, as sent or decompressed, is over the receiver's limit. Final.
    #[error("the request is larger than {limit}, raise {option} or send smaller batches")]
    TooLarge {
        /// The limit.
        limit: ByteSize,
        /// The option that sets it.
        option: &'static str,
    },
    /// No pipeline takes this signal from this receiver.
    #[error("no pipeline takes {signal} from this receiver")]
    NotWanted {
        /// The signal of the request.
        signal: Signal,
    },
    /// The compression is not known, or not allowed here.
    #[error("content encoding {encoding:?} is not accepted, use one of: {accepted}")]
    UnknownEncoding {
        /// What the client named, cut to 64 characters.
        encoding: String,
        /// What is accepted, separated by commas.
        accepted: String,
    },
    /// The compressed bytes are damaged.
    #[error("the {encoding} body cannot be decompressed: {detail}")]
    BadCompression {
        /// How it was said to be compressed.
        encoding: &'static str,
        /// What the decompressor said.
        detail: String,
    },
    /// The content type is none that is served.
    #[error("content type {content_type:?} is not accepted, use {accepted}")]
    UnknownContentType {
        /// What the client named, cut to 64 characters.
        content_type: String,
        /// What is accepted.
        accepted: &'static str,
    },
    /// The path is none of the receiver's.
    #[error("no service at this path")]
    UnknownPath,
    /// Only POST carries a request.
    #[error("method not allowed, use POST")]
    WrongMethod,
    /// The credentials are missing or wrong.
    #[error("{detail}")]
    Unauthenticated {
        /// What is missing or wrong; never the credentials.
        detail: &'static str,
        /// The scheme to name in `WWW-Authenticate`.
        scheme: &'static str,
    },
    /// The body did not arrive whole.
    #[error("the request body did not arrive whole: {detail}")]
    Incomplete {
        /// What happened.
        detail: String,
    },
    /// The gRPC framing is broken.
    #[error("not a unary gRPC request: {detail}")]
    BadFraming {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// A processor failed on the request, for a reason that may pass.
    #[error("a processor failed: {detail}")]
    Failed {
        /// What failed.
        detail: String,
    },
    /// The request was understood, but it cannot be carried out, now or later.
    #[error("the request cannot be processed: {detail}")]
    Impossible {
        /// What failed.
        detail: String,
    },
}

impl Refusal {
    /// Whether the same request may be taken when it is sent again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Full { .. }
                | Self::Stopping
                | Self::HandOver { .. }
                | Self::Interrupted { .. }
                | Self::Incomplete { .. }
                | Self::Failed { .. }
        )
    }
}

/// What can be full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// The bytes of requests being worked on.
    InFlight,
    /// The memory limit of the process.
    Memory,
    /// The store of undecided traces.
    Traces,
    /// The queue of an exporter.
    Queue,
    /// A batch that waits for room behind it.
    Batch,
    /// What a connector made and that waits for room behind it.
    Connector,
    /// Logs that follow their traces and wait for room behind.
    Logs,
    /// What the member of the cluster has room for that owns the slots.
    Member,
    /// The checks of passwords.
    Logins,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InFlight => "the budget of request bytes in flight",
            Self::Memory => "the memory limit",
            Self::Traces => "the store of undecided traces",
            Self::Queue => "the exporter's sending queue",
            Self::Batch => "the batch processor",
            Self::Connector => "the connector",
            Self::Logs => "the logs that leave with their traces",
            Self::Member => "a member of the cluster",
            Self::Logins => "the line for the check of passwords",
        })
    }
}
