//! Own telemetry from the start of the process to its end.

use crate::dispatch::Dispatch;
use crate::figures::Figures;
use crate::outlet::Outlet;
use crate::quiet_thread;
use crate::reading::{MetricsSource, Reading};
use crate::resource::resource;
use crate::sampler::Sampler;
use crate::watcher::{Tracing, Watcher};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};
use tailweir_config::{Telemetry, TelemetryProcessor};
use tailweir_core::Signal;
use tailweir_export::BuildError;
use tailweir_otlp::AttributeSet;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// How long what still waits at the end may take.
const END_TIME: Duration = Duration::from_secs(5);
/// How long the thread may take to end after that.
const GRACE: Duration = Duration::from_secs(1);

/// Why own telemetry cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An option of a processor cannot be used.
    #[error("{way}.exporter.otlp.{error}")]
    Option {
        /// Where the processor or reader stands in the configuration.
        way: String,
        /// The option.
        error: BuildError,
    },
    /// The system gives no thread.
    #[error("own telemetry has no thread to be sent on: {0}")]
    Thread(#[from] io::Error),
}

/// What sends own telemetry. Absent parts of the configuration are absent here: without a processor there is
/// no thread.
#[derive(Debug)]
pub struct OwnTelemetry {
    figures: Figures,
    running: Option<Running>,
}

/// The thread that sends.
#[derive(Debug)]
struct Running {
    stop: CancellationToken,
    /// Ends when the thread does.
    ended: mpsc::Receiver<()>,
}

/// What is being put together.
struct Construction {
    resource: Arc<AttributeSet>,
    version: &'static str,
    dispatches: Vec<Dispatch>,
    readings: Vec<Reading>,
}

impl OwnTelemetry {
    /// Starts to send what these settings ask for. `version` is that of the program; `metrics` writes its metrics.
    ///
    /// # Errors
    ///
    /// The option that cannot be used, or that the system gives no thread.
    pub fn start(
        settings: &Telemetry,
        version: &'static str,
        metrics: &MetricsSource,
    ) -> Result<(Self, Watcher), StartError> {
        let mut construction = Construction {
            resource: Arc::new(resource(&settings.resource, version)),
            version,
            dispatches: Vec::new(),
            readings: Vec::new(),
        };
        let logs = construction.outlets(Signal::Logs, &settings.logs.processors)?;
        let traces = match &settings.traces {
            traces if traces.is_on() => Some(Tracing {
                outlets: construction.outlets(Signal::Traces, &traces.processors)?,
                sampler: Sampler::of(traces.sampler.as_ref()),
                reads_traceparent: traces.reads_traceparent(),
            }),
            _ => None,
        };
        for (index, reader) in settings.metrics.periodic() {
            let way = format!("service.telemetry.metrics.readers[{index}].periodic");
            let reading = Reading::new(&way, reader, &construction.resource, metrics);
            let reading = reading.map_err(|error| StartError::Option { way, error })?;
            construction.readings.push(reading);
        }
        let watcher = Watcher {
            logs,
            initial_fields: settings.logs.initial_fields.clone(),
            traces,
        };
        let mut figures = Figures::default();
        for dispatch in &construction.dispatches {
            let dropped = Arc::clone(dispatch.dropped());
            figures.add(dispatch.signal(), dispatch.exporter().clone(), dropped);
        }
        for reading in &construction.readings {
            figures.add(Signal::Metrics, reading.exporter().clone(), Arc::default());
        }
        let Construction {
            dispatches,
            readings,
            ..
        } = construction;
        let running = match dispatches.is_empty() && readings.is_empty() {
            true => None,
            false => Some(Running::start(dispatches, readings)?),
        };
        Ok((Self { figures, running }, watcher))
    }

    /// What became of it.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Sends what still waits, for a few seconds at most. Blocks.
    pub fn end(self) {
        if let Some(running) = self.running {
            running.stop.cancel();
            // It ends by itself or is left behind; the process ends in any case.
            let _ = running.ended.recv_timeout(END_TIME + GRACE);
        }
    }
}

impl Construction {
    fn outlets(
        &mut self,
        signal: Signal,
        processors: &[TelemetryProcessor],
    ) -> Result<Vec<Outlet>, StartError> {
        let mut outlets = Vec::with_capacity(processors.len());
        for (index, processor) in processors.iter().enumerate() {
            let name = format!("service.telemetry.{signal}.processors[{index}]");
            let built = Dispatch::new(&name, signal, processor, &self.resource, self.version);
            let (outlet, dispatch) =
                built.map_err(|error| StartError::Option { way: name, error })?;
            outlets.push(outlet);
            self.dispatches.push(dispatch);
        }
        Ok(outlets)
    }
}

impl Running {
    fn start(dispatches: Vec<Dispatch>, readings: Vec<Reading>) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (ending, ended) = mpsc::channel();
        let runtime = Builder::new_current_thread()
            .enable_all()
            // Those that look names up.
            .on_thread_start(quiet_thread::mark)
            .build()?;
        let until = stop.clone();
        thread::Builder::new()
            .name("own-telemetry".to_owned())
            .spawn(move || {
                // Nothing is sent; it is let go of when the thread has ended, however that comes.
                let _ending: mpsc::Sender<()> = ending;
                quiet_thread::mark();
                send(&runtime, dispatches, readings, &until);
            })?;
        Ok(Self { stop, ended })
    }
}

fn send(
    runtime: &Runtime,
    dispatches: Vec<Dispatch>,
    readings: Vec<Reading>,
    stop: &CancellationToken,
) {
    runtime.block_on(async {
        let dispatches = dispatches.into_iter();
        let mut ways: Vec<_> = dispatches
            .map(|dispatch| tokio::spawn(dispatch.run(stop.clone(), END_TIME)))
            .collect();
        let readings = readings.into_iter();
        ways.extend(readings.map(|reading| tokio::spawn(reading.run(stop.clone(), END_TIME))));
        for way in ways {
            if let Err(error) = way.await {
                tracing::error!(%error, "own telemetry of a processor or reader is not sent any more");
            }
        }
    });
}
