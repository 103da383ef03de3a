//! Log lines: which are written, where they go and what they look like. What is told by OTLP is told from here.

mod panics;
mod queue;
mod recent;
mod sampling;
mod writer;

use crate::terminal::Terminal;
use anyhow::Context;
pub(crate) use queue::{LINES_DROPPED, LinesEnd};
pub(crate) use recent::RecentLines;
use sampling::Sampling;
use tailweir_config::{LogEncoding, LogLevel, Telemetry, TelemetryLogs};
use tailweir_core::{OWN_QUIET, OWN_SPAN};
use tailweir_telemetry::{MetricsSource, OwnTelemetry, Watcher};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};
use writer::LogWriter;

/// Sends log lines where the settings say, and own telemetry by OTLP, from here to the end of the process, and keeps the last
/// warnings and errors. What it returns last is dropped at the end of the process, so that the last lines are written.
///
/// # Errors
/// When a file of `output_paths` cannot be opened, a processor of own telemetry cannot be had, or logging has been
/// set up before.
pub(crate) fn start(
    settings: &Telemetry,
    terminal: &Terminal,
    metrics: &MetricsSource,
) -> anyhow::Result<(OwnTelemetry, RecentLines, LinesEnd)> {
    let (own, watcher) = OwnTelemetry::start(settings, env!("CARGO_PKG_VERSION"), metrics)?;
    let settings = &settings.logs;
    let (writer, end) = LogWriter::open(settings, terminal)?;
    let has_colours = writer.is_only_the_terminal() && Terminal::has_colours();
    let lines = fmt::layer().with_writer(writer);
    let lines = match settings.encoding {
        LogEncoding::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        LogEncoding::Console => lines.with_ansi(has_colours).with_target(false).boxed(),
    };
    let for_lines = wanted(settings)
        .with_target(OWN_SPAN, LevelFilter::OFF)
        .with_target(OWN_QUIET, LevelFilter::OFF)
        .and(Sampling::of(&settings.sampling));
    // It sees the same lines, and counts them for itself.
    let for_watcher = wanted(settings)
        .with_target(OWN_SPAN, info_if(watcher.makes_spans()))
        .with_target(OWN_QUIET, info_if(watcher.is_on()))
        .and(Sampling::of(&settings.sampling));
    let watcher: Option<Watcher> = watcher.is_on().then_some(watcher);
    let recent = RecentLines::default();
    // Equal lines are left out of it too, or a single cause would push all others out.
    let for_recent = Targets::new()
        .with_target("tailweir", LevelFilter::WARN)
        .and(Sampling::of(&settings.sampling));
    tracing_subscriber::registry()
        .with(lines.with_filter(for_lines))
        .with(watcher.with_filter(for_watcher))
        .with(recent.clone().with_filter(for_recent))
        .try_init()
        .context("logging was set up before")?;
    panics::log_them();
    Ok((own, recent, end))
}

/// What is logged, before equal lines are left out.
fn wanted(settings: &TelemetryLogs) -> Targets {
    let level = level(settings.level);
    // The libraries' own chatter would drown ours below the level of information; the spans that ractor
    // opens around every message of an actor cost time even where nobody writes them.
    Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target("ractor", level.min(LevelFilter::WARN))
        // It tells every heartbeat that fails, three times; what matters of that is said by the controller itself.
        .with_target("openraft", LevelFilter::OFF)
        // It tells each time that it begins and ends.
        .with_target("pprof", level.min(LevelFilter::WARN))
        .with_target("tailweir", level)
}

fn info_if(is_wanted: bool) -> LevelFilter {
    match is_wanted {
        true => LevelFilter::INFO,
        false => LevelFilter::OFF,
    }
}

/// The present in UTC, as log lines write it.
pub(crate) fn time_of_day() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error | LogLevel::DPanic | LogLevel::Panic | LogLevel::Fatal => {
            LevelFilter::ERROR
        }
    }
}
