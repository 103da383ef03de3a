//! How much is in a request that is passed on without being taken apart.

use crate::scan::ScanError;
use crate::schema::{LOGS_REQUEST, METRICS_REQUEST, TRACES_REQUEST};
use crate::view::{MetricView, RequestView, ScopeFields};
use tailweir_core::Signal;

/// Checks a request down to the last attribute, as a backend that decodes it would, and counts its
/// items: spans, data points or log records. Text is not checked to be UTF-8.
///
/// Traces on the hot path go through [`Scan::traces`](crate::Scan::traces) instead.
///
/// # Errors
/// When it is malformed.
pub fn count_items(signal: Signal, request: &[u8]) -> Result<u64, ScanError> {
    let message = match signal {
        Signal::Traces => &TRACES_REQUEST,
        Signal::Metrics => &METRICS_REQUEST,
        Signal::Logs => &LOGS_REQUEST,
    };
    message
        .check(request, 0)
        .map_err(|source| ScanError::Malformed {
            message: "request",
            source,
        })?;
    let items = RequestView(request).scopes().flat_map(ScopeFields::items);
    Ok(match signal {
        Signal::Metrics => items
            .map(|metric| MetricView(metric).data().points().count() as u64)
            .sum(),
        Signal::Traces | Signal::Logs => items.count() as u64,
    })
}
