//! TLS of clients.

use crate::host_blind::HostBlind;
use crate::pem::{Pem, Sources};
use crate::reload::Reloaded;
use crate::{TlsError, provider, versions, wire_names};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use std::fmt;
use std::sync::Arc;
use tailweir_config::{ClientTls, TlsFiles};

/// The TLS configuration of a client, as of now.
pub struct ClientConfigs {
    configs: Reloaded<ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl ClientConfigs {
    /// Reads all files. `protocols` is offered by ALPN, best first, such as `h2`.
    ///
    /// # Errors
    ///
    /// What cannot be read or does not fit together.
    pub fn new(tls: &ClientTls, protocols: &[&str]) -> Result<Self, TlsError> {
        let name = match tls.server_name_override.as_str() {
            "" => None,
            name => Some(server_name(name)?),
        };
        let protocols = wire_names(protocols);
        let settings = tls.clone();
        let sources = Sources::new(&tls.files, "");
        let configs = Reloaded::new(sources, tls.files.reload_interval, move |pem| {
            let mut config = build(&settings, pem)?;
            config.alpn_protocols.clone_from(&protocols);
            Ok(config)
        })?;
        Ok(Self { configs, name })
    }

    /// For a member of a cluster: shows its own certificate, and takes any that the authority of `ca_file` has signed,
    /// whatever host it is for. Who the other is, the caller reads in the certificate.
    ///
    /// # Errors
    ///
    /// What cannot be read or does not fit together; a missing authority or certificate.
    pub fn mutual(files: &TlsFiles, protocols: &[&str]) -> Result<Self, TlsError> {
        let protocols = wire_names(protocols);
        let settings = files.clone();
        let sources = Sources::new(files, "");
        let configs = Reloaded::new(sources, files.reload_interval, move |pem| {
            let mut config = build_mutual(&settings, pem)?;
            config.alpn_protocols.clone_from(&protocols);
            Ok(config)
        })?;
        let name = None;
        Ok(Self { configs, name })
    }

    /// The configuration for a connection that is made now. Reads the files again, where due.
    #[must_use]
    pub fn current(&self) -> Arc<ClientConfig> {
        self.configs.current()
    }

    /// The name that the certificate of `host` must bear: `server_name_override`, else the host.
    ///
    /// # Errors
    ///
    /// Where the host is neither a DNS name nor an address.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None => server_name(host),
        }
    }
}

impl fmt::Debug for ClientConfigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfigs")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name {
        name: host.to_owned(),
    })
}

fn build(tls: &ClientTls, pem: &Pem) -> Result<ClientConfig, TlsError> {
    let rejected = |error: rustls::Error| TlsError::Rejected(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(&tls.files))
        .map_err(rejected)?;
    let builder = if tls.insecure_skip_verify {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(HostBlind::new(None, provider())))
    } else {
        builder.with_root_certificates(roots(tls, pem)?)
    };
    match pem.identity()? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(rejected),
        None => Ok(builder.with_no_client_auth()),
    }
}

fn build_mutual(files: &TlsFiles, pem: &Pem) -> Result<ClientConfig, TlsError> {
    let rejected = |error: rustls::Error| TlsError::Rejected(error.to_string());
    let authority = pem.authority()?;
    let (chain, key) = pem.identity()?.ok_or(TlsError::NoIdentity)?;
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(files))
        .map_err(rejected)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(HostBlind::new(Some(authority), provider())))
        .with_client_auth_cert(chain, key)
        .map_err(rejected)
}

/// Those of the configuration; those of the system where there are none, or beside them if
/// asked for.
fn roots(tls: &ClientTls, pem: &Pem) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let own = pem.ca()?;
    if own.is_none() || tls.files.include_system_ca_certs_pool {
        add_system(&mut roots);
    }
    for certificate in own.into_iter().flatten() {
        roots
            .add(certificate)
            .map_err(|error| TlsError::Rejected(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    Ok(roots)
}

/// What the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` say where); in an image without any, what
/// Mozilla trusts.
fn add_system(roots: &mut RootCertStore) {
    let system: Vec<CertificateDer<'static>> = rustls_native_certs::load_native_certs().certs;
    // Systems carry certificates that no verifier takes; they are passed over.
    let (added, _) = roots.add_parsable_certificates(system);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
}
