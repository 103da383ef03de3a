//! TLS for clients and servers: rustls with ring, certificates from files or from the configuration,
//! read again when they change.
//!
//! Clients use [`ClientConfigs`], servers [`ServerConfigs`]. Both answer
//! `current()` at each connection; when `reload_interval` has passed, the files are read again, and if
//! their content differs, a new configuration takes the place of the old one. Connections that are open
//! keep theirs. What cannot be read or does not fit together (a rotation caught half-way)
//! is logged, the old configuration stays, and the next interval tries again.
//!
//! TLS 1.2 is the lowest version there is; a `min_version` below means 1.2.
//!
//! Clients check the name of the server that they asked for. Members of a cluster do not: both sides show a
//! certificate of the cluster's authority ([`ClientConfigs::mutual`], [`ServerConfigs::mutual`]), and who it is
//! stands in the certificate's URI ([`uri_names`]), which the caller checks.

mod certificate;
mod client;
mod host_blind;
mod pem;
mod reload;
mod server;

pub use certificate::{certificate, uri_names};
pub use client::ClientConfigs;
pub use server::ServerConfigs;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use std::path::PathBuf;
use std::sync::Arc;
use tailweir_config::{TlsFiles, TlsVersion};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is too large to hold certificates.
    #[error(
        "{path} is larger than {} bytes, too large for certificates",
        pem::SIZE_MAX
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file or text does not hold what it should.
    #[error("{option} holds no {what} in PEM form")]
    Empty {
        /// The option of the configuration.
        option: &'static str,
        /// Certificate or key.
        what: &'static str,
    },
    /// A section of PEM is damaged.
    #[error("{option} holds damaged PEM: {source}")]
    Damaged {
        /// The option of the configuration.
        option: &'static str,
        /// What is wrong.
        source: rustls_pki_types::pem::Error,
    },
    /// A server without a certificate.
    #[error("a server with TLS needs a certificate and its key: set cert_file and key_file")]
    NoIdentity,
    /// Members of a cluster trust only their own authority.
    #[error("members of a cluster need the certificate of their authority: set ca_file")]
    NoAuthority,
    /// No certificate to trust was found on this system.
    #[error("no trusted certificates: set ca_file")]
    NoRoots,
    /// The name to check the certificate against is not one.
    #[error("{name:?} is not a host name or address that a certificate could bear")]
    Name {
        /// As configured.
        name: String,
    },
    /// Certificate, key and versions do not fit together.
    #[error("the certificate, its key or the list of trusted certificates cannot be used: {0}")]
    Rejected(String),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Protocols as ALPN has them.
fn wire_names(protocols: &[&str]) -> Vec<Vec<u8>> {
    let names = protocols.iter();
    names.map(|name| name.as_bytes().to_vec()).collect()
}

/// The versions between the configured bounds; never none.
fn versions(files: &TlsFiles) -> Vec<&'static SupportedProtocolVersion> {
    let has_13 = !matches!(
        files.max_version,
        TlsVersion::V10 | TlsVersion::V11 | TlsVersion::V12
    );
    let has_12 = files.min_version != TlsVersion::V13;
    let newest = (has_13 || !has_12).then_some(&TLS13);
    newest.into_iter().chain(has_12.then_some(&TLS12)).collect()
}
