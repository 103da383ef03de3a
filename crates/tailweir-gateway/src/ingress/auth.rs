//! Who may send: `basicauth` and `bearertokenauth` on receivers.
//!
//! Comparisons take the same time whatever is presented: what is compared are keyed digests, with a
//! key of this process. Credentials never appear in a message, a log or a metric.

mod apr1;
mod basic;
mod bearer;
mod sha_crypt;
mod watched;

use crate::refusal::Refusal;
use basic::Users;
use bearer::Tokens;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::path::PathBuf;
use tailweir_config::Extension;
use tailweir_transform::AuthAttribute;
use watched::Watched;

/// Why credentials cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of `htpasswd` is not `user:password`, or its hash is of an unknown kind.
    #[error("htpasswd line {line}: {detail}")]
    BadLine {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong; never the password.
        detail: &'static str,
    },
    /// The header of bearer tokens has no valid name.
    #[error("`header` is not the name of a header")]
    BadHeader,
    /// There is nobody to let in.
    #[error("no user or token is configured, so nobody could send")]
    Nobody,
}

/// Checks the credentials of requests.
#[derive(Debug)]
pub(crate) enum Authenticator {
    /// RFC 7617.
    Basic(Watched<Users>),
    /// RFC 6750.
    Bearer {
        /// Header that carries the token.
        header: http::HeaderName,
        /// Word before the token; empty: the token alone.
        scheme: String,
        /// The tokens.
        tokens: Watched<Tokens>,
    },
}

impl Authenticator {
    /// That of an extension.
    ///
    /// # Errors
    ///
    /// When its files cannot be read, or nobody could be let in.
    pub(crate) fn of(extension: &Extension) -> Result<Self, AuthError> {
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        match extension {
            Extension::BasicAuth(auth) => {
                let users = auth.htpasswd.as_ref().ok_or(AuthError::Nobody)?;
                Self::basic(path(&users.file), users.inline.expose().to_owned())
            }
            Extension::BearerTokenAuth(auth) => {
                let header = http::HeaderName::from_bytes(auth.header.as_bytes())
                    .map_err(|_| AuthError::BadHeader)?;
                let one = (!auth.token.is_empty()).then_some(&auth.token);
                let tokens = auth.tokens.iter().chain(one);
                let tokens = tokens.map(|token| token.expose().to_owned()).collect();
                Self::bearer(header, auth.scheme.clone(), path(&auth.filename), tokens)
            }
            Extension::HeadersSetter(_)
            | Extension::HealthCheck(_)
            | Extension::FileStorage(_)
            | Extension::ZPages(_)
            | Extension::Pprof(_)
            | Extension::Absent => Err(AuthError::Nobody),
        }
    }

    /// The users of `inline` and of `file`; `inline` wins.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or a line is wrong.
    fn basic(file: Option<PathBuf>, inline: String) -> Result<Self, AuthError> {
        let parse = move |text: &str| Users::parse(text, &inline);
        Ok(Self::Basic(Watched::new(file, parse)?))
    }

    /// The tokens of `file`, one a line, or else those given.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or there is no token at all.
    fn bearer(
        header: http::HeaderName,
        scheme: String,
        file: Option<PathBuf>,
        tokens: Vec<String>,
    ) -> Result<Self, AuthError> {
        let from_file = file.is_some();
        let parse = move |text: &str| {
            if from_file {
                Tokens::new(text.lines().map(str::trim))
            } else {
                Tokens::new(tokens.iter().map(String::as_str))
            }
        };
        Ok(Self::Bearer {
            header,
            scheme,
            tokens: Watched::new(file, parse)?,
        })
    }

    /// What is known of the sender: pairs of a name and a value, as `from_context: auth.NAME` reads.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unauthenticated`].
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Vec<(String, AuthAttribute)>, Refusal> {
        match self {
            Self::Basic(users) => {
                let header = headers.get(AUTHORIZATION);
                let text = header.and_then(|value| value.to_str().ok());
                basic::authenticate(&users.current(), text).await
            }
            Self::Bearer {
                header,
                scheme,
                tokens,
            } => {
                let text = headers.get(header).and_then(|value| value.to_str().ok());
                bearer::authenticate(&tokens.current(), scheme, text)
            }
        }
    }
}
