//! Does the steps of a scenario to a cluster, and writes down what struck.

mod chance;
mod changes;
mod remedies;
mod strikes;

use super::cluster::Cluster;
use super::event::{Fault, FaultKind, Hit, Millis};
use super::history::History;
use super::scenario::Step;
use super::sink::Sink;
use super::workload::Load;
use anyhow::{Context, Result};
use remedies::Open;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const POLL: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Runner {
    pub(super) history: Arc<History>,
    pub(super) cluster: Cluster,
    pub(super) sink: Sink,
    load: watch::Sender<Load>,
    pub(super) random: fastrand::Rng,
    open: Vec<Open>,
}

impl Runner {
    pub(super) fn new(
        history: Arc<History>,
        cluster: Cluster,
        sink: Sink,
        load: watch::Sender<Load>,
        random: fastrand::Rng,
    ) -> Self {
        Self {
            history,
            cluster,
            sink,
            load,
            random,
            open: Vec::new(),
        }
    }

    /// Does all steps, and ends what is still on.
    pub(super) async fn run(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            self.step(*step)
                .await
                .with_context(|| format!("at step {step:?}"))?;
        }
        self.heal().await
    }

    async fn step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Send(load) => {
                self.history.note(format!("{load:?}"));
                self.load.send_replace(load);
                Ok(())
            }
            Step::Wait(least, most) => self.wait(least, most).await,
            Step::Kill(hit) => self.kill(hit).await,
            Step::Pause(hit) => self.pause(hit).await,
            Step::Isolate(hit) => self.isolate(hit).await,
            Step::IsolatePair => self.isolate_pair().await,
            Step::Deafen(hit) => self.deafen(hit).await,
            Step::Mute(hit) => self.mute(hit).await,
            Step::Slow(hit, kilobits) => self.slow_down(hit, kilobits).await,
            Step::Trouble(kind) => self.trouble(kind).await,
            Step::Heal => self.heal().await,
            Step::Settle => self.settle().await,
            Step::Roll(role) => self.roll(role).await,
            Step::Join(count) => self.join(count).await,
            Step::Leave(count) => self.leave(count).await,
            Step::Drain => self.drain().await,
            Step::Reload => self.reload().await,
            Step::Chance(count) => Box::pin(self.chance(count)).await,
        }
    }

    async fn wait(&mut self, least: Millis, most: Millis) -> Result<()> {
        let end = self.history.now() + self.random.u64(least..=most);
        while self.history.now() < end {
            tokio::time::sleep(POLL.min(Duration::from_millis(end - self.history.now()))).await;
            self.cluster.check_alive()?;
            self.cluster.weigh();
        }
        Ok(())
    }

    /// Chooses a member that is `hit` now; tells all that it is.
    async fn choose(&mut self, hit: Hit) -> Result<(usize, Vec<Hit>)> {
        let candidates = self.cluster.candidates(hit).await?;
        let index = candidates[self.random.usize(0..candidates.len())];
        let standing = self.cluster.standing().await.unwrap_or_default();
        Ok((index, self.cluster.hits_of(index, &standing)))
    }

    fn fault(&self, kind: FaultKind, index: usize, hits: Vec<Hit>) -> Fault {
        let name = self.cluster.members[index].name.clone();
        self.history.note(format!("{kind:?} of {name}, {hits:?}"));
        Fault {
            kind,
            nodes: vec![name],
            hits,
            struck: self.history.now(),
            healed: 0,
            worked: false,
            evidence: String::new(),
        }
    }
}
