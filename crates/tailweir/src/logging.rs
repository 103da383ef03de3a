//! Log lines: which are written, where they go and what they look like.

mod sampling;
mod writer;

use crate::terminal::Terminal;
use anyhow::Context;
use sampling::Sampling;
use tailweir_config::{LogEncoding, LogLevel, TelemetryLogs};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};
use writer::LogWriter;

/// Sends log lines where the settings say, from here to the end of the process.
///
/// # Errors
/// When a file of `output_paths` cannot be opened, or logging has been set up before.
pub(crate) fn start(settings: &TelemetryLogs, terminal: &Terminal) -> anyhow::Result<()> {
    let level = level(settings.level);
    let writer = LogWriter::open(settings, terminal)?;
    let has_colours = writer.is_only_the_terminal() && Terminal::has_colours();
    let lines = fmt::layer().with_writer(writer);
    let lines = match settings.encoding {
        LogEncoding::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        LogEncoding::Console => lines.with_ansi(has_colours).with_target(false).boxed(),
    };
    // The libraries' own chatter would drown ours below the level of information; the spans that ractor
    // opens around every message of an actor cost time even where nobody writes them.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target("ractor", level.min(LevelFilter::WARN))
        // It tells every heartbeat that fails, three times; what matters of that is said by the controller itself.
        .with_target("openraft", LevelFilter::OFF)
        .with_target("tailweir", level);
    let filter = filter.and(Sampling::of(&settings.sampling));
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .context("logging was set up before")
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
