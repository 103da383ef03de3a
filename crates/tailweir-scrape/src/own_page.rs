//! The page of this process itself, as a request about it.

use crate::labels::NAME;
use crate::metadata::MetadataStore;
use crate::page::{Entry, NativeWishes, Page, SampleValue, Syntax};
use crate::request::{Point, Request, Value};
use crate::{Labels, Manner, ScrapeError};
use std::sync::Arc;
use tailweir_otlp::AttributeSet;

/// A page that this process shows of itself, in the text format of Prometheus.
#[derive(Debug, Clone, Copy)]
pub struct OwnPage<'p> {
    /// Its content.
    pub text: &'p str,
    /// Since when sums and histograms count, in milliseconds of the Unix epoch.
    pub since: i64,
    /// When it was written, in milliseconds of the Unix epoch.
    pub at: i64,
    /// The scope of all metrics; its version is that of the manner.
    pub scope: &'static str,
}

impl OwnPage<'_> {
    /// Appends to `out` a request that tells all of it about this resource; `unit` knows the units of metrics by their
    /// names. Nothing is appended of a page that is beyond the limits.
    ///
    /// # Errors
    ///
    /// The limit, or what of the page cannot be read.
    pub fn tell<'u>(
        &self,
        resource: &AttributeSet,
        manner: &Manner,
        unit: impl Fn(&str) -> Option<&'u str>,
        out: &mut Vec<u8>,
    ) -> Result<(), ScrapeError> {
        let limit = manner.max_page_bytes;
        if self.text.len() as u64 >= limit {
            return Err(ScrapeError::PageTooLong { limit });
        }
        let most = manner.max_series;
        let mut request = Request::own(resource.clone(), self.scope, limit);
        let mut metadata = MetadataStore::default();
        let wishes = NativeWishes::default();
        let mut page = Page::new(Syntax::Text, self.text.as_bytes(), wishes, limit);
        let mut series = 0;
        while let Some(entry) = page.next()? {
            match entry {
                Entry::Type(name, kind) => metadata.learn(&name, most, |known| {
                    known.kind = kind;
                    unit(&name).unwrap_or("").clone_into(&mut known.unit);
                })?,
                Entry::Help(name, help) => {
                    metadata.learn(&name, most, |known| known.help = help)?;
                }
                Entry::Unit(name, unit) => {
                    metadata.learn(&name, most, |known| known.unit = unit)?;
                }
                Entry::Series(sample) => {
                    series += 1;
                    if series > most {
                        return Err(ScrapeError::TooManySamples { limit: most });
                    }
                    let SampleValue::Number(value) = sample.value else {
                        continue;
                    };
                    let labels = Labels::of(page.labels()?);
                    if labels.get(NAME).is_empty() {
                        return Err(ScrapeError::NoName);
                    }
                    let point = Point {
                        labels: &Arc::new(labels),
                        at: self.at,
                        start: Some(self.since),
                        value: Value::Number(value),
                        exemplars: Vec::new(),
                    };
                    request.add(point, &metadata)?;
                }
            }
        }
        request.write(manner, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::OwnPage;
    use crate::{Manner, ScrapeError};
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    use prost::Message;
    use tailweir_otlp::{AttributeSet, is_own_telemetry, mark_own_telemetry};

    const TEXT: &str = "# HELP spans Spans.\n# TYPE spans counter\nspans{signal=\"traces\"} 7\n\
        # TYPE held gauge\nheld 3\n\
        # TYPE took histogram\ntook_bucket{le=\"1\"} 2\ntook_bucket{le=\"+Inf\"} 5\ntook_sum 9.5\ntook_count 5\n";

    fn own(text: &str) -> OwnPage<'_> {
        OwnPage {
            text,
            since: 1_000,
            at: 5_000,
            scope: "tailweir",
        }
    }

    fn resource() -> AttributeSet {
        let mut resource = AttributeSet::default();
        mark_own_telemetry(&mut resource);
        resource
    }

    /// Scenario: a page with a counter, a gauge and a histogram.
    /// Guarantees: each is what it is in OTLP, about the resource that was given alone; what counts does so since the
    /// start; units are those that are known.
    #[test]
    fn a_page_becomes_a_request_about_the_process() {
        let manner = Manner {
            version: "1.2.3".to_owned(),
            ..Manner::default()
        };
        let unit = |name: &str| (name == "spans").then_some("{spans}");
        let mut bytes = Vec::new();
        own(TEXT)
            .tell(&resource(), &manner, unit, &mut bytes)
            .unwrap();
        assert!(is_own_telemetry(&bytes));
        let request = ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap();
        let [about] = request.resource_metrics.as_slice() else {
            panic!("{request:#?}");
        };
        assert_eq!(about.resource.as_ref().unwrap().attributes.len(), 1);
        let scope = about.scope_metrics[0].scope.as_ref().unwrap();
        assert_eq!(
            (scope.name.as_str(), scope.version.as_str()),
            ("tailweir", "1.2.3")
        );
        let metrics = &about.scope_metrics[0].metrics;
        let find = |name: &str| metrics.iter().find(|it| it.name == name).unwrap();
        let spans = find("spans");
        assert_eq!(
            (spans.unit.as_str(), spans.description.as_str()),
            ("{spans}", "Spans.")
        );
        let Some(Data::Sum(sum)) = &spans.data else {
            panic!("{spans:#?}");
        };
        assert!(sum.is_monotonic);
        assert_eq!(sum.aggregation_temporality, 2);
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(Value::AsDouble(7.0)));
        assert_eq!(
            (point.start_time_unix_nano, point.time_unix_nano),
            (1_000_000_000, 5_000_000_000)
        );
        assert_eq!(point.attributes[0].key, "signal");
        let Some(Data::Gauge(gauge)) = &find("held").data else {
            panic!("{metrics:#?}");
        };
        assert_eq!(gauge.data_points[0].start_time_unix_nano, 0);
        let Some(Data::Histogram(histogram)) = &find("took").data else {
            panic!("{metrics:#?}");
        };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.sum), (5, Some(9.5)));
        assert_eq!(point.bucket_counts, [2, 3]);
        assert_eq!(point.start_time_unix_nano, 1_000_000_000);
    }

    /// Scenario: pages with more series than the limit, longer than the limit, and damaged.
    /// Guarantees: each is refused with the reason, and nothing of it is told.
    #[test]
    fn limits_of_own_pages_hold() {
        let few = Manner {
            max_series: 2,
            ..Manner::default()
        };
        let short = Manner {
            max_page_bytes: 10,
            ..Manner::default()
        };
        let mut bytes = Vec::new();
        let mut refused = |manner: &Manner, text| {
            let told = own(text).tell(&resource(), manner, |_| None, &mut bytes);
            assert!(bytes.is_empty());
            told.unwrap_err()
        };
        let many = "a 1\na{b=\"1\"} 1\na{b=\"2\"} 1\n";
        assert_eq!(
            refused(&few, many),
            ScrapeError::TooManySamples { limit: 2 }
        );
        assert_eq!(
            refused(&short, TEXT),
            ScrapeError::PageTooLong { limit: 10 }
        );
        refused(&Manner::default(), "a{ 1\n");
    }
}
