//! Faults, each done to members that it is meant for.

use super::Runner;
use super::remedies::{Open, Remedy};
use crate::chaos::cut;
use crate::chaos::event::{Fault, FaultKind, Hit};
use crate::chaos::member::KILLED;
use crate::chaos::sink::Mood;
use anyhow::{Result, bail, ensure};
use rustix::process::Signal;
use std::net::IpAddr;
use std::time::Duration;

const BACKEND_DELAY: Duration = Duration::from_millis(700);

impl Runner {
    pub(super) async fn kill(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let mut fault = self.fault(FaultKind::Kill, index, hits);
        fault.evidence = self.cluster.members[index].kill().await?;
        fault.worked = fault.evidence == KILLED;
        self.open.push(Open {
            fault,
            remedy: Remedy::Start(index),
        });
        Ok(())
    }

    pub(super) async fn pause(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::Pause, index, hits);
        let member = &mut self.cluster.members[index];
        member.signal(Signal::STOP)?;
        member.is_paused = true;
        self.open.push(Open {
            fault,
            remedy: Remedy::Resume(index),
        });
        Ok(())
    }

    pub(super) async fn isolate(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::Partition, index, hits);
        self.cut_off(&[index], fault).await
    }

    pub(super) async fn isolate_pair(&mut self) -> Result<()> {
        let mut candidates = self.cluster.candidates(Hit::Owner).await?;
        ensure!(
            candidates.len() > 2,
            "two samplers of {} are most",
            candidates.len()
        );
        self.random.shuffle(&mut candidates);
        candidates.truncate(2);
        let mut fault = self.fault(
            FaultKind::Partition,
            candidates[0],
            vec![Hit::Owner, Hit::Replica],
        );
        fault
            .nodes
            .push(self.cluster.members[candidates[1]].name.clone());
        self.cut_off(&candidates, fault).await
    }

    /// Drops what these and all others send each other.
    async fn cut_off(&mut self, inside: &[usize], fault: Fault) -> Result<()> {
        let members = &self.cluster.members;
        let address = |index: &usize| members[*index].place.address;
        let inner: Vec<IpAddr> = inside.iter().map(address).collect();
        let outside: Vec<usize> = (0..members.len())
            .filter(|it| !inside.contains(it))
            .collect();
        let mut outer: Vec<IpAddr> = outside.iter().map(address).collect();
        outer.push(self.cluster.network.backend());
        for index in inside {
            cut::deafen(&members[*index].place, &outer).await?;
        }
        for index in &outside {
            cut::deafen(&members[*index].place, &inner).await?;
        }
        let all = (0..members.len()).collect();
        self.open.push(Open {
            fault,
            remedy: Remedy::Mend(all),
        });
        Ok(())
    }

    pub(super) async fn deafen(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::OneWay, index, hits);
        let others = self.cluster.others(index);
        cut::deafen(&self.cluster.members[index].place, &others).await?;
        self.open.push(Open {
            fault,
            remedy: Remedy::Mend(vec![index]),
        });
        Ok(())
    }

    pub(super) async fn mute(&mut self, hit: Hit) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::OneWay, index, hits);
        let members = &self.cluster.members;
        let address = members[index].place.address;
        let others: Vec<usize> = (0..members.len()).filter(|other| *other != index).collect();
        for other in &others {
            cut::deafen(&members[*other].place, &[address]).await?;
        }
        self.open.push(Open {
            fault,
            remedy: Remedy::Mend(others),
        });
        Ok(())
    }

    pub(super) async fn slow_down(&mut self, hit: Hit, kilobits: u32) -> Result<()> {
        let (index, hits) = self.choose(hit).await?;
        let fault = self.fault(FaultKind::SlowLink, index, hits);
        cut::slow_down(&self.cluster.members[index].place, kilobits).await?;
        self.open.push(Open {
            fault,
            remedy: Remedy::SpeedUp(index),
        });
        Ok(())
    }

    pub(super) async fn trouble(&mut self, kind: FaultKind) -> Result<()> {
        let mood = match kind {
            FaultKind::SlowBackend => Mood::Slow(BACKEND_DELAY),
            FaultKind::FailingBackend => Mood::Failing,
            FaultKind::ThrottlingBackend => Mood::Throttling(BACKEND_DELAY),
            FaultKind::LostAnswers => Mood::LosingAnswers,
            FaultKind::BackendDown => Mood::Down,
            other => bail!("{other:?} is not of the backend"),
        };
        self.sink.set(mood).await?;
        self.history.note(format!("{kind:?}"));
        let fault = Fault {
            kind,
            nodes: vec!["backend".to_owned()],
            hits: vec![Hit::Backend],
            struck: self.history.now(),
            healed: 0,
            worked: false,
            evidence: format!("{} requests before", self.sink.requests()),
        };
        self.open.push(Open {
            fault,
            remedy: Remedy::CheerUp,
        });
        Ok(())
    }
}
