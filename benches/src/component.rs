//! The components that are measured beside those of a Collector, each in a configuration that both read.

use anyhow::{Result, bail};
use tailweir_core::Signal;

/// A part of a pipeline under measurement.
pub(crate) struct Component {
    /// For the table, and for `--only`.
    pub(crate) name: &'static str,
    /// The signals that it is measured with.
    pub(crate) signals: &'static [Signal],
    /// The processors of the pipeline, in order.
    processors: &'static [&'static str],
    /// The exporter or the connector that it ends in.
    end: End,
    /// Whether it does all of its work on a request while that is handed in: then it is measured in process too.
    pub(crate) is_pure: bool,
}

#[derive(Clone, Copy)]
enum End {
    Exporter(&'static str),
    /// Its metrics go to a page for scrapers.
    Connector(&'static str),
}

/// Where things are in one run, as `address:port`.
#[derive(Clone, Copy)]
pub(crate) struct Addresses<'a> {
    /// The subject takes OTLP over gRPC.
    pub(crate) listen: &'a str,
    /// The subject shows its page.
    pub(crate) page: &'a str,
    /// The backend takes OTLP over gRPC.
    pub(crate) sink: &'a str,
    /// The backend takes what comes over HTTP.
    pub(crate) http_sink: &'a str,
}

impl Addresses<'_> {
    /// For a configuration that nobody starts.
    pub(crate) const NONE: Self = Self {
        listen: "127.0.0.1:0",
        page: "127.0.0.1:0",
        sink: "127.0.0.1:1",
        http_sink: "127.0.0.1:1",
    };
}

/// What every component is compared with: requests go through untouched.
pub(crate) const NOTHING: &str = "nothing";

const ALL: &[Signal] = &Signal::ALL;
const TRACES: &[Signal] = &[Signal::Traces];
const METRICS: &[Signal] = &[Signal::Metrics];
const LOGS: &[Signal] = &[Signal::Logs];
const TRACES_AND_LOGS: &[Signal] = &[Signal::Traces, Signal::Logs];

/// All of them.
pub(crate) const COMPONENTS: &[Component] = &[
    processor(NOTHING, ALL, &[]),
    processor("attributes + resource", ALL, &["attributes", "resource"]),
    processor("attributes", ALL, &["attributes"]),
    processor("attributes, hash", ALL, &["attributes/hash"]),
    processor("resource", ALL, &["resource"]),
    processor("filter", ALL, &["filter"]),
    processor("transform", ALL, &["transform"]),
    processor("redaction", ALL, &["redaction"]),
    processor("redaction, databases", LOGS, &["redaction/databases"]),
    processor("groupbyattrs", ALL, &["groupbyattrs"]),
    processor("metrics_transform", METRICS, &["metrics_transform"]),
    processor("span", TRACES, &["span"]),
    processor(
        "probabilistic_sampler",
        TRACES_AND_LOGS,
        &["probabilistic_sampler"],
    ),
    connector("span_metrics"),
    connector("count"),
    Component {
        is_pure: true,
        ..exporter("prometheus", METRICS)
    },
    around("batch", &["batch"]),
    around("memory_limiter", &["memory_limiter"]),
    exporter("otlp_http", ALL),
    exporter("debug", ALL),
    exporter("file", ALL),
    exporter("zipkin", TRACES),
    exporter("prometheus_remote_write", METRICS),
];

impl Component {
    /// Whether nothing of what is sent leaves for a backend.
    pub(crate) fn keeps(&self) -> bool {
        matches!(
            self.end,
            End::Connector(_) | End::Exporter("debug" | "file" | "prometheus")
        )
    }

    /// The configuration of a gateway with this one pipeline for the signal.
    pub(crate) fn configuration(&self, signal: Signal, addresses: Addresses<'_>) -> String {
        let mut text = include_str!("component.yaml")
            .replace("LISTEN", addresses.listen)
            .replace("HTTP_SINK", addresses.http_sink)
            .replace("SINK", addresses.sink)
            .replace("PAGE", addresses.page);
        text.push_str("service:\n  telemetry:\n    metrics:\n      level: none\n  pipelines:\n");
        let (End::Exporter(last) | End::Connector(last)) = self.end;
        let mut pipeline = |name: &str, receiver: &str, processors: &[&str], exporter: &str| {
            let processors = processors.join(", ");
            text.push_str(&format!(
                "    {name}:\n      receivers: [{receiver}]\n      processors: [{processors}]\n      exporters: [{exporter}]\n"
            ));
        };
        pipeline(signal.name(), "otlp", self.processors, last);
        if let End::Connector(connector) = self.end {
            pipeline("metrics", connector, &[], "prometheus");
        }
        text
    }
}

const fn processor(
    name: &'static str,
    signals: &'static [Signal],
    processors: &'static [&'static str],
) -> Component {
    Component {
        name,
        signals,
        processors,
        end: End::Exporter("otlp"),
        is_pure: true,
    }
}

/// A processor that waits for time or watches its process.
const fn around(name: &'static str, processors: &'static [&'static str]) -> Component {
    Component {
        is_pure: false,
        ..processor(name, ALL, processors)
    }
}

const fn connector(name: &'static str) -> Component {
    Component {
        end: End::Connector(name),
        ..processor(name, TRACES, &[])
    }
}

const fn exporter(name: &'static str, signals: &'static [Signal]) -> Component {
    Component {
        end: End::Exporter(name),
        is_pure: false,
        ..processor(name, signals, &[])
    }
}

/// Components of these names, or all if there are none, in the order of the table; [`NOTHING`] always, beside which others are
/// seen.
///
/// # Errors
/// When there is no component of a name.
pub(crate) fn chosen(only: &[String]) -> Result<impl Iterator<Item = &'static Component>> {
    for name in only {
        let names = || COMPONENTS.iter().map(|component| component.name);
        if !names().any(|known| known == name) {
            let names: Vec<_> = names().collect();
            bail!(
                "there is no component called {name:?}, but {}",
                names.join("; ")
            );
        }
    }
    let is_chosen = |component: &&Component| {
        only.is_empty()
            || component.name == NOTHING
            || only.iter().any(|name| name == component.name)
    };
    Ok(COMPONENTS.iter().filter(is_chosen))
}
