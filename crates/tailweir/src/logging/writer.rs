//! Where log lines go.

use super::queue::{LineQueue, LinesEnd};
use crate::terminal::Terminal;
use anyhow::Context;
use serde_json::Value as Json;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use tailweir_config::{Literal, LogEncoding, TelemetryLogs};
use tracing_subscriber::fmt::MakeWriter;

/// One place that log lines go to.
#[derive(Debug, Clone)]
enum Output {
    Standard(Terminal),
    Error(Terminal),
    File(Arc<File>),
}

impl Output {
    /// A place that has gone must not stop the others, so its errors are passed over.
    fn print(&self, lines: &str) {
        let _ = match self {
            Self::Standard(terminal) => terminal.print(lines),
            Self::Error(terminal) => terminal.note(lines),
            Self::File(file) => file.as_ref().write_all(lines.as_bytes()),
        };
    }
}

/// The way of log lines to every place that they go to, and what is added to each line.
#[derive(Debug)]
pub(super) struct LogWriter {
    queue: LineQueue,
    is_only_the_terminal: bool,
    /// Fields of every line, in the form of the encoding; empty for none.
    fields: String,
    encoding: LogEncoding,
}

impl LogWriter {
    pub(super) fn open(
        settings: &TelemetryLogs,
        terminal: &Terminal,
    ) -> anyhow::Result<(Self, LinesEnd)> {
        let open = |path: &String| match path.as_str() {
            "stdout" => Ok(Output::Standard(terminal.clone())),
            "stderr" => Ok(Output::Error(terminal.clone())),
            path => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                let file = file.with_context(|| format!("log file {path:?} cannot be opened"))?;
                Ok(Output::File(Arc::new(file)))
            }
        };
        let paths = settings.output_paths.iter();
        let mut outputs = paths.map(open).collect::<anyhow::Result<Vec<_>>>()?;
        if outputs.is_empty() {
            outputs.push(Output::Error(terminal.clone()));
        }
        let is_terminal = |output: &Output| matches!(output, Output::Error(_));
        let is_only_the_terminal = outputs.iter().all(is_terminal);
        let print = move |lines: &str| outputs.iter().for_each(|output| output.print(lines));
        let (queue, end) = LineQueue::start(print).context("no thread for log lines")?;
        let writer = Self {
            queue,
            is_only_the_terminal,
            fields: fields(settings),
            encoding: settings.encoding,
        };
        Ok((writer, end))
    }

    pub(super) fn is_only_the_terminal(&self) -> bool {
        self.is_only_the_terminal
    }

    /// The line with the fields that every line has.
    fn complete(&self, line: &str) -> String {
        if self.fields.is_empty() {
            return line.to_owned();
        }
        match self.encoding {
            LogEncoding::Json => match line.strip_prefix('{') {
                Some(rest) => format!("{{{},{rest}", self.fields),
                None => line.to_owned(),
            },
            LogEncoding::Console => format!("{} {}\n", line.trim_end(), self.fields),
        }
    }
}

fn fields(settings: &TelemetryLogs) -> String {
    let fields = settings.initial_fields.iter().map(|(key, value)| {
        let value = json(value);
        match settings.encoding {
            LogEncoding::Json => format!("{}:{value}", Json::from(key.as_str())),
            LogEncoding::Console => format!("{key}={value}"),
        }
    });
    let separator = match settings.encoding {
        LogEncoding::Json => ",",
        LogEncoding::Console => " ",
    };
    fields.collect::<Vec<_>>().join(separator)
}

fn json(literal: &Literal) -> Json {
    match literal {
        Literal::Null => Json::Null,
        Literal::Flag(flag) => Json::from(*flag),
        Literal::Integer(number) => Json::from(*number),
        Literal::Number(number) => Json::from(*number),
        Literal::Text(text) => Json::from(text.as_str()),
        Literal::List(items) => items.iter().map(json).collect(),
        Literal::Map(entries) => entries
            .iter()
            .map(|(key, it)| (key.clone(), json(it)))
            .collect(),
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &LogWriter {
    /// One call is one whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue
            .push(self.complete(&String::from_utf8_lossy(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::LogWriter;
    use crate::terminal::Terminal;
    use tailweir_config::{Literal, LogEncoding, TelemetryLogs};

    fn complete(encoding: LogEncoding, line: &str) -> String {
        let mut settings = TelemetryLogs {
            encoding,
            ..TelemetryLogs::default()
        };
        let place = Literal::Text("a \"b\"".to_owned());
        settings.initial_fields.insert("place".to_owned(), place);
        let (writer, _end) = LogWriter::open(&settings, &Terminal::new(false)).unwrap();
        writer.complete(line)
    }

    /// Scenario: every line shall have a field, in both encodings.
    /// Guarantees: it is there, quoted, and the line is still one line of its encoding.
    #[test]
    fn fields_of_every_line_are_added() {
        let json = complete(LogEncoding::Json, "{\"message\":\"ready\"}\n");
        assert_eq!(json, "{\"place\":\"a \\\"b\\\"\",\"message\":\"ready\"}\n");
        let console = complete(LogEncoding::Console, "ready\n");
        assert_eq!(console, "ready place=\"a \\\"b\\\"\"\n");
    }
}
