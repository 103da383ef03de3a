//! GET requests for pages: how targets of a `prometheus` receiver are asked.
//!
//! Redirects are followed, unlike by exporters, as Prometheus does; credentials go to the host and port that were asked
//! first, and to no other.

use crate::authorization::Authorization;
use crate::http_post::http_client_of;
use crate::transport::{Client, chain};
use crate::{BuildError, request_headers};
use bytes::Bytes;
use http::header::{LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use tailweir_config::{BearerTokenAuth, ClientCredentials, HttpClient, ScrapeClient, ScrapeHeader};
use tailweir_core::ClientContext;

/// Most redirects of one request.
const REDIRECTS_MAX: usize = 10;

/// Asks for pages.
pub struct PageClient {
    client: Client,
    headers: HeaderMap,
    authorization: Option<Authorization>,
    follows: bool,
    /// Why there is no TLS, where it cannot be had.
    without_tls: Option<BuildError>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// The URL is none.
    #[error("{0} is no URL of HTTP")]
    Url(String),
    /// TLS is needed and cannot be had.
    #[error("no TLS: {0}")]
    Tls(String),
    /// The credentials cannot stand in a header.
    #[error("{0}")]
    Credentials(String),
    /// No connection, or one that broke.
    #[error("{0}")]
    Connection(String),
    /// Redirected again and again.
    #[error("redirected more than {REDIRECTS_MAX} times")]
    TooManyRedirects,
}

impl PageClient {
    /// Checks the settings and reads certificates and credentials; connects at the first request.
    ///
    /// # Errors
    ///
    /// The option that cannot be used. Where targets are plain, missing certificates of the system are no error.
    pub fn new(settings: &ScrapeClient, is_secure: bool) -> Result<Self, BuildError> {
        let transport = HttpClient {
            tls: settings.tls_config.as_client(),
            ..HttpClient::default()
        };
        let protocols = match settings.enable_http2 {
            true => &["h2", "http/1.1"][..],
            false => &["http/1.1"],
        };
        let client = |is_secure| http_client_of(&transport, is_secure, protocols);
        let (client, without_tls) = match client(true) {
            Ok(client) => (client, None),
            Err(error) if is_secure || settings.tls_config != Default::default() => {
                let option = error.option.replace("tls", "tls_config");
                return Err(BuildError { option, ..error });
            }
            Err(error) => (client(false)?, Some(error)),
        };
        Ok(Self {
            client,
            headers: headers(settings)?,
            authorization: authorization(settings)?,
            follows: settings.follow_redirects,
            without_tls,
        })
    }

    /// Asks for a page, with these headers beside those of the settings. The answer may have any status.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub async fn get(&self, url: &str, more: &HeaderMap) -> Result<Response<Incoming>, GetError> {
        let mut uri = parse(url)?;
        let asked = uri.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.get_once(&uri, more, is_own(&asked, &uri)).await?;
            let location = answer.headers().get(LOCATION).filter(|_| {
                self.follows && matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308)
            });
            let Some(location) = location else {
                return Ok(answer);
            };
            uri = redirected(&uri, &String::from_utf8_lossy(location.as_bytes()))?;
        }
        Err(GetError::TooManyRedirects)
    }

    async fn get_once(
        &self,
        uri: &Uri,
        more: &HeaderMap,
        is_own: bool,
    ) -> Result<Response<Incoming>, GetError> {
        if let (Some("https"), Some(error)) = (uri.scheme_str(), &self.without_tls) {
            return Err(GetError::Tls(error.message.clone()));
        }
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        headers.extend(more.clone());
        if is_own {
            headers.extend(self.headers.clone());
            if let Some(authorization) = &self.authorization {
                let signed = authorization.sign(headers, &ClientContext::NOBODY);
                signed.map_err(|error| GetError::Credentials(error.to_string()))?;
            }
        }
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(request_headers::USER_AGENT),
        );
        let answer = self.client.request(request).await;
        answer.map_err(|error| GetError::Connection(chain(&error)))
    }
}

fn parse(url: &str) -> Result<Uri, GetError> {
    let uri: Option<Uri> = url.parse().ok();
    let uri = uri.filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    });
    uri.ok_or_else(|| GetError::Url(url.to_owned()))
}

