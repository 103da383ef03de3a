//! Keeps one piece of work going: an exporter that sends, a batch or a connector that empties itself.
//!
//! Parent: the node. Speaks to: nobody. Mailbox: one message in its life. If it dies: nothing is lost;
//! what it works on (a queue, a batch, a connector) is shared with those who fill it, and the node starts another.

use futures_core::future::BoxFuture;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;

/// Work that is done in one long run.
pub(crate) trait Work: Send + Sync + 'static {
    /// Its name in logs: the component's id.
    fn name(&self) -> String;

    /// Works until there is nothing more to come. Cancel safe.
    fn run(&self) -> BoxFuture<'_, ()>;
}

impl Work for tailweir_export::Exporter {
    fn name(&self) -> String {
        self.name().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::pipeline::Batcher {
    fn name(&self) -> String {
        "batch".to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::pipeline::Connecting {
    fn name(&self) -> String {
        self.id().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::pipeline::Summing {
    fn name(&self) -> String {
        self.name().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::pipeline::Pairing {
    fn name(&self) -> String {
        self.name().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::pipeline::Inquiring {
    fn name(&self) -> String {
        self.id().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::pipeline::TraceAware {
    fn name(&self) -> String {
        self.id().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::files::FileReading {
    fn name(&self) -> String {
        self.id().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

impl Work for crate::scraping::Scraping {
    fn name(&self) -> String {
        self.id().to_owned()
    }

    fn run(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.run())
    }
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum WorkerMsg {
    /// The run has ended; whether by a panic.
    Ended {
        /// It died.
        by_panic: bool,
    },
}

/// The actor.
pub(super) struct WorkerActor;

/// What the actor works with between messages.
pub(super) struct WorkerState {
    run: tokio::task::AbortHandle,
}

impl Actor for WorkerActor {
    type Msg = WorkerMsg;
    type State = WorkerState;
    type Arguments = Arc<dyn Work>;

    async fn pre_start(
        &self,
        myself: ActorRef<WorkerMsg>,
        work: Arc<dyn Work>,
    ) -> Result<WorkerState, ActorProcessingErr> {
        let run = tokio::spawn(async move { work.run().await });
        let abort = run.abort_handle();
        tokio::spawn(async move {
            let by_panic = run.await.is_err_and(|error| error.is_panic());
            // The actor may have been stopped before its run was.
            let _ = myself.cast(WorkerMsg::Ended { by_panic });
        });
        Ok(WorkerState { run: abort })
    }

    async fn handle(
        &self,
        myself: ActorRef<WorkerMsg>,
        message: WorkerMsg,
        _state: &mut WorkerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WorkerMsg::Ended { by_panic: true } => Err("the run panicked".into()),
            WorkerMsg::Ended { by_panic: false } => {
                myself.stop(None);
                Ok(())
            }
        }
    }
}

impl Drop for WorkerState {
    fn drop(&mut self) {
        self.run.abort();
    }
}
