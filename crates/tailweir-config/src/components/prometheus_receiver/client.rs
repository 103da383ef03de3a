//! How targets are asked.

use super::LooseText;
use crate::components::ClientTls;
use crate::components::tls::{TlsFiles, TlsVersion};
use crate::report::{Cause, Report};
use crate::setting::{Block, Secret, choice, settings};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often certificates are read again.
const RELOAD_INTERVAL: Duration = Duration::from_secs(30);

/// Headers that a request has anyhow.
const RESERVED: [&str; 14] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
];

settings! {
    /// A client of targets.
    pub struct ScrapeClient {
        /// Name and password (RFC 7617).
        basic_auth: Option<ScrapeBasicAuth> = None,
        /// The header `Authorization`.
        authorization: Option<ScrapeAuthorization> = None,
        /// A bearer token: `authorization` in its old form.
        bearer_token: Secret = Secret::default(),
        /// Path of a file that holds the token; it is read again when it changes.
        bearer_token_file: LooseText = LooseText::default(),
        /// TLS of `https` targets.
        tls_config: ScrapeTls = ScrapeTls::default(),
        /// Follow up to ten redirects. Credentials go to the target's own host and port alone.
        follow_redirects: bool = true,
        /// Use HTTP/2 where the target offers it.
        enable_http2: bool = true,
        /// More headers of each request.
        http_headers: BTreeMap<String, ScrapeHeader> = BTreeMap::new(),
    }
    refused {
        "oauth2" = "tokens are not fetched: let a program write the token into `authorization: credentials_file`",
        "proxy_url" = "targets are not asked through a proxy; reach them directly",
        "no_proxy" = "targets are not asked through a proxy; reach them directly",
        "proxy_from_environment" = "targets are not asked through a proxy; reach them directly",
        "proxy_connect_header" = "targets are not asked through a proxy; reach them directly",
    }
    rules client_rules;
}

fn client_rules(client: &mut ScrapeClient, block: &mut Block<'_>, report: &mut Report) {
    let written: Vec<&str> = [
        "basic_auth",
        "authorization",
        "bearer_token",
        "bearer_token_file",
    ]
    .into_iter()
    .filter(|key| block.has(key))
    .collect();
    if let [first, second, ..] = written[..] {
        let text = format!("`{first}` and `{second}` are both written");
        report.error_at(
            block.at(second),
            Cause::Contradiction,
            text,
            "keep one of them",
        );
    }
    for name in client.http_headers.keys() {
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            let text = format!("the header `{name}` cannot be set");
            let fix = "requests have it anyhow; credentials belong in `authorization`";
            report.error_at(block.at("http_headers"), Cause::NotAllowed, text, fix);
        }
    }
}

impl ScrapeClient {
    /// The header `Authorization`, in either form.
    #[must_use]
    pub fn authorization(&self) -> Option<ScrapeAuthorization> {
        if self.authorization.is_some() {
            return self.authorization.clone();
        }
        let is_written =
            !self.bearer_token.is_empty() || !self.bearer_token_file.as_str().is_empty();
        is_written.then(|| ScrapeAuthorization {
            credentials: self.bearer_token.clone(),
            credentials_file: self.bearer_token_file.clone(),
            ..ScrapeAuthorization::default()
        })
    }
}

settings! {
    /// Name and password.
    pub struct ScrapeBasicAuth {
        /// Name.
        username: LooseText = LooseText::default(),
        /// Path of a file that holds the name; it is read again when it changes.
        username_file: LooseText = LooseText::default(),
        /// Password.
        password: Secret = Secret::default(),
        /// Path of a file that holds the password; it is read again when it changes.
        password_file: LooseText = LooseText::default(),
    }
    refused {
        "username_ref" = "there is no secret manager: use `username_file`",
        "password_ref" = "there is no secret manager: use `password_file`",
    }
    rules basic_rules;
}

fn basic_rules(auth: &mut ScrapeBasicAuth, block: &mut Block<'_>, report: &mut Report) {
    let mut both = |key: &str, plain: bool, file: &LooseText| {
        if plain && !file.as_str().is_empty() {
            let text = format!("`{key}` and `{key}_file` are both written");
            report.error_at(
                block.at(key),
                Cause::Contradiction,
                text,
                "keep one of them",
            );
        }
    };
    both(
        "username",
        !auth.username.as_str().is_empty(),
        &auth.username_file,
    );
    both("password", !auth.password.is_empty(), &auth.password_file);
}

settings! {
    /// The header `Authorization`.
    pub struct ScrapeAuthorization {
        /// Word before the credentials.
        r#type: LooseText = LooseText::new("Bearer"),
        /// The credentials.
        credentials: Secret = Secret::default(),
        /// Path of a file that holds them; it is read again when it changes.
        credentials_file: LooseText = LooseText::default(),
    }
    refused {
        "credentials_ref" = "there is no secret manager: use `credentials_file`",
    }
    rules authorization_rules;
}

