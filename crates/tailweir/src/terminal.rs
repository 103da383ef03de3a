//! The one writer to standard output and standard error.
//!
//! Log lines, what exporters show and the status line may meet on one terminal; everything goes
//! through here, so that the status line stays the last line and nothing is cut in two.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Moves to the start of the line and clears it.
const CLEAR_LINE: &str = "\r\x1b[2K";
const WIDTH_WITHOUT_TERMINAL: usize = 120;

/// A handle to standard output and standard error. Clones share one lock.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    status: Arc<Mutex<Status>>,
}

#[derive(Debug, Default)]
struct Status {
    /// Whether a status line is wanted at all.
    is_live: bool,
    /// What is painted now; empty for nothing.
    painted: String,
}

impl Terminal {
    /// A terminal that shows a status line if `is_live`.
    pub(crate) fn new(is_live: bool) -> Self {
        let status = Status {
            is_live,
            painted: String::new(),
        };
        Self {
            status: Arc::new(Mutex::new(status)),
        }
    }

    /// Whether a status line is shown.
    pub(crate) fn is_live(&self) -> bool {
        self.status().is_live
    }

    /// Whether standard error is a terminal that can repaint a line.
    pub(crate) fn can_repaint() -> bool {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        io::stderr().is_terminal() && !is_dumb
    }

    /// Whether colours may be used on standard error.
    pub(crate) fn has_colours() -> bool {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::can_repaint() && !is_unwanted
    }

    /// Whether colours may be used on standard output.
    pub(crate) fn output_has_colours() -> bool {
        io::stdout().is_terminal() && Self::has_colours()
    }

    /// Characters in a line.
    pub(crate) fn width() -> usize {
        terminal_size::terminal_size_of(io::stderr())
            .map_or(WIDTH_WITHOUT_TERMINAL, |(width, _)| usize::from(width.0))
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        self.write(io::stdout().lock(), text.as_bytes())
    }

    /// Writes to standard error.
    ///
    /// # Errors
    /// When standard error is closed or full.
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        self.write(io::stderr().lock(), text.as_bytes())
    }

    /// Paints the status line anew, cut to the width of the terminal.
    pub(crate) fn show_status(&self, line: &str) {
        let mut status = self.status();
        if !status.is_live {
            return;
        }
        let fitting: String = line.chars().take(Self::width().saturating_sub(1)).collect();
        // A terminal that has gone takes no status line, and that is no reason to stop.
        let _ = write!(io::stderr().lock(), "{CLEAR_LINE}{fitting}");
        let _ = io::stderr().flush();
        status.painted = fitting;
    }

    /// Takes the status line away for good.
    pub(crate) fn end_status(&self) {
        let mut status = self.status();
        if !status.painted.is_empty() {
            let _ = write!(io::stderr().lock(), "{CLEAR_LINE}");
        }
        *status = Status::default();
    }

    fn write(&self, mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
        let status = self.status();
        if !status.painted.is_empty() {
            let _ = write!(io::stderr().lock(), "{CLEAR_LINE}");
        }
        let written = stream.write_all(bytes).and_then(|()| stream.flush());
        if !status.painted.is_empty() {
            let _ = write!(io::stderr().lock(), "{}", status.painted);
        }
        written
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
