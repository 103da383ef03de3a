//! Components without a process around them: bytes in, bytes out.

use crate::component::{Addresses, Component};
use crate::requests::{RECORDS, requests};
use anyhow::{Context, Result};
use bytes::Bytes;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tailweir_config::{EmptyEnvironment, Exporter, LoadOptions, Settings, Sources, load};
use tailweir_connect::{Exemplars, Maker, Now, Origin};
use tailweir_core::{ClientContext, Moment, Signal};
use tailweir_otlp::{Scan, ScanLimits, count_items};
use tailweir_prometheus::{Store, StoreOptions};
use tailweir_transform::{Dialect, Request, Surroundings, Time, Transform};

/// Processor time for which requests are measured.
const MEASURED: Duration = Duration::from_millis(600);

/// The way of a request through the components of a configuration.
struct Way {
    signal: Signal,
    scan: Scan,
    transforms: Vec<Arc<dyn Transform>>,
    end: End,
}

/// What takes the request that comes out.
enum End {
    /// Nobody: its bytes are what an exporter would send.
    Bytes,
    Connector(Box<Maker>),
    Page(Box<Store>),
}

/// A fixed moment and fixed chance.
#[derive(Debug)]
struct Still;

impl Surroundings for Still {
    fn now(&self) -> Time {
        Time::from_unix_nanoseconds(1_790_000_000_000_000_000)
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }
}

const NOW: Now = Now {
    moment: Moment::ZERO,
    unix_nanos: 1_790_000_000_000_000_000,
};

impl Way {
    /// The pipeline of this signal.
    fn new(settings: &Settings, signal: Signal) -> Result<Self> {
        let mut pipelines = settings.pipelines.iter();
        let pipeline = pipelines.find(|pipeline| pipeline.id.signal == signal);
        let pipeline = pipeline.context("no pipeline for the signal")?;
        let dialect = Dialect {
            lambdas: settings.lambdas,
            surroundings: Arc::new(Still),
        };
        let mut transforms = Vec::new();
        for id in &pipeline.processors {
            let compiled = tailweir_transform::compile(&settings.processors[id], &dialect)?;
            transforms.push(compiled.with_context(|| format!("{id} is no transform"))?);
        }
        let last = pipeline.exporters.first().context("no exporter")?;
        let end = match (settings.connectors.get(last), settings.exporters.get(last)) {
            (Some(connector), _) => {
                let origin = Origin {
                    now: NOW,
                    instance: "bench".into(),
                    seed: 1,
                    dialect,
                    is_one_of_many: false,
                };
                let maker = Maker::new(connector, &origin)?.context("it makes nothing")?;
                End::Connector(Box::new(maker))
            }
            (None, Some(Exporter::Prometheus(settings))) => {
                End::Page(Box::new(Store::new(StoreOptions::of(settings), 1)))
            }
            _ => End::Bytes,
        };
        Ok(Self {
            signal,
            scan: Scan::new(),
            transforms,
            end,
        })
    }

    /// Checks a request down to its last attribute, as a receiver does, and takes it through.
    fn take(&mut self, mut body: Bytes) -> Result<()> {
        match self.signal {
            Signal::Traces => Scan::traces(&body, &ScanLimits::default(), &mut self.scan)?,
            signal => {
                count_items(signal, &body)?;
            }
        }
        let client = &ClientContext::default();
        for transform in &self.transforms {
            let signal = self.signal;
            let request = Request {
                signal,
                body,
                client,
            };
            body = transform.apply(request)?.body;
        }
        match &mut self.end {
            End::Bytes => {
                std::hint::black_box(body);
            }
            End::Connector(maker) => {
                let mut made = Vec::new();
                let taken = maker.consume(
                    NOW,
                    self.signal,
                    &body,
                    Exemplars::Undecided,
                    |_| true,
                    &mut made,
                );
                taken.map_err(anyhow::Error::msg)?;
                std::hint::black_box(made);
            }
            End::Page(store) => {
                std::hint::black_box(store.accept(&body, NOW.moment));
            }
        }
        Ok(())
    }
}

/// Takes so many requests through a component: to be counted from outside.
pub(crate) fn perform(component: &Component, signal: Signal, count: usize) -> Result<()> {
    let (mut way, bodies) = prepare(component, signal)?;
    let mut bodies = bodies.iter().cycle().take(count);
    bodies.try_for_each(|body| way.take(body.clone()))
}

/// Processor time of a record, in nanoseconds.
pub(crate) fn clock(component: &Component, signal: Signal) -> Result<f64> {
    let (mut way, bodies) = prepare(component, signal)?;
    let mut pass = || bodies.iter().try_for_each(|body| way.take(body.clone()));
    pass()?;
    let (began, mut passes, mut used) = (processor_time()?, 0, Duration::ZERO);
    while used < MEASURED {
        pass()?;
        passes += 1;
        used = processor_time()? - began;
    }
    Ok(used.as_nanos() as f64 / (passes * bodies.len() * RECORDS) as f64)
}

fn prepare(component: &Component, signal: Signal) -> Result<(Way, Vec<Bytes>)> {
    let settings = settings(component, signal)?;
    let bodies = requests(signal).into_iter().map(Bytes::from).collect();
    Ok((Way::new(&settings, signal)?, bodies))
}

fn settings(component: &Component, signal: Signal) -> Result<Settings> {
    let text = component.configuration(signal, Addresses::NONE);
    let sources = Sources::new().config(format!("yaml:{text}"));
    let loaded = load(&sources, LoadOptions::default(), &EmptyEnvironment);
    loaded
        .settings
        .with_context(|| format!("{}", loaded.diagnostics))
}

/// Processor time of this thread, which does all the work.
fn processor_time() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().context("no schedstat")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

#[cfg(test)]
mod tests {
    use super::{perform, settings};
    use crate::component::COMPONENTS;

    /// Scenario: a request of each signal goes through every component that is measured in process.
    /// Guarantees: the configuration of every component is one, and the request is taken.
    #[test]
    fn every_component_takes_a_request() {
        for component in COMPONENTS {
            for &signal in component.signals {
                let taken = if component.is_pure {
                    perform(component, signal, 1)
                } else {
                    settings(component, signal).map(|_| ())
                };
                assert!(taken.is_ok(), "{}, {signal}: {taken:?}", component.name);
            }
        }
    }
}
