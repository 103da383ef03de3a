//! What names and types say about the kind of a metric.

use crate::metadata::{Metadata, MetadataStore, MetricType};
use tailweir_otlp::ForeignKind;

pub(super) const CREATED: &str = "_created";
pub(super) const TOTAL: &str = "_total";
pub(super) const COUNT: &str = "_count";
pub(super) const SUM: &str = "_sum";

/// What names of series have behind that of their metric.
const SUFFIXES: [&str; 6] = ["_bucket", COUNT, SUM, TOTAL, "_info", CREATED];

/// The name without the first of the suffixes that it has.
pub(super) fn without_suffix(name: &str) -> &str {
    let mut suffixes = SUFFIXES.iter();
    let stems = suffixes.find_map(|suffix| name.strip_suffix(suffix).filter(|it| !it.is_empty()));
    stems.unwrap_or(name)
}

/// The kind that a type is. Nothing for histograms of gauges: OTLP has none, their series are gauges that share a name.
pub(super) fn kind(of: MetricType, is_native: bool) -> Option<ForeignKind> {
    Some(match of {
        MetricType::Counter => ForeignKind::Sum { is_monotonic: true },
        MetricType::Gauge | MetricType::Unknown => ForeignKind::Gauge,
        MetricType::Histogram if is_native => ForeignKind::Exponential,
        MetricType::Histogram => ForeignKind::Histogram,
        MetricType::Summary => ForeignKind::Summary,
        MetricType::Info | MetricType::StateSet => ForeignKind::Sum {
            is_monotonic: false,
        },
        MetricType::GaugeHistogram => return None,
    })
}

/// What is known about a metric, under which name, and what the metric is called.
pub(super) struct Known {
    pub(super) metadata: Metadata,
    /// The name that the page says it of.
    pub(super) family: String,
    pub(super) name: String,
}

impl Known {
    /// What is known about the metric that a series of this name belongs to.
    pub(super) fn of(series: &str, store: &MetadataStore) -> Self {
        let known = |metadata: &Metadata, family: &str, name: &str| Self {
            metadata: metadata.clone(),
            family: family.to_owned(),
            name: name.to_owned(),
        };
        if let Some(metadata) = report(series) {
            return known(&metadata, series, series);
        }
        if let Some(metadata) = store.get(series) {
            return known(metadata, series, series);
        }
        let stem = without_suffix(series);
        let Some(metadata) = store.get(stem) else {
            return known(&Metadata::default(), series, series);
        };
        match metadata.kind {
            MetricType::Counter if series.ends_with(CREATED) => {
                known(metadata, stem, &format!("{stem}{TOTAL}"))
            }
            MetricType::Counter => known(metadata, stem, series),
            _ => known(metadata, stem, stem),
        }
    }
}

/// What is known about what is told of each scrape.
fn report(name: &str) -> Option<Metadata> {
    let (help, unit) = match name {
        "up" => ("The scraping was successful", ""),
        "scrape_duration_seconds" => ("Duration of the scrape", "seconds"),
        "scrape_samples_scraped" => ("The number of samples the target exposed", ""),
        "scrape_series_added" => ("The approximate number of new series in this scrape", ""),
        "scrape_samples_post_metric_relabeling" => (
            "The number of samples remaining after metric relabeling was applied",
            "",
        ),
        _ => return None,
    };
    Some(Metadata {
        kind: MetricType::Gauge,
        help: help.to_owned(),
        unit: unit.to_owned(),
    })
}

/// The name without unit and `_total`.
pub(super) fn trimmed<'n>(name: &'n str, kind: Option<ForeignKind>, unit: &str) -> &'n str {
    let mut name = name;
    let is_sum = matches!(kind, Some(ForeignKind::Sum { .. }));
    if let (true, Some(stem)) = (is_sum, name.strip_suffix(TOTAL)) {
        name = stem;
    }
    let stem = name.strip_suffix(unit).and_then(|it| it.strip_suffix('_'));
    stem.unwrap_or(name)
}

/// A unit in words as UCUM has it.
pub(super) fn ucum(words: &str) -> String {
    let (main, per) = match words.split_once("_per_") {
        Some((main, per)) => (main, per),
        None => (words, ""),
    };
    let main = match main {
        "days" => "d",
        "hours" => "h",
        "minutes" => "min",
        "seconds" => "s",
        "milliseconds" => "ms",
        "microseconds" => "us",
        "nanoseconds" => "ns",
        "bytes" => "By",
        "kibibytes" => "KiBy",
        "mebibytes" => "MiBy",
        "gibibytes" => "GiBy",
        "tibibytes" => "TiBy",
        "kilobytes" => "KBy",
        "megabytes" => "MBy",
        "gigabytes" => "GBy",
        "terabytes" => "TBy",
        "meters" => "m",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "watts" => "W",
        "grams" => "g",
        "celsius" => "Cel",
        "hertz" => "Hz",
        "ratio" => "1",
        "percent" => "%",
        other => other,
    };
    let per = match per {
        "" => return main.to_owned(),
        "second" => "s",
        "minute" => "m",
        "hour" => "h",
        "day" => "d",
        "week" => "w",
        "month" => "mo",
        "year" => "y",
        other => other,
    };
    format!("{main}/{per}")
}

#[cfg(test)]
mod tests {
    use super::{trimmed, ucum, without_suffix};
    use tailweir_otlp::ForeignKind;

    /// Scenario: names with suffixes of series, of kinds and of units.
    /// Guarantees: each loses what it should, and never all of it.
    #[test]
    fn suffixes_are_cut_off_names() {
        assert_eq!(without_suffix("a_bucket"), "a");
        assert_eq!(without_suffix("a_sum_count"), "a_sum");
        assert_eq!(without_suffix("_total"), "_total");
        let sum = Some(ForeignKind::Sum { is_monotonic: true });
        assert_eq!(trimmed("a_seconds_total", sum, "seconds"), "a");
        assert_eq!(
            trimmed("a_seconds_total", Some(ForeignKind::Gauge), "seconds"),
            "a_seconds_total"
        );
        assert_eq!(trimmed("seconds", sum, "seconds"), "seconds");
    }

    /// Scenario: units in words, rates among them.
    /// Guarantees: each is what UCUM calls it; unknown ones stay.
    #[test]
    fn words_become_units() {
        let units = [
            "seconds",
            "meters_per_second",
            "things",
            "",
            "things_per_day",
        ]
        .map(ucum);
        assert_eq!(units, ["s", "m/s", "things", "", "things/d"]);
    }
}
