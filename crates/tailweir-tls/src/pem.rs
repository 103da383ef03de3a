//! Certificates and keys in PEM form, from files or from the configuration itself.

use crate::TlsError;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Read;
use std::path::PathBuf;
use tailweir_config::{Secret, TlsFiles};

/// Largest file that is read, in bytes.
pub(crate) const SIZE_MAX: u64 = 4 << 20;

/// Where one piece comes from.
enum Source {
    File(PathBuf),
    Inline(Secret),
}

impl Source {
    /// Nothing when neither is written.
    fn new(file: &str, inline: &Secret) -> Option<Self> {
        match (file.is_empty(), inline.is_empty()) {
            (false, _) => Some(Self::File(file.into())),
            (true, false) => Some(Self::Inline(inline.clone())),
            (true, true) => None,
        }
    }

    fn read(&self) -> Result<Vec<u8>, TlsError> {
        let path = match self {
            Self::Inline(text) => return Ok(text.expose().as_bytes().to_vec()),
            Self::File(path) => path,
        };
        let error = |source| TlsError::Read {
            path: path.clone(),
            source,
        };
        let file = std::fs::File::open(path).map_err(error)?;
        let mut content = Vec::new();
        file.take(SIZE_MAX + 1)
            .read_to_end(&mut content)
            .map_err(error)?;
        if content.len() as u64 > SIZE_MAX {
            return Err(TlsError::TooLarge { path: path.clone() });
        }
        Ok(content)
    }
}

/// Where everything comes from.
pub(crate) struct Sources {
    ca: Option<Source>,
    cert: Option<Source>,
    key: Option<Source>,
    client_ca: Option<Source>,
}

impl Sources {
    pub(crate) fn new(files: &TlsFiles, client_ca_file: &str) -> Self {
        Self {
            ca: Source::new(&files.ca_file, &files.ca_pem),
            cert: Source::new(&files.cert_file, &files.cert_pem),
            key: Source::new(&files.key_file, &files.key_pem),
            client_ca: Source::new(client_ca_file, &Secret::default()),
        }
    }

    pub(crate) fn read(&self) -> Result<Pem, TlsError> {
        let read = |source: &Option<Source>| source.as_ref().map(Source::read).transpose();
        Ok(Pem {
            ca: read(&self.ca)?,
            cert: read(&self.cert)?,
            key: read(&self.key)?,
            client_ca: read(&self.client_ca)?,
        })
    }
}

/// What was read; equal content, equal configuration.
#[derive(PartialEq, Eq)]
pub(crate) struct Pem {
    ca: Option<Vec<u8>>,
    cert: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

/// A certificate chain, leaf first, with its key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Pem {
    pub(crate) fn identity(&self) -> Result<Option<Identity>, TlsError> {
        let (Some(cert), Some(key)) = (&self.cert, &self.key) else {
            return Ok(None);
        };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| match source {
            rustls_pki_types::pem::Error::NoItemsFound => TlsError::Empty {
                option: "key_file",
                what: "private key",
            },
            source => TlsError::Damaged {
                option: "key_file",
                source,
            },
        })?;
        Ok(Some((certificates("cert_file", cert)?, key)))
    }

    pub(crate) fn ca(&self) -> Result<Option<Vec<CertificateDer<'static>>>, TlsError> {
        let read = |pem: &Vec<u8>| certificates("ca_file", pem);
        self.ca.as_ref().map(read).transpose()
    }

    /// Whom a server trusts to be its clients; nothing: it asks for no certificates.
    pub(crate) fn client_ca(&self) -> Result<Option<RootCertStore>, TlsError> {
        let read = |pem: &Vec<u8>| roots(certificates("client_ca_file", pem)?);
        self.client_ca.as_ref().map(read).transpose()
    }

    /// Whom members of a cluster trust: never what the system trusts.
    pub(crate) fn authority(&self) -> Result<RootCertStore, TlsError> {
        roots(self.ca()?.ok_or(TlsError::NoAuthority)?)
    }
}

fn roots(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error| TlsError::Rejected(error.to_string()))?;
    }
    Ok(roots)
}

fn certificates(
    option: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Damaged { option, source })?;
    if certificates.is_empty() {
        let what = "certificate";
        return Err(TlsError::Empty { option, what });
    }
    Ok(certificates)
}
