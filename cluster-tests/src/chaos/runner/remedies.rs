//! The ends of faults that last.

use super::Runner;
use crate::chaos::cut;
use crate::chaos::event::{Event, Fault, FaultKind};
use crate::chaos::sink::Mood;
use anyhow::Result;
use rustix::process::Signal;

/// A fault that lasts.
pub(super) struct Open {
    pub(super) fault: Fault,
    pub(super) remedy: Remedy,
}

/// What ends a fault.
pub(super) enum Remedy {
    Start(usize),
    Resume(usize),
    /// Rules in the places of these members.
    Mend(Vec<usize>),
    SpeedUp(usize),
    CheerUp,
}

impl Runner {
    /// Ends every fault that is on, and writes it down.
    pub(super) async fn heal(&mut self) -> Result<()> {
        for open in std::mem::take(&mut self.open) {
            let mut fault = open.fault;
            self.end(&mut fault, open.remedy).await?;
            fault.healed = self.history.now();
            let (kind, evidence) = (fault.kind, &fault.evidence);
            self.history.note(format!("{kind:?} is over: {evidence}"));
            self.history.record(Event::Fault(fault));
        }
        Ok(())
    }

    async fn end(&mut self, fault: &mut Fault, remedy: Remedy) -> Result<()> {
        match remedy {
            Remedy::Start(index) => self.cluster.start_member(index)?,
            Remedy::Resume(index) => {
                let member = &mut self.cluster.members[index];
                let state = member.state();
                let lasted = self.history.now() - fault.struck;
                fault.worked = state == Some('T');
                fault.evidence = format!("state {state:?} after {lasted} ms");
                member.signal(Signal::CONT)?;
                member.is_paused = false;
            }
            Remedy::Mend(places) => {
                let mut packets = 0;
                for index in places {
                    packets += cut::mend(&self.cluster.members[index].place).await?;
                }
                fault.worked = packets > 0;
                fault.evidence = format!("{packets} packets were dropped");
            }
            Remedy::SpeedUp(index) => {
                let waited = cut::speed_up(&self.cluster.members[index].place).await?;
                fault.worked = waited > 0;
                fault.evidence = format!("packets waited {waited} times");
            }
            Remedy::CheerUp => {
                let troubled = self.sink.set(Mood::Good).await?;
                // Nobody can count who finds no listener.
                fault.worked = troubled > 0 || fault.kind == FaultKind::BackendDown;
                fault.evidence = format!("{}, {troubled} met it", fault.evidence);
            }
        }
        Ok(())
    }
}
