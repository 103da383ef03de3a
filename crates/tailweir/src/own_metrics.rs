//! Own metrics, as requests of OTLP: what is on the page of the admin listener.

use crate::node::page_of_metrics;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tailweir_gateway::Metric;
use tailweir_otlp::AttributeSet;
use tailweir_scrape::{Manner, OwnPage, ScrapeError};
use tailweir_telemetry::MetricsSource;

/// The instrumentation scope of metrics.
const SCOPE: &str = "tailweir";

/// Writes all metrics of this process. What counts does so from now on, as nothing was counted before.
pub(crate) fn source() -> MetricsSource {
    let since = now();
    let manner = Manner {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Manner::default()
    };
    let units: HashMap<&str, &str> = Metric::ALL
        .iter()
        .map(|metric| metric.reference())
        .map(|reference| (reference.name, reference.unit))
        .collect();
    Arc::new(move |resource| {
        let text = page_of_metrics()?;
        match request(&text, since, resource, &manner, &units) {
            // Without a resource nobody would know whose it is, and tell of it.
            Ok(body) => Some(body).filter(|body| !body.is_empty()),
            Err(error) => {
                tracing::warn!(%error, "own metrics are not sent this time");
                None
            }
        }
    })
}

fn request(
    text: &str,
    since: i64,
    resource: &AttributeSet,
    manner: &Manner,
    units: &HashMap<&str, &str>,
) -> Result<Bytes, ScrapeError> {
    let page = OwnPage {
        text,
        since,
        at: now(),
        scope: SCOPE,
    };
    let mut body = Vec::new();
    page.tell(resource, manner, |name| units.get(name).copied(), &mut body)?;
    Ok(body.into())
}

#[expect(clippy::disallowed_methods, reason = "metrics carry the time of day")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
