//! Who we are, or who sent what we send, in the headers of each request.

mod headers;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headers::HeaderRules;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tailweir_config::{BasicAuth, BearerTokenAuth, ClientCredentials, HeadersSetter, Secret};
use tailweir_core::{ClientContext, ClientKeys};
use tokio::time::Instant;

use crate::BuildError;

/// A file of credentials is read again at most this often.
const FILE_INTERVAL: Duration = Duration::from_secs(1);

/// Signs requests. Credentials in files are read again when the files change.
pub struct Authorization(Kind);

enum Kind {
    Basic {
        user: Text,
        password: Text,
    },
    Bearer {
        header: HeaderName,
        scheme: String,
        token: Text,
    },
    Headers {
        rules: HeaderRules,
        /// Signs afterwards.
        beside: Option<Box<Authorization>>,
    },
}

impl Authorization {
    /// The `client_auth` of a `basicauth` extension.
    ///
    /// # Errors
    ///
    /// Where it has none, or a file cannot be read.
    pub fn basic(auth: &BasicAuth) -> Result<Self, BuildError> {
        let Some(client) = &auth.client_auth else {
            let text = "exporters need `client_auth`; `htpasswd` is for receivers";
            return Err(BuildError::new("client_auth", text));
        };
        Self::of_user(client)
    }

    pub(crate) fn of_user(client: &ClientCredentials) -> Result<Self, BuildError> {
        let user = Secret::new(client.username.clone());
        Ok(Self(Kind::Basic {
            user: Text::new("username_file", &client.username_file, &user)?,
            password: Text::new("password_file", &client.password_file, &client.password)?,
        }))
    }

    /// A `bearertokenauth` extension: its token, the first of its tokens, or the first line of its
    /// file.
    ///
    /// # Errors
    ///
    /// Where the header's name is not one, or the file cannot be read.
    pub fn bearer(auth: &BearerTokenAuth) -> Result<Self, BuildError> {
        let header = HeaderName::try_from(auth.header.as_str()).map_err(|_| {
            BuildError::new(
                "header",
                format!("{:?} is not a name of a header", auth.header),
            )
        })?;
        let token = match auth.tokens.first() {
            Some(first) if auth.token.is_empty() => first,
            _ => &auth.token,
        };
        Ok(Self(Kind::Bearer {
            header,
            scheme: auth.scheme.clone(),
            token: Text::new("filename", &auth.filename, token)?,
        }))
    }

    /// A `headers_setter` extension; `beside` is what its `additional_auth` names.
    ///
    /// # Errors
    ///
    /// Where a name is not one, a value cannot be one, or a file cannot be read.
    pub fn headers(setter: &HeadersSetter, beside: Option<Self>) -> Result<Self, BuildError> {
        Ok(Self(Kind::Headers {
            rules: HeaderRules::new(setter)?,
            beside: beside.map(Box::new),
        }))
    }

    /// What one, if there is one, asks of the client that sent what is sent.
    #[must_use]
    pub fn client_keys(authorization: Option<&Self>) -> ClientKeys {
        match authorization.map(|authorization| &authorization.0) {
            Some(Kind::Headers { rules, .. }) => rules.client_keys().clone(),
            _ => ClientKeys::default(),
        }
    }

    /// Whether it holds credentials, which should not be sent in the open.
    pub(crate) fn has_credentials(&self) -> bool {
        match &self.0 {
            Kind::Headers { beside, .. } => beside.is_some(),
            Kind::Basic { .. } | Kind::Bearer { .. } => true,
        }
    }

    /// Adds the headers. Whatever stood under their names is replaced, but where rules say otherwise.
    pub(crate) fn sign(
        &self,
        headers: &mut HeaderMap,
        client: &ClientContext,
    ) -> Result<(), SigningError> {
        let (name, value) = match &self.0 {
            Kind::Headers { rules, beside } => {
                rules.apply(headers, client)?;
                return match beside {
                    Some(beside) => beside.sign(headers, client),
                    None => Ok(()),
                };
            }
            Kind::Basic { user, password } => {
                let pair = format!("{}:{}", user.current(), password.current());
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
            }
            Kind::Bearer {
                header,
                scheme,
                token,
            } => {
                let token = token.current();
                let value = match scheme.as_str() {
                    "" => token,
                    scheme => format!("{scheme} {token}"),
                };
                (header.clone(), value)
            }
        };
        let mut value =
            HeaderValue::try_from(value).map_err(|_| SigningError::InvalidCredentials)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}

impl fmt::Debug for Authorization {
    /// Prints the kind alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Basic { .. } => "Authorization(basic)",
            Kind::Bearer { .. } => "Authorization(bearer)",
            Kind::Headers { .. } => "Authorization(headers)",
        })
    }
}

/// Why a request is not signed, and so not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningError {
    /// The credentials hold characters that no header may have.
    #[error("the credentials hold characters that a header cannot carry")]
    InvalidCredentials,
    /// So does what a header is set to.
    #[error("the value of the header {0} holds characters that a header cannot carry")]
    InvalidValue(HeaderName),
    /// Which one is meant is not known.
    #[error(
        "the client has {count} values of {name}: it is not known which one the header is to have"
    )]
    SeveralValues {
        /// Of what.
        name: String,
        /// How many.
        count: usize,
    },
}

/// A secret that may stand in a file.
enum Text {
    Fixed(Secret),
    File {
        path: PathBuf,
        last: Mutex<(Instant, String)>,
    },
}

impl Text {
    fn new(option: &'static str, file: &str, fixed: &Secret) -> Result<Self, BuildError> {
        if file.is_empty() {
            return Ok(Self::Fixed(fixed.clone()));
        }
        let path = PathBuf::from(file);
        let text = read(&path).map_err(|error| {
            BuildError::unreadable(option, format!("{file} cannot be read: {error}"))
        })?;
        let last = Mutex::new((Instant::now(), text));
        Ok(Self::File { path, last })
    }

    /// Where the file cannot be read any more, what it held last.
    fn current(&self) -> String {
        let (path, last) = match self {
            Self::Fixed(secret) => return secret.expose().to_owned(),
            Self::File { path, last } => (path, last),
        };
        let mut last = last.lock();
        let now = Instant::now();
        if now.saturating_duration_since(last.0) >= FILE_INTERVAL {
            last.0 = now;
            match read(path) {
                Ok(text) => last.1 = text,
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "credentials cannot be read again");
                }
            }
        }
        last.1.clone()
    }
}

/// The first line of a file, without the space around it.
fn read(path: &PathBuf) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
