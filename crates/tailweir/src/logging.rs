//! Log lines: where they go and what they look like.

use crate::terminal::Terminal;
use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use tailweir_config::{LogEncoding, LogLevel, TelemetryLogs};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Sends log lines where the settings say, from here to the end of the process.
///
/// # Errors
/// When a file of `output_paths` cannot be opened, or logging has been set up before.
pub(crate) fn start(settings: &TelemetryLogs, terminal: &Terminal) -> anyhow::Result<()> {
    let level = level(settings.level);
    let writer = LogWriter::open(&settings.output_paths, terminal)?;
    let only_terminal = writer.outputs.iter().all(|it| matches!(it, Output::Error(_)));
    let lines = fmt::layer().with_writer(writer);
    let lines = match settings.encoding {
        LogEncoding::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        LogEncoding::Console => {
            let colours = only_terminal && Terminal::has_colours();
            lines.with_ansi(colours).with_target(false).boxed()
        }
    };
    // The libraries' own chatter would drown ours below the level of information.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target("tailweir", level);
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
        LogLevel::Error | LogLevel::DPanic | LogLevel::Panic | LogLevel::Fatal => LevelFilter::ERROR,
    }
}

/// One place that log lines go to.
#[derive(Debug, Clone)]
enum Output {
    Standard(Terminal),
    Error(Terminal),
    File(Arc<File>),
}

/// Every place that log lines go to.
#[derive(Debug, Clone)]
struct LogWriter {
    outputs: Vec<Output>,
}

impl LogWriter {
    fn open(paths: &[String], terminal: &Terminal) -> anyhow::Result<Self> {
        let open = |path: &String| match path.as_str() {
            "stdout" => Ok(Output::Standard(terminal.clone())),
            "stderr" => Ok(Output::Error(terminal.clone())),
            path => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                let file = file.with_context(|| format!("log file {path:?} cannot be opened"))?;
                Ok(Output::File(Arc::new(file)))
            }
        };
        let mut outputs = paths.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
        if outputs.is_empty() {
            outputs.push(Output::Error(terminal.clone()));
        }
        Ok(Self { outputs })
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &LogWriter {
    /// One call is one whole line. A place that has gone must not stop the gateway, so errors of
    /// single places are passed over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        for output in &self.outputs {
            let _ = match output {
                Output::Standard(terminal) => terminal.print(&text),
                Output::Error(terminal) => terminal.note(&text),
                Output::File(file) => file.as_ref().write_all(line),
            };
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
