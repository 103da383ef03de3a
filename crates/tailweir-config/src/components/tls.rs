//! TLS of servers and clients.

use crate::report::{Cause, Report};
use crate::setting::{Block, Secret, choice, settings};
use std::time::Duration;

choice! {
    /// A version of TLS. 1.0 and 1.1 are accepted as words and served as 1.2, the lowest there is.
    pub enum TlsVersion = Unset {
        /// Not written: 1.2 as the lowest, the newest as the highest.
        Unset = "",
        /// TLS 1.0, of which 1.2 is made.
        V10 = "1.0",
        /// TLS 1.1, of which 1.2 is made.
        V11 = "1.1",
        /// TLS 1.2.
        V12 = "1.2",
        /// TLS 1.3.
        V13 = "1.3",
    }
}

settings! {
    /// What servers and clients have in common: who they are, whom they trust, which versions.
    pub struct TlsFiles {
        /// Path of the certificates that are trusted (PEM). Empty: those of the system.
        ca_file: String = String::new(),
        /// The certificates that are trusted, in the configuration itself (PEM).
        ca_pem: Secret = Secret::default(),
        /// Trust the certificates of the system beside those of `ca_file` or `ca_pem`.
        include_system_ca_certs_pool: bool = false,
        /// Path of the certificate (PEM). Needs a key.
        cert_file: String = String::new(),
        /// The certificate, in the configuration itself (PEM). Needs a key.
        cert_pem: Secret = Secret::default(),
        /// Path of the private key (PEM).
        key_file: String = String::new(),
        /// The private key, in the configuration itself (PEM).
        key_pem: Secret = Secret::default(),
        /// The lowest version of TLS, `1.2` or `1.3`.
        min_version: TlsVersion = TlsVersion::Unset,
        /// The highest version of TLS, `1.2` or `1.3`. Empty: the newest.
        max_version: TlsVersion = TlsVersion::Unset,
        /// How often the certificate is read again from its file. Zero: never.
        reload_interval: Duration = Duration::ZERO,
    }
    ignored {
        "cipher_suites": Vec<String> = "the ciphers of the TLS library are used, all of which are sound",
        "curve_preferences": Vec<String> = "the key exchanges of the TLS library are used",
    }
    refused {
        "tpm" = "keys in a TPM are not supported; give the key as a file",
    }
    rules tls_rules;
}

fn tls_rules(tls: &mut TlsFiles, block: &mut Block<'_>, report: &mut Report) {
    let mut both = |one: &str, file: bool, pem: bool| {
        if file && pem {
            let text = format!("`{one}_file` and `{one}_pem` are both written");
            report.error_at(
                block.at(&format!("{one}_pem")),
                Cause::Contradiction,
                text,
                "keep one of them",
            );
        }
    };
    both("ca", !tls.ca_file.is_empty(), !tls.ca_pem.is_empty());
    both("cert", !tls.cert_file.is_empty(), !tls.cert_pem.is_empty());
    both("key", !tls.key_file.is_empty(), !tls.key_pem.is_empty());
    let certificate = !tls.cert_file.is_empty() || !tls.cert_pem.is_empty();
    let key = !tls.key_file.is_empty() || !tls.key_pem.is_empty();
    if certificate != key {
        let (has, lacks) = if certificate {
            ("certificate", "key")
        } else {
            ("key", "certificate")
        };
        let (wanted, place) = if certificate {
            ("key_file", "cert_file")
        } else {
            ("cert_file", "key_file")
        };
        let text = format!("TLS has a {has} but no {lacks}");
        report.error_at(
            block.at(place),
            Cause::MissingBeside,
            text,
            format!("add `{wanted}`"),
        );
    }
    let (low, high) = (tls.min_version, tls.max_version);
    if high != TlsVersion::Unset && low != TlsVersion::Unset && (low as u8) > (high as u8) {
        let text = "`min_version` is above `max_version`";
        report.error_at(
            block.at("max_version"),
            Cause::Contradiction,
            text,
            "swap them",
        );
    }
    for (name, version) in [("min_version", low), ("max_version", high)] {
        if matches!(version, TlsVersion::V10 | TlsVersion::V11) {
            let text = format!(
                "`{name}: {}` is served as 1.2, the lowest version there is",
                version.word()
            );
            report.warn_at(block.at(name), Cause::NoEffect, text, "");
        }
    }
}

settings! {
    /// TLS of a server.
    pub struct ServerTls inlines {
        /// Certificate, trust and versions.
        files: TlsFiles = TlsFiles::default(),
    } {
        /// Path of the certificates by which clients must show who they are (mutual TLS). Empty:
        /// clients need no certificate.
        client_ca_file: String = String::new(),
        /// Read `client_ca_file` again when it changes.
        client_ca_file_reload: bool = false,
    }
}

settings! {
    /// TLS of a client.
    pub struct ClientTls inlines {
        /// Certificate, trust and versions.
        files: TlsFiles = TlsFiles::default(),
    } {
        /// Speak plain text over gRPC. Where the endpoint is `https://`, and over HTTP, the scheme
        /// alone decides, and certificates are checked.
        insecure: bool = false,
        /// Do not check the server's certificate.
        insecure_skip_verify: bool = false,
        /// The name that the server's certificate must bear, when it is not the host of the endpoint.
        server_name_override: String = String::new(),
    }
}
