//! The `count` connector.

use crate::report::{Cause, Report};
use crate::setting::{Block, Literal, settings};
use std::collections::BTreeMap;

settings! {
    /// An attribute that tells counts apart.
    pub struct CountedAttribute {
        /// The attribute's name: of the item, else of its scope, else of its resource.
        key: String = String::new(),
        /// The value where the attribute is missing. Absent: items without the attribute are not counted.
        default_value: Literal = Literal::Null,
    }
}

settings! {
    /// A metric that counts.
    pub struct CountedMetric {
        /// What it counts, in words.
        description: String = String::new(),
        /// OTTL conditions, one of which must hold. Empty: everything counts.
        conditions: Vec<String> = Vec::new(),
        /// Attributes that tell counts apart. Not for `metrics`.
        attributes: Vec<CountedAttribute> = Vec::new(),
    }
}

settings! {
    /// Counts items of each request, by conditions and attributes. Each section names metrics; one that is
    /// not written, or empty, has the metric of the default.
    pub struct CountConnector {
        /// Metrics that count spans.
        spans: BTreeMap<String, CountedMetric> = default_metric("trace.span.count", "spans"),
        /// Metrics that count events of spans.
        spanevents: BTreeMap<String, CountedMetric> =
            default_metric("trace.span.event.count", "span events"),
        /// Metrics that count metrics.
        metrics: BTreeMap<String, CountedMetric> = default_metric("metric.count", "metrics"),
        /// Metrics that count data points.
        datapoints: BTreeMap<String, CountedMetric> =
            default_metric("metric.datapoint.count", "data points"),
        /// Metrics that count log records.
        logs: BTreeMap<String, CountedMetric> = default_metric("log.record.count", "log records"),
    }
    ignored {
        "profiles": BTreeMap<String, CountedMetric> = "there are no pipelines of profiles",
    }
    rules count_rules;
}

fn default_metric(name: &str, items: &str) -> BTreeMap<String, CountedMetric> {
    let metric = CountedMetric {
        description: format!("The number of {items} observed."),
        ..CountedMetric::default()
    };
    BTreeMap::from([(name.to_owned(), metric)])
}

fn count_rules(connector: &mut CountConnector, block: &mut Block<'_>, report: &mut Report) {
    for (key, metrics) in [
        ("spans", &mut connector.spans),
        ("spanevents", &mut connector.spanevents),
        ("metrics", &mut connector.metrics),
        ("datapoints", &mut connector.datapoints),
        ("logs", &mut connector.logs),
    ] {
        let Some(section) = block.node().get(key) else {
            continue;
        };
        // What is written stands instead of the default, not beside it.
        if !section.entries().is_empty() {
            metrics.retain(|name, _| section.get(name).is_some());
        }
        for (name, metric) in metrics.iter() {
            check_metric(key, name, metric, block, report);
        }
    }
}

fn check_metric(
    section: &str,
    name: &str,
    metric: &CountedMetric,
    block: &Block<'_>,
    report: &mut Report,
) {
    let place = block.at(section);
    if name.is_empty() {
        let text = format!("a metric of `{section}` has no name");
        report.error_at(place.clone(), Cause::Missing, text, "give it one");
    }
    if section == "metrics" && !metric.attributes.is_empty() {
        let text = format!("the metric `{name}` counts metrics, which have no attributes");
        let fix = "count `datapoints`, or remove `attributes`";
        report.error_at(place.clone(), Cause::Contradiction, text, fix);
    }
    if metric
        .attributes
        .iter()
        .any(|attribute| attribute.key.is_empty())
    {
        let text = format!("an attribute of the metric `{name}` has no `key`");
        report.error_at(place, Cause::Missing, text, "add it");
    }
}
