//! Pages, entry by entry.

mod open_metrics;
mod protobuf;
#[cfg(test)]
mod recorded;
mod scanner;
mod text;

use crate::ScrapeError;
use crate::metadata::MetricType;
use crate::native::Native;
use open_metrics::OpenMetricsPage;
use protobuf::ProtobufPage;
use text::TextPage;

/// A page that is read.
pub(crate) enum Page<'p> {
    /// Text, 0.0.4 and 1.0.0.
    Text(TextPage<'p>),
    /// OpenMetrics.
    OpenMetrics(OpenMetricsPage<'p>),
    /// Delimited protobuf.
    Protobuf(Box<ProtobufPage<'p>>),
}

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Text,
    OpenMetrics,
    Protobuf,
}

/// What is taken of native histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NativeWishes {
    /// Native histograms, instead of their buckets.
    pub(crate) native: bool,
    /// Their buckets too.
    pub(crate) classic: bool,
}

/// Something that a page says.
#[derive(Debug)]
pub(crate) enum Entry {
    /// The type of a metric.
    Type(String, MetricType),
    /// What a metric measures.
    Help(String, String),
    /// The unit of a metric.
    Unit(String, String),
    /// A series with its value. Ask the page for its labels.
    Series(Sample),
}

/// The value of a series.
#[derive(Debug)]
pub(crate) struct Sample {
    /// In milliseconds of the Unix epoch, where the page says it.
    pub(crate) time: Option<i64>,
    /// When its time began, in milliseconds, where the page says it beside the value.
    pub(crate) start: Option<i64>,
    pub(crate) value: SampleValue,
}

#[derive(Debug)]
pub(crate) enum SampleValue {
    Number(f64),
    Native(Box<Native>),
}

/// A measurement that stands for others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// In milliseconds.
    pub(crate) time: Option<i64>,
}

impl Syntax {
    /// What a header `Content-Type` says; nothing where it says none of these.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';');
        let kind = parts.next()?.trim().to_ascii_lowercase();
        let is_parameter = |part: &str| part.trim().is_empty() || part.contains('=');
        let rest: Vec<&str> = parts.collect();
        // One empty part may stand at the end.
        let inner = &rest[..rest.len().saturating_sub(1)];
        let is_sound = rest.iter().all(|part| is_parameter(part))
            && inner.iter().all(|part| !part.trim().is_empty());
        match kind.as_str() {
            _ if !is_sound => None,
            "text/plain" => Some(Self::Text),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            "application/vnd.google.protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }
}

impl<'p> Page<'p> {
    /// A page that is not read yet. Its series may be `length_max` bytes long together, where a page is shorter than they
    /// are.
    pub(crate) fn new(
        syntax: Syntax,
        body: &'p [u8],
        wishes: NativeWishes,
        length_max: u64,
    ) -> Self {
        match syntax {
            Syntax::Text => Self::Text(TextPage::new(body)),
            Syntax::OpenMetrics => Self::OpenMetrics(OpenMetricsPage::new(body)),
            Syntax::Protobuf => {
                Self::Protobuf(Box::new(ProtobufPage::new(body, wishes, length_max)))
            }
        }
    }

    /// The next entry; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ScrapeError> {
        match self {
            Self::Text(page) => page.next(),
            Self::OpenMetrics(page) => page.next(),
            Self::Protobuf(page) => page.next(),
        }
    }

    /// The series of the last entry as the page writes it: the same bytes are the same series.
    pub(crate) fn series(&self) -> &[u8] {
        match self {
            Self::Text(page) => page.series(),
            Self::OpenMetrics(page) => page.series(),
            Self::Protobuf(page) => page.series(),
        }
    }

    /// The labels of the last entry, its name among them.
    pub(crate) fn labels(&self) -> Result<Vec<(String, String)>, ScrapeError> {
        match self {
            Self::Text(page) => page.labels(),
            Self::OpenMetrics(page) => page.labels(),
            Self::Protobuf(page) => Ok(page.labels()),
        }
    }

    /// The exemplars of the last entry.
    pub(crate) fn exemplars(&self) -> Result<Vec<Exemplar>, ScrapeError> {
        match self {
            Self::Text(_) => Ok(Vec::new()),
            Self::OpenMetrics(page) => page.exemplars(),
            Self::Protobuf(page) => Ok(page.exemplars()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Syntax;

    /// Scenario: headers with parameters, in other cases, empty and broken.
    /// Guarantees: each of the formats is known; anything else is none.
    #[test]
    fn the_header_says_the_format() {
        for (header, syntax) in [
            (
                "text/plain; version=0.0.4; charset=utf-8",
                Some(Syntax::Text),
            ),
            ("Text/Plain", Some(Syntax::Text)),
            ("text/plain;", Some(Syntax::Text)),
            (
                "application/openmetrics-text;version=1.0.0",
                Some(Syntax::OpenMetrics),
            ),
            (
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
                Some(Syntax::Protobuf),
            ),
            ("", None),
            ("text/html", None),
            ("text/plain;;", None),
            ("text/plain; nonsense", None),
        ] {
            assert_eq!(Syntax::of(header), syntax, "{header}");
        }
    }
}
