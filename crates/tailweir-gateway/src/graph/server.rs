//! What servers of receivers and of exporters have in common, from their settings.

mod limits;

pub(super) use limits::{grpc_limits, http_limits, set};

use crate::error::StartError;
use crate::ingress::auth::Authenticator;
use crate::ingress::{Cors, Endpoint, Family, PageOptions};
use std::path::PathBuf;
use std::sync::Arc;
use tailweir_config::{ComponentId, Extension, HttpServer, ServerTls, Settings};
use tailweir_tls::ServerConfigs;

/// Where to listen.
pub(super) fn endpoint(text: &str, transport: tailweir_config::Transport) -> Endpoint {
    match transport {
        tailweir_config::Transport::Unix => Endpoint::Unix(PathBuf::from(text)),
        tailweir_config::Transport::Tcp => Endpoint::Tcp(text.to_owned(), Family::Any),
        tailweir_config::Transport::Tcp4 => Endpoint::Tcp(text.to_owned(), Family::V4),
        tailweir_config::Transport::Tcp6 => Endpoint::Tcp(text.to_owned(), Family::V6),
    }
}

/// Which web pages may call.
pub(super) fn cors(server: &HttpServer) -> Option<Cors> {
    let cors = server
        .cors
        .as_ref()
        .filter(|cors| !cors.allowed_origins.is_empty());
    cors.map(|cors| Cors {
        allowed_origins: cors.allowed_origins.clone(),
        allowed_headers: cors.allowed_headers.clone(),
        exposed_headers: cors.exposed_headers.clone(),
        max_age_seconds: u64::try_from(cors.max_age).unwrap_or(0),
    })
}

/// Headers of every answer.
pub(super) fn headers(server: &HttpServer) -> Vec<(String, String)> {
    let headers = server.response_headers.iter();
    headers
        .map(|(name, value)| (name.to_owned(), value.expose().to_owned()))
        .collect()
}

/// Parameters of the URL that are credentials as headers of that name are.
pub(super) fn request_params(server: &HttpServer) -> Vec<String> {
    let auth = server.auth.as_ref();
    auth.map_or(Vec::new(), |auth| auth.request_params.clone())
}

/// The certificates of a server, where it has any.
///
/// # Errors
///
/// When they cannot be read.
pub(super) fn tls(
    id: &ComponentId,
    settings: Option<&ServerTls>,
    protocols: &[&str],
) -> Result<Option<Arc<ServerConfigs>>, StartError> {
    let configs = settings.map(|settings| ServerConfigs::new(settings, protocols).map(Arc::new));
    configs.transpose().map_err(|source| StartError::Tls {
        component: id.clone(),
        source,
    })
}

/// How pages are served.
///
/// # Errors
///
/// When credentials cannot be read.
pub(super) fn page_options(
    server: &HttpServer,
    auth: Option<&(ComponentId, Extension)>,
) -> Result<PageOptions, StartError> {
    Ok(PageOptions {
        authenticator: authenticator(auth)?,
        request_params: request_params(server),
        cors: cors(server),
        headers: headers(server),
    })
}

/// Who checks callers.
///
/// # Errors
///
/// When its files cannot be read.
pub(super) fn authenticator(
    named: Option<&(ComponentId, Extension)>,
) -> Result<Option<Arc<Authenticator>>, StartError> {
    let Some((id, extension)) = named else {
        return Ok(None);
    };
    Authenticator::of(extension)
        .map(|authenticator| Some(Arc::new(authenticator)))
        .map_err(|source| StartError::Auth {
            authenticator: id.clone(),
            source,
        })
}

/// The extension that an `auth` block names, if it runs and checks credentials.
///
/// # Errors
///
/// When it does not.
pub(super) fn extension_of(
    id: &ComponentId,
    authenticator: Option<&ComponentId>,
    settings: &Settings,
) -> Result<(ComponentId, Extension), StartError> {
    let running = authenticator.filter(|id| settings.service_extensions.contains(id));
    let found = running.and_then(|id| Some((id.clone(), settings.extensions.get(id)?.clone())));
    found
        .filter(|(_, extension)| {
            matches!(
                extension,
                Extension::BasicAuth(_) | Extension::BearerTokenAuth(_)
            )
        })
        .ok_or_else(|| StartError::NoAuthenticator {
            component: id.clone(),
            authenticator: authenticator.map(ToString::to_string).unwrap_or_default(),
        })
}
