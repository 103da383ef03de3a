//! Where log lines go.

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

/// Every place that log lines go to, and what is added to each line.
#[derive(Debug, Clone)]
pub(super) struct LogWriter {
    outputs: Vec<Output>,
    /// Fields of every line, in the form of the encoding; empty for none.
    fields: String,
    encoding: LogEncoding,
}

impl LogWriter {
    pub(super) fn open(settings: &TelemetryLogs, terminal: &Terminal) -> anyhow::Result<Self> {
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
        Ok(Self {
            outputs,
            fields: fields(settings),
            encoding: settings.encoding,
        })
    }

    pub(super) fn is_only_the_terminal(&self) -> bool {
        self.outputs
            .iter()
            .all(|output| matches!(output, Output::Error(_)))
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
    /// One call is one whole line. A place that has gone must not stop the gateway, so errors of
    /// single places are passed over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = self.complete(&String::from_utf8_lossy(line));
        for output in &self.outputs {
            let _ = match output {
                Output::Standard(terminal) => terminal.print(&text),
                Output::Error(terminal) => terminal.note(&text),
                Output::File(file) => file.as_ref().write_all(text.as_bytes()),
            };
        }
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
        let writer = LogWriter::open(&settings, &Terminal::new(false)).unwrap();
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
