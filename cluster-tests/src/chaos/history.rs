//! The history of a run: in memory for the checker, and a line of JSON an event in a file.

use super::event::{Event, Millis};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Takes events from all parts of the harness at once, and owns its clock.
#[derive(Debug)]
pub(super) struct History {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    events: Vec<Event>,
    file: BufWriter<File>,
}

impl History {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            start: Instant::now(),
            inner: Mutex::new(Inner {
                events: Vec::new(),
                file: BufWriter::new(file),
            }),
        })
    }

    /// Time since the run began.
    pub(super) fn now(&self) -> Millis {
        Millis::try_from(self.start.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    pub(super) fn record(&self, event: Event) {
        self.record_all([event]);
    }

    pub(super) fn record_all(&self, events: impl IntoIterator<Item = Event>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if let Ok(line) = serde_json::to_string(&event) {
                // A disk that is full shows when the run is closed.
                let _ = writeln!(inner.file, "{line}");
            }
            inner.events.push(event);
        }
    }

    pub(super) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        tracing_line(self.now(), &text);
        self.record(Event::Note {
            at: self.now(),
            text,
        });
    }

    /// All that happened, once everything is on disk.
    pub(super) fn close(&self) -> Result<Vec<Event>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.file.flush().context("the history is not complete")?;
        Ok(inner.events.clone())
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs it wants to see it move")]
fn tracing_line(at: Millis, text: &str) {
    eprintln!("{:7.2} s  {text}", at as f64 / 1_000.0);
}

/// Reads what [`History`] wrote.
pub(super) fn read(path: &Path) -> Result<Vec<Event>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = BufReader::new(file).lines().enumerate();
    lines
        .map(|(index, line)| {
            let number = index + 1;
            serde_json::from_str(&line?)
                .with_context(|| format!("{}:{number} is not an event", path.display()))
        })
        .collect()
}
