//! Verbosity `basic`: one line a request.

use tailweir_core::Signal;
use tailweir_otlp::{MetricView, RequestView};

/// `Traces\t{"resource spans": 1, "spans": 2}`.
pub(super) fn render(signal: Signal, body: &[u8]) -> String {
    let resources = RequestView(body).resources();
    let resource_count = resources.clone().count();
    let items = resources
        .flat_map(|resource| resource.scopes())
        .flat_map(|scope| scope.items());
    match signal {
        Signal::Traces => {
            let spans = items.count();
            format!("Traces\t{{\"resource spans\": {resource_count}, \"spans\": {spans}}}\n")
        }
        Signal::Logs => {
            let records = items.count();
            format!("Logs\t{{\"resource logs\": {resource_count}, \"log records\": {records}}}\n")
        }
        Signal::Metrics => {
            let (mut metrics, mut points) = (0, 0);
            for metric in items {
                metrics += 1;
                points += MetricView(metric).data().points().count();
            }
            format!(
                "Metrics\t{{\"resource metrics\": {resource_count}, \"metrics\": {metrics}, \
                 \"data points\": {points}}}\n"
            )
        }
    }
}
