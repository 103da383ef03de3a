//! Certificates for tests.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use std::path::{Path, PathBuf};
use tailweir_config::TlsFiles;

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
pub struct Signed {
    /// The certificate, in PEM form.
    pub certificate: String,
    /// Its private key, in PEM form.
    pub key: String,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    ///
    /// # Panics
    ///
    /// When no key can be made.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its own certificate, in PEM form.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for hosts of these names.
    #[must_use]
    pub fn sign_hosts(&self, names: &[&str]) -> Signed {
        let names = names.iter().map(|&name| name.to_owned());
        let params = CertificateParams::new(names.collect::<Vec<_>>());
        self.sign(&params.expect("names of hosts"))
    }

    /// A certificate for these URIs.
    #[must_use]
    pub fn sign_uris(&self, uris: &[&str]) -> Signed {
        self.sign(&for_uris(uris))
    }

    /// A certificate for these URIs that was valid once.
    #[must_use]
    pub fn sign_expired(&self, uris: &[&str]) -> Signed {
        let mut params = for_uris(uris);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer);
        Signed {
            certificate: certificate.expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes `ca.pem`, `NAME.pem` and `NAME.key` into `folder`: the settings of a member that has them.
    #[must_use]
    pub fn write(&self, folder: &Path, name: &str, signed: &Signed) -> TlsFiles {
        let write = |file: String, text: &str| {
            let path: PathBuf = folder.join(file);
            std::fs::write(&path, text).expect("a folder that can be written");
            path.display().to_string()
        };
        TlsFiles {
            ca_file: write("ca.pem".to_owned(), &self.pem),
            cert_file: write(format!("{name}.pem"), &signed.certificate),
            key_file: write(format!("{name}.key"), &signed.key),
            ..TlsFiles::default()
        }
    }
}

fn for_uris(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let uris = uris.iter().map(|&uri| uri.try_into().expect("ASCII"));
    params.subject_alt_names = uris.map(SanType::URI).collect();
    params
}
