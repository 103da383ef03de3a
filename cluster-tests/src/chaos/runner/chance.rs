//! Faults by chance.

use super::Runner;
use crate::chaos::cut;
use crate::chaos::event::{FaultKind, Hit};
use crate::chaos::scenario::Step;
use anyhow::Result;

impl Runner {
    /// Faults by chance. Two at once never touch two samplers, for then both copies of a slot could be lost.
    pub(super) async fn chance(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let first = self.draw();
            self.step(first).await?;
            if self.random.u32(0..3) == 0 {
                self.wait(0, 2_000).await?;
                let second = self.draw();
                let both_samplers = touches_samplers(first) && touches_samplers(second);
                if !both_samplers && first != second {
                    self.step(second).await?;
                }
            }
            self.wait(500, 7_000).await?;
            self.heal().await?;
            self.settle().await?;
            self.wait(1_000, 3_000).await?;
        }
        Ok(())
    }

    fn draw(&mut self) -> Step {
        let faults = [
            Step::Kill(Hit::Owner),
            Step::Kill(Hit::Gateway),
            Step::Kill(Hit::Leader),
            Step::Kill(Hit::Follower),
            Step::Pause(Hit::Owner),
            Step::Pause(Hit::Leader),
            Step::Trouble(FaultKind::BackendDown),
            Step::Trouble(FaultKind::SlowBackend),
            Step::Isolate(Hit::Owner),
            Step::Isolate(Hit::Gateway),
            Step::Deafen(Hit::Owner),
            Step::Mute(Hit::Owner),
        ];
        let can_cut = cut::can_cut(&self.cluster.members[0].place).is_ok();
        let possible = faults
            .iter()
            .filter(|step| can_cut || !step.needs_namespaces());
        let possible: Vec<Step> = possible.copied().collect();
        possible[self.random.usize(0..possible.len())]
    }
}

/// Two cuts cannot be on at once either: they would be one.
fn touches_samplers(step: Step) -> bool {
    step.needs_namespaces() || matches!(step, Step::Kill(Hit::Owner) | Step::Pause(Hit::Owner))
}