fn authorization_rules(auth: &mut ScrapeAuthorization, block: &mut Block<'_>, report: &mut Report) {
    let word = auth.r#type.as_str().trim();
    if word.eq_ignore_ascii_case("basic") {
        let text = "`authorization` is not for names and passwords";
        report.error_at(
            block.at("type"),
            Cause::NotAllowed,
            text,
            "use `basic_auth`",
        );
    }
    auth.r#type = LooseText::new(if word.is_empty() { "Bearer" } else { word });
    if !auth.credentials.is_empty() && !auth.credentials_file.as_str().is_empty() {
        let text = "`credentials` and `credentials_file` are both written";
        report.error_at(
            block.at("credentials"),
            Cause::Contradiction,
            text,
            "keep one of them",
        );
    }
}

settings! {
    /// Values of a header. They are never printed.
    pub struct ScrapeHeader {
        /// Values.
        values: Vec<LooseText> = Vec::new(),
        /// Values that are secret.
        secrets: Vec<Secret> = Vec::new(),
    }
    refused {
        "files" = "write `secrets: [\"${file:PATH}\"]`",
    }
}

choice! {
    /// A version of TLS. 1.0 and 1.1 are accepted as words, and 1.2 is used.
    pub enum ScrapeTlsVersion = Unset {
        /// Not written: 1.2 as the lowest, the newest as the highest.
        Unset = "",
        /// TLS 1.0, of which 1.2 is made.
        Tls10 = "TLS10",
        /// TLS 1.1, of which 1.2 is made.
        Tls11 = "TLS11",
        /// TLS 1.2.
        Tls12 = "TLS12",
        /// TLS 1.3.
        Tls13 = "TLS13",
    }
}

settings! {
    /// TLS of a client of targets. Files are read again when they change.
    pub struct ScrapeTls {
        /// The certificates that are trusted (PEM). Without `ca` and `ca_file`: those of the system.
        ca: Secret = Secret::default(),
        /// Path of the certificates that are trusted (PEM).
        ca_file: LooseText = LooseText::default(),
        /// Our certificate (PEM).
        cert: Secret = Secret::default(),
        /// Path of our certificate (PEM).
        cert_file: LooseText = LooseText::default(),
        /// Our private key (PEM).
        key: Secret = Secret::default(),
        /// Path of our private key (PEM).
        key_file: LooseText = LooseText::default(),
        /// The name that the target's certificate must bear, when it is not the host of its address.
        server_name: LooseText = LooseText::default(),
        /// Do not check the target's certificate.
        insecure_skip_verify: bool = false,
        /// The lowest version of TLS.
        min_version: ScrapeTlsVersion = ScrapeTlsVersion::Unset,
        /// The highest version of TLS.
        max_version: ScrapeTlsVersion = ScrapeTlsVersion::Unset,
    }
    refused {
        "ca_ref" = "there is no secret manager: use `ca_file`",
        "cert_ref" = "there is no secret manager: use `cert_file`",
        "key_ref" = "there is no secret manager: use `key_file`",
    }
    rules tls_rules;
}

fn tls_rules(tls: &mut ScrapeTls, block: &mut Block<'_>, report: &mut Report) {
    let mut both = |key: &str, plain: &Secret, file: &LooseText| {
        if !plain.is_empty() && !file.as_str().is_empty() {
            let text = format!("`{key}` and `{key}_file` are both written");
            report.error_at(
                block.at(key),
                Cause::Contradiction,
                text,
                "keep one of them",
            );
        }
        !plain.is_empty() || !file.as_str().is_empty()
    };
    both("ca", &tls.ca, &tls.ca_file);
    let certificate = both("cert", &tls.cert, &tls.cert_file);
    let key = both("key", &tls.key, &tls.key_file);
    if certificate != key {
        let text = "a certificate and its key belong together";
        let fix = "write `cert_file` and `key_file`";
        report.error_at(block.place(), Cause::MissingBeside, text, fix);
    }
}

impl ScrapeTls {
    /// The same in the words of the Collector's other clients.
    #[must_use]
    pub fn as_client(&self) -> ClientTls {
        let version = |version| match version {
            ScrapeTlsVersion::Unset => TlsVersion::Unset,
            ScrapeTlsVersion::Tls13 => TlsVersion::V13,
            _ => TlsVersion::V12,
        };
        let path = |text: &LooseText| text.as_str().to_owned();
        ClientTls {
            files: TlsFiles {
                ca_file: path(&self.ca_file),
                ca_pem: self.ca.clone(),
                cert_file: path(&self.cert_file),
                cert_pem: self.cert.clone(),
                key_file: path(&self.key_file),
                key_pem: self.key.clone(),
                min_version: version(self.min_version),
                max_version: version(self.max_version),
                reload_interval: RELOAD_INTERVAL,
                ..TlsFiles::default()
            },
            insecure_skip_verify: self.insecure_skip_verify,
            server_name_override: path(&self.server_name),
            ..ClientTls::default()
        }
    }
}
