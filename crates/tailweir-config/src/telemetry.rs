//! What this process says about itself: `service.telemetry`.

mod processor;
mod reader;
mod traces;

pub use processor::{
    TelemetryBatch, TelemetryCompression, TelemetryExporter, TelemetryOtlp, TelemetryProcessor,
    TelemetryProtocol, TelemetrySimple,
};
pub use reader::{
    MetricsReader, PeriodicExporter, PeriodicReader, PrometheusPull, PullExporter, PullReader,
    TelemetryHistograms, TelemetryMetricsOtlp, TelemetryTemporality,
};
pub use traces::{ParentBased, TelemetryTraces, TraceIdRatio, TraceSampler, WithoutOptions};

use crate::report::{Cause, Report};
use crate::setting::{Block, Literal, choice, settings};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

settings! {
    /// What this process says about itself.
    pub struct Telemetry {
        /// Its log.
        logs: TelemetryLogs = TelemetryLogs::default(),
        /// Its metrics.
        metrics: TelemetryMetrics = TelemetryMetrics::default(),
        /// The spans of what it does itself.
        traces: TelemetryTraces = TelemetryTraces::default(),
        /// Attributes of the resource that its telemetry is about.
        resource: BTreeMap<String, Literal> = BTreeMap::new(),
    }
}

choice! {
    /// From which severity on the log is written.
    pub enum LogLevel (any case) = Info {
        /// Everything.
        Debug = "debug",
        /// What happens in normal work.
        Info = "info",
        /// What may need a look.
        Warn = "warn",
        /// What lost data or needs a human.
        Error = "error",
        /// As `error`.
        DPanic = "dpanic",
        /// As `error`.
        Panic = "panic",
        /// As `error`.
        Fatal = "fatal",
    }
}

choice! {
    /// How log lines are written.
    pub enum LogEncoding = Console {
        /// For the eye.
        Console = "console",
        /// As JSON.
        Json = "json",
    }
}

settings! {
    /// The log of this process.
    pub struct TelemetryLogs {
        /// From which severity on it is written.
        level: LogLevel = LogLevel::Info,
        /// How lines are written.
        encoding: LogEncoding = LogEncoding::Console,
        /// Where it goes: `stdout`, `stderr` or paths of files. Each gets every line.
        output_paths: Vec<String> = vec!["stderr".to_owned()],
        /// Attributes of every line.
        initial_fields: BTreeMap<String, Literal> = BTreeMap::new(),
        /// Equal lines that are left out. Empty value: the default.
        sampling: LogSampling = LogSampling::default(),
        /// Where its lines are sent beside that, as log records. None: they are not.
        processors: Vec<TelemetryProcessor> = Vec::new(),
    }
    ignored {
        "error_output_paths": Vec<String> = "there is one log",
        "development": bool = "there is one mode",
        "disable_caller": bool = "lines do not name the caller",
        "disable_stacktrace": bool = "lines hold no stack",
        "disable_zap_resource": bool = "lines do not hold the resource",
    }
}

settings! {
    /// Equal lines that are left out of the log.
    pub struct LogSampling {
        /// Whether lines are left out.
        enabled: bool = true,
        /// Length of an interval.
        tick: Duration = Duration::from_secs(10),
        /// How many equal lines of an interval are written.
        initial: i64 = 10,
        /// Of the others, each n-th is written. 0: none.
        thereafter: i64 = 100,
    }
}

choice! {
    /// How much there is of a signal of this process.
    pub enum TelemetryLevel (any case) = Normal {
        /// None.
        None = "none",
        /// The most needed.
        Basic = "basic",
        /// Those for operation.
        Normal = "normal",
        /// All.
        Detailed = "detailed",
    }
}

settings! {
    /// The metrics of this process.
    pub struct TelemetryMetrics {
        /// How many there are.
        level: TelemetryLevel = TelemetryLevel::Normal,
        /// How they can be had.
        readers: Vec<MetricsReader> = vec![MetricsReader::default_pull()],
        /// The form before `readers`: address, `host:port`, where Prometheus scrapes.
        address: Option<String> = None,
    }
    ignored {
        "views": Json = "metrics are not changed",
    }
    rules metrics_rules;
}

impl TelemetryMetrics {
    /// The addresses, `host:port`, where Prometheus scrapes. Empty when metrics are off.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        let on = self.level != TelemetryLevel::None;
        self.readers
            .iter()
            .filter(move |_| on)
            .filter_map(|reader| reader.pull.as_ref()?.exporter.prometheus.as_ref())
            .map(|prometheus| match prometheus.host.contains(':') {
                true => format!("[{}]:{}", prometheus.host, prometheus.port),
                false => format!("{}:{}", prometheus.host, prometheus.port),
            })
    }
}

impl TelemetryMetrics {
    /// The readers that send, with their places among all of them. None when metrics are off.
    pub fn periodic(&self) -> impl Iterator<Item = (usize, &PeriodicReader)> {
        let on = self.level != TelemetryLevel::None;
        let readers = self.readers.iter().enumerate();
        readers
            .filter(move |_| on)
            .filter_map(|(index, reader)| Some((index, reader.periodic.as_ref()?)))
    }
}

fn metrics_rules(metrics: &mut TelemetryMetrics, block: &mut Block<'_>, report: &mut Report) {
    let Some(address) = metrics.address.take() else {
        return;
    };
    let place = block.at("address");
    let split = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, port)) = split else {
        let text = "the address is not `host:port`";
        let help = "write `0.0.0.0:8888`, say";
        report.error_at(place, Cause::NotAllowed, text, help);
        return;
    };
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" => "0.0.0.0",
        host => host,
    };
    report.advise_at(
        place.clone(),
        "`service.telemetry.metrics.address` is an old form",
        format!("write `readers: [{{pull: {{exporter: {{prometheus: {{host: {host:?}, port: {port}}}}}}}}}]`"),
    );
    if block.has("readers") {
        let text = "`address` has no effect beside `readers`";
        report.warn_at(place, Cause::NoEffect, text, "remove it");
        return;
    }
    let prometheus = PrometheusPull {
        host: host.to_owned(),
        port,
        ..PrometheusPull::default()
    };
    metrics.readers = vec![MetricsReader::of_prometheus(prometheus)];
}
