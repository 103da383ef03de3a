//! A destination in memory.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tailweir_core::{ClientContext, Signal};
use tailweir_export::{Accepted, Attempt, Destination, Failure};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

/// Answers as it was told, then accepts; keeps what it was sent.
pub(crate) struct Scripted {
    script: Mutex<VecDeque<Step>>,
    received: Mutex<Vec<(Instant, Bytes)>>,
    tenants: Mutex<Vec<String>>,
    arrived: Notify,
    gate: Semaphore,
}

pub(crate) enum Step {
    Answer(Result<Accepted, Failure>),
    Panic,
}

impl Scripted {
    pub(crate) fn accepting() -> Arc<Self> {
        Self::new([])
    }

    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Self::gated(script, Semaphore::MAX_PERMITS)
    }

    pub(crate) fn failing(failures: impl IntoIterator<Item = Failure>) -> Arc<Self> {
        Self::new(
            failures
                .into_iter()
                .map(|failure| Step::Answer(Err(failure))),
        )
    }

    pub(crate) fn panicking(times: usize) -> Arc<Self> {
        Self::new((0..times).map(|_| Step::Panic))
    }

    /// Answers only `open` requests until [`Scripted::open`] lets more pass.
    pub(crate) fn gated(script: impl IntoIterator<Item = Step>, open: usize) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into_iter().collect()),
            received: Mutex::default(),
            tenants: Mutex::default(),
            arrived: Notify::new(),
            gate: Semaphore::new(open),
        })
    }

    pub(crate) fn open(&self, more: usize) {
        self.gate.add_permits(more);
    }

    /// The bodies of all attempts.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.received
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| body.clone())
            .collect()
    }

    /// What the clients of all attempts have as `x-tenant`.
    pub(crate) fn tenants(&self) -> Vec<String> {
        self.tenants.lock().unwrap().clone()
    }

    /// When the attempts were made, in whole milliseconds after `start`.
    pub(crate) fn times(&self, start: Instant) -> Vec<u128> {
        let received = self.received.lock().unwrap();
        received
            .iter()
            .map(|(time, _)| time.duration_since(start).as_millis())
            .collect()
    }

    /// Waits for so many attempts in all.
    pub(crate) async fn attempted(&self, count: usize) {
        loop {
            let arrived = self.arrived.notified();
            if self.received.lock().unwrap().len() >= count {
                return;
            }
            arrived.await;
        }
    }

    async fn answer(&self, request: Bytes) -> Result<Accepted, Failure> {
        self.received
            .lock()
            .unwrap()
            .push((Instant::now(), request));
        self.arrived.notify_waiters();
        self.gate
            .acquire()
            .await
            .expect("the gate is never closed")
            .forget();
        let step = self.script.lock().unwrap().pop_front();
        match step {
            None => Ok(Accepted::default()),
            Some(Step::Answer(answer)) => answer,
            Some(Step::Panic) => panic!("as the script says"),
        }
    }
}

impl Destination for Scripted {
    fn send<'a>(&'a self, _: Signal, request: Bytes, client: &'a ClientContext) -> Attempt<'a> {
        let tenant = client.metadata("x-tenant").join(";");
        self.tenants.lock().unwrap().push(tenant);
        Box::pin(self.answer(request))
    }
}
