//! Headers that each request of an exporter carries.

use crate::BuildError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use tailweir_config::Headers;

/// What we call ourselves where nothing else is configured.
pub(crate) const USER_AGENT: &str = concat!("tailweir/", env!("CARGO_PKG_VERSION"));

/// The configured headers. Their values are secrets: nothing prints them.
pub(crate) fn configured(headers: &Headers, is_grpc: bool) -> Result<HeaderMap, BuildError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        let key = HeaderName::try_from(name).map_err(|_| {
            BuildError::new("headers", format!("{name:?} is not a name of a header"))
        })?;
        // gRPC carries binary metadata as base64.
        let value = if is_grpc && key.as_str().ends_with("-bin") {
            HeaderValue::try_from(STANDARD_NO_PAD.encode(value.expose()))
        } else {
            HeaderValue::try_from(value.expose())
        };
        let mut value = value.map_err(|_| {
            let text = "its value holds characters that a header cannot carry";
            BuildError::new(format!("headers.{name}"), text)
        })?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}
