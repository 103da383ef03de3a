//! Standard output and standard error, for exporters that write there.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use tailweir_export::WaterfallOptions;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error, where the log of the process goes.
    Error,
}

type Print = dyn Fn(Stream, &str) -> io::Result<()> + Send + Sync;

/// How `debug` exporters reach the terminal. Default: they write to the streams of the process, and
/// draw waterfalls without colours. Who paints something else there hands in a way of their own.
#[derive(Clone)]
pub struct Console {
    print: Arc<Print>,
    /// How `verbosity: waterfall` draws.
    pub waterfall: WaterfallOptions,
}

impl Console {
    /// A console that prints this way. Each call is one request, whole, with its line end; calls may
    /// come from several threads.
    pub fn new(
        waterfall: WaterfallOptions,
        print: impl Fn(Stream, &str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            print: Arc::new(print),
            waterfall,
        }
    }

    /// A writer to one of the streams.
    pub(crate) fn writer(&self, stream: Stream) -> impl Write + Send + 'static {
        ConsoleWriter {
            print: Arc::clone(&self.print),
            stream,
        }
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new(WaterfallOptions::default(), |stream, text| match stream {
            Stream::Output => io::stdout().write_all(text.as_bytes()),
            Stream::Error => io::stderr().write_all(text.as_bytes()),
        })
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Console");
        debug
            .field("waterfall", &self.waterfall)
            .finish_non_exhaustive()
    }
}

struct ConsoleWriter {
    print: Arc<Print>,
    stream: Stream,
}

impl Write for ConsoleWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.print)(self.stream, &String::from_utf8_lossy(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
