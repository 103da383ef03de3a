//! The one writer to standard output and standard error.
//!
//! Log lines, what exporters show and the status line may meet on one terminal; everything goes
//! through here, so that the status line stays the last line and nothing is cut in two.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Moves to the start of the line and clears it.
const CLEAR_LINE: &str = "\r\x1b[2K";
const WIDTH_WITHOUT_TERMINAL: usize = 120;

/// A handle to standard output and standard error. Clones share one lock.
#[derive(Clone)]
pub(crate) struct Terminal(Arc<Mutex<Streams>>);

struct Streams {
    output: Box<dyn Write + Send>,
    error: Box<dyn Write + Send>,
    /// Whether a status line is wanted at all.
    is_live: bool,
    /// The status line that is painted now; empty for none.
    painted: String,
}

impl Terminal {
    /// The streams of this process; with a status line if `is_live`.
    pub(crate) fn new(is_live: bool) -> Self {
        Self::over(io::stdout(), io::stderr(), is_live)
    }

    fn over(
        output: impl Write + Send + 'static,
        error: impl Write + Send + 'static,
        is_live: bool,
    ) -> Self {
        Self(Arc::new(Mutex::new(Streams {
            output: Box::new(output),
            error: Box::new(error),
            is_live,
            painted: String::new(),
        })))
    }

    /// Whether a status line is shown.
    pub(crate) fn is_live(&self) -> bool {
        self.streams().is_live
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
        let mut streams = self.streams();
        streams.lift();
        let written = write_whole(&mut streams.output, text);
        streams.repaint();
        written
    }

    /// Writes to standard error.
    ///
    /// # Errors
    /// When standard error is closed or full.
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        let mut streams = self.streams();
        streams.lift();
        let written = write_whole(&mut streams.error, text);
        streams.repaint();
        written
    }

    /// Paints the status line anew, cut to the width of the terminal.
    pub(crate) fn show_status(&self, line: &str) {
        let mut streams = self.streams();
        if streams.is_live {
            streams.lift();
            let width = Self::width().saturating_sub(1);
            streams.painted = line.chars().take(width).collect();
            streams.repaint();
        }
    }

    /// Takes the status line away for good.
    pub(crate) fn end_status(&self) {
        let mut streams = self.streams();
        streams.lift();
        streams.is_live = false;
        streams.painted.clear();
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    /// Clears the status line, if one is painted. A terminal that has gone takes none, and that is no
    /// reason to stop.
    fn lift(&mut self) {
        if !self.painted.is_empty() {
            let _ = write_whole(&mut self.error, CLEAR_LINE);
        }
    }

    fn repaint(&mut self) {
        if !self.painted.is_empty() {
            let _ = write_whole(&mut self.error, &self.painted);
        }
    }
}

fn write_whole(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Terminal;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    /// Both streams on one screen, as on a terminal.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        /// What a reader sees: a cleared line is gone.
        fn seen(&self) -> String {
            let bytes = self.0.lock().unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            let visible = |line: &str| line.rsplit(super::CLEAR_LINE).next().unwrap().to_owned();
            text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
        }
    }

    /// Scenario: a status line is painted, then lines come on both streams, then it is taken away.
    /// Guarantees: the lines are whole, and the status line is the last one until it is gone.
    #[test]
    fn the_status_line_stays_the_last_line() {
        let screen = Screen::default();
        let terminal = Terminal::over(screen.clone(), screen.clone(), true);
        terminal.show_status("waiting 1");
        terminal.note("log\n").unwrap();
        terminal.print("trace\n").unwrap();
        assert_eq!(screen.seen(), "log\ntrace\nwaiting 1");
        terminal.show_status("waiting 2");
        assert_eq!(screen.seen(), "log\ntrace\nwaiting 2");
        terminal.end_status();
        terminal.print("end\n").unwrap();
        assert_eq!(screen.seen(), "log\ntrace\nend\n");
    }

    /// Scenario: a status line is painted where none is wanted, as in a container's log.
    /// Guarantees: nothing of it is written.
    #[test]
    fn without_a_terminal_there_is_no_status_line() {
        let screen = Screen::default();
        let terminal = Terminal::over(screen.clone(), screen.clone(), false);
        terminal.show_status("waiting 1");
        terminal.note("log\n").unwrap();
        assert_eq!(screen.seen(), "log\n");
    }
}
