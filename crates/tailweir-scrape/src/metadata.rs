//! What pages say about metrics beside their values: type, help, unit.

use crate::ScrapeError;
use hashbrown::HashMap;

/// Scrapes that a metric is remembered after its page said something about it.
const KEPT_FOR: u64 = 10;

/// What kind of metric a page says that something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MetricType {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

impl MetricType {
    /// The word of OpenMetrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known about a metric.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) kind: MetricType,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// What is known about the metrics of one target.
#[derive(Debug, Default)]
pub(crate) struct MetadataStore {
    known: HashMap<String, (Metadata, u64)>,
    scrape: u64,
}

impl MetadataStore {
    /// What is known about a metric.
    pub(crate) fn get(&self, name: &str) -> Option<&Metadata> {
        self.known.get(name).map(|(metadata, _)| metadata)
    }

    /// Learns something about a metric; no more than so many metrics.
    pub(crate) fn learn(
        &mut self,
        name: &str,
        most: u64,
        change: impl FnOnce(&mut Metadata),
    ) -> Result<(), ScrapeError> {
        if let Some((metadata, scrape)) = self.known.get_mut(name) {
            change(metadata);
            *scrape = self.scrape;
            return Ok(());
        }
        if self.known.len() as u64 >= most {
            return Err(ScrapeError::SeriesOverflow { limit: most });
        }
        let mut metadata = Metadata::default();
        change(&mut metadata);
        self.known.insert(name.to_owned(), (metadata, self.scrape));
        Ok(())
    }

    /// Another scrape begins: what was not said for long is forgotten.
    pub(crate) fn turn(&mut self) {
        let now = self.scrape;
        self.known.retain(|_, (_, last)| now - *last <= KEPT_FOR);
        self.scrape += 1;
    }
}
