//! The process that made spans, as the resource of OTLP.

use super::tags::text;
use crate::values::NO_SERVICE;
use tailweir_otlp::{AttributeMap, AttributeSet, EncodedValue};

/// What made spans.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) service: String,
    pub(super) tags: AttributeMap,
}

impl Process {
    /// Its resource. A tag that names the service wins.
    pub(super) fn resource(self) -> AttributeSet {
        let Self { service, mut tags } = self;
        let is_named = !matches!(service.as_str(), "" | NO_SERVICE);
        if is_named && tags.get(b"service.name").is_none() {
            tags.put(b"service.name", EncodedValue::string(service.as_bytes()));
        }
        if tags.get(b"host.name").is_none()
            && let Some(host) = tags.remove(b"hostname")
        {
            tags.put(b"host.name", host);
        }
        if tags.get(b"opencensus.exporterversion").is_none()
            && let Some(version) = tags.remove(b"jaeger.version")
        {
            let version = [b"Jaeger-", text(&version)].concat();
            tags.put(
                b"opencensus.exporterversion",
                EncodedValue::string(&version),
            );
        }
        tags.finish()
    }
}
