//! TLS of servers.

use crate::pem::{Pem, Sources};
use crate::reload::Reloaded;
use crate::{TlsError, provider, versions, wire_names};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{ServerTls, TlsFiles};

/// How often `client_ca_file` is read again under `client_ca_file_reload`, where no
/// `reload_interval` says otherwise.
const CLIENT_CA_INTERVAL: Duration = Duration::from_secs(10);

/// The TLS configuration of a server, as of now.
pub struct ServerConfigs(Reloaded<ServerConfig>);

impl ServerConfigs {
    /// Reads all files. `protocols` is chosen from by ALPN, best first, such as `h2`.
    ///
    /// With a `client_ca_file`, clients must show a certificate that it vouches for (mutual TLS).
    ///
    /// # Errors
    ///
    /// What cannot be read or does not fit together; a missing certificate.
    pub fn new(tls: &ServerTls, protocols: &[&str]) -> Result<Self, TlsError> {
        let protocols = wire_names(protocols);
        let files = tls.files.clone();
        let interval = match files.reload_interval {
            Duration::ZERO if tls.client_ca_file_reload => CLIENT_CA_INTERVAL,
            interval => interval,
        };
        let sources = Sources::new(&tls.files, &tls.client_ca_file);
        Reloaded::new(sources, interval, move |pem| {
            let mut config = build(&files, pem, pem.client_ca()?)?;
            config.alpn_protocols.clone_from(&protocols);
            Ok(config)
        })
        .map(Self)
    }

    /// For a member of a cluster: shows its own certificate, and takes clients that show one which the authority of
    /// `ca_file` has signed. Who the client is, the caller reads in the certificate.
    ///
    /// # Errors
    ///
    /// What cannot be read or does not fit together; a missing authority or certificate.
    pub fn mutual(files: &TlsFiles, protocols: &[&str]) -> Result<Self, TlsError> {
        let protocols = wire_names(protocols);
        let settings = files.clone();
        let sources = Sources::new(files, "");
        Reloaded::new(sources, files.reload_interval, move |pem| {
            let mut config = build(&settings, pem, Some(pem.authority()?))?;
            config.alpn_protocols.clone_from(&protocols);
            Ok(config)
        })
        .map(Self)
    }

    /// The configuration for a connection that is accepted now. Reads the files again, where due.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        self.0.current()
    }
}

impl fmt::Debug for ServerConfigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfigs").finish_non_exhaustive()
    }
}

/// `clients` vouches for clients; nothing: they need no certificate.
fn build(
    files: &TlsFiles,
    pem: &Pem,
    clients: Option<RootCertStore>,
) -> Result<ServerConfig, TlsError> {
    let rejected = |error: rustls::Error| TlsError::Rejected(error.to_string());
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(files))
        .map_err(rejected)?;
    let builder = match clients {
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                .build()
                .map_err(|error| TlsError::Rejected(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = pem.identity()?.ok_or(TlsError::NoIdentity)?;
    builder.with_single_cert(chain, key).map_err(rejected)
}
