//! The `debug` exporter: telemetry for the eye, in the Collector's form or as waterfalls.

mod detailed;
mod normal;
mod sampling;
mod summary;

use crate::destination::{Accepted, Attempt, Destination, Failure};
use crate::waterfall::{WaterfallOptions, waterfall};
use bytes::Bytes;
use parking_lot::Mutex;
use sampling::Sampling;
use std::io::Write;
use std::sync::Arc;
use tailweir_config::{DebugExporter, Verbosity};
use tailweir_core::{ClientContext, Signal};

/// Where `debug` writes to. Requests are written one after the other, each whole.
pub struct Debug {
    style: Style,
    sampling: Sampling,
    sink: Arc<Mutex<dyn Write + Send>>,
}

#[derive(Debug, Clone, Copy)]
enum Style {
    Collector(Verbosity),
    Waterfall(WaterfallOptions),
}

impl Debug {
    /// As the settings say, writing to `sink`; `verbosity: waterfall` draws with these options.
    pub fn new(
        settings: &DebugExporter,
        drawing: WaterfallOptions,
        sink: impl Write + Send + 'static,
    ) -> Self {
        let style = match settings.verbosity {
            Verbosity::Waterfall => Style::Waterfall(drawing),
            verbosity => Style::Collector(verbosity),
        };
        Self {
            style,
            sampling: Sampling::new(settings.sampling_initial, settings.sampling_thereafter),
            sink: Arc::new(Mutex::new(sink)),
        }
    }
}

impl Style {
    fn render(self, signal: Signal, body: &[u8]) -> String {
        match (self, signal) {
            (Self::Waterfall(options), Signal::Traces) => {
                let mut text = waterfall(body, &options).join("\n");
                text.push('\n');
                text
            }
            (Self::Collector(Verbosity::Normal), _) => normal::render(signal, body),
            (Self::Collector(Verbosity::Detailed), _) => {
                summary::render(signal, body) + &detailed::render(signal, body)
            }
            _ => summary::render(signal, body),
        }
    }
}

impl Destination for Debug {
    fn send<'a>(&'a self, signal: Signal, request: Bytes, _: &'a ClientContext) -> Attempt<'a> {
        if !self.sampling.allows(signal, tokio::time::Instant::now()) {
            return Box::pin(std::future::ready(Ok(Accepted::default())));
        }
        let (style, sink) = (self.style, self.sink.clone());
        Box::pin(async move {
            // A terminal that is not read holds its writer up.
            let written = tokio::task::spawn_blocking(move || {
                let text = style.render(signal, &request);
                let mut sink = sink.lock();
                sink.write_all(text.as_bytes())?;
                sink.flush()
            });
            match written.await {
                Ok(Ok(())) => Ok(Accepted::default()),
                Ok(Err(error)) => Err(Failure::permanent(error.to_string())),
                Err(error) => Err(Failure::permanent(error.to_string())),
            }
        })
    }
}
