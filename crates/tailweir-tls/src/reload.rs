//! A configuration that follows its files.

use crate::TlsError;
use crate::pem::{Pem, Sources};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

type Build<T> = dyn Fn(&Pem) -> Result<T, TlsError> + Send + Sync;

/// The newest usable configuration.
pub(crate) struct Reloaded<T> {
    sources: Sources,
    build: Box<Build<T>>,
    /// Zero: never read again.
    interval: Duration,
    current: ArcSwap<T>,
    last: Mutex<Last>,
}

/// What was read last, and when it was looked for.
struct Last {
    pem: Pem,
    checked: Instant,
}

impl<T> Reloaded<T> {
    pub(crate) fn new(
        sources: Sources,
        interval: Duration,
        build: impl Fn(&Pem) -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let pem = sources.read()?;
        let current = ArcSwap::from_pointee(build(&pem)?);
        let checked = Instant::now();
        Ok(Self {
            sources,
            build: Box::new(build),
            interval,
            current,
            last: Mutex::new(Last { pem, checked }),
        })
    }

    pub(crate) fn current(&self) -> Arc<T> {
        if !self.interval.is_zero() {
            self.follow();
        }
        self.current.load_full()
    }

    /// Reads the files again when it is time. Whoever comes while another reads takes what is there.
    fn follow(&self) {
        let Some(mut last) = self.last.try_lock() else {
            return;
        };
        let now = Instant::now();
        if now.saturating_duration_since(last.checked) < self.interval {
            return;
        }
        last.checked = now;
        let answer = self.sources.read().and_then(|pem| {
            if pem != last.pem {
                self.current.store(Arc::new((self.build)(&pem)?));
                last.pem = pem;
                tracing::info!("certificates have changed and are in use for new connections");
            }
            Ok(())
        });
        if let Err(error) = answer {
            tracing::error!(%error, "certificates cannot be read again, the old ones stay in use");
        }
    }
}
