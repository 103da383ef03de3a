//! What a scraper asks for: the format of the page, the escaping of names, the packing.

use crate::Escaping;

/// Most alternatives of a header that are looked at.
const CLAUSES_MAX: usize = 64;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    pub(crate) syntax: Syntax,
    pub(crate) escaping: Escaping,
}

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Prometheus' text, 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics1,
    /// OpenMetrics 0.0.1, which is written alike.
    OpenMetrics0,
    /// Delimited messages of `io.prometheus.client.MetricFamily`: the one that has native histograms.
    Protobuf,
}

impl Syntax {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics1 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::OpenMetrics0 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// Whether an alternative of the header asks for this.
    fn is_asked_by(self, clause: &Clause<'_>) -> bool {
        let (kind, subkind) = match self {
            Self::Text => ("text", "plain"),
            Self::OpenMetrics1 | Self::OpenMetrics0 => ("application", "openmetrics-text"),
            Self::Protobuf => ("application", "vnd.google.protobuf"),
        };
        let fits = |asked: &str, ours: &str| asked == "*" || asked == ours;
        if !fits(clause.kind, kind) || !fits(clause.subkind, subkind) {
            return false;
        }
        let version = match (clause.parameter("version"), clause.kind, clause.subkind) {
            (None, "application", "openmetrics-text") => "0.0.1",
            (None, "text", "plain") => "0.0.4",
            (version, ..) => version.unwrap_or_default(),
        };
        match self {
            Self::Text => version == "0.0.4",
            Self::OpenMetrics1 => version == "1.0.0",
            Self::OpenMetrics0 => version == "0.0.1",
            Self::Protobuf => {
                clause.parameter("proto") == Some("io.prometheus.client.MetricFamily")
                    && clause.parameter("encoding") == Some("delimited")
            }
        }
    }
}

impl Format {
    /// What the header `Accept` asks for, among what is offered: text and protobuf, and OpenMetrics
    /// where the settings offer it. Text where nothing fits; whatever version of it is asked for, names
    /// are escaped as asked.
    #[must_use]
    pub fn negotiate(accept: &str, offers_open_metrics: bool) -> Self {
        const ALL: [Syntax; 4] = [
            Syntax::OpenMetrics1,
            Syntax::OpenMetrics0,
            Syntax::Protobuf,
            Syntax::Text,
        ];
        let offered = if offers_open_metrics {
            &ALL[..]
        } else {
            &ALL[2..]
        };
        let mut escaping = Escaping::Underscores;
        for clause in clauses(accept) {
            let asked = clause.parameter("escaping").and_then(Escaping::named);
            escaping = asked.unwrap_or(escaping);
            if let Some(syntax) = offered.iter().find(|syntax| syntax.is_asked_by(&clause)) {
                return Self {
                    syntax: *syntax,
                    escaping,
                };
            }
        }
        Self {
            syntax: Syntax::Text,
            escaping,
        }
    }

    /// The header `Content-Type` of the page.
    #[must_use]
    pub fn content_type(self) -> String {
        let (kind, escaping) = (self.syntax.content_type(), self.escaping.name());
        format!("{kind}; escaping={escaping}")
    }
}

/// Whether the header `Accept-Encoding` asks for gzip, and not rather for no packing.
#[must_use]
pub fn wants_gzip(accept_encoding: &str) -> bool {
    let (mut gzip, mut identity) = (None, None);
    for clause in accept_encoding.split(',').take(CLAUSES_MAX) {
        let (name, parameters) = clause.split_once(';').unwrap_or((clause, ""));
        let weight = parameters.trim().strip_prefix("q=");
        let weight = weight.map_or(1.0, |text| text.trim().parse().unwrap_or(0.0));
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => gzip = Some(weight),
            "*" => gzip = gzip.or(Some(weight)),
            name if name.eq_ignore_ascii_case("identity") => identity = Some(weight),
            _ => {}
        }
    }
    let gzip: f32 = gzip.unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

/// One alternative of the header `Accept`.
struct Clause<'a> {
    kind: &'a str,
    subkind: &'a str,
    weight: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';');
        let range = parts.next()?.trim();
        let (kind, subkind) = match range.split_once('/') {
            Some((kind, subkind)) if !subkind.contains('/') => (kind.trim(), subkind.trim()),
            None if range == "*" => ("*", "*"),
            _ => return None,
        };
        let mut clause = Self {
            kind,
            subkind,
            weight: 1.0,
            parameters: Vec::new(),
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match (name.trim(), value.trim()) {
                ("q", weight) => clause.weight = weight.parse().unwrap_or(0.0),
                parameter => clause.parameters.push(parameter),
            }
        }
        Some(clause)
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut all = self.parameters.iter().rev();
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// Heavier ones first, and exact ones before those with a star.
    fn precedes(&self, other: &Self) -> bool {
        self.weight > other.weight
            || (self.kind != "*" && other.kind == "*")
            || (self.subkind != "*" && other.subkind == "*")
    }
}

/// The alternatives in the order in which they are tried. What precedes what is no proper order
/// (a light exact one goes before a heavy star, and the other way round), so that the way of sorting
/// shows: by insertion.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let parsed = accept.split(',').filter_map(Clause::parse);
    let mut sorted: Vec<_> = parsed.take(CLAUSES_MAX).collect();
    for next in 1..sorted.len() {
        let mut at = next;
        while at > 0 && sorted[at].precedes(&sorted[at - 1]) {
            sorted.swap(at, at - 1);
            at -= 1;
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::{Format, wants_gzip};

    /// Scenario: what Prometheus 2 and 3, browsers and curl ask for, with and without OpenMetrics; protobuf for people.
    /// Guarantees: each gets what it prefers among what is offered, in its escaping; text where nothing is.
    ///
    /// Conforms: exporter `prometheus` | metrics | protobuf as text, compact text | not offered: formats for people
    /// whose spelling is not fixed; text comes instead
    #[test]
    fn scrapers_get_what_they_prefer() {
        const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        const OPEN: &str = "application/openmetrics-text;version=1.0.0";
        const FOR_PEOPLE: &str =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding";
        for (accept, open_metrics, expected) in [
            (
                "",
                true,
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            ),
            (
                "*/*",
                true,
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            ),
            (
                &*format!("{OPEN},text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
                true,
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            ),
            (
                &*format!("{OPEN},text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
                false,
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            ),
            (
                "application/openmetrics-text",
                true,
                "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores",
            ),
            (
                &*format!("{OPEN};q=0.5,{PROTOBUF};q=0.6"),
                true,
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
            ),
            (
                &*format!("{FOR_PEOPLE}=text,{FOR_PEOPLE}=compact-text"),
                true,
                "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            ),
            (
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.4",
                false,
                "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8",
            ),
        ] {
            let format = Format::negotiate(accept, open_metrics);
            assert_eq!(format.content_type(), expected, "{accept}");
        }
    }

    /// Scenario: packings with weights.
    /// Guarantees: gzip is used where it is wanted at least as much as nothing.
    #[test]
    fn pages_are_packed_where_that_is_wanted() {
        for wanted in [
            "gzip",
            "deflate, GZIP;q=0.5",
            "*",
            "identity;q=0.5, gzip;q=1",
        ] {
            assert!(wants_gzip(wanted), "{wanted}");
        }
        for unwanted in ["", "br", "gzip;q=0", "identity, gzip;q=0.5"] {
            assert!(!wants_gzip(unwanted), "{unwanted}");
        }
    }
}
