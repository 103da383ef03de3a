//! `tailweir config schema | reference | metrics`: what can be configured and what is measured, as
//! documents.

use crate::cli::ConfigCommand;
use crate::cluster::measure_reference;
use crate::own_telemetry::OWN_REFERENCE;
use crate::terminal::Terminal;
use std::fmt::Write as _;
use std::process::ExitCode;
use tailweir_gateway::{MetricKind, MetricReference, metric_reference};

pub(super) fn run(terminal: &Terminal, document: &ConfigCommand) -> anyhow::Result<ExitCode> {
    let text = match document {
        ConfigCommand::Schema => tailweir_config::schema_json(),
        ConfigCommand::Reference => tailweir_config::reference_markdown(),
        ConfigCommand::Metrics => {
            let own = &OWN_REFERENCE[..];
            metrics_markdown(&[&metric_reference()[..], measure_reference(), own].concat())
        }
    };
    terminal.print(&format!("{}\n", text.trim_end()))?;
    Ok(ExitCode::SUCCESS)
}

/// A table of the metrics, sorted by name.
fn metrics_markdown(metrics: &[MetricReference]) -> String {
    let mut sorted: Vec<_> = metrics.iter().collect();
    sorted.sort_by_key(|metric| metric.name);
    let mut text = String::from(
        "# Metrics\n\n\
         Served in Prometheus' text format by the admin listener at `/metrics`, and brought up to date\n\
         once a second. Names that begin with `otelcol_` are those of the Collector, so that its\n\
         dashboards go on working.\n\n\
         | metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n",
    );
    for metric in sorted {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {} | {} | {} |",
            metric.name,
            metric.unit,
            labels.join(", "),
            metric.description,
        );
    }
    text
}
