//! What the settings say about series.

use crate::naming::Naming;
use crate::selection::Selection;
use crate::translation::Translation;
use std::time::Duration;
use tailweir_config::{Compat, PrometheusExporter};

/// How series are made, named and kept.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub(crate) naming: Naming,
    /// Resource attributes that become labels.
    pub(crate) selection: Selection,
    /// How long a series is shown after its last point.
    pub(crate) expiration: Duration,
    /// Whether lines have the time of their point.
    pub(crate) timestamps: bool,
    /// Whether what the Collector leaves out is left out, and its arithmetic is used.
    pub(crate) as_collector: bool,
    /// Most series.
    pub(crate) max_series: usize,
}

impl StoreOptions {
    /// Those of a `prometheus` exporter.
    #[must_use]
    pub fn of(settings: &PrometheusExporter) -> Self {
        Self {
            naming: Naming {
                translation: Translation::new(
                    &settings.namespace,
                    settings.translation_strategy.unwrap_or_default(),
                ),
                const_labels: settings.const_labels.clone(),
                without_scope: settings.without_scope_info,
                keeps_bucket_label: settings.compat == Compat::Collector,
            },
            selection: Selection::of(
                &settings.resource_constant_labels,
                &settings.resource_to_telemetry_conversion,
            ),
            expiration: settings.metric_expiration,
            timestamps: settings.send_timestamps,
            as_collector: settings.compat == Compat::Collector,
            max_series: usize::try_from(settings.max_series).unwrap_or(usize::MAX),
        }
    }
}
