//! The last warnings and errors, kept for the page that shows them.

use super::time_of_day;
use std::collections::VecDeque;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Most lines that are kept; the oldest goes.
const LINES_MAX: usize = 64;
/// Most bytes of a line; what is beyond is cut off.
const LINE_BYTES_MAX: usize = 1024;

/// The last warnings and errors. A clone has the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecentLines(Arc<Mutex<VecDeque<RecentLine>>>);

/// A warning or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecentLine {
    /// When it was said, in UTC.
    pub(crate) time: String,
    /// `WARN` or `ERROR`.
    pub(crate) level: &'static str,
    /// What was said, and its fields.
    pub(crate) text: String,
}

impl RecentLines {
    /// What is kept.
    pub(crate) fn latest_first(&self) -> Vec<RecentLine> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().cloned().collect()
    }

    fn keep(&self, line: RecentLine) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl<S: Subscriber> Layer<S> for RecentLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARN",
            _ => return,
        };
        let mut words = Words::default();
        event.record(&mut words);
        self.keep(RecentLine {
            time: time_of_day(),
            level,
            text: words.line(),
        });
    }
}

/// The message and the fields of an event.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Words {
    fn line(mut self) -> String {
        self.message.push_str(&self.fields);
        let end = self.message.floor_char_boundary(LINE_BYTES_MAX);
        self.message.truncate(end);
        self.message
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, LINES_MAX, RecentLines};
    use tracing_subscriber::layer::SubscriberExt;

    /// Scenario: information, then more warnings than there is room for, then an error of great length.
    /// Guarantees: the last are kept, the latest first, with their fields; none is information, none too long.
    #[test]
    fn the_last_warnings_and_errors_are_kept() {
        let recent = RecentLines::default();
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("nothing to see");
            for number in 0..LINES_MAX {
                tracing::warn!(number, name = "otlp", "it is slow");
            }
            let long = "é".repeat(LINE_BYTES_MAX);
            tracing::error!(%long, "it failed");
        });
        let lines = recent.latest_first();
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines[0].level, "ERROR");
        assert!(lines[0].text.starts_with("it failed long=é"));
        assert!(lines[0].text.len() <= LINE_BYTES_MAX);
        assert_eq!(lines[1].text, "it is slow number=63 name=otlp");
        assert_eq!(lines[LINES_MAX - 1].text, "it is slow number=1 name=otlp");
    }
}