/// Whether a URL is at the host and port that were asked first, and no less secure: then it may see the credentials.
fn is_own(asked: &Uri, uri: &Uri) -> bool {
    let port = |uri: &Uri| match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("https")) => 443,
        (None, _) => 80,
    };
    let hosts = asked.host().zip(uri.host());
    let is_less_secure = asked.scheme_str() == Some("https") && uri.scheme_str() != Some("https");
    hosts.is_some_and(|(asked, host)| asked.eq_ignore_ascii_case(host))
        && port(asked) == port(uri)
        && !is_less_secure
}

/// Where a header `Location` leads from there.
fn redirected(from: &Uri, location: &str) -> Result<Uri, GetError> {
    if location.contains("://") {
        return parse(location);
    }
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let path = match location {
        absolute if absolute.starts_with("//") => return parse(&format!("{scheme}:{absolute}")),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => {
            let folder = from
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            format!("{folder}/{relative}")
        }
    };
    parse(&format!("{scheme}://{authority}{path}"))
}

fn headers(settings: &ScrapeClient) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    for (name, ScrapeHeader { values, secrets }) in &settings.http_headers {
        let error = |what| BuildError::new("http_headers", format!("{name:?} {what}"));
        let key =
            HeaderName::try_from(name.as_str()).map_err(|_| error("is no name of a header"))?;
        let plain = values.iter().map(|value| (value.as_str(), false));
        let secret = secrets.iter().map(|value| (value.expose(), true));
        for (value, is_secret) in plain.chain(secret) {
            let value = HeaderValue::try_from(value);
            let mut value = value.map_err(|_| error("has a value that no header can carry"))?;
            value.set_sensitive(is_secret);
            headers.append(key.clone(), value);
        }
    }
    Ok(headers)
}

fn authorization(settings: &ScrapeClient) -> Result<Option<Authorization>, BuildError> {
    if let Some(basic) = &settings.basic_auth {
        let user = ClientCredentials {
            username: basic.username.as_str().to_owned(),
            username_file: basic.username_file.as_str().to_owned(),
            password: basic.password.clone(),
            password_file: basic.password_file.as_str().to_owned(),
        };
        let authorization = Authorization::of_user(&user);
        return authorization
            .map(Some)
            .map_err(|error| within("basic_auth", error));
    }
    let Some(written) = settings.authorization() else {
        return Ok(None);
    };
    let token = BearerTokenAuth {
        scheme: written.r#type.as_str().to_owned(),
        token: written.credentials,
        filename: written.credentials_file.as_str().to_owned(),
        ..BearerTokenAuth::default()
    };
    let authorization = Authorization::bearer(&token);
    authorization.map(Some).map_err(|error| BuildError {
        option: "authorization.credentials_file".to_owned(),
        ..error
    })
}

fn within(block: &str, error: BuildError) -> BuildError {
    let option = format!("{block}.{}", error.option);
    BuildError { option, ..error }
}

#[cfg(test)]
mod tests {
    use super::{is_own, redirected};

    /// Scenario: redirects to the same host as it was asked, in other letters, with the port that its scheme has anyway; to other
    /// ports and hosts; from TLS to plain text, on the same port as well.
    /// Guarantees: only the same host and port, no less secure, see the credentials.
    #[test]
    fn credentials_go_nowhere_else_and_never_into_plain_text() {
        let own = |asked: &str, to: &str| is_own(&asked.parse().unwrap(), &to.parse().unwrap());
        assert!(own("https://h/m", "https://H:443/other"));
        assert!(own("http://h:9000/m", "https://h:9000/m"));
        for (asked, to) in [
            ("https://h/m", "http://h/m"),
            ("https://h:9000/m", "http://h:9000/m"),
            ("http://h/m", "http://h:8080/m"),
            ("http://h/m", "http://other/m"),
        ] {
            assert!(!own(asked, to), "{asked} to {to}");
        }
    }

    /// Scenario: redirects to a URL, to a path, to a path beside the page, and to another host without a scheme.
    /// Guarantees: each leads where a browser would go; what is no URL of HTTP is refused.
    #[test]
    fn redirects_lead_where_they_say() {
        let from = "https://h:1/a/metrics?x=1".parse().unwrap();
        for (location, to) in [
            ("http://other/m", "http://other/m"),
            ("/m?y=2", "https://h:1/m?y=2"),
            ("m", "https://h:1/a/m"),
            ("//other:2/m", "https://other:2/m"),
        ] {
            assert_eq!(redirected(&from, location).unwrap().to_string(), to);
        }
        assert!(redirected(&from, "ftp://h/x").is_err());
    }
}
