//! URLs of backends.

use crate::BuildError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Url {
    pub(crate) uri: Uri,
    pub(crate) is_secure: bool,
    /// Of a URL like `https://user:password@host`.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Url {
    /// `own` as it is, else `endpoint` with `path` behind it; nothing where neither is written.
    pub(crate) fn of_signal(
        endpoint: &str,
        own: &str,
        option: &'static str,
        path: &str,
    ) -> Result<Option<Self>, BuildError> {
        match (own, endpoint) {
            ("", "") => Ok(None),
            ("", endpoint) => Self::parse(
                "endpoint",
                &format!("{}{path}", endpoint.trim_end_matches('/')),
            )
            .map(Some),
            (own, _) => Self::parse(option, own).map(Some),
        }
    }

    /// A URL of HTTP.
    pub(crate) fn parse(option: &str, text: &str) -> Result<Self, BuildError> {
        // The text may hold a password: it is not repeated.
        let error = || BuildError::new(option, "is not a URL like http://host:4318");
        let uri: Uri = text.parse().map_err(|_| error())?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(error()),
        };
        let authority = uri.authority().ok_or_else(error)?.as_str().to_owned();
        let Some((user, host)) = authority.rsplit_once('@') else {
            return Ok(Self {
                uri,
                is_secure,
                authorization: None,
            });
        };
        let mut parts = uri.into_parts();
        parts.authority = Some(host.parse().map_err(|_| error())?);
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user)))
            .map_err(|_| error())?;
        value.set_sensitive(true);
        Ok(Self {
            uri: Uri::from_parts(parts).map_err(|_| error())?,
            is_secure,
            authorization: Some(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Url;

    fn url(endpoint: &str, own: &str) -> Option<String> {
        let url = Url::of_signal(endpoint, own, "traces_endpoint", "/v1/traces").unwrap();
        url.map(|url| url.uri.to_string())
    }

    /// Scenario: an endpoint with and without a path, one for a signal alone, and none.
    /// Guarantees: the path of the signal is added to the common endpoint only.
    #[test]
    fn the_path_of_the_signal_is_added_to_the_common_endpoint() {
        assert_eq!(
            url("http://h:4318", ""),
            Some("http://h:4318/v1/traces".into())
        );
        assert_eq!(
            url("http://h/otlp/", ""),
            Some("http://h/otlp/v1/traces".into())
        );
        assert_eq!(
            url("http://h", "https://other/x"),
            Some("https://other/x".into())
        );
        assert_eq!(url("", ""), None);
    }

    /// Scenario: a URL with a user and a password; one that is no URL and holds a password.
    /// Guarantees: they become a header and are nowhere else, not even in the error.
    #[test]
    fn passwords_do_not_stay_in_the_url() {
        let url = Url::parse("endpoint", "https://user:secret@h:1/x").unwrap();
        assert_eq!(url.uri.to_string(), "https://h:1/x");
        assert_eq!(url.authorization.clone().unwrap(), "Basic dXNlcjpzZWNyZXQ=");
        assert!(!format!("{url:?}").contains("dXNl"));
        let error = Url::parse("endpoint", "ftp://user:secret@h").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
