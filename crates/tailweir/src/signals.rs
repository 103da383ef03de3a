//! The signals that a process takes: SIGHUP to reload, SIGTERM and SIGINT to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listeners of the signals; a signal that comes while nobody waits is kept until someone does.
pub(crate) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the defaults of the system.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next signal to stop, by name. Cancel safe.
    pub(crate) async fn stop(&mut self) -> &'static str {
        stop_signal(&mut self.terminate, &mut self.interrupt).await
    }

    /// The next of all signals. Cancel safe.
    pub(crate) async fn next(&mut self) -> Event {
        tokio::select! {
            name = stop_signal(&mut self.terminate, &mut self.interrupt) => Event::Stop(name),
            _ = self.hangup.recv() => Event::Reload,
        }
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Stop; with the name of the signal.
    Stop(&'static str),
    /// Read the configuration again.
    Reload,
}

async fn stop_signal(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
