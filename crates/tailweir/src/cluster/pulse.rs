//! A thread of its own for what the others judge this process by.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// Runs the client of the controllers: a lease is renewed in time, and a new table heard of, however much the shards and
/// receivers have to do. Without work it costs nothing.
pub(super) struct Pulse(Option<Runtime>);

impl Pulse {
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tailweir-pulse")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Starts something on the thread.
    pub(super) fn run<R>(&self, start: impl FnOnce() -> R) -> R {
        let _inside = self.0.as_ref().map(Runtime::enter);
        start()
    }
}

impl Drop for Pulse {
    /// Does not wait: it is dropped by a task of another runtime, which may not.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
