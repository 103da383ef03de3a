//! What is in a certificate.

use crate::TlsError;
use crate::pem::Sources;
use rustls_pki_types::CertificateDer;
use tailweir_config::TlsFiles;
use webpki::EndEntityCert;

/// The certificate that these files show, without those that vouch for it.
///
/// # Errors
///
/// When it cannot be read, or is missing.
pub fn certificate(files: &TlsFiles) -> Result<CertificateDer<'static>, TlsError> {
    let identity = Sources::new(files, "").read()?.identity()?;
    let (chain, _) = identity.ok_or(TlsError::NoIdentity)?;
    chain.into_iter().next().ok_or(TlsError::NoIdentity)
}

/// The URIs for which a certificate was issued (its subject's alternative names of that kind), in its order.
///
/// # Errors
///
/// When it is no certificate.
pub fn uri_names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, TlsError> {
    let certificate = EndEntityCert::try_from(certificate)
        .map_err(|error| TlsError::Rejected(error.to_string()))?;
    Ok(certificate.valid_uri_names().map(str::to_owned).collect())
}
